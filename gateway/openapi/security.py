"""How credentials appear in the document. drf-spectacular finds these classes by itself."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension


class AgentKey(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """ACP-003."""

    target_class = "gateway.authentication.AgentCredentials"
    name = "agentKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "The key that the merchant gave to this agent. It can be revoked.",
        }

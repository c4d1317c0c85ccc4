"""How credentials appear in the document. drf-spectacular finds these classes by itself."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension


class AgentCredentials(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """ACP-003: a key, or a signature; never both."""

    target_class = "gateway.authentication.AgentCredentials"
    name = ["agentKey", "signedRequest"]  # as drf-spectacular declares it

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[Any]]]:
        return [{name: []} for name in self.name]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, Any]]:
        return [
            {
                "type": "http",
                "scheme": "bearer",
                "description": "The key that the merchant gave to this agent. It can be revoked.",
            },
            {
                "type": "apiKey",
                "in": "header",
                "name": "Signature-Input",
                "description": "Where the shop has AAuth on: an HTTP message signature (RFC 9421) in "
                "`Signature-Input`, `Signature` and `Signature-Key`, with `Content-Digest` for a body, by an "
                "agent whose identity the shop can verify. No key is needed then.",
            },
        ]

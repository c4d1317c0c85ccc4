"""Who is asking: a bearer key leads to an agent (ACP-003, ACP-004)."""

from __future__ import annotations

from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from gateway import agents
from gateway.errors import Unauthorized
from gateway.models import Agent

LONGEST_KEY = 512


class BearerKey(BaseAuthentication):
    """`Authorization: Bearer <key>`. Cookies are not looked at (reliability-security T06)."""

    def authenticate(self, request: Request) -> tuple[Agent, Any]:
        scheme, _, key = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        key = key.strip()
        if scheme.lower() != "bearer" or not key or len(key) > LONGEST_KEY:
            raise Unauthorized
        agent = agents.by_key(key)
        if agent is None:
            raise Unauthorized
        return agent, None

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="agentic"'

"""The credential of AAuth's own addresses: a signature, and nothing else."""

from __future__ import annotations

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from gateway import authentication
from gateway.conf import conf
from gateway.errors import NotVerified
from gateway.identities import Identity
from gateway.models import Agent

UNSIGNED = "Signature, Signature-Input and Signature-Key are needed."


class Signed(BaseAuthentication):
    """`request.user` is the agent, `request.auth` its Identity. A key of ACP opens nothing here."""

    def authenticate(self, request: Request) -> tuple[Agent, Identity]:
        identity = authentication.identify(request._request, cap=conf().BODY_BYTES)
        if identity is None:
            headers = {
                "AAuth-Requirement": authentication.AGENT_TOKEN,
                "Signature-Error": "error=invalid_signature",
            }
            raise NotVerified("invalid_signature", UNSIGNED, headers)
        return identity.agent, identity

    def authenticate_header(self, request: Request) -> str:
        return authentication.BEARER

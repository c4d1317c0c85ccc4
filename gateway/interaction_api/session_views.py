"""`{base}/session`: POST opens a visit, DELETE ends it (AJ-068 to AJ-076)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from gateway import carddata
from gateway.errors import RawCardData
from gateway.interaction_api import audit, manifest, params, rates, sessions
from gateway.interaction_api.capabilities import Param
from gateway.interaction_api.refusals import NoSession
from gateway.interaction_api.views import InteractionView, answered
from gateway.session_models import AgentSession

OF_ITSELF: Mapping[str, Param] = {
    "agent_name": Param("string"),
    "agent_version": Param("string"),
    "purpose": Param("string"),
}
"""What an agent may say of itself. Text that is too long is cut: it opens no door and closes none."""


class SessionView(InteractionView):
    """An Idempotency-Key is not heeded: nobody is known before there is a session, and whoever guesses a
    key would be given another agent's token. A repeat opens one more, which does no harm."""

    def names(self) -> tuple[str, ...]:
        return (rates.SESSION,) if self.request.method == "POST" else ()

    def post(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """A visit was opened; its token is told in this answer and never again."""
        body = self.read(request)
        if where := carddata.find(body):
            raise RawCardData(param=where)
        said, _ = params.read(OF_ITSELF, {}, body)
        session, token = sessions.create(opener=sessions.opener_of(request._request), **said)
        told = {
            "session_token": token,
            "expires_at": moment(session.expires_at),
            "capabilities": manifest.gated(),
            **({"audit": True} if audit.enabled() else {}),
        }
        return answered(told, 201)

    def delete(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """The visit is over. Whoever comes too late hears what a stranger hears (AJ-076)."""
        session = self.session(request, required=True)
        assert session is not None
        self.read(request)
        if not sessions.end(session):
            raise NoSession
        return answered(ended(session, sessions.token_of(request._request)))


def ended(session: AgentSession, token: str) -> dict[str, Any]:
    assert session.ended_at is not None
    return {
        "session_token": token,
        "ended_at": moment(session.ended_at),
        "ended": True,
        **({"audit_artifact_url": manifest.artifact_address(token)} if audit.enabled() else {}),
    }


def moment(at: datetime) -> str:
    """As ISO 8601 in UTC, in whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

"""Visits with audit trails, as the tests make them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.test import override_settings
from django.utils import timezone

from gateway import audit_keys, keys
from gateway.interaction_api import audit
from gateway.models import AgentSession, AuditEvent

TOKEN = "tok_" + "a1B2" * 10 + "xyz"


@contextmanager
def kept(folder: Path, **changed: Any) -> Iterator[Path]:
    """Trails are kept, signed with a key in `folder`."""
    path = folder / "audit-keys.json"
    if not path.exists():
        audit_keys.create(path)
    ours = {**settings.AGENTIC_GATEWAY, "AUDIT": True, "AUDIT_KEYS": str(path), **changed}
    with override_settings(AGENTIC_GATEWAY=ours):
        yield path


def visit(token: str = TOKEN, **changed: Any) -> AgentSession:
    now = timezone.now()
    session = AgentSession.objects.create(
        **{
            "digest": keys.digest(token.encode(), "agent-session"),
            "hint": token.removeprefix("tok_")[:6],
            "agent_name": "Botanist",
            "agent_version": "1.0",
            "purpose": "A mug for a friend",
            "created_at": now,
            "expires_at": now + timedelta(minutes=30),
            **changed,
        }
    )
    audit.begin(session)
    return session


def call(session: AgentSession, capability: str = "search", method: str = "GET", **changed: Any) -> None:
    audit.record(
        session,
        **{
            "capability": capability,
            "method": method,
            "params": {"q": "blue mugs"},
            "allowed": True,
            "rule": "",
            "status": 200,
            **changed,
        },
    )


def shopped(session: AgentSession) -> None:
    """The three calls of the text's own example."""
    call(session)
    call(session, "cart.add", "POST", params={"item_id": "prod_9f8e7d", "quantity": 2}, status=201)
    call(session, "checkout", "POST", params={})


def ended(session: AgentSession, because: str = "agent") -> AgentSession:
    session.ended_at = timezone.now()
    session.ended_because = because
    session.save()
    audit.close(session, because)
    return session


def events(session: AgentSession) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(trail=session.pk).order_by("sequence"))

"""Carries out one call, and closes it in one transaction: the answer, the row that answers a repeat, and
the event of the audit trail (decision 6)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from typing import Any

from django.db import Error, transaction
from django.utils import timezone

from gateway import idempotency, strict_json
from gateway.errors import KeyInFlight
from gateway.idempotency import Beaten, Replay, Slot
from gateway.interaction_api import audit, audit_denials
from gateway.interaction_api.capabilities import Call, Capability
from gateway.interaction_api.refusals import NoSession
from gateway.once import Answer
from gateway.session_models import AgentSession

log = logging.getLogger("agentic.interaction")

HANDOFF = ("handoff_url", "expires_at", "message")
"""What a capability that hands over must tell (AJ-084)."""


def carry_out(call: Call, method: str, where: Slot | None = None) -> Answer:
    """The call was carried out, at most once for `where`; its answer, also to every repeat.

    Raises what the handler raises, KeyConflict and KeyInFlight; then nothing was done, and nothing is
    kept. No transaction may be open.
    """
    if where is not None and (earlier := idempotency.find(where)) is not None:
        return _again(earlier, call, method)
    answers: list[Answer] = []

    def seal(data: Any) -> None:
        body = strict_json.dumps(success(call.capability, data))
        status = call.capability.status
        # What writes nothing opens no transaction: on SQLite each one is a write lock.
        with nullcontext() if where is None and call.session is None else transaction.atomic():
            if where is not None:
                idempotency.keep(where, status, body)
            if method not in ("GET", "HEAD"):
                _still_there(call.session)
            _record(call.session, call.capability, method, _all(call), status)
        answers.append(Answer(status, body))

    try:
        call.capability.handler(call, seal)
    except Beaten:
        assert where is not None
        winner = idempotency.find(where)
        if winner is None:
            raise KeyInFlight from None
        return _again(winner, call, method)
    if len(answers) != 1:
        raise RuntimeError(f"{call.capability.name} was answered {len(answers)} times")
    return answers[0]


def refused(
    session: AgentSession | None, capability: Capability, method: str, params: Mapping[str, Any], status: int
) -> None:
    """A call that was not carried out is in the trail too. Raises nothing of the database: there is
    nothing that could be undone."""
    with suppress(Error):
        _record_alone(session, capability, method, params, status)


def success(capability: Capability, data: Any) -> dict[str, Any]:
    """The envelope. Raises TypeError when a handoff leads nowhere: an agent could not go on."""
    if capability.human_handoff:
        if not isinstance(data, Mapping) or not all(data.get(name) for name in HANDOFF):
            raise TypeError(f"{capability.name} hands over without {', '.join(HANDOFF)}")
        data = {"checkout_url": data["handoff_url"], "human_handoff": True, **data}
    return {"ok": True, "data": data}


def _again(earlier: Replay, call: Call, method: str) -> Answer:
    _record_alone(call.session, call.capability, method, _all(call), earlier.status)
    return Answer(earlier.status, earlier.body, replayed=True)


def _record_alone(
    session: AgentSession | None, capability: Capability, method: str, params: Mapping[str, Any], status: int
) -> None:
    if session is None:
        return
    with transaction.atomic():
        _record(session, capability, method, params, status)


def _record(
    session: AgentSession | None, capability: Capability, method: str, params: Mapping[str, Any], status: int
) -> None:
    if session is not None:
        audit.record(
            session,
            capability=capability.name,
            method=method,
            params=params,
            allowed=status not in audit_denials.BY_STATUS,
            rule=audit_denials.BY_STATUS.get(status, ""),
            status=status,
            declared=frozenset(capability.params),
        )


def _still_there(session: AgentSession | None) -> None:
    """A session that was cut off while its call ran changes nothing any more. Raises NoSession."""
    if session is None:
        return
    live = AgentSession.objects.select_for_update(no_key=True).filter(
        pk=session.pk, ended_at=None, expires_at__gt=timezone.now()
    )
    if not list(live.values_list("pk")):
        raise NoSession


def _all(call: Call) -> dict[str, Any]:
    return {**call.others, **call.params}

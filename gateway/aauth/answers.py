"""What the agent of a parked call is answered: a complete 202 each time, or how it ended (AA-001 to 010)."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.utils import timezone

from gateway import deferring, strict_json, subjects, tickets
from gateway.aauth import codes, ending, problems
from gateway.aauth.requirements import Asked, Requirement
from gateway.api import json_response
from gateway.pending_models import PendingRequest
from gateway.pending_states import OPEN, PendingState
from interventions import clarifications

SOON, NOW_AND_THEN, SELDOM = 2, 5, 30
"""Seconds until the agent shall ask again: the call is being carried out or the person is there; somebody
has to come first; the merchant has to look at it (AA-004, AA-010). Never 0: some agents poll without a
pause then."""


def waits(pending: PendingRequest, asked: Requirement) -> HttpResponse:
    """The 202: where to ask again and when, what is asked now, and how it stands. Shows an open question
    as delivered."""
    if asked.question is not None:
        clarifications.delivered(asked.question)
    location = codes.pending_url(pending)
    headers = {
        "Location": location,
        "Retry-After": str(retry_after(pending, asked)),
        "Cache-Control": "no-store",
    }
    body: dict[str, Any] = {
        "status": str(pending.state),
        "expires_at": _instant(pending.expires_at),
        **subjects.of(pending.subject).members(pending.subject, asked.kind),
    }
    if asked.question is not None:
        body["clarification"] = asked.question.question
        body["timeout"] = asked.timeout(timezone.now())
        if asked.question.options:
            body["options"] = asked.question.options
    if asked.asked is not None:
        code = codes.code_of(pending) if asked.asked == Asked.INTERACTION else ""
        headers["AAuth-Requirement"] = _requirement(pending, asked.asked, code)
        if pending.wording != problems.DRAFT:
            body |= _mirrored(asked.asked, location, codes.bare(code))
            if code:
                headers["AAuth"] = f'require={asked.asked}; code="{codes.bare(code)}"'
    return json_response(202, strict_json.dumps(body), headers)


def over(pending: PendingRequest) -> HttpResponse:
    """How the call ended: its own answer, or why there is none (AA-027). One that
    is made when it is told may raise what its maker does; a Problem of its is the answer."""
    finish = deferring.finisher(pending.operation)
    if pending.state == PendingState.RESOLVED and finish is not None:
        try:
            made = strict_json.dumps(finish(pending.subject))
        except problems.Problem as refused:
            return problem(refused)
        return json_response(200, made, {"Cache-Control": "no-store"})
    if pending.state == PendingState.RESOLVED:
        body = tickets.put_back(pending.terminal_body).encode()
        return json_response(pending.terminal_status or 200, body, {"Cache-Control": "no-store"})
    told = ending.told(pending)
    return problem(problems.Problem(told.status, told.error, told.detail))


def gone(pending: PendingRequest) -> problems.Problem:
    """The end was told before. What became of what it is about is not lost (AA-028)."""
    return problems.Problem(410, "gone", subjects.of(pending.subject).gone(pending.subject))


def retry_after(pending: PendingRequest, asked: Requirement) -> int:
    if asked.asked == Asked.APPROVAL:
        return SELDOM
    waited_for = asked.asked is not None and pending.state == PendingState.PENDING
    return NOW_AND_THEN if waited_for else SOON


def problem(refused: problems.Problem) -> HttpResponse:
    status, body, headers = problems.refusal(refused)
    response = json_response(status, strict_json.dumps(body), headers)
    response.headers["Content-Type"] = problems.TYPE
    response.headers["Cache-Control"] = "no-store"
    return response


def is_over(pending: PendingRequest) -> bool:
    return pending.state not in OPEN


def _requirement(pending: PendingRequest, asked: Asked, code: str) -> str:
    """A dictionary of one member, whose value is a token (AA-001)."""
    if not code:
        return f"requirement={asked}"
    return f'requirement={asked}; url="{codes.page_url(pending)}"; code="{code}"'


def _mirrored(asked: Asked, location: str, code: str) -> dict[str, Any]:
    """The members by which older clients understand the answer. They are added, and rename nothing."""
    body = {"location": location, "require": str(asked), "requirement": str(asked)}
    return body | ({"code": code} if code else {})


def _instant(moment: Any) -> str:
    return str(moment.strftime("%Y-%m-%dT%H:%M:%SZ"))

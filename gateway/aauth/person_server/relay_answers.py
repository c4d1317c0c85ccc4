"""What an agent is answered that has asked for its person: a complete 202 each time, or how it ended (AA-204,
AA-205, AA-209, AA-211)."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from gateway import links, strict_json, summons_answers, summonses
from gateway.aauth import answers, problems, unguessable
from gateway.aauth.problems import Problem
from gateway.aauth.requirements import Asked
from gateway.api import json_response
from gateway.person_models import Summons
from gateway.person_states import SummonsState

PURPOSE = "pending URL of a summons"
RETRY_SECONDS = 5


def pending_url(row: Summons) -> str:
    """Where its agent asks what became of it."""
    return links.to("aauth:person_relay", unguessable.name(row.pk, summonses.PREFIX, PURPOSE))


def read_token(text: str) -> str | None:
    """The summons whose pending URL ends so, or None for anything that was never made here."""
    return unguessable.read(text, summonses.PREFIX, PURPOSE)


def waits(row: Summons) -> HttpResponse:
    """The 202: somebody has taken it, and the agent need do nothing but ask again."""
    location = pending_url(row)
    body: dict[str, Any] = {
        "status": "pending",
        "expires_at": row.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    if row.wording != problems.DRAFT:
        body |= {"location": location, "require": Asked.APPROVAL.value, "requirement": Asked.APPROVAL.value}
    headers = {
        "Location": location,
        "Retry-After": str(RETRY_SECONDS),
        "Cache-Control": "no-store",
        "AAuth-Requirement": f"requirement={Asked.APPROVAL.value}",
    }
    return json_response(202, strict_json.dumps(body), headers)


def over(row: Summons) -> HttpResponse:
    """How it ended. Whether the person came says nothing of what they did there: whoever hosts the page does
    (AA-206)."""
    asks = row.kind == Summons.QUESTION
    match row.state:
        case SummonsState.ENGAGED:
            by = {"channel": row.channel} if row.channel else {}  # they were there already
            return _done({"status": "relayed", "engaged": True, **by})
        case SummonsState.ANSWERED:
            if answer := summons_answers.of(row):
                return _done({"answer": answer})
            return answers.problem(Problem(408, "expired", "The answer was not asked for in time."))
        case SummonsState.DECLINED:
            return answers.problem(Problem(403, "denied", "The person does not want it."))
        case SummonsState.UNREACHED if asks:
            return answers.problem(Problem(408, "expired", "The person has not answered in time."))
        case SummonsState.UNREACHED:
            return _done({"status": "relayed", "engaged": False})
        case SummonsState.FAILED if asks:
            return answers.problem(problems.Unreachable("The person cannot be asked any more."))
        case SummonsState.FAILED:
            return _done({"status": "relay_failed", "engaged": False})
    return answers.problem(gone())


def gone() -> Problem:
    """The end was told before, or the agent has withdrawn it."""
    return Problem(410, "gone", "How this ended was told before, or it was withdrawn.")


def _done(body: dict[str, Any]) -> HttpResponse:
    return json_response(200, strict_json.dumps(body), {"Cache-Control": "no-store"})

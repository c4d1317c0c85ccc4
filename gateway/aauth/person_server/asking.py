"""A request for a token that waits for its person: asked, answered later, and told how it ended.

The call that is parked is one of the token endpoints'. It is about a grant, and belongs to the agent and to
the key that the token will be bound to (AA-021). When its person has said yes, nothing of the answer is
stored: it is made when the agent comes for it, by whoever signs tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.http import HttpResponse
from django.utils import timezone

from gateway import bindings, deferring, earlier_grants, grants
from gateway.aauth import answers, requirements
from gateway.aauth.problems import Problem
from gateway.conf import conf
from gateway.deferring import Call, Turn
from gateway.errors import Unavailable
from gateway.grants import Wanted
from gateway.identities import CLARIFICATION, INTERACTION, Identity
from gateway.models import Agent
from gateway.once import Answer
from gateway.pending_models import PendingRequest
from gateway.pending_states import OPEN
from gateway.person_models import Grant
from gateway.person_states import GrantState
from interventions.prepared import insert

OPERATION = "person.token"
MOST_OPEN = 10
"""So many requests of one agent wait for people at the same time."""
RETRY_SECONDS = 30

Finish = Callable[[Grant], Mapping[str, Any]]
"""The terminal body for a grant that was given, with its token: the same each time."""
Replaced = Callable[[Grant, Mapping[str, Any]], Wanted]
"""`(grant, body)`: what an `updated_request` asks for instead, judged as the endpoint judges a request
(AA-107). Raises Problem."""


def begin(identity: Identity, wanted: Wanted, *, capabilities: Collection[str]) -> HttpResponse:
    """The 202: the agent's person is asked, or whoever takes it on when it is nobody's yet (AA-213).

    `capabilities` are those of the request's body; when it names none, the agent can bring its person and is
    asked nothing (AA-101). Repeatable: the same request again is the same call, with the same URL and code,
    as long as it is open. Raises Problem: 403 `user_unreachable` when the agent cannot bring its person
    (AA-208), 429 when MOST_OPEN of its requests wait, or when the same was refused a moment ago. No
    transaction may be open.
    """
    able = frozenset(capabilities) or frozenset({INTERACTION})
    if INTERACTION not in able:
        text = "Its person has to come to a page here, and the agent cannot bring them."
        raise Problem(403, "user_unreachable", text)
    with transaction.atomic(durable=True):
        # One request of an agent at a time is looked at: so many may wait, and a repeat is the same.
        Agent.objects.select_for_update().filter(pk=identity.agent.pk).first()
        pending = _before(wanted, identity)
        if pending is None:
            _room(identity)
            _rest(wanted)
            pending = _park(identity, wanted, able)
        asked = requirements.of(pending)
    return answers.waits(pending, asked)


def _before(wanted: Wanted, identity: Identity) -> PendingRequest | None:
    grant = grants.asked_before(wanted)
    if grant is None:
        return None
    rows = PendingRequest.objects.filter(subject=grant.pk, state__in=OPEN, owner=identity.owner)
    found = rows.filter(key_thumbprint=identity.thumbprint).first()
    if found is None:
        # For a sub-agent, by a key that its parent had before: the new call takes its place.
        grants.end(grant.pk, actor=identity.owner)
    return found


def _room(identity: Identity) -> None:
    rows = PendingRequest.objects.filter(owner=identity.owner, operation=OPERATION, state__in=OPEN)
    if rows.filter(expires_at__gt=timezone.now()).count() >= MOST_OPEN:
        text = f"{MOST_OPEN} requests of this agent wait for people already."
        raise Problem(429, "slow_down", text, {"Retry-After": str(RETRY_SECONDS)})


def _rest(wanted: Wanted) -> None:
    if seconds := earlier_grants.rest_seconds(wanted):
        text = "This was refused a moment ago. It can be asked again after as long as Retry-After says."
        raise Problem(429, "slow_down", text, {"Retry-After": str(seconds)})


def _park(identity: Identity, wanted: Wanted, able: frozenset[str]) -> PendingRequest:
    person = bindings.person_of(identity.owner)
    grant = grants.ask(wanted, person, takes_questions=CLARIFICATION in able)
    row = PendingRequest(
        owner=identity.owner,
        key_thumbprint=identity.thumbprint,
        subject=grant.pk,
        operation=OPERATION,
        method="POST",
        capabilities=sorted(able),
        wording=conf().AAUTH_WORDING,
        expires_at=grant.expires_at,
        created_at=grant.created_at,
        updated_at=grant.created_at,
    )
    insert([row])
    return row


def run(call: Call, turn: Turn) -> Answer:
    """The grant was given: the call has ended, and nothing of its answer is kept."""
    answer = Answer(200, b"")
    with transaction.atomic(durable=True):
        turn.seal(answer)
    return answer


def made(subject: str) -> Mapping[str, Any]:
    """The answer of a call whose grant was given. Raises Problem when it counts no more, and Unavailable
    while nobody makes answers."""
    grant = Grant.objects.filter(pk=subject).first()
    if grant is None or grant.state != GrantState.GRANTED or grant.decided_at is None:
        raise Problem(403, "revoked", "What was granted was taken back.")
    if timezone.now() - grant.decided_at > timedelta(seconds=conf().AAUTH_TOKEN_SECONDS):
        raise Problem(408, "expired", "What was granted was not asked for in time. Start over.")
    if _finish is None:
        raise Unavailable
    return _finish(grant)


def exchanged(subject: str, body: Mapping[str, Any]) -> Callable[[], None]:
    """The other request, judged; what is returned puts it in place (AA-107)."""
    missing = [name for name in ("resource_token", "presented_token") if not body.get(name)]
    if missing:
        raise _invalid(f"updated_request: {missing[0]} is missing.")
    grant = Grant.objects.filter(pk=subject).first()
    if grant is None or _replaced is None:
        raise _invalid("updated_request: this request cannot be exchanged. Answer the question.")
    wanted = _replaced(grant, body)

    def put() -> None:
        try:
            grants.exchange(subject, wanted)
        except grants.Over:
            raise Problem(409, "invalid_request", "The request is decided, and is what it was.") from None
        except ValueError:
            raise _invalid("updated_request: this asks for something of another kind.") from None
        except IntegrityError:
            raise _invalid("updated_request: the same is asked for by another request.") from None

    return put


def _invalid(detail: str) -> Problem:
    return Problem(400, "invalid_request", detail)


_finish: Finish | None = None
_replaced: Replaced | None = None


def plug(*, finish: Finish | None, replaced: Replaced | None = None) -> None:
    """Who makes the answer, and who judges another request. Called at start-up, and by tests."""
    global _finish, _replaced
    _finish, _replaced = finish, replaced
    deferring.register(OPERATION, run, replacer=exchanged, finisher=made)

"""The agent's answer to a pending intervention, and the update it came with (decisions 15, 19, 20)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from checkout import authentication, handing_over, hints, moves, obligations, pricing, questioning, reaching
from checkout.asked import PAGES, unconfirmed, unknown_answer, used_up
from checkout.errors import (
    CheckoutError,
    Missing,
    NoPendingIntervention,
    NotFound,
    SessionClosed,
    StateConflict,
)
from checkout.models import CheckoutSession
from checkout.opening import unclaimed
from checkout.services import Seal, apply, is_open, reprice, write
from checkout.states import SessionState
from interventions import services as interventions
from interventions import visits
from interventions.errors import InterventionError
from interventions.moves import PERSON
from interventions.negotiation import Kind
from interventions.services import Answer
from interventions.states import InterventionState

WHERE = "$.intervention_response"

ANSWERS = {"otp": Kind.OTP, "redirect_complete": Kind.REDIRECT, "webview_complete": Kind.WEBVIEW}


@dataclass(frozen=True, slots=True)
class Response:
    """What the agent brings. The code is shown in no repr and stored nowhere."""

    type: str
    code: str | None = field(default=None, repr=False)
    resend: bool = False
    channel: object = None
    """How a new code is to go, when that was said: a name, if it makes sense."""


def respond(
    session_id: str,
    changes: Mapping[str, Any],
    response: Response,
    *,
    owner: str,
    seal: Seal,
    claim: str = "",
    resumed: bool = False,
    still: Callable[[], None] = unclaimed,
) -> CheckoutSession:
    """The changes are made, then the answer is judged; a wrong one does not undo the changes.

    A changed cart voids the challenge, and the answer is then not compared and costs nothing.
    An unknown type verifies nothing and is told so in a message. Raises NotFound, SessionClosed,
    CompletionRunning, NoPendingIntervention, and Invalid for an answer to another type or
    without a code, or for a new one by a channel that leads nowhere. Each attempt is counted in a
    transaction of its own; the tenth wrong code of a session cancels it (T13). `claim` names the
    request, whose attempt is counted once however often it is repeated; `resumed`: its answer was
    lost, so the code it brings may have been taken already; `still` as in `opening.Tender`. No
    transaction may be open.
    """
    kind = ANSWERS.get(response.type)
    if authentication.awaited(CheckoutSession.objects.of(owner).one(session_id)) is not None:
        return hints.take(session_id, changes, kind, owner=owner, seal=seal, still=still)
    asked: Mapping[str, Any] | None = None
    notices: list[pricing.Problem] = []
    with transaction.atomic(durable=True):
        session = CheckoutSession.objects.of(owner).locked(session_id)
        still()
        if still_open := is_open(session):
            before = _asked_of_agent(session)
            if kind is not None and not (
                resumed and before is None and obligations.taken(session, kind.value)
            ):
                asked = _asked(before, kind, response)
            rerouted = asked is not None and response.resend and response.channel is not None
            if changes or before is None or rerouted:
                apply(session, changes)
                if rerouted:
                    reaching.prefer(session, response.channel)
                reprice(session)
                write(session)
            now = _asked_of_agent(session)
            if asked and (now is None or _challenge(now) != _challenge(asked)):
                asked = None
            if response.resend and obligations.asked_now(session, timezone.now()) is None:
                asked = None  # over: the pricing below asks anew
    if not still_open:
        raise SessionClosed
    if kind is None:
        notices.append(unknown_answer())
    elif asked is not None:
        still()
        notices += _judged(session, asked, response, owner, claim)
    with transaction.atomic(durable=True):
        session = CheckoutSession.objects.of(owner).locked(session_id)
        if still_open := is_open(session):
            if asked and kind in PAGES and _refused(session, asked):
                obligations.ended(session)
            else:
                reprice(session)
            if kind is None or not obligations.taken(session, kind.value):
                session.quote["problems"] += notices
            write(session)
            _cancel_exhausted(session)
            seal(session)
    if not still_open:
        raise SessionClosed
    return session


def _challenge(asked: Mapping[str, Any]) -> tuple[str, int]:
    return asked["id"], asked["challenge"]


def _asked_of_agent(session: CheckoutSession) -> Mapping[str, Any] | None:
    """What the session asks for, unless a person is asked at our page: no agent answers that for them."""
    return None if handing_over.is_handed_over(session) else obligations.pending(session)


def _asked(before: Mapping[str, Any] | None, kind: Kind, response: Response) -> Mapping[str, Any]:
    if before is None:
        raise NoPendingIntervention(param=WHERE)
    if before["kind"] != kind:
        raise hints.other_type(before["kind"])
    if kind == Kind.OTP and not response.resend and not response.code:
        raise Missing("The one-time code is missing.", param=f"{WHERE}.code")
    return before


def settled(session_id: str) -> None:
    """A person has done what the session asked, will not, or has no attempt left, or its agent has been
    asked and that is over: it says so, and who is next is asked (decision 22). Repeatable. No transaction
    may be open."""
    hints.settled(session_id)
    with transaction.atomic(durable=True):
        try:
            session = CheckoutSession.objects.locked(session_id)
        except NotFound:
            return
        asked = obligations.pending(session)
        if questioning.quoted(session) is not None:
            _questioned(session)
            return
        if asked is None or not is_open(session):
            return
        if obligations.taken(session, asked["kind"]):
            reprice(session)
        elif _refused(session, asked):
            obligations.ended(session)
        elif interventions.failed(asked["id"]):
            obligations.ended(session, used_up(asked["kind"]))
        else:
            return
        write(session)
        _cancel_exhausted(session)


def _questioned(session: CheckoutSession) -> None:
    """The locked session's agent was asked something: once that is over, it goes on, or ends there."""
    try:
        why = questioning.ended(session)
    except LookupError:
        return
    if not is_open(session):
        return
    if why is None:
        reprice(session)
    else:
        obligations.ended(session, why)
    write(session)


def resent(session_id: str) -> bool:
    """A person at our page has asked for another one-time code: it is on its way, and the session waits
    for that one; False: too soon, too many, or nobody is asked any more. No counter starts anew (T14).
    No transaction may be open."""
    try:
        with transaction.atomic(durable=True):
            session = CheckoutSession.objects.locked(session_id)
            sent = is_open(session) and not interventions.resend(session.id, actor=PERSON).limited
            if sent:
                reprice(session)
                write(session)
    except (CheckoutError, InterventionError):
        return False
    return sent


def spent(session_id: str) -> None:
    """After the tenth wrong code, wherever it was typed, the session is canceled (T13). Repeatable. No
    transaction may be open."""
    if not interventions.exhausted(session_id):
        return
    with transaction.atomic(durable=True):
        session = CheckoutSession.objects.locked(session_id)
        if session.state == SessionState.OPEN and is_open(session):
            _cancel_exhausted(session)


def _cancel_exhausted(session: CheckoutSession) -> None:
    """After the tenth wrong code the session is canceled (T13). On the locked, open session."""
    if interventions.exhausted(session.id):
        moves.move(session, SessionState.CANCELED, actor="system", note="too many wrong codes")
        obligations.drop(session, actor="system")


def _refused(session: CheckoutSession, asked: Mapping[str, Any]) -> bool:
    """Somebody said no to it, and the session has asked for nothing else since then."""
    now = obligations.pending(session)
    if now is not None and now["id"] != asked["id"]:
        return False
    return interventions.denied(asked["id"]) and not obligations.taken(session, asked["kind"])


def _read_back(asked: Mapping[str, Any]) -> list[pricing.Problem]:
    """The provider's books were asked, because an agent says that the person is done."""
    try:
        row = visits.read_back(asked["id"], door=visits.HINTED)
    except InterventionError:
        return [unconfirmed()]
    return [] if row.state == InterventionState.PASSED else [unconfirmed()]


def _judged(
    session: CheckoutSession, asked: Mapping[str, Any], response: Response, owner: str, claim: str
) -> list[pricing.Problem]:
    """What the answer came to, in messages; empty when it was right."""
    kind = Kind(asked["kind"])
    if kind in PAGES:
        return _read_back(asked)
    if response.resend:
        with transaction.atomic(durable=True):
            session = CheckoutSession.objects.of(owner).locked(session.id)
            now = obligations.pending(session)
            if now is None or _challenge(now) != _challenge(asked):
                return []  # something else is asked meanwhile, and its code is on its way
            channel, destination = reaching.chosen(session) if response.channel is not None else ("", "")
            sent = interventions.resend(session.id, actor=owner, channel=channel, destination=destination)
        if not sent.limited:
            return []
        text = gettext_noop("No new code can be sent yet. Wait a moment before asking again.")
        return [_notice("rate_limited", text, f"{WHERE}.resend")]
    try:
        verdict = interventions.answer(
            session.id, kind.value, response.code or "", claim=claim, only=asked["id"]
        )
    except InterventionError:
        raise StateConflict from None
    match verdict.outcome:
        case Answer.RIGHT:
            return []
        case Answer.MALFORMED:
            text = gettext_noop("A one-time code is six to eight digits.")
            return [_notice("invalid", text, f"{WHERE}.code")]
        case Answer.EXPIRED | Answer.NONE | Answer.OTHER:  # ended by a sweep or an operator
            text = gettext_noop("The code has expired. A new one is on its way.")
            return [_notice("expired", text, f"{WHERE}.code")]
        case _ if verdict.attempts_left:
            text = gettext_noop("The code is not right. Attempts left: %(left)s.")
            return [_notice("invalid", text, f"{WHERE}.code", {"left": verdict.attempts_left})]
        case _:
            text = gettext_noop("The code is not right. That was the last attempt.")
            return [_notice("invalid", text, f"{WHERE}.code")]


def _notice(code: str, text: str, where: str, values: Mapping[str, object] | None = None) -> pricing.Problem:
    return pricing.problem(
        "error", code, text, param=where, resolution="requires_buyer_input", blocking=False, values=values
    )

"""What a person must do for one payment: 3-D Secure, at the agent or at a page (acp.md K).

The card's issuer asks, or a policy wants it to. The payment then waits in `requires_action` and
its session stays `completing`; `quote["authentication"]` says what is asked, until when, and by
which of the two roads (decisions 16, 17). Whether it is asked is never up to the agent; only how.
The intervention is bound to the payment, so a yes is a yes to this amount, cart and card.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from checkout import abilities, asked, handing_over, moves, obligations
from checkout.errors import CompletionRunning, Invalid
from checkout.models import CheckoutSession, Payment
from checkout.payments import declarations, results
from checkout.ports import ActionRequired, ports
from checkout.pricing import Problem
from checkout.states import PaymentState, SessionState
from interventions import services as interventions
from interventions.negotiation import Kind
from interventions.prepared import change
from interventions.states import InterventionState

log = logging.getLogger("agentic.completion")

QUOTED = "authentication"
SYSTEM = "system"


class SaidNo(Exception):
    """The person refused the payment at our page, whatever its provider makes of it."""


def demanded(session: CheckoutSession) -> bool:
    """A policy wants no money that the issuer did not see its holder for."""
    return bool((session.quote.get("agreement") or {}).get(obligations.DEMANDS_3DS))


def awaited(session: CheckoutSession) -> Mapping[str, Any] | None:
    """What a person has to do for the session's payment, as last written; None when nothing."""
    if session.state != SessionState.COMPLETING:
        return None
    found: Mapping[str, Any] | None = session.quote.get(QUOTED)
    return found


def asked_now(session: CheckoutSession, now: datetime) -> Mapping[str, Any] | None:
    """What a person can do for the payment at `now`; None once the challenge is over."""
    found = awaited(session)
    return None if found is None or _is_over(found, now) else found


def lapsed(session: CheckoutSession, now: datetime) -> bool:
    """A person was asked for the payment, and the time is over."""
    found = awaited(session)
    return found is not None and _is_over(found, now)


def payment_of(session: CheckoutSession) -> Payment:
    """The payment that waits for the person. Raises CompletionRunning when it waits no more."""
    found = awaited(session)
    payment = Payment.objects.filter(pk=found["payment"]).first() if found else None
    if payment is None or payment.state != PaymentState.REQUIRES_ACTION:
        raise CompletionRunning
    return payment


def road(session: CheckoutSession, required: ActionRequired) -> Kind | None:
    """How the person is reached: the agent runs it, or a page does, shown as what the agent can
    open; None when it can do neither within the limits it named (ACP-132, ACP-133). A person who
    finishes the purchase on our page goes to the bank's from there."""
    told = obligations.told(session)
    agreed = session.quote["agreement"]
    steps = set(agreed["required"]) - {Kind.THREE_DS}
    if told.max_interaction_depth is not None and len(steps) + 1 > told.max_interaction_depth:
        return None
    person = handing_over.is_handed_over(session)
    if not person and _runs_it(session, agreed) and required.metadata is not None:
        return Kind.THREE_DS
    if not hosts(required):
        return None
    if person or abilities.brings(session):
        return Kind.REDIRECT
    redirects = len(steps & {Kind.REDIRECT}) + 1
    may_leave = told.max_redirects is None or redirects <= told.max_redirects
    if Kind.REDIRECT in agreed["supported"] and may_leave:
        return Kind.REDIRECT
    return Kind.WEBVIEW if Kind.WEBVIEW in agreed["supported"] else None


def _runs_it(session: CheckoutSession, agreed: Mapping[str, Any]) -> bool:
    """The agent runs 3-D Secure by itself: bringing its person to our page is another thing."""
    if abilities.brings(session) and Kind.THREE_DS not in abilities.declared(session.capabilities).supported:
        return False
    return Kind.THREE_DS in agreed["supported"]


def hosts(required: ActionRequired) -> bool:
    """The provider has a page where the person can be asked."""
    return required.redirect_url is not None and bool(abilities.bank_pages())


def ask(
    session: CheckoutSession, payment: Payment, required: ActionRequired, *, actor: str
) -> Problem | None:
    """The payment waits for the person, and the session says so; or the problem for which it cannot.

    Repeatable: a running challenge goes on. On the locked session, inside its transaction.
    """
    if payment.challenged and interventions.refused(session.id, Kind.THREE_DS.value, payment.id):
        return asked.unauthenticated()
    required = _usable(required)
    way = road(session, required) if required.intervention_type == Kind.THREE_DS else None
    if way is None:
        return asked.unreachable()
    moves.move(
        payment,
        PaymentState.REQUIRES_ACTION,
        actor=actor,
        only={"reference": payment.reference},  # else a proof came meanwhile, and this is out of date
        reference=required.reference,
        brought="",
    )
    now = timezone.now()
    limits = [(session.expires_at - now).total_seconds(), ports().rules.hold_seconds]
    snapshot = interventions.ensure(
        session.id,
        Kind.THREE_DS.value,
        binding=payment.id,
        amount=payment.amount,
        currency=payment.currency,
        destination="",
        owner=session.owner,
        within_seconds=min([*limits, *([required.seconds] if required.seconds is not None else [])]),
    )
    if snapshot.limited or not snapshot.live(now):
        return asked.asking(snapshot, live=False)
    entry = snapshot.as_dict() | {
        "payment": payment.id,
        "road": way.value,
        "hosted": hosts(required),
        "metadata": dict(required.metadata or {}) if way == Kind.THREE_DS else None,
    }
    _quote(session, entry)
    return None


def go_on(
    session: CheckoutSession, payment: Payment, result: Mapping[str, Any], claim: str, actor: str
) -> None:
    """The payment is in the provider's hands again, driven by the request that `claim` names.

    Raises Invalid for a proof that has not the form of one, or that was brought before (T33).
    On the locked session, inside its transaction.
    """
    found = awaited(session) or {}
    proof = results.transaction_id(result, found.get("metadata") or {})
    columns: dict[str, Any] = {"claim": claim, "brought": result["outcome"]}
    columns |= {"ds_transaction_id": proof} if proof else {}
    try:
        with transaction.atomic():
            moves.move(payment, PaymentState.PROCESSING, actor=actor, note=result["outcome"], **columns)
    except IntegrityError:
        log.error("payment %s: a 3-D Secure transaction id was brought a second time", payment.id)
        text = "This authentication was used before. Each is for one payment."
        raise Invalid(text, param=f"{results.WHERE}.outcome_details.transaction_id") from None
    _quote(session, None)


def concluded(session: CheckoutSession, payment: Payment, to: InterventionState, *, actor: str) -> None:
    """Nobody is asked for the payment any more. Raises SaidNo instead of a yes after the person's own
    no, of which the session may not have heard yet. On the locked session, inside its transaction."""
    interventions.conclude(session.id, Kind.THREE_DS.value, payment.id, to, actor=actor)
    passed = to == InterventionState.PASSED
    if passed and interventions.refused(session.id, Kind.THREE_DS.value, payment.id):
        raise SaidNo
    _quote(session, None)


def give_up(session: CheckoutSession, *, actor: str, code: str, problem: Problem | None = None) -> None:
    """The attempt that waited for a person is over and the session open again: stock free, nothing
    charged, and what the provider may still authorize is undone.

    Raises StateConflict when the payment went on in the meantime. On the locked session, inside
    its transaction.
    """
    payment = payment_of(session)
    moves.move(payment, PaymentState.DECLINED, actor=actor, note=code, decline_code=code)
    ports().inventory.release(payment.id)
    ports().outbox.add("checkout.undo", {"payment": payment.id})
    to = InterventionState.EXPIRED if code == "expired" else InterventionState.CANCELED
    interventions.conclude(session.id, Kind.THREE_DS.value, payment.id, to, actor=actor, note=code)
    quote = {name: value for name, value in session.quote.items() if name != QUOTED}
    if problem is not None:
        quote["problems"] = [*quote["problems"], problem]
    moves.move(session, SessionState.OPEN, actor=actor, note=f"authentication {code}"[:255], quote=quote)


def lapse(session: CheckoutSession, now: datetime) -> bool:
    """A payment whose person did not act in time is given up; whether it was. As `give_up`."""
    if not lapsed(session, now):
        return False
    give_up(session, actor=SYSTEM, code="expired", problem=asked.too_late())
    return True


def _usable(required: ActionRequired) -> ActionRequired:
    """As the provider said; without parameters that no agent could run 3-D Secure with."""
    if required.metadata is None or not (wrong := declarations.metadata_problems(required.metadata)):
        return required
    log.error("what the provider wants of agents cannot be sent to them: %s", " ".join(wrong))
    return replace(required, metadata=None)


def _is_over(found: Mapping[str, Any], now: datetime) -> bool:
    return datetime.fromisoformat(found["expires_at"]) <= now


def _quote(session: CheckoutSession, entry: Mapping[str, Any] | None) -> None:
    quote = {name: value for name, value in session.quote.items() if name != QUOTED}
    session.quote = quote | ({QUOTED: entry} if entry else {})
    session.updated_at = timezone.now()
    where = {"pk": session.pk, "state": SessionState.COMPLETING}
    change(CheckoutSession, where, {"quote": session.quote, "updated_at": session.updated_at})

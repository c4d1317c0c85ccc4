"""A purchase as one story: every move of the session, of its payments and of what people were asked,
by whom, and what operators did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import F
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from checkout.models import (
    Adjustment,
    Approval,
    CheckoutSession,
    Order,
    Payment,
    Refund,
    ShipmentEvent,
    StateMove,
)
from checkout.screens import link, moment
from checkout.untrusted import quoted, visible
from interventions.models import Intervention, InterventionMove
from interventions.moves import PERSON
from interventions.negotiation import APPROVAL
from interventions.providers import otp

LONGEST = 500
PARTIES = {"provider": "payment provider", "system": "system", "merchant": "the merchant's system"}
ASKED_PARTIES = {
    "system": "system",
    otp.CODES: "system",
    PERSON: "person on the page",
}


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the story."""

    at: datetime
    who: str
    what: SafeString | str
    state: str = ""
    note: SafeString | str = ""

    @property
    def moment(self) -> str:
        return moment(self.at)


def of_session(session: CheckoutSession) -> SafeString:
    """The session's own moves, those of its payments and of what people were asked, oldest first."""
    payments = list(session.payments.order_by("created_at").values_list("pk", flat=True))
    asked = {row.pk: _what(row) for row in Intervention.objects.filter(subject=session.pk).only("pk", "kind")}
    subjects = {session.pk: "session", **{pk: link(Payment, pk) for pk in payments}, **asked}
    return _told(subjects, session, _asked(session, asked))


def of_order(order: Order) -> SafeString:
    """Its session's story, and what became of it: refunds, deliveries, changes, what operators did."""
    session = order.session
    payments = list(session.payments.order_by("created_at").values_list("pk", flat=True))
    asked = {row.pk: _what(row) for row in Intervention.objects.filter(subject=session.pk).only("pk", "kind")}
    refunds = Refund.objects.filter(payment=order.payment_id).values_list("pk", flat=True)
    subjects = {
        session.pk: link(CheckoutSession, session.pk, "session"),
        **{pk: link(Payment, pk) for pk in payments},
        **asked,
        order.pk: "order",
        **{pk: link(Refund, pk) for pk in refunds},
    }
    return _told(subjects, session, [*_asked(session, asked), *_became(order)])


def of_refund(refund: Refund) -> SafeString:
    """The refund's moves, oldest first."""
    return _told({refund.pk: "refund"}, refund.payment.session, [])


def _became(order: Order) -> list[Event]:
    """Deliveries and changes, at the time they were told to us."""
    events = ShipmentEvent.objects.filter(shipment__order=order.pk)[:LONGEST]
    happened = [
        Event(
            at=event.recorded_at,
            who=_party(event.actor, order.session),
            what=f"delivery {event.shipment_id}",
            state=visible(event.type),
            note=visible(event.description),
        )
        for event in events
    ]
    changes = [
        Event(
            at=row.recorded_at,
            who=_party(row.actor, order.session),
            what=visible(row.type),
            state=visible(row.status),
            note=visible(row.description),
        )
        for row in Adjustment.objects.filter(order=order.pk)[:LONGEST]
    ]
    return [*happened, *changes]


def of_payment(payment: Payment) -> SafeString:
    """The payment's moves, oldest first."""
    return _told({payment.pk: "payment"}, payment.session, [])


def _asked(session: CheckoutSession, asked: Mapping[str, SafeString]) -> list[Event]:
    """What people were asked, and who did it: the agent that passed it on, a browser or a hint that made
    us ask the provider, the person, an operator."""
    rows = InterventionMove.objects.filter(intervention__in=asked).annotate(
        provider=F("intervention__provider")
    )
    return [
        Event(
            at=move.at,
            who=_who(move.actor, move.provider, session),
            what=asked[move.intervention_id],
            state=f"{move.from_state or 'new'} → {move.to_state}",
            note=visible(move.note),
        )
        for move in rows[:LONGEST]
    ]


def _what(row: Intervention) -> SafeString:
    model = Approval if row.kind == APPROVAL else Intervention
    return link(model, row.pk, "approval" if row.kind == APPROVAL else f"asked for {row.kind}")


def _who(actor: str, provider: str, session: CheckoutSession) -> str:
    if actor in ASKED_PARTIES:
        return ASKED_PARTIES[actor]
    if actor == "agent":
        return _party(session.owner, session)
    return f"provider {visible(actor)}" if actor and actor == provider else _party(actor, session)


def _told(subjects: Mapping[str, str], session: CheckoutSession, others: Sequence[Event]) -> SafeString:
    events = [
        *others,
        *(
            Event(
                at=_at(move, session),
                who=_party(move.actor, session),
                what=subjects[move.subject],
                state=f"{move.from_state or 'new'} → {move.to_state}",
                note=_note(move, session),
            )
            for move in StateMove.objects.filter(subject__in=subjects)[:LONGEST]
        ),
    ]
    models = (CheckoutSession, Payment, Intervention, Approval, Order, Refund)
    types = ContentType.objects.get_for_models(*models, for_concrete_models=False).values()
    events += [
        Event(
            at=entry.action_time,
            who=f"operator {entry.user.get_username()}",
            what=subjects[entry.object_id or ""],
            note=visible(entry.get_change_message()),
        )
        for entry in LogEntry.objects.filter(content_type__in=types, object_id__in=subjects)
        .select_related("user")
        .order_by("pk")[:LONGEST]
    ]
    events.sort(key=lambda event: event.at)
    return render_to_string("admin/agentic_checkout/timeline.html", {"events": events})


def _at(move: StateMove, session: CheckoutSession) -> datetime:
    """A session is opened before anybody is asked for it, although its move is written last."""
    opened = move.subject == session.pk and not move.from_state
    return session.created_at if opened else move.at


def _note(move: StateMove, session: CheckoutSession) -> SafeString | str:
    """What an agent gives as its reason is its own text; the other notes are ours."""
    if move.actor == session.owner:
        return quoted(move.note, label="Reason given")
    return visible(move.note)


def _party(actor: str, session: Any) -> str:
    if actor == session.owner:
        return f"agent {getattr(session, 'owner_name', None) or visible(actor)}"
    kind, _, name = actor.partition(":")
    if kind == "operator":
        return f"operator {visible(name)}"
    return PARTIES.get(actor) or visible(actor)

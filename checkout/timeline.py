"""A purchase as one story: every move of the session and its payments, and what operators did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from checkout.models import CheckoutSession, Payment, StateMove
from checkout.screens import link, moment
from checkout.untrusted import quoted, visible

LONGEST = 500
PARTIES = {"provider": "payment provider", "system": "system"}


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
    """The session's own moves and those of its payments, oldest first."""
    payments = list(session.payments.order_by("created_at").values_list("pk", flat=True))
    return _told({session.pk: "session", **{pk: link(Payment, pk) for pk in payments}}, session)


def of_payment(payment: Payment) -> SafeString:
    """The payment's moves, oldest first."""
    return _told({payment.pk: "payment"}, payment.session)


def _told(subjects: Mapping[str, str], session: CheckoutSession) -> SafeString:
    events = [
        Event(
            at=move.at,
            who=_party(move.actor, session),
            what=subjects[move.subject],
            state=f"{move.from_state or 'new'} → {move.to_state}",
            note=_note(move, session),
        )
        for move in StateMove.objects.filter(subject__in=subjects)[:LONGEST]
    ]
    types = ContentType.objects.get_for_models(CheckoutSession, Payment).values()
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

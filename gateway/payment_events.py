"""What the payment provider told us by itself: stored once, and processed as a hint (T67, T89 to T91).

Nothing of the body is kept but the ids in it. The effect asks the provider about the attempt.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from checkout import heard
from checkout.errors import OrderNotFound
from checkout.ports import ProviderEvent
from gateway.conf import conf
from gateway.models import PaymentEvent
from gateway.outbox import DatabaseOutbox
from interventions.prepared import insert

log = logging.getLogger("agentic.payment_events")

PROCESS = "payments.event"
UNKNOWN = "There is no such payment here."
ORDERLESS = "The payment led to no order."
BATCH = 500
BATCHES = 20

IDENTIFIER = re.compile(r"[\x21-\x7e]{1,255}")


def provider_name() -> str:
    """Whose event ids these are."""
    return conf().PAYMENTS[:255] or "sandbox"


def receive(event: ProviderEvent) -> bool:
    """The genuine event is in the database, with the effect that processes it; False when it was already.

    Raises ValueError for an id that is none. Repeatable. No transaction may be open.
    """
    if not IDENTIFIER.fullmatch(event.id):
        raise ValueError("an event's id is 1 to 255 visible ASCII characters")
    attempt = event.attempt_id if IDENTIFIER.fullmatch(event.attempt_id) else ""
    row = PaymentEvent(
        provider=provider_name(),
        event=event.id,
        type=_plain(event.type, 64),
        about=event.about,
        attempt=attempt[:64],
        reference=event.reference if IDENTIFIER.fullmatch(event.reference) else "",
        stray=_plain(event.stray, 200),
    )
    with transaction.atomic(durable=True):
        if not insert([row], unless_there=True):
            return False
        DatabaseOutbox().add(PROCESS, {"event": row.pk})
    return True


def process(payload: Mapping[str, Any]) -> None:
    """The provider was asked about what the event is about; one about nothing of ours is in quarantine.

    Repeatable. Raises ProviderUnavailable. No transaction may be open.
    """
    row = PaymentEvent.objects.filter(pk=payload["event"]).first()
    if row is None:  # forgotten meanwhile
        return
    reason = row.stray
    if not reason:
        reason = _heard(row)
    state = PaymentEvent.QUARANTINED if reason else PaymentEvent.PROCESSED
    if reason:
        log.error("payment event %s is in quarantine: %s", row.pk, reason)
    PaymentEvent.objects.filter(pk=row.pk).update(state=state, reason=reason, processed_at=timezone.now())


def _heard(row: PaymentEvent) -> str:
    """Why nothing came of asking about it; "" when it was ours."""
    try:
        return "" if heard.of(row.attempt or heard.named(row.reference), row.about) else UNKNOWN
    except OrderNotFound:
        return ORDERLESS


def process_again(event_id: str) -> bool:
    """The event will be processed once more; False when it is gone. A transaction may be open."""
    with transaction.atomic():
        if not PaymentEvent.objects.filter(pk=event_id).exists():
            return False
        DatabaseOutbox().add(PROCESS, {"event": event_id})
    return True


def purge() -> int:
    """Events older than PAYMENT_EVENTS_KEEP_DAYS are gone, but for those not processed yet; how many.

    In batches, so that no statement locks many rows. Repeatable, also twice at once.
    """
    before = timezone.now() - timedelta(days=conf().PAYMENT_EVENTS_KEEP_DAYS)
    old = PaymentEvent.objects.filter(created_at__lt=before).exclude(state=PaymentEvent.RECEIVED)
    gone = 0
    for _ in range(BATCHES):
        batch = list(old.order_by("created_at").values_list("pk", flat=True)[:BATCH])
        gone += PaymentEvent.objects.filter(pk__in=batch).delete()[0] if batch else 0
        if len(batch) < BATCH:
            break
    return gone


def _plain(text: str, most: int) -> str:
    """What can be stored and shown of a text that somebody else wrote."""
    return "".join(char if char.isprintable() else "?" for char in str(text))[:most]

"""Events on their way to agents: handed out, tried, tried again, given up, replayed.

Every wait is an outbox row of the transaction that decided to wait, so that nothing is lost with a
process. A try is claimed by a lease whose value is the fence, as in `gateway.delivery`: a worker
that was stopped too long records nothing over its successor, and its event is sent once more under
the same id. Within an order nothing overtakes: an event waits until the one before it was taken or
given up (ACP-121).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from checkout.models import Order
from gateway import agents
from gateway.conf import conf
from gateway.delivery import DELAYS_SECONDS, origin
from gateway.models import WebhookDelivery
from gateway.outbox import DatabaseOutbox
from gateway.webhooks import breaker, rendering, schedule, sending
from gateway.webhooks.sending import Outcome, Verdict
from interventions import failpoints

log = logging.getLogger("agentic.webhooks")

DELIVER = "webhooks.deliver"
OPEN = Q(delivered_at=None, dead_at=None)
SOON = timedelta(seconds=1)
LATEST_LOOK = timedelta(minutes=1)
HAND_OUT = timedelta(seconds=1.5 * sum(DELAYS_SECONDS))
"""By then the outbox has handed an event out or has given up: nobody waits for it any longer."""
BATCH = 200
DISABLED = "disabled"
GIVEN_UP = "given_up"


def hand_out(payload: Mapping[str, Any]) -> None:
    """Every endpoint of the order's agent has its delivery of this event. Repeatable.

    Endpoints that did not exist when it happened are not told. Disabled ones, and those of an inactive
    agent, are, in their way: their deliveries end as dead and can be replayed.
    """
    order_id, sequence, at = payload["order"], payload["sequence"], datetime.fromisoformat(payload["at"])
    previous = payload["previous_at"]
    owner = Order.objects.values_list("owner", flat=True).get(pk=order_id)
    agent = agents.of_owner(owner)
    if agent is None:
        return
    event = f"evt_{order_id.removeprefix('ord_')}_{sequence}"
    for endpoint in agent.webhook_endpoints.filter(created_at__lte=at):
        with transaction.atomic(durable=True):
            delivery, made = WebhookDelivery.objects.get_or_create(
                endpoint=endpoint,
                order=order_id,
                sequence=sequence,
                defaults={
                    "event": event,
                    "type": payload["type"],
                    "previous_at": datetime.fromisoformat(previous) if previous else None,
                },
            )
            if made:
                _wake(delivery, delivery.next_try_at)


def attempt(payload: Mapping[str, Any]) -> None:
    """The delivery was tried once if it was its turn, and what comes next is queued. Repeatable."""
    delivery = _claim(payload["delivery"])
    if delivery is None:
        return
    try:
        order = Order.objects.select_related("session").get(pk=delivery.order)
        body = rendering.event(delivery.type, order)
        failpoints.reach("webhook.post.before")
        verdict = sending.post(delivery.endpoint, delivery.event, body)
    except Exception as problem:
        # Not the receiver's fault, and no reason to lose the event.
        log.error("%s could not be sent: %s", delivery.pk, origin(problem))
        verdict = Verdict(Outcome.AGAIN, error="not_sent")
    failpoints.reach("webhook.post.after")
    _record(delivery, verdict)


def replay(delivery_id: str) -> bool:
    """A dead delivery is due again with all its tries. False when it is not dead, or its endpoint
    is disabled, or its agent inactive."""
    with transaction.atomic():
        now = timezone.now()
        heard = WebhookDelivery.objects.filter(endpoint__active=True, endpoint__agent__active=True)
        dead = heard.filter(pk=delivery_id, dead_at__isnull=False)
        if not dead.update(dead_at=None, tries=0, next_try_at=now, lease_until=None):
            return False
        _wake(WebhookDelivery(pk=delivery_id), now)
    return True


def give_up(delivery_id: str) -> bool:
    """An open delivery is dead, and the order's next one may go. False when it was not open."""
    with transaction.atomic():
        delivery = WebhookDelivery.objects.filter(OPEN, pk=delivery_id).first()
        if delivery is None:
            return False
        return _end(WebhookDelivery.objects.filter(OPEN, pk=delivery_id), delivery, GIVEN_UP)


def sweep() -> int:
    """Open deliveries that are long due and that no effect speaks for are queued again; how many.

    Only an effect that killed its worker ten times leaves one behind. Repeatable.
    """
    now = timezone.now()
    lease = timedelta(seconds=conf().MESSAGE_LEASE_SECONDS)
    free = Q(lease_until=None) | Q(lease_until__lte=now)
    left = WebhookDelivery.objects.filter(OPEN, free, next_try_at__lte=now - 4 * lease)
    batch = list(left.order_by("next_try_at")[:BATCH])
    for delivery in batch:
        _postpone(delivery, now)
    return len(batch)


def purge() -> int:
    """Deliveries taken long ago are gone, at most one batch; how many. Dead ones stay."""
    before = timezone.now() - timedelta(days=conf().WEBHOOK_KEEP_DAYS)
    old = WebhookDelivery.objects.filter(created_at__lt=before, delivered_at__lt=before)
    batch = list(old.order_by("created_at").values_list("pk", flat=True)[: 5 * BATCH])
    return WebhookDelivery.objects.filter(pk__in=batch).delete()[0]


def lease_seconds() -> float:
    """A try, twice while secrets overlap, ends within this; the outbox's own lease is longer."""
    return 0.75 * conf().MESSAGE_LEASE_SECONDS


def _claim(delivery_id: str) -> WebhookDelivery | None:
    """The delivery with our lease, or None: it is over, somebody else's, or has to wait."""
    now = timezone.now()
    with transaction.atomic(durable=True):
        delivery = (
            WebhookDelivery.objects.filter(OPEN, pk=delivery_id).select_related("endpoint__agent").first()
        )
        if delivery is None or delivery.next_try_at > now:
            return None
        mine = WebhookDelivery.objects.filter(
            OPEN, pk=delivery_id, tries=delivery.tries, lease_until=delivery.lease_until
        )
        if not delivery.endpoint.active or not delivery.endpoint.agent.active:
            _end(mine, delivery, DISABLED)
            return None
        if delivery.lease_until is not None and delivery.lease_until > now:
            _wake(delivery, delivery.lease_until)
            return None
        wait = _turn(delivery, now) or breaker.wait(delivery.endpoint, now)
        if wait is not None:
            _postpone(delivery, wait)
            return None
        delivery.lease_until = now + timedelta(seconds=lease_seconds())
        return delivery if mine.update(lease_until=delivery.lease_until) else None


def _turn(delivery: WebhookDelivery, now: datetime) -> datetime | None:
    """When to look again because an earlier event of the order is not over; None: it is our turn."""
    if delivery.sequence == 1:
        return None
    same = WebhookDelivery.objects.filter(endpoint=delivery.endpoint_id, order=delivery.order)
    earlier = same.filter(OPEN, sequence__lt=delivery.sequence).order_by("sequence").first()
    if earlier is not None:
        return min(max(earlier.next_try_at, now + SOON), now + LATEST_LOOK)
    before = delivery.previous_at
    if before is None or before < delivery.endpoint.created_at or before < now - HAND_OUT:
        # The endpoint was not told of the one before, or will never be.
        return None
    return None if same.filter(sequence=delivery.sequence - 1).exists() else now + SOON


def _record(delivery: WebhookDelivery, verdict: Verdict) -> None:
    """What came of our try, unless somebody else has the delivery since."""
    ours = WebhookDelivery.objects.filter(OPEN, pk=delivery.pk, lease_until=delivery.lease_until)
    now = timezone.now()
    tries = delivery.tries + 1
    with transaction.atomic(durable=True):
        columns = {"tries": tries, "status": verdict.status, "error": verdict.error, "lease_until": None}
        next_try = schedule.next_try(tries, now, verdict.retry_after)
        if verdict.outcome == Outcome.TAKEN:
            recorded = bool(ours.update(delivered_at=now, **columns))
        elif verdict.outcome == Outcome.AGAIN and next_try is not None:
            recorded = bool(ours.update(next_try_at=next_try, **columns))
            if recorded:
                _wake(delivery, next_try)
        else:
            recorded = bool(ours.update(dead_at=now, **columns))
        if not recorded:
            log.warning("%s outlived its lease; somebody else has it", delivery.pk)
            return
        if verdict.outcome != Outcome.AGAIN or next_try is None:
            _wake_next(delivery, now)
        breaker.note(delivery.endpoint, verdict, now)
    _alert(delivery, verdict, dead=verdict.outcome != Outcome.TAKEN and next_try is None)


def _alert(delivery: WebhookDelivery, verdict: Verdict, *, dead: bool) -> None:
    where = f"{delivery.pk} ({delivery.event}) for endpoint {delivery.endpoint_id}"
    if verdict.outcome == Outcome.GONE:
        log.error("%s: the receiver is gone, the endpoint is disabled", where)
    elif verdict.outcome == Outcome.REFUSED:
        log.error("%s was refused with %s and is dead", where, verdict.status)
    elif dead:
        log.error("%s is dead after every try, the last one: %s", where, verdict.error)


def _end(rows: QuerySet[WebhookDelivery], delivery: WebhookDelivery, error: str) -> bool:
    now = timezone.now()
    if not rows.update(dead_at=now, error=error, lease_until=None):
        return False
    _wake_next(delivery, now)
    return True


def _wake_next(delivery: WebhookDelivery, now: datetime) -> None:
    """The order's next open event here is due at once."""
    later = WebhookDelivery.objects.filter(
        OPEN, endpoint=delivery.endpoint_id, order=delivery.order, sequence__gt=delivery.sequence
    )
    following = later.order_by("sequence").first()
    if following is not None:
        _postpone(following, now)


def _postpone(delivery: WebhookDelivery, until: datetime) -> None:
    with transaction.atomic():
        WebhookDelivery.objects.filter(OPEN, pk=delivery.pk).update(next_try_at=until)
        _wake(delivery, until)


def _wake(delivery: WebhookDelivery, at: datetime) -> None:
    DatabaseOutbox().add(DELIVER, {"delivery": delivery.pk}, at)

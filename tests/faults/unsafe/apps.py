"""Takes guards away from the process that installs this app, as FAULTS_UNSAFE names them.

    keys       an idempotency key is never recognised
    locks      no row lock, no condition in the UPDATE that moves a state
    fence      a request that slept through its claim goes on as if it still held it
    stock      what is left is read, and then written
    price      what the agent was shown is not compared with what is charged
    outbox     an effect goes to the broker alone, from the request, after the commit
    webhooks   a delivery is marked delivered before it is posted
    unknown    a payment provider that does not answer has declined
    events     a message of the payment provider that came before has another effect

Nothing of this exists in the product. The constraints of the database that would still help are
dropped by the world that starts such a server (`World.unconstrained`).
"""

from __future__ import annotations

import os
import random
import time
import uuid
from collections.abc import Callable
from typing import Any

from django.apps import AppConfig
from django.db import transaction

GAP_SECONDS = 0.05
"""Between a look and what is done because of it: luck shall not decide that nobody gets in between."""


class UnsafeConfig(AppConfig):
    name = "tests.faults.unsafe"
    label = "faults_unsafe"

    def ready(self) -> None:
        for name in os.environ.get("FAULTS_UNSAFE", "").split(","):
            GUARDS[name]()


def _pause() -> None:
    time.sleep(random.uniform(0, GAP_SECONDS))


def _keys() -> None:
    from gateway import idempotency

    real = idempotency.slot

    def slot(owner: str, method: str, path: str, key: str, canonical: bytes) -> Any:
        return real(owner, method, path, uuid.uuid4().hex, canonical)

    idempotency.slot = slot


def _locks() -> None:
    from checkout import models, moves

    def of_owner(self: Any, session_id: str) -> Any:
        found = self.one(session_id)
        _pause()
        return found

    def of_anybody(self: Any, session_id: str) -> Any:
        return models._found(self.filter(pk=session_id).first())

    def move(row: Any, to: str, *, actor: str, note: str = "", beginning: Any = None, **columns: Any) -> None:
        columns.pop("only", None)
        type(row)._default_manager.filter(pk=row.pk).update(state=to, **columns)
        before, row.state = row.state, to
        for name, value in columns.items():
            setattr(row, name, value)
        models.StateMove.objects.create(
            subject=row.pk, from_state=before, to_state=to, actor=actor, note=note
        )
        if beginning is not None:
            models.StateMove.objects.create(subject=beginning.pk, to_state=beginning.state, actor=actor)

    models.Owned.locked = of_owner  # type: ignore[method-assign]
    models.CheckoutSessionManager.locked = of_anybody  # type: ignore[method-assign]
    moves.move = move


def _fence() -> None:
    from gateway import idempotency

    idempotency._held = lambda held: held.where.where
    idempotency.renew = lambda held: None


def _stock() -> None:
    from checkout.ports import Held, Short
    from gateway.shop.models import Hold, Product
    from gateway.shop.stock import ShopInventory

    def hold(self: Any, key: str, wanted: Any, *, until: Any) -> Any:
        for piece in wanted:
            left = Product.objects.get(pk=piece.product_id).available
            _pause()
            if left is not None and left < piece.quantity:
                return Short((piece.product_id,))
            if left is not None:
                Product.objects.filter(pk=piece.product_id).update(available=left - piece.quantity)
            Hold.objects.create(key=key, product_id=piece.product_id, quantity=piece.quantity, until=until)
        return Held()

    ShopInventory.hold = hold  # type: ignore[method-assign]


def _price() -> None:
    from checkout import opening
    from checkout.payments import tenders

    opening._refusal = lambda session, tender, shown: tenders.refusal(
        session, tender.instrument, approval=tender.approval
    )


def _outbox() -> None:
    from gateway import outbox

    def publish(kind: str, payload: Any) -> None:
        from gateway.project.celery import app

        app.send_task("faults.effect", args=[kind, dict(payload)], retry=False)

    def add(self: Any, effects: Any, due: Any) -> None:
        for kind, payload in effects:
            transaction.on_commit(lambda kind=kind, payload=payload: publish(kind, payload), robust=True)

    outbox.DatabaseOutbox._add = add  # type: ignore[method-assign]


def _webhooks() -> None:
    from django.utils import timezone

    from gateway.models import WebhookDelivery
    from gateway.webhooks import sending

    real = sending.post

    def post(endpoint: Any, event: str, body: bytes) -> Any:
        rows = WebhookDelivery.objects.filter(endpoint=endpoint, event=event)
        rows.update(delivered_at=timezone.now(), lease_until=None)
        return real(endpoint, event, body)

    sending.post = post


def _unknown() -> None:
    from checkout.errors import ProviderUnavailable
    from checkout.payments.acquirer import AcquirerProvider
    from checkout.ports import Declined

    real = AcquirerProvider.authorize

    def authorize(self: Any, attempt: Any) -> Any:
        try:
            return real(self, attempt)
        except ProviderUnavailable:
            return Declined("unavailable", "Try again.")

    AcquirerProvider.authorize = authorize  # type: ignore[method-assign]


def _events() -> None:
    from gateway import payment_events
    from gateway.models import PaymentEvent
    from gateway.outbox import DatabaseOutbox

    real = payment_events.receive

    def receive(event: Any) -> bool:
        if real(event):
            return True
        row = PaymentEvent.objects.get(provider=payment_events.provider_name(), event=event.id)
        with transaction.atomic():
            DatabaseOutbox().add(payment_events.PROCESS, {"event": row.pk})
        return True

    payment_events.receive = receive


GUARDS: dict[str, Callable[[], None]] = {
    "keys": _keys,
    "locks": _locks,
    "fence": _fence,
    "stock": _stock,
    "price": _price,
    "outbox": _outbox,
    "webhooks": _webhooks,
    "unknown": _unknown,
    "events": _events,
}

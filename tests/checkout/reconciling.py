"""Purchases whose books are then spoilt, and a comparison of both sides, for the tests of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import time_machine
from django.utils import timezone

from checkout import moves, settlement
from checkout.errors import ProviderUnavailable
from checkout.models import Break, CheckoutSession, Order, Payment, ReconciliationRun, SandboxCharge
from checkout.payments.sandbox import SandboxProvider
from checkout.ports import Attempt, LedgerEntry, Outcome, RefundEntry
from checkout.reconciliation import runs
from checkout.states import PaymentState, SessionState
from tests.agents import PlayedAgent, paying

LATER = timedelta(hours=2)
"""When nothing that was done now is on its way any more."""


class Books(SandboxProvider):
    """The sandbox, with books that can be added to, and that stop in the middle. It counts what could
    charge somebody, and says whether a transaction was open around a call."""

    def __init__(self) -> None:
        super().__init__()
        self.added: list[LedgerEntry] = []
        self.changed: dict[str, Mapping[str, Any]] = {}
        self.unreadable_after: int | None = None
        self.charges = 0
        self.bounced: dict[str, str] = {}
        """Refunds that failed after they were done, and why."""

    def refunds(self, attempt: Attempt, reference: str) -> list[RefundEntry]:
        return [RefundEntry(key, f"sbxr_{key}", "failed", why) for key, why in self.bounced.items()]

    def authorize(self, attempt: Attempt) -> Outcome:
        self.charges += 1
        return super().authorize(attempt)

    def resume(self, attempt: Attempt, result: Mapping[str, Any]) -> Outcome:
        self.charges += 1
        return super().resume(attempt, result)

    def entries(self, since: datetime, until: datetime) -> Iterator[LedgerEntry]:
        added = (entry for entry in self.added if since <= entry.created_at < until)
        every = sorted([*super().entries(since, until), *added], key=lambda entry: entry.created_at)
        for number, entry in enumerate(every):
            if self.unreadable_after is not None and number >= self.unreadable_after:
                raise ProviderUnavailable
            yield replace(entry, **self.changed.get(entry.reference, {}))


def entry(reference: str = "ch_foreign", **changed: Any) -> LedgerEntry:
    """Captured money of no attempt of ours."""
    made = LedgerEntry(reference, "", "captured", 4200, "usd", 4200, 0, timezone.now())
    return replace(made, **changed)


def bought(agent: PlayedAgent, *, captured: bool = True) -> Order:
    """A finished purchase, its money taken or held."""
    session = agent.ready("item_mug")
    assert agent.complete(session).status_code == 200
    order = Order.objects.get(session=session["id"])
    if captured:
        settlement.capture(order.payment_id)
    return order


def charge_of(order: Order) -> SandboxCharge:
    return SandboxCharge.objects.get(key=order.payment_id)


def spoil(order: Order, **columns: Any) -> None:
    """The provider's books say so of the order's charge."""
    assert SandboxCharge.objects.filter(key=order.payment_id).update(**columns) == 1


def declined_with_money(agent: PlayedAgent) -> Payment:
    """An attempt that we took for refused, and the provider for good."""
    session = agent.ready("item_mug")
    assert agent.complete(session, paying("spt_sandbox_declined")).json()["status"] != "completed"
    payment = Payment.objects.get(session=session["id"], state=PaymentState.DECLINED)
    SandboxCharge.objects.filter(key=payment.pk).update(outcome="authorized")
    return payment


def paid_twice(order: Order, *, captured: int = 0) -> Payment:
    """A refused attempt of a session that has its order, with money at the provider."""
    paid = Payment.objects.values().get(pk=order.payment_id)
    second = Payment(
        **{**paid, "id": "pay_second", "state": PaymentState.DECLINED, "reference": "sbx_second"}
    )
    second.save(force_insert=True)
    SandboxCharge.objects.create(
        reference="sbx_second",
        key="pay_second",
        session=order.session_id,
        amount=order.amount,
        currency=order.currency,
        outcome="authorized",
        captured=captured,
    )
    return second


def unanswered(agent: PlayedAgent) -> Payment:
    """A payment that the provider carried out, whose request died."""
    session = agent.ready("item_mug")
    carry_out = SandboxProvider.authorize
    SandboxProvider.authorize = _silent(carry_out)  # type: ignore[method-assign]
    try:
        assert agent.complete(session).status_code >= 500
    finally:
        SandboxProvider.authorize = carry_out  # type: ignore[method-assign]
    return Payment.objects.get(session=session["id"])


def _silent(carry_out: Callable[..., Any]) -> Any:
    def authorize(self: SandboxProvider, attempt: Attempt) -> Any:
        carry_out(self, attempt)
        raise ProviderUnavailable

    return authorize


def voided_with_money(agent: PlayedAgent) -> Payment:
    """Paid after its session's deadline: let go here, and still held there."""
    payment = unanswered(agent)
    moves.move(payment, PaymentState.AUTHORIZED, actor="provider", reference=f"sbx_{payment.pk}")
    moves.move(payment, PaymentState.VOIDED, actor="system")
    session = CheckoutSession.objects.get(pk=payment.session_id)
    moves.move(session, SessionState.OPEN, actor="system")
    moves.move(session, SessionState.EXPIRED, actor="system")
    return payment


@contextmanager
def later(by: timedelta = LATER) -> Iterator[None]:
    with time_machine.travel(timezone.now() + by, tick=True):
        yield


def compare(*, heal: bool = True, seconds: float = 60, days: float = 1) -> ReconciliationRun:
    """Both sides were compared to the end, as of now."""
    now = timezone.now()
    run = runs.start(runs.COMMAND, now - timedelta(days=days), now, heal=heal)
    assert run is not None
    while run.state == "running":
        run = runs.advance(run.pk, seconds)
    assert run.state == "completed"
    return run


def open_breaks() -> list[tuple[str, str]]:
    """Kind and subject of what is open."""
    return sorted(Break.objects.filter(state="open").values_list("kind", "subject"))

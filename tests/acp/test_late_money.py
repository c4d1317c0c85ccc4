"""Money that belongs to no order, or that cannot be taken: never kept, never silently lost (T57, T58)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from checkout import effects, settlement, shipments
from checkout.errors import ProviderUnavailable
from checkout.models import CheckoutSession, Order, Payment, SandboxCharge
from checkout.payments.sandbox import SandboxProvider
from checkout.ports import Attempt, Authorized, Declined, Instrument, Outcome, Refunded, Unknown
from checkout.states import PaymentState, SessionState
from gateway import delivery
from gateway.models import OutboxMessage
from interventions import failpoints
from tests.agents import PlayedAgent
from tests.parts import never_left_alone, plugged

CARD = Instrument("sandbox_card", "card", "spt", "spt_sandbox_ok")


class Lazy(SandboxProvider):
    """The call never arrives; later somebody makes the provider carry it out after all."""

    def __init__(self) -> None:
        super().__init__()
        self.refunded: Refunded | None = None
        self.asked: list[str] = []

    def authorize(self, attempt: Attempt) -> Outcome:
        raise ProviderUnavailable

    def carry_out(self, *, captured: bool = False) -> None:
        payment = Payment.objects.get()
        attempt = Attempt(payment.id, payment.session_id, payment.amount, payment.currency, CARD)
        outcome = super().authorize(attempt)
        assert isinstance(outcome, Authorized)
        if captured:
            self.capture(attempt, outcome.reference)

    def refund(self, attempt: Attempt, reference: str, *, amount: int, key: str) -> Refunded:
        self.asked.append(key)
        return self.refunded or super().refund(attempt, reference, amount=amount, key=key)


@pytest.fixture
def provider(shop: None) -> Iterator[Lazy]:
    made = Lazy()
    with plugged(payments=made):
        yield made


def after(**span: float) -> Any:
    return time_machine.travel(timezone.now() + timedelta(**span))


def given_up(agent: PlayedAgent) -> dict[str, Any]:
    """A session whose only attempt never arrived and was given up."""
    session = agent.ready()
    assert agent.complete(session, key="k1").status_code == 503
    with after(seconds=61):
        effects.sweep()
    assert Payment.objects.get().state == PaymentState.DECLINED
    return session


@pytest.mark.requirement("T57")
@pytest.mark.parametrize("late", [{"seconds": 0}, {"minutes": 5}, {"hours": 5}])
def test_money_that_comes_after_an_attempt_was_given_up_goes_back(
    agent: PlayedAgent, provider: Lazy, late: dict[str, float]
) -> None:
    """The provider is asked again: within a minute, after ten, and after a day."""
    session = given_up(agent)
    assert agent.cancel(session).status_code == 200
    with after(**late):
        delivery.deliver_due()
    provider.carry_out()

    looks = OutboxMessage.objects.filter(kind="checkout.undo", done_at=None).count()
    assert looks >= 1
    if late == {"seconds": 0}:
        with after(seconds=121):
            delivery.deliver_due()
        assert SandboxCharge.objects.get().outcome == "voided"
    with after(hours=25):
        delivery.deliver_due()
    assert SandboxCharge.objects.get().outcome == "voided"
    assert not Order.objects.exists()


def test_a_refund_that_is_pending_is_asked_about_until_it_is_done(agent: PlayedAgent, provider: Lazy) -> None:
    given_up(agent)
    provider.carry_out(captured=True)
    OutboxMessage.objects.filter(kind="checkout.undo").update(due_at=timezone.now())
    provider.refunded = Refunded("re_1", "pending")

    delivery.deliver_due()
    waiting = OutboxMessage.objects.filter(kind="checkout.undo", done_at=None)
    due = list(waiting.values_list("due_at", flat=True))
    assert len(due) >= 1
    assert all(at > timezone.now() for at in due)
    asked = len(provider.asked)

    provider.refunded = None
    with after(days=2):
        delivery.deliver_due()

    assert len(provider.asked) > asked
    assert len(set(provider.asked)) == 1, "each time under the same key"
    assert not waiting.exists()
    charge = SandboxCharge.objects.get()
    assert sum(charge.refunds.values()) == charge.captured


def test_a_refund_that_stays_pending_ends_with_an_operator(agent: PlayedAgent, provider: Lazy) -> None:
    given_up(agent)
    provider.carry_out(captured=True)
    OutboxMessage.objects.filter(kind="checkout.undo").update(due_at=timezone.now())
    provider.refunded = Refunded("re_1", "pending")

    at: datetime = timezone.now()
    for _ in range(200):
        with time_machine.travel(at):
            delivery.deliver_due()
            open_ones = OutboxMessage.objects.filter(kind="checkout.undo", done_at=None, dead_at=None)
            if not open_ones.exists():
                break
            at = max(open_ones.values_list("due_at", flat=True))
    dead = OutboxMessage.objects.filter(kind="checkout.undo").exclude(dead_at=None)

    assert dead.exists()
    assert set(dead.values_list("error", flat=True)) == {"RefundStuck"}
    assert at > timezone.now() + timedelta(days=10)


@pytest.mark.requirement("T57")
def test_a_refund_that_failed_is_an_operators_task_at_once(
    agent: PlayedAgent, provider: Lazy, caplog: Any
) -> None:
    """Its key would be answered the same for ever. Run again by an operator it goes on."""
    given_up(agent)
    provider.carry_out(captured=True)
    OutboxMessage.objects.filter(kind="checkout.undo").update(due_at=timezone.now())
    provider.refunded = Refunded("", "failed", "account_closed")

    delivery.deliver_due()

    dead = OutboxMessage.objects.filter(kind="checkout.undo").exclude(dead_at=None)
    assert dead.exists()
    assert set(dead.values_list("error", "tries")) == {("RefundFailed", 1)}
    assert "is dead" in caplog.text
    provider.refunded = None
    assert delivery.run_again([row.pk for row in dead]) >= 1
    delivery.deliver_due()
    assert not dead.all().exists()
    assert sum(SandboxCharge.objects.get().refunds.values()) == Payment.objects.get().amount


@pytest.mark.requirement("T58")
@pytest.mark.parametrize("captured", [False, True])
def test_money_that_is_found_after_the_deadline_goes_back(
    agent: PlayedAgent, provider: Lazy, captured: bool
) -> None:
    """Expiry waits while the outcome is unknown, and the late money is voided, or refunded when taken."""
    session = agent.ready()
    agent.complete(session, key="k1")
    provider.carry_out(captured=captured)

    with after(hours=6, minutes=1):
        silent = SandboxProvider.retrieve
        try:
            SandboxProvider.retrieve = _unavailable  # type: ignore[method-assign,assignment]
            effects.sweep()
        finally:
            SandboxProvider.retrieve = silent  # type: ignore[method-assign]
        assert CheckoutSession.objects.get().state == SessionState.COMPLETING
    with after(hours=6, minutes=30):
        effects.sweep()
        delivery.deliver_due()
        assert agent.retrieve(session)["status"] == "expired"
        assert agent.cancel(session).status_code == 405

    charge = SandboxCharge.objects.get()
    assert not Order.objects.exists()
    assert sum(charge.refunds.values()) == charge.captured
    assert captured or charge.outcome == "voided"


def _unavailable(*_: Any) -> Any:
    raise ProviderUnavailable


class Refusing(SandboxProvider):
    """Refuses the capture; `taken`: it had taken the money before, and says no to a second time."""

    def __init__(self, *, taken: bool = False) -> None:
        super().__init__()
        self.taken = taken

    def capture(self, attempt: Attempt, reference: str) -> Authorized | Declined:
        if self.taken:
            super().capture(attempt, reference)
        return Declined("expired", reference=reference)


def test_a_capture_refused_for_good_is_an_operators_task_at_once(agent: PlayedAgent) -> None:
    """Goods are on their way: not tried again for days, and the order in review. Run again, the money can
    still be taken. An order of which nothing left is canceled instead (`tests/orders`)."""
    agent.complete(agent.ready())
    shipments.ship(Order.objects.get().pk, key="parcel")
    with plugged(payments=Refusing()):
        delivery.deliver_due()

    row = OutboxMessage.objects.get(kind="checkout.capture")
    assert (row.error, row.tries, row.dead_at is not None) == ("CaptureRefused", 1, True)
    assert Order.objects.get().status == "manual_review"

    delivery.run_again([row.pk])
    delivery.deliver_due()

    assert Payment.objects.get().state == PaymentState.CAPTURED
    assert Order.objects.get().status == "shipped"


def test_a_capture_without_an_answer_is_tried_again(agent: PlayedAgent, monkeypatch: Any) -> None:
    agent.complete(agent.ready())
    monkeypatch.setattr(SandboxProvider, "capture", _unavailable)
    delivery.deliver_due()
    monkeypatch.undo()

    row = OutboxMessage.objects.get(kind="checkout.capture")
    assert (row.error, row.dead_at) == ("ProviderUnavailable", None)
    assert Order.objects.get().status == "confirmed"
    with after(minutes=1):
        delivery.deliver_due()
    assert Payment.objects.get().state == PaymentState.CAPTURED


def test_a_capture_whose_answer_was_lost_is_no_refusal(agent: PlayedAgent) -> None:
    """The money was taken, we did not hear it, and the provider refuses to take it twice."""
    agent.complete(agent.ready())
    with plugged(payments=Refusing(taken=True)):
        with failpoints.armed("capture.send.after=raise#1"):
            delivery.deliver_due()
        with after(minutes=1):
            delivery.deliver_due()

    assert Payment.objects.get().state == PaymentState.CAPTURED
    assert Order.objects.get().status == "confirmed"


def test_a_given_up_attempt_that_nobody_ever_made_is_looked_for_and_left(
    agent: PlayedAgent, provider: Lazy
) -> None:
    given_up(agent)

    with after(hours=25):
        delivery.deliver_due()

    assert not OutboxMessage.objects.filter(done_at=None).exists()
    assert isinstance(provider.retrieve(Attempt(Payment.objects.get().id, "", 0, "")), Unknown)


def test_one_session_that_breaks_stops_no_sweep(agent: PlayedAgent, provider: Lazy, monkeypatch: Any) -> None:
    """However the first overdue session fails, the others expire and payments are settled."""
    from checkout import services

    broken, well = agent.ready(), agent.ready()
    unanswered = agent.ready()
    agent.complete(unanswered, key="k1")
    real = services.expire

    def expire(session: CheckoutSession) -> bool:
        if session.id == broken["id"]:
            raise RuntimeError("tok_canary")
        return real(session)

    monkeypatch.setattr(services, "expire", expire)
    with after(hours=7):
        effects.sweep()

    assert CheckoutSession.objects.get(pk=well["id"]).state == SessionState.EXPIRED
    assert Payment.objects.get().state == PaymentState.DECLINED


def test_a_sweep_leaves_the_rest_to_the_next_one_in_time(
    agent: PlayedAgent, provider: Lazy, monkeypatch: Any
) -> None:
    """However many payments are stuck, a sweep ends: the longest waiting went first."""
    sessions = [agent.ready() for _ in range(5)]
    for number, session in enumerate(sessions):
        agent.complete(session, key=f"k{number}")
    ticks = iter(range(0, 1_000_000, 20))
    monkeypatch.setattr(effects, "clock", lambda: float(next(ticks)))

    with after(seconds=61):
        effects.sweep()
        first = Payment.objects.filter(state=PaymentState.DECLINED).count()
        oldest = set(Payment.objects.filter(state=PaymentState.DECLINED).values_list("session", flat=True))
    monkeypatch.undo()
    with after(seconds=62), plugged(payments=provider):
        effects.sweep()

    assert 1 <= first < 5
    assert oldest == {session["id"] for session in sessions[:first]}
    assert Payment.objects.filter(state=PaymentState.DECLINED).count() == 5


@pytest.mark.requirement("R09")
def test_a_provider_that_answers_now_and_then_is_asked_on(
    agent: PlayedAgent, provider: Lazy, monkeypatch: Any
) -> None:
    """Every second call is silent: one sweep still gets through all, and the next one asks the rest."""
    for number in range(8):
        agent.complete(agent.ready(), key=f"k{number}")
    calls = iter(range(1000))

    def now_and_then(self: Any, attempt: Attempt) -> Any:
        if next(calls) % 2 == 0:
            raise ProviderUnavailable
        return Unknown()

    monkeypatch.setattr(Lazy, "retrieve", now_and_then)
    with after(seconds=61):
        effects.sweep()
    half = Payment.objects.filter(state=PaymentState.DECLINED).count()
    for later in (72, 83, 94, 105):
        with after(seconds=later):
            effects.sweep()

    assert half == 4
    assert Payment.objects.filter(state=PaymentState.DECLINED).count() == 8


def test_a_silent_provider_is_not_asked_about_everything(
    agent: PlayedAgent, provider: Lazy, monkeypatch: Any
) -> None:
    for number in range(8):
        agent.complete(agent.ready(), key=f"k{number}")
    calls: list[str] = []

    def silent(self: Any, attempt: Attempt) -> Any:
        calls.append(attempt.id)
        raise ProviderUnavailable

    monkeypatch.setattr(Lazy, "retrieve", silent)
    never_left_alone()
    with after(seconds=61):
        effects.sweep()

    assert 1 <= len(calls) <= 3


def test_settling_a_payment_that_is_over_is_nothing(agent: PlayedAgent, provider: Lazy) -> None:
    given_up(agent)

    settlement.settle(Payment.objects.get().id)

    assert Payment.objects.get().state == PaymentState.DECLINED

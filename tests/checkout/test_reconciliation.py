"""The provider's books against ours: every kind of break, and what is none (reliability-security 1.6)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from checkout import cancellations, refunds, settlement
from checkout.errors import ProviderUnavailable
from checkout.models import Break, CheckoutSession, Order, Payment, SandboxCharge, StateMove
from checkout.payments.sandbox import SandboxProvider
from checkout.ports import Unknown
from checkout.ports import ports as checkout_ports
from checkout.reconciliation import breaks, comparing
from checkout.reconciliation.comparing import Found
from checkout.reconciliation.kinds import HEALABLE, WORDS, Kind
from checkout.states import PaymentState, SessionState
from gateway import delivery
from gateway.models import OutboxMessage
from tests.agents import PlayedAgent, paying
from tests.checkout.reconciling import (
    Books,
    bought,
    charge_of,
    compare,
    declined_with_money,
    entry,
    later,
    open_breaks,
    paid_twice,
    spoil,
    unanswered,
    voided_with_money,
)
from tests.operators import open_shop
from tests.orders.conftest import relayed
from tests.parts import plugged


@pytest.fixture
def agent(db: None) -> PlayedAgent:
    return open_shop()


@pytest.fixture
def books() -> Iterator[Books]:
    part = Books()
    with plugged(payments=part):
        yield part


# --- Nothing to find --------------------------------------------------------------------------


def test_healthy_books_have_no_break(agent: PlayedAgent, books: Books) -> None:
    """Money taken, held, refused, given back, and sessions in every state."""
    taken, held = bought(agent), bought(agent, captured=False)
    refused = agent.ready("item_mug")
    agent.complete(refused, paying("spt_sandbox_declined"))
    agent.cancel(agent.ready("item_mug"))
    given_back = declined_with_money(agent)
    settlement.undo(given_back.pk)
    agent.ready("item_mug")

    with later():
        run = compare()

    assert open_breaks() == []
    assert not Break.objects.exists()
    assert run.counts["entries"] == 4
    assert run.counts["payments"] == 2
    assert run.counts["sums"] == {
        "usd": {
            "theirs": {"held": held.amount, "captured": taken.amount, "refunded": 0},
            "ours": {"held": held.amount, "captured": taken.amount, "refunded": 0},
        }
    }


def test_what_is_on_its_way_is_no_break(agent: PlayedAgent, books: Books) -> None:
    """Two hours old, and moved a minute ago: the other side may not have heard of it."""
    order = bought(agent, captured=False)

    with later():
        Payment.objects.filter(pk=order.payment_id).update(
            state=PaymentState.CAPTURED, updated_at=timezone.now()
        )
        compare(heal=False)
        moving = open_breaks()
    with later(timedelta(hours=4)):
        compare(heal=False)

    assert moving == []
    assert open_breaks() == [("capture_missing", order.payment_id)]


def test_what_is_young_is_not_looked_at(agent: PlayedAgent, books: Books) -> None:
    order = bought(agent)
    spoil(order, captured=1)

    run = compare()

    assert run.counts["entries"] == 0
    assert open_breaks() == []


def test_a_purchase_that_moves_while_it_is_compared_is_looked_at_twice(
    agent: PlayedAgent, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The books are read first, our row after it: between the two the money was taken."""
    order = bought(agent, captured=False)
    listed = Books.entries

    def entries(self: Books, since: Any, until: Any) -> Any:
        for one in listed(self, since, until):
            yield one
            settlement.capture(order.payment_id)

    monkeypatch.setattr(Books, "entries", entries)

    with later():
        compare(heal=False)

    assert Payment.objects.get().state == PaymentState.CAPTURED
    assert open_breaks() == []


@pytest.mark.parametrize("shared", [False, True])
def test_a_shared_account_has_entries_of_others(
    agent: PlayedAgent, books: Books, shared: bool, settings: Any
) -> None:
    """RECONCILE_SHARED_ACCOUNT: what names no attempt is theirs; what names one we lack is ours to find."""
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "RECONCILE_SHARED_ACCOUNT": shared}
    books.added = [entry("ch_1"), entry("ch_2", attempt_id="pay_lost")]

    with plugged(payments=books), later():
        run = compare()

    lost, foreign = ("charged_without_attempt", "ch_2"), ("charged_without_attempt", "ch_1")
    assert open_breaks() == ([lost] if shared else [foreign, lost])
    assert run.counts["foreign"] == int(shared)


# --- Every kind -------------------------------------------------------------------------------

Plant = Callable[[PlayedAgent, Books], str]
"""Spoils one side of the books; returns what the break is about."""


def _foreign(agent: PlayedAgent, books: Books) -> str:
    books.added.append(entry("ch_foreign"))
    return "ch_foreign"


def _second_attempt(agent: PlayedAgent, books: Books) -> str:
    return paid_twice(bought(agent)).reference


def _second_entry(agent: PlayedAgent, books: Books) -> str:
    order = bought(agent)
    books.added.append(entry("ch_again", attempt_id=order.payment_id, created_at=timezone.now()))
    return "ch_again"


def _declined(agent: PlayedAgent, books: Books) -> str:
    return f"sbx_{declined_with_money(agent).pk}"


def _deleted(agent: PlayedAgent, books: Books) -> str:
    order = bought(agent)
    charge_of(order).delete()
    return order.payment_id


def _spoilt(taken: bool = True, **columns: Any) -> Plant:
    def plant(agent: PlayedAgent, books: Books) -> str:
        order = bought(agent, captured=taken)
        spoil(order, **columns)
        return order.payment_id

    return plant


def _capture_elsewhere(agent: PlayedAgent, books: Books) -> str:
    order = bought(agent, captured=False)
    spoil(order, captured=order.amount)
    return order.payment_id


def _never_answered(agent: PlayedAgent, books: Books) -> str:
    return unanswered(agent).pk


def _voided(agent: PlayedAgent, books: Books) -> str:
    return voided_with_money(agent).pk


def _dead_order(agent: PlayedAgent, books: Books) -> str:
    order = bought(agent)
    dead = OutboxMessage.objects.filter(kind="checkout.place_order", payload__order=order.pk)
    assert dead.update(dead_at=timezone.now()) == 1
    return order.pk


def _dead_capture(agent: PlayedAgent, books: Books) -> str:
    order = bought(agent, captured=False)
    assert gave_up("checkout.capture", payment=order.payment_id) == 1
    return order.payment_id


def _dead_release(agent: PlayedAgent, books: Books) -> str:
    """Later than the provider's books are read."""
    order = bought(agent, captured=False)
    cancellations.cancel(order.pk, key="c1")
    assert gave_up("checkout.release_payment", order=order.pk) == 1
    week = timedelta(days=7)
    SandboxCharge.objects.update(created_at=timezone.now() - week)
    Payment.objects.update(created_at=timezone.now() - week)
    return order.payment_id


def _dead_undo(agent: PlayedAgent, books: Books) -> str:
    """A refund of late money that failed, longer ago than the books are read."""
    payment = declined_with_money(agent)
    with transaction.atomic():
        checkout_ports().outbox.add("checkout.undo", {"payment": payment.pk})
    assert gave_up("checkout.undo", payment=payment.pk) == 1
    SandboxCharge.objects.update(created_at=timezone.now() - timedelta(days=7))
    return payment.pk


def gave_up(kind: str, **payload: str) -> int:
    named = {f"payload__{name}": value for name, value in payload.items()}
    return OutboxMessage.objects.filter(kind=kind, **named).update(dead_at=timezone.now())


PLANTS: list[tuple[str, Plant]] = [
    (Kind.CHARGED_WITHOUT_ATTEMPT, _foreign),
    (Kind.CHARGED_TWICE, _second_attempt),
    (Kind.CHARGED_TWICE, _second_entry),
    (Kind.CHARGED_WITHOUT_ORDER, _declined),
    (Kind.ORDER_WITHOUT_CHARGE, _deleted),
    (Kind.ORDER_WITHOUT_CHARGE, _spoilt(taken=False, outcome="voided")),
    (Kind.AMOUNT_DIFFERS, _spoilt(captured=1)),
    (Kind.AMOUNT_DIFFERS, _spoilt(taken=False, amount=1)),
    (Kind.CURRENCY_DIFFERS, _spoilt(currency="eur")),
    (Kind.CAPTURE_MISSING, _spoilt(captured=0)),
    (Kind.CAPTURED_UNKNOWN_TO_US, _capture_elsewhere),
    (Kind.VOID_MISSING, _voided),
    (Kind.REFUND_DIFFERS, _spoilt(refunds={"by_hand": 100})),
    (Kind.UNKNOWN_FOR_TOO_LONG, _never_answered),
    (Kind.NOT_HANDED_OVER, _dead_order),
    (Kind.NOT_CAPTURED, _dead_capture),
    (Kind.NOT_RELEASED, _dead_release),
    (Kind.NOT_GIVEN_BACK, _dead_undo),
]


@pytest.mark.parametrize(("kind", "plant"), PLANTS)
def test_every_kind_is_found_once(agent: PlayedAgent, books: Books, kind: str, plant: Plant) -> None:
    """I2, I3, I4: beside a healthy purchase, and again without a second row."""
    bought(agent)
    subject = plant(agent, books)
    charged = books.charges

    with later():
        compare(heal=False)
        first = Break.objects.get()
        compare(heal=False)

    assert open_breaks() == [(kind, subject)]
    again = Break.objects.get()
    assert again.pk == first.pk
    assert again.first_seen_at == first.first_seen_at
    assert again.last_seen_at > first.last_seen_at
    assert books.charges == charged


@pytest.mark.parametrize(
    ("given_back", "ours", "differs"),
    [
        (100, (100, 0), False),
        (100, (0, 100), False),
        (0, (0, 100), False),
        (0, (100, 0), True),
        (100, (0, 0), True),
    ],
)
def test_refunds_agree_or_are_on_their_way(
    agent: PlayedAgent,
    books: Books,
    monkeypatch: pytest.MonkeyPatch,
    given_back: int,
    ours: tuple[int, int],
    differs: bool,
) -> None:
    """I15: a refund that the provider has not confirmed may have happened, and may not."""
    order = bought(agent)
    spoil(order, refunds={"key": given_back} if given_back else {})
    monkeypatch.setattr(comparing, "refunds", lambda ids: {order.payment_id: ours})

    with later():
        compare()

    assert open_breaks() == ([("refund_differs", order.payment_id)] if differs else [])


@pytest.mark.parametrize(
    ("state", "columns", "kind"),
    [
        ("voided", {"outcome": "voided"}, None),
        ("voided", {"outcome": "authorized"}, "void_missing"),
        ("voided", {"captured": 500}, "charged_without_order"),
        ("voided", {"captured": 500, "refunds": {"key": 500}}, None),
        ("authorized", {"outcome": "voided"}, None),
        ("authorized", {"outcome": "authorized"}, "void_missing"),
    ],
)
def test_a_canceled_order_needs_no_money(
    agent: PlayedAgent, books: Books, state: str, columns: dict[str, Any], kind: str | None
) -> None:
    """I4: nothing is held for it, and what was taken went back."""
    order = bought(agent, captured=False)
    Order.objects.filter(pk=order.pk).update(status="canceled")
    Payment.objects.filter(pk=order.payment_id).update(state=state)
    spoil(order, **columns)

    with later():
        compare(heal=False)

    assert [found for found, _ in open_breaks()] == ([kind] if kind else [])


def test_every_kind_has_words_and_a_plant() -> None:
    assert set(WORDS) == set(Kind.values)
    assert {kind for kind, _ in PLANTS} == set(Kind.values)
    assert all(words.means and words.do for words in WORDS.values())


@pytest.mark.parametrize(("kind", "plant"), [pair for pair in PLANTS if pair[0] in HEALABLE])
def test_what_can_be_healed_is_healed_and_nobody_is_charged(
    agent: PlayedAgent, books: Books, kind: str, plant: Plant
) -> None:
    """I3, I4: afterwards the net of every session is its order, or nothing."""
    subject = plant(agent, books)
    charged = books.charges

    with later():
        run = compare()
        compare()

    if plant is _second_entry:  # the provider names one entry for an attempt; the other is an operator's
        assert open_breaks() == [(kind, subject)]
        return
    assert open_breaks() == []
    row = Break.objects.get()
    assert (row.kind, row.subject, row.state, row.resolved_by) == (kind, subject, "healed", "system")
    assert run.counts["outcomes"]["healed"] == {kind: 1}
    assert books.charges == charged
    moves = StateMove.objects.filter(subject=row.pk).values_list("from_state", "to_state", "actor")
    assert list(moves) == [("", "open", "system"), ("open", "healed", "system")]
    for session in CheckoutSession.objects.all():
        order = Order.objects.filter(session=session).first()
        left = sum(
            (charge.captured - sum(charge.refunds.values())) if charge.captured else charge.amount
            for charge in SandboxCharge.objects.filter(session=session.pk, outcome="authorized")
        )
        assert left == (order.amount if order and order.status != "canceled" else 0)
        assert (session.state == SessionState.COMPLETED) == (order is not None)


def _canceled_and_forgotten(order: Order) -> None:
    """The order is canceled, and every try to let its money go failed."""
    cancellations.cancel(order.pk, key="c1")
    dead = OutboxMessage.objects.filter(kind=cancellations.RELEASE)
    assert dead.update(dead_at=timezone.now()) == 1


@pytest.mark.parametrize("captured", [False, True])
def test_the_money_of_a_canceled_order_is_let_go(agent: PlayedAgent, books: Books, captured: bool) -> None:
    """I4: also when it was taken meanwhile, so that noting it is not the end of it."""
    order = bought(agent, captured=False)
    _canceled_and_forgotten(order)
    if captured:
        spoil(order, captured=order.amount)

    with later():
        compare()
        relayed()

    charge = charge_of(order)
    if captured:
        assert charge.captured == sum(charge.refunds.values()) == order.amount
    else:
        assert (charge.outcome, charge.captured) == ("voided", 0)
        assert Payment.objects.get().state == "voided"
    assert open_breaks() == []


def test_what_is_void_here_and_held_there_for_a_canceled_order_is_voided(
    agent: PlayedAgent, books: Books
) -> None:
    order = bought(agent, captured=False)
    cancellations.cancel(order.pk, key="c1")
    cancellations.release(order.pk)
    spoil(order, outcome="authorized")

    with later():
        compare()

    assert charge_of(order).outcome == "voided"
    assert open_breaks() == []


def test_the_books_are_read_with_no_transaction_open(agent: PlayedAgent, books: Books) -> None:
    """A provider may take seconds; the one around a test is not one of ours."""
    depths: list[int] = []
    bought(agent)
    declined_with_money(agent)
    retrieve, entries = books.retrieve, books.entries
    outside = len(connection.savepoint_ids)

    def noted(call: Any) -> Any:
        def noting(*args: Any) -> Any:
            depths.append(len(connection.savepoint_ids))
            return call(*args)

        return noting

    books.retrieve, books.entries = noted(retrieve), noted(entries)  # type: ignore[method-assign]

    with later():
        compare()

    assert len(depths) >= 3
    assert set(depths) == {outside}


def test_money_captured_without_an_order_is_refunded_once(agent: PlayedAgent, books: Books) -> None:
    payment = declined_with_money(agent)
    SandboxCharge.objects.filter(key=payment.pk).update(captured=payment.amount)

    with later():
        compare()
        compare()

    assert SandboxCharge.objects.get().refunds == {f"undo:{payment.pk}": payment.amount}
    assert Break.objects.get().state == "healed"


def test_a_silent_provider_heals_nothing_and_the_break_stays(
    agent: PlayedAgent, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = declined_with_money(agent)

    def silent(*_: Any) -> Any:
        raise ProviderUnavailable

    with later():
        with monkeypatch.context() as patch:
            patch.setattr(SandboxProvider, "retrieve", silent)
            compare()
        left = open_breaks()
        compare()

    assert left == [("charged_without_order", f"sbx_{payment.pk}")]
    assert Break.objects.get().state == "healed"


def test_a_part_that_breaks_on_one_payment_stops_no_other(
    agent: PlayedAgent, books: Books, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = declined_with_money(agent), declined_with_money(agent)
    retrieve = SandboxProvider.retrieve

    def breaking(self: SandboxProvider, attempt: Any) -> Any:
        if attempt.id == bad.pk:
            raise ValueError("canary-77a1")
        return retrieve(self, attempt)

    monkeypatch.setattr(SandboxProvider, "retrieve", breaking)

    with later():
        compare()

    assert open_breaks() == [("charged_without_order", f"sbx_{bad.pk}")]
    assert Break.objects.get(payment=good.pk).state == "healed"
    assert "canary-77a1" not in caplog.text


# --- The life of a break ------------------------------------------------------------------------


def test_what_was_put_right_there_is_gone_by_itself(agent: PlayedAgent, books: Books) -> None:
    order = bought(agent)
    spoil(order, captured=0)
    with later():
        compare()
        spoil(order, captured=order.amount)

        run = compare()

    row = Break.objects.get()
    assert (row.state, row.reason, row.resolved_by) == ("gone", "gone by itself", "system")
    assert row.resolved_at is not None
    assert run.counts["gone"] == 1


@pytest.mark.parametrize("mended", [False, True])
def test_a_break_outside_the_period_is_looked_at_by_itself(
    agent: PlayedAgent, books: Books, mended: bool
) -> None:
    order = bought(agent)
    spoil(order, captured=0)
    with later():
        compare()
    if mended:
        spoil(order, captured=order.amount)

    with later(timedelta(days=30)):
        run = compare(days=1)

    assert run.counts["entries"] == 0
    assert Break.objects.get().state == ("gone" if mended else "open")


def test_what_comes_back_is_a_new_break(agent: PlayedAgent, books: Books) -> None:
    order = bought(agent)
    with later():
        for captured in (0, order.amount, 0):
            spoil(order, captured=captured)
            compare()

    assert sorted(Break.objects.values_list("state", flat=True)) == ["gone", "open"]


@pytest.mark.parametrize("changed", [False, True])
def test_what_an_operator_closed_stays_closed_while_nothing_changes(
    agent: PlayedAgent, books: Books, changed: bool
) -> None:
    order = bought(agent)
    spoil(order, captured=order.amount - 1)
    with later():
        compare()
        assert breaks.close(Break.objects.get(), actor="operator:olga", reason="agreed with the buyer")
        if changed:
            spoil(order, captured=1)

        compare()

    assert open_breaks() == ([("amount_differs", order.payment_id)] if changed else [])
    closed = Break.objects.get(state="closed")
    assert (closed.resolved_by, closed.reason) == ("operator:olga", "agreed with the buyer")
    assert StateMove.objects.filter(subject=closed.pk, to_state="closed", actor="operator:olga").count() == 1


def test_a_finding_from_before_it_was_resolved_is_out_of_date(agent: PlayedAgent, books: Books) -> None:
    """Two runs found it; one healed it while the other was on its way to write it down."""
    payment = declined_with_money(agent)
    with later():
        found_at = timezone.now()
        compare()
        row = Break.objects.get()

        with pytest.raises(breaks.Stale):
            breaks.keep(Found(kind=row.kind, subject=row.subject, payment=payment.pk), found_at=found_at)

    assert Break.objects.count() == 1


def test_a_payment_the_provider_never_heard_of_has_no_order_and_no_break(
    agent: PlayedAgent, books: Books
) -> None:
    """Unknown is closed by settling it; nothing was charged, nothing is owed."""
    payment = unanswered(agent)
    SandboxCharge.objects.all().delete()

    with later():
        assert isinstance(books.retrieve(settlement.attempt_of(payment)), Unknown)
        compare()

    assert open_breaks() == []
    assert Break.objects.get().state == "healed"
    assert Payment.objects.get().state == PaymentState.DECLINED


@pytest.mark.parametrize(("plant", "kind"), [(_dead_capture, "not_captured"), (_dead_undo, "not_given_back")])
def test_what_was_given_up_is_run_again_by_an_operator(
    agent: PlayedAgent, books: Books, plant: Plant, kind: str
) -> None:
    subject = plant(agent, books)
    with later():
        compare()
        assert open_breaks() == [(kind, subject)], "no comparison takes money"

        delivery.run_again([message.pk for message in OutboxMessage.objects.exclude(dead_at=None)])
        delivery.deliver_due()
        compare()

    assert open_breaks() == []
    assert Break.objects.get().state == "gone"


@pytest.mark.parametrize("rule", ["at_once", "on_shipment"])
def test_money_that_is_authorized_for_too_long(
    agent: PlayedAgent, books: Books, monkeypatch: pytest.MonkeyPatch, rule: str
) -> None:
    """Its message is lost altogether: where it was to be taken at once, that is seen all the same."""
    order = bought(agent, captured=False)
    rules = replace(checkout_ports().rules, capture=rule)
    with plugged(payments=books, rules=rules), later():
        compare()
        assert open_breaks() == [], "it is queued, and on its way"
        OutboxMessage.objects.filter(kind="checkout.capture").delete()

        compare()

    assert open_breaks() == ([("not_captured", order.payment_id)] if rule == "at_once" else [])


def test_a_refund_that_failed_after_it_was_done_is_found_by_the_books(
    agent: PlayedAgent, books: Books
) -> None:
    """Nobody told us: the comparison asks, and our books say what the provider's do."""
    order = bought(agent)
    refund = refunds.request(order.pk, key="r1", amount=500)
    refunds.ask(refund.pk)
    books.bounced = {refund.pk: "account_closed"}
    spoil(order, refunds={})

    with later():
        run = compare()
        compare()

    refund.refresh_from_db()
    assert (refund.state, refund.failure) == ("failed", "account_closed")
    assert open_breaks() == []
    assert run.counts["outcomes"]["healed"] == {"refund_differs": 1}
    assert Payment.objects.get().refunded == 0
    assert Order.objects.get().attention == "refund_failed"

"""A purchase in somebody else's project ends in his own books (issue 3 "Mounting", decisions 1, 39)."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction

from checkout.models import Order, Payment
from checkout.ports import Attempt, Outcome, PlacedOrder
from gateway.delivery import deliver_due
from gateway.models import OutboxMessage
from tests.mounting.inside.assistant import Assistant, order, totals
from tests.mounting.inside.goods import left
from tests.mounting.merchant.bank import Bank
from tests.mounting.merchant.parts import Orders
from tests.mounting.merchant.store.models import Product, Reservation, SalesOrder, Transfer
from tests.parts import plugged


def test_a_purchase_ends_in_the_merchants_own_order(assistant: Assistant) -> None:
    """ACP-033, decision 39: what the agent paid is what the warehouse packs and the bank moved."""
    session = assistant.ready(("BOHNEN-500", 2), ("MUEHLE-1", 1), order_notes="Bitte klingeln")

    paid = assistant.complete(session)
    delivered = deliver_due()

    assert paid.status_code == 200
    assert paid.json()["status"] == "completed"
    assert delivered == 3  # captured, handed over, told to nobody yet
    sale = SalesOrder.objects.get()
    assert sale.agentic_order == paid.json()["order"]["id"]
    assert (sale.email, sale.city, sale.notes) == ("ada@kaeuferin.example", "Berlin", "Bitte klingeln")
    assert sorted(sale.lines.values_list("product__number", "pieces")) == [("BOHNEN-500", 2), ("MUEHLE-1", 1)]
    transfer = Transfer.objects.get()
    assert (transfer.state, transfer.cents) == ("moved", sale.cents)
    assert sale.cents == totals(session)["total"]
    assert sale.currency == session["currency"] == "eur"
    assert Order.objects.get().merchant_reference == str(sale)
    assert Payment.objects.get().state == "captured"


def test_the_command_that_the_readme_names_delivers(assistant: Assistant) -> None:
    """Nothing starts a relay in a foreign project but the merchant himself."""
    assistant.complete(assistant.ready())
    before = SalesOrder.objects.count()

    call_command("agentic_relay", once=True, stdout=StringIO())

    assert (before, SalesOrder.objects.count()) == (0, 1)


def test_the_merchants_stock_moves_with_the_order(assistant: Assistant) -> None:
    """Decision 36: held before the money, sold with the order."""
    assistant.complete(assistant.ready(("BOHNEN-500", 3)))

    assert left("BOHNEN-500") == 17
    assert list(Reservation.objects.values_list("pieces", "state")) == [(3, "sold")]


def test_prices_taxes_and_delivery_are_the_merchants(assistant: Assistant) -> None:
    """ACP-056: 10 x 12.90 less a tenth, 7 % on it, parcel or counter at 19 %."""
    session = assistant.ready(("BOHNEN-500", 10))

    assert totals(session)["total"] == 11_610 + 813 + 490 + 93
    assert totals(session)["tax"] == 813 + 93
    assert [option["id"] for option in session["fulfillment_options"]] == ["paket", "abholung"]
    counter = {"type": "pickup", "option_id": "abholung", "item_ids": []}
    counter["item_ids"] = [line["id"] for line in session["line_items"]]
    changes = {"selected_fulfillment_options": [counter]}
    updated = assistant.post(f"/checkout_sessions/{session['id']}", changes).json()
    assert totals(updated)["total"] == 11_610 + 813


def test_what_is_delivered_over_the_network_needs_no_address(assistant: Assistant) -> None:
    """ACP-057: a digital option, from the merchant's own part."""
    session = assistant.create(("KURS-PDF", 1))

    assert session["status"] == "ready_for_payment"
    assert assistant.complete(session).json()["status"] == "completed"


def test_a_changed_price_is_shown_and_not_charged(assistant: Assistant) -> None:
    """Decision 25: the merchant raised it in his own table."""
    session = assistant.ready()
    Product.objects.filter(number="BOHNEN-500").update(cents=1_390)

    warned = assistant.complete(session).json()

    assert warned["status"] == "ready_for_payment"
    assert [message["code"] for message in warned["messages"]] == ["price_change"]
    assert not Transfer.objects.exists()


def test_a_refused_payment_gives_the_stock_back(assistant: Assistant) -> None:
    """ACP-036: 200, no order, and another way to pay works."""
    session = assistant.ready(("MUEHLE-1", 3))

    refused = assistant.complete(session, "tok_bank_broke").json()

    assert refused["status"] == "ready_for_payment"
    assert [message["code"] for message in refused["messages"]] == ["payment_declined"]
    assert left("MUEHLE-1") == 3
    assert assistant.complete(session).json()["status"] == "completed"
    assert left("MUEHLE-1") == 0


def test_more_than_there_is_cannot_be_bought(assistant: Assistant) -> None:
    """ACP-038: the merchant's own count decides."""
    session = assistant.create(("MUEHLE-1", 4))

    assert session["status"] == "not_ready_for_payment"
    assert "low_stock" in [message.get("code") for message in session["messages"]]


def test_a_repeat_is_answered_as_before_and_buys_nothing(assistant: Assistant) -> None:
    """Decision 24: one charge, one order, one sales order, whatever is repeated."""
    session = assistant.ready()

    first = assistant.complete(session, key="once")
    again = assistant.complete(session, key="once")
    other = assistant.complete(session, "tok_bank_bob", key="once")
    for _ in range(2):
        deliver_due()
    OutboxMessage.objects.update(done_at=None)
    deliver_due()

    assert (first.status_code, again.status_code, other.status_code) == (200, 200, 422)
    assert again.content == first.content
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert SalesOrder.objects.count() == Transfer.objects.count() == Order.objects.count() == 1


def test_a_repeated_opening_opens_one_session(assistant: Assistant) -> None:
    """Decision 24, under ATOMIC_REQUESTS: the answer is kept with the session, in its transaction."""
    first = assistant.post("/checkout_sessions", order(), key="open")
    again = assistant.post("/checkout_sessions", order(), key="open")

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["id"] == again.json()["id"]


def test_no_transaction_is_open_around_the_bank_and_the_order_desk(assistant: Assistant) -> None:
    """Decisions 6 and 36: ATOMIC_REQUESTS is on, and the parts are still called outside."""
    seen: list[tuple[str, bool]] = []

    class WatchedBank(Bank):
        def authorize(self, attempt: Attempt) -> Outcome:
            seen.append(("authorize", transaction.get_connection().in_atomic_block))
            return super().authorize(attempt)

        def capture(self, attempt: Attempt, reference: str) -> Any:
            seen.append(("capture", transaction.get_connection().in_atomic_block))
            return super().capture(attempt, reference)

    class WatchedOrders(Orders):
        def place(self, order: PlacedOrder) -> str:
            seen.append(("place", transaction.get_connection().in_atomic_block))
            return super().place(order)

    with plugged(payments=WatchedBank(), order_sink=WatchedOrders()):
        assistant.complete(assistant.ready())
        deliver_due()

    assert sorted(seen) == [("authorize", False), ("capture", False), ("place", False)]


def test_the_bank_would_complain_about_a_transaction(shelves: None) -> None:
    """The tests above could not pass with one open."""
    attempt = Attempt("pay_x", "cs_x", 100, "eur")

    with transaction.atomic(), pytest.raises(RuntimeError, match="inside somebody's transaction"):
        Bank().authorize(attempt)


def test_an_accident_after_the_claim_rolls_back_no_foreign_work(assistant: Assistant) -> None:
    """Decision 36: what the bank did is not forgotten when the request dies; the retry finishes."""
    session = assistant.ready()

    class Dying(Bank):
        def authorize(self, attempt: Attempt) -> Outcome:
            super().authorize(attempt)
            raise ZeroDivisionError

    with plugged(payments=Dying()):
        died = assistant.complete(session, key="k")
    retried = assistant.complete(session, key="k")

    assert (died.status_code, died.headers["Content-Type"]) == (500, "application/json")
    assert retried.json()["status"] == "completed"
    assert Transfer.objects.count() == 1

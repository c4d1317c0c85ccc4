"""What operators do with an order after the purchase, and what they read of it (T95)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client

from checkout import adjustments, orders, refunds, shipments
from checkout.errors import ProviderUnavailable
from checkout.models import Adjustment, Order, Refund, Shipment, StateMove
from checkout.ports import ports
from tests.operators import act, listing, log_in, page
from tests.orders.conftest import Provider, lines, relayed, told, wired
from tests.parts import plugged

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def operator(order: Order) -> Client:
    return log_in()


def text_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


@pytest.mark.requirement("T95")
def test_a_refund_is_asked_about_and_then_made_once(operator: Client, order: Order) -> None:
    asked = act(operator, order, "refund", reason=None, back="1")

    assert "goes back to the buyer through the payment provider" in asked.text
    assert f"at most {order.amount / 100:.2f} USD" in asked.text
    key = re.search(r'name="key" value="(\w{32})"', asked.text)
    assert key is not None
    assert not Refund.objects.exists()

    for _ in range(2):
        done = act(operator, order, "refund", reason="chipped", amount="5.00", key=key[1], back="1")

    refund = Refund.objects.get()
    assert (refund.amount, refund.reason, refund.actor) == (500, "chipped", "operator:olga")
    assert done.redirect_chain[-1][0] == page(order)
    entry = LogEntry.objects.first()
    assert entry is not None
    assert entry.change_message == f"5.00 USD are to go back ({refund.pk}). chipped"
    assert "chipped" not in str(wired(order))
    relayed()
    shown = text_of(operator.get(page(order)))
    assert "Gone back: 5.00 USD" in shown
    assert "operator olga" in shown
    assert "requested → completed" in shown


@pytest.mark.parametrize("amount", ["", "0", "-1", "5.001", "1e3000", "NaN", "five"])
def test_an_amount_that_is_none_gives_nothing_back(operator: Client, order: Order, amount: str) -> None:
    answer = act(operator, order, "refund", reason="chipped", amount=amount)

    assert answer.status_code == 200
    assert not Refund.objects.exists()
    assert told(order) == [1]


def test_more_than_was_taken_is_refused_and_noted(operator: Client, order: Order) -> None:
    answer = act(operator, order, "refund", reason="angry", amount=str(order.amount))

    assert "No more can go back than was taken" in answer.text
    assert "Not done (conflict)" in LogEntry.objects.get().change_message
    assert not Refund.objects.exists()


def test_goods_are_sent_delivered_and_taken_back(operator: Client, order: Order) -> None:
    mugs, notebook = lines(order)

    act(
        operator,
        order,
        "ship",
        carrier="DHL",
        tracking_number="00340",
        tracking_url="https://tracking.example/1",
        **{f"line_{mugs}": "2", f"line_{notebook}": "0"},
    )
    [parcel] = Shipment.objects.all()
    assert parcel.lines == [{"id": mugs, "quantity": 2}]
    wrong = act(operator, order, "ship", tracking_url="http://x.example", **{f"line_{notebook}": "1"})
    assert "tracking_url must be a plain https address." in wrong.text
    act(operator, order, "ship", **{f"line_{notebook}": "1"})
    for row in Shipment.objects.all():
        act(operator, order, "deliver", shipment=row.pk)
    assert wired(order)["status"] == "completed"
    act(operator, order, "take_back", description="Handle broke", **{f"line_{mugs}": "1"})

    assert [row["type"] for row in wired(order)["adjustments"]] == ["return", "refund"]
    shown = text_of(operator.get(page(order)))
    for said in ("2 x Stoneware Mug", "DHL 00340", "https://tracking.example/1", "Handle broke", parcel.pk):
        assert said in shown, said
    assert LogEntry.objects.count() == 6


def test_an_order_and_pieces_of_it_are_canceled(operator: Client, order: Order) -> None:
    mugs, notebook = lines(order)

    act(operator, order, "cancel_lines", **{f"line_{mugs}": "1", f"line_{notebook}": "0"})
    nothing = act(operator, order, "cancel_lines")
    assert "At least one line is needed." in nothing.text
    act(operator, order, "cancel", reason="fraud", description="As you asked")

    assert wired(order)["status"] == "canceled"
    assert Adjustment.objects.filter(type="cancellation", actor="operator:olga").count() == 2
    assert "fraud" not in str(wired(order))


def test_only_what_can_be_done_is_offered(operator: Client, order: Order) -> None:
    def offered() -> set[str]:
        return set(re.findall(r'name="action" value="(\w+)"', operator.get(page(order)).text))

    assert offered() == {"refund", "ship", "cancel_lines", "cancel"}
    shipments.ship(order.pk, key="p1")
    assert offered() == {"refund", "deliver", "take_back"}
    refunds.request(order.pk, key="r1")
    adjustments.dispute(order.payment_id, key="d1")
    assert offered() == {"deliver", "take_back", "dealt_with"}


def test_what_needs_somebody_is_a_list_and_leaves_it(operator: Client, order: Order) -> None:
    adjustments.dispute(order.payment_id, key="d1")
    waiting = listing(Order) + "?attention=yes"
    assert order.pk in operator.get(waiting).text

    act(operator, order, "dealt_with", reason="called the buyer")

    assert order.pk not in operator.get(waiting).text
    order.refresh_from_db()
    assert order.attention == ""
    assert LogEntry.objects.get().change_message == "Dealt with. called the buyer"


@pytest.mark.requirement("T95")
@pytest.mark.parametrize("permission", ["view", "change"])
def test_looking_and_acting_are_two_permissions(order: Order, permission: str) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename=f"{permission}_order"))
    client = Client()
    client.force_login(clerk)

    opened = client.get(page(order))
    act(client, order, "refund", amount="1.00")

    assert opened.status_code == 200
    assert ('value="refund"' in opened.text) is (permission == "change")
    assert Refund.objects.exists() is (permission == "change")


def test_one_order_at_a_time(operator: Client, order: Order) -> None:
    answer = operator.post(
        listing(Order), {"action": "refund", "_selected_action": ["ord_1"], "confirmed": "1"}, follow=True
    )

    assert answer.status_code == 200
    assert not Refund.objects.exists()


def test_refunds_have_a_list_and_are_asked_about(operator: Client, order: Order) -> None:
    refund = refunds.request(order.pk, key="r1", amount=500)
    assert refund.pk in operator.get(listing(Refund) + "?open=yes").text
    for term in (refund.pk, order.pk, order.payment_id):
        assert refund.pk in operator.get(listing(Refund) + f"?q={term}").text

    with plugged(payments=Provider(ports().payments, ProviderUnavailable())):
        silent = act(operator, refund, "ask_provider")
    assert "did not answer" in silent.text
    act(operator, refund, "ask_provider")

    refund.refresh_from_db()
    assert refund.state == "completed"
    assert refund.pk not in operator.get(listing(Refund) + "?open=yes").text
    assert operator.get(page(refund)).status_code == 200
    move = StateMove.objects.filter(subject=refund.pk).last()
    assert move is not None
    assert page(refund) in operator.get(page(move)).text


def test_words_of_others_are_text(operator: Client, order: Order) -> None:
    orders.marked(order.pk, "odd")
    parcel = shipments.ship(order.pk, key="p1", carrier=HOSTILE, description=HOSTILE)
    shipments.record(parcel.pk, key="e1", type="x", description=HOSTILE, location=HOSTILE)
    adjustments.add(order.pk, type="credit", key="a1", description=HOSTILE, reason="r")
    refunds.request(order.pk, key="r1", amount=1, reason=HOSTILE)

    for answer in (operator.get(page(order)), operator.get(page(Refund.objects.get()))):
        assert answer.status_code == 200
        assert HOSTILE not in answer.text
        assert "&lt;script&gt;" in answer.text

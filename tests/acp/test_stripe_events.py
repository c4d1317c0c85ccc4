"""Stripe's own events, over the gateway's route: genuine, and only ever hints (T67, T89 to T91)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from checkout import heard, refunds
from checkout.models import Order, Payment
from gateway import delivery
from gateway.models import PaymentEvent
from tests.acp.test_stripe import paying
from tests.agents import PlayedAgent
from tests.stripe_double.process import Stripe


def bring(message: dict[str, str]) -> int:
    """What Stripe hears when it posts the event."""
    answer = Client().post(
        "/agentic/payments/webhook",
        message["body"],
        content_type="application/json",
        headers={"Stripe-Signature": message["header"]},
    )
    return answer.status_code


def told(stripe: Stripe) -> list[dict[str, str]]:
    """What Stripe signed about the one payment there is."""
    payment = Payment.objects.get().pk
    return [message for message in stripe.tell("events")["signed"] if payment in message["body"]]


@pytest.fixture
def unknown(agent: PlayedAgent, stripe: Stripe) -> dict[str, Any]:
    """A session whose card was charged, and nobody heard of it."""
    session = agent.ready()
    path = r"/v1/payment_intents/pi_\w+(/confirm)?"
    failed = {"what": "answer", "path": path, "status": 503, "error": {"type": "api_error"}, "times": 9}
    stripe.troubles({"what": "error_after", "path": path}, failed, {**failed, "method": "GET"})
    assert agent.complete(session, paying(stripe)).status_code == 503
    stripe.troubles()
    return session


@pytest.mark.requirement("T89", "T91", "R10")
def test_an_event_finds_what_an_answer_did_not_bring(
    agent: PlayedAgent, stripe: Stripe, unknown: dict[str, Any]
) -> None:
    """In any order and as often as it likes: one order, one charge."""
    messages = told(stripe)
    assert len(messages) >= 2

    heard = [bring(message) for message in [*reversed(messages), *messages, *messages]]
    delivery.deliver_due()

    assert set(heard) == {200}
    assert PaymentEvent.objects.count() == len(messages)
    assert agent.retrieve(unknown)["status"] == "completed"
    assert len(stripe.charges(unknown["id"])) == Order.objects.count() == 1


@pytest.mark.requirement("T67")
def test_a_forged_event_moves_nothing(agent: PlayedAgent, stripe: Stripe, unknown: dict[str, Any]) -> None:
    for message in told(stripe):
        claimed = json.loads(message["body"])
        claimed["type"] = "payment_intent.canceled"
        assert bring({**message, "body": json.dumps(claimed)}) == 400
    delivery.deliver_due()

    assert not PaymentEvent.objects.exists()
    assert agent.retrieve(unknown)["status"] == "complete_in_progress"


@pytest.mark.requirement("T67")
def test_what_an_event_says_is_not_believed(
    agent: PlayedAgent, stripe: Stripe, unknown: dict[str, Any]
) -> None:
    """It was made before the charge, and says that there is none: the intent itself says otherwise."""
    [early] = [message for message in told(stripe) if "payment_intent.created" in message["body"]]

    assert bring(early) == 200
    delivery.deliver_due()

    assert agent.retrieve(unknown)["status"] == "completed"


# --- Refunds that fail late, and disputes -----------------------------------------------------------


def bring_all(stripe: Stripe, about: str) -> set[int]:
    """What Stripe hears when it posts all that it signed and that names this."""
    messages = [message for message in stripe.tell("events")["signed"] if about in message["body"]]
    answers = {bring(message) for message in [*messages, *reversed(messages)]}
    delivery.deliver_due()
    return answers


@pytest.fixture
def bought(agent: PlayedAgent, stripe: Stripe) -> Order:
    """Paid, and its money taken."""
    assert agent.complete(agent.ready(), paying(stripe)).json()["status"] == "completed"
    delivery.deliver_due()
    order = Order.objects.select_related("payment").get()
    assert order.payment.state == "captured"
    return order


@pytest.mark.requirement("ACP-226", "ACP-227", "T89", "T64")
def test_a_refund_that_fails_after_it_was_done(stripe: Stripe, bought: Order) -> None:
    refund = refunds.request(bought.pk, key="r1", amount=500)
    delivery.deliver_due()
    refund.refresh_from_db()
    assert refund.state == "completed"

    stripe.tell("refunds", bounced=bought.payment.reference, reason="lost_or_stolen_card")
    answers = bring_all(stripe, bought.payment.reference)

    refund.refresh_from_db()
    bought.refresh_from_db()
    assert answers == {200}
    assert (refund.state, refund.failure) == ("failed", "lost_or_stolen_card")
    assert Payment.objects.get().refunded == 0
    assert bought.attention == "refund_failed"
    assert [row.status for row in bought.adjustments.all()] == ["failed"]
    assert (
        len([row for row in stripe.ledger["refunds"] if row["payment_intent"] == refund.payment.reference])
        == 1
    )
    assert not PaymentEvent.objects.filter(state="quarantined").exists()


@pytest.mark.requirement("T89", "T90")
@pytest.mark.parametrize(
    ("ends", "status"),
    [(None, "pending"), ("lost", "completed"), ("won", "failed"), ("warning_closed", "failed")],
)
def test_a_dispute_is_found_by_what_stripe_calls_the_payment(
    stripe: Stripe, bought: Order, ends: str | None, status: str
) -> None:
    """It names no attempt of ours. Its messages come twice, and the last one first too."""
    made = stripe.tell("dispute", payment_intent=bought.payment.reference, reason="fraudulent")
    if ends:
        stripe.tell("dispute_closed", dispute=made["id"], status=ends)

    answers = bring_all(stripe, made["id"])

    bought.refresh_from_db()
    [row] = bought.adjustments.all()
    assert answers == {200}
    assert (row.type, row.key, row.status, row.amount) == ("dispute", made["id"], status, bought.amount)
    assert row.reason == "fraudulent"
    assert bought.attention == "disputed"
    assert not PaymentEvent.objects.exclude(state="processed").exists()


def test_a_dispute_that_goes_on_is_told_of_at_its_end(stripe: Stripe, bought: Order) -> None:
    made = stripe.tell("dispute", payment_intent=bought.payment.reference, amount=100, reason="duplicate")
    bring_all(stripe, made["id"])
    bought.refresh_from_db()
    before = bought.sequence

    stripe.tell("dispute_closed", dispute=made["id"], status="lost")
    bring_all(stripe, made["id"])

    bought.refresh_from_db()
    assert [row.status for row in bought.adjustments.all()] == ["completed"]
    assert bought.sequence == before + 1


@pytest.mark.requirement("T90")
def test_a_dispute_of_a_payment_that_is_none_of_ours_waits(stripe: Stripe, bought: Order) -> None:
    Payment.objects.update(reference="pi_000000000000")
    [intent] = stripe.of(bought.payment_id)
    made = stripe.tell("dispute", payment_intent=intent["id"], reason="fraudulent")

    bring_all(stripe, made["id"])

    assert PaymentEvent.objects.get().state == "quarantined"
    assert not bought.adjustments.exists()


def test_a_dispute_that_stripe_does_not_show_is_for_a_person(stripe: Stripe, bought: Order) -> None:
    """Even a genuine message is a hint: the books know of no dispute, so that a person looks."""
    assert heard.of(bought.payment_id, "dispute")

    bought.refresh_from_db()
    assert bought.attention == "disputed"
    assert not bought.adjustments.exists()


@pytest.mark.requirement("T90")
@pytest.mark.parametrize("status", [401, 403, 404, 503])
def test_a_dispute_that_our_key_may_not_read_is_for_a_person(
    stripe: Stripe, bought: Order, status: int
) -> None:
    """A restricted key from before the gateway read disputes lacks the right, perhaps for good, and a
    dispute that nobody answers in time is lost."""
    made = stripe.tell("dispute", payment_intent=bought.payment.reference, reason="fraudulent")
    error = {"type": "api_error" if status == 503 else "invalid_request_error"}
    refused = {"what": "answer", "path": "/v1/disputes", "status": status, "error": error, "times": 99}
    stripe.troubles({**refused, "method": "GET"})

    bring_all(stripe, made["id"])

    bought.refresh_from_db()
    assert bought.attention == "disputed"
    assert PaymentEvent.objects.get().state == "received", "it is asked again"
    stripe.troubles()
    assert heard.of(bought.payment_id, "dispute")
    assert [row.key for row in bought.adjustments.all()] == [made["id"]]

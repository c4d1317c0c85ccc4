"""Money that goes back, once for each key, and what Stripe's books say of everything (T64)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from checkout.errors import ProviderUnavailable
from checkout.payments.stripe import Answer, StripeApi
from checkout.ports import Attempt, Authorized, Refunded
from tests.stripe_double.process import Stripe
from tests.stripe_double.provider import provider
from tests.stripe_payments.attempts import attempt, later, paying

REFUND = r"/v1/refunds"
QUICK: dict[str, Any] = {"timeout_seconds": 0.4, "retries": 0}


@pytest.fixture
def taken(stripe: Stripe) -> tuple[Attempt, str]:
    """A payment whose money was taken, and its reference."""
    made = paying(stripe)
    outcome = provider(stripe, capture="automatic").authorize(made)
    assert isinstance(outcome, Authorized)
    return later(made), outcome.reference


def back(stripe: Stripe, reference: str) -> list[int]:
    return [row["amount"] for row in stripe.ledger["refunds"] if row["payment_intent"] == reference]


def give_back(stripe: Stripe, taken: tuple[Attempt, str], amount: int, key: str, **terms: Any) -> Refunded:
    made, reference = taken
    return provider(stripe, **terms).refund(made, reference, amount=amount, key=key)


def test_parts_and_the_rest(stripe: Stripe, taken: tuple[Attempt, str]) -> None:
    said = [give_back(stripe, taken, amount, f"{taken[0].id}:{amount}") for amount in (1_000, 3_200)]

    assert [one.state for one in said] == ["completed", "completed"]
    assert back(stripe, taken[1]) == [1_000, 3_200]
    after = give_back(stripe, taken, 1, f"{taken[0].id}:1")
    assert (after.state, after.reason) == ("failed", "charge_already_refunded")


@pytest.mark.parametrize("what", ["error_before", "error_after", "lost_before", "lost_after"])
@pytest.mark.parametrize("retries", [0, 1])
def test_a_refund_that_breaks_is_made_once(
    stripe: Stripe, taken: tuple[Attempt, str], what: str, retries: int
) -> None:
    """By its key and by Stripe's books, which know of a refund that failed only in its answer."""
    key = f"{taken[0].id}:r"
    stripe.troubles({"what": what, "path": REFUND, "seconds": 1.0})
    with suppress(ProviderUnavailable):
        give_back(stripe, taken, 1_000, key, **{**QUICK, "retries": retries})

    said = give_back(stripe, taken, 1_000, key)

    assert said.state == "completed"
    assert back(stripe, taken[1]) == [1_000]


def test_a_refund_whose_key_stripe_forgot_is_not_made_again(
    stripe: Stripe, taken: tuple[Attempt, str]
) -> None:
    key = f"{taken[0].id}:r"
    first = give_back(stripe, taken, 1_000, key)
    stripe.forget_keys()

    assert give_back(stripe, taken, 1_000, key) == first
    assert back(stripe, taken[1]) == [1_000]


@pytest.mark.requirement("T64")
@pytest.mark.parametrize("status", [400, 402, 404])
def test_books_that_are_not_shown_are_no_refusal(
    stripe: Stripe, taken: tuple[Attempt, str], status: int
) -> None:
    """The money went back and nobody heard of it: called failed, it would be given back once more."""
    key = f"{taken[0].id}:r"
    stripe.troubles({"what": "lost_after", "path": REFUND, "seconds": 1.0})
    with pytest.raises(ProviderUnavailable):
        give_back(stripe, taken, 1_000, key, **QUICK)
    error = {"type": "card_error" if status == 402 else "invalid_request_error"}
    stripe.troubles(
        {"what": "answer", "method": "GET", "path": REFUND, "status": status, "error": error, "times": 9}
    )

    with pytest.raises(ProviderUnavailable):
        give_back(stripe, taken, 1_000, key)

    stripe.troubles()
    assert give_back(stripe, taken, 1_000, key).state == "completed"
    assert back(stripe, taken[1]) == [1_000]


@pytest.mark.parametrize("decided", ["succeeded", "failed", "canceled"])
def test_a_repeat_says_what_became_of_it(stripe: Stripe, taken: tuple[Attempt, str], decided: str) -> None:
    key = f"{taken[0].id}:r"
    stripe.tell("refunds", becomes="pending")
    first = give_back(stripe, taken, 1_000, key)

    stripe.tell("refunds", decided=decided, reason="expired_or_canceled_card")
    again = give_back(stripe, taken, 1_000, key)

    assert first.state == "pending"
    assert again.reference == first.reference
    assert again.state == ("completed" if decided == "succeeded" else "failed")
    assert bool(again.reason) == (again.state == "failed")


def test_more_refunds_than_a_page_holds(stripe: Stripe, taken: tuple[Attempt, str]) -> None:
    """The oldest is found among them."""
    for number in range(24):
        give_back(stripe, taken, 10, f"{taken[0].id}:{number}")
    stripe.forget_keys()

    give_back(stripe, taken, 10, f"{taken[0].id}:0")

    assert back(stripe, taken[1]) == [10] * 24


def test_what_nobody_paid_cannot_go_back(stripe: Stripe) -> None:
    made = paying(stripe)
    outcome = provider(stripe).authorize(made)
    assert isinstance(outcome, Authorized)

    assert give_back(stripe, (made, outcome.reference), 5, "k1").state == "failed"
    assert give_back(stripe, (made, "pi_000000000000"), 5, "k2").reason == "resource_missing"


def test_a_state_that_stripe_invents_is_unknown(stripe: Stripe, taken: tuple[Attempt, str]) -> None:
    stripe.tell("refunds", becomes="levitating")

    with pytest.raises(ProviderUnavailable):
        give_back(stripe, taken, 5, "k")


@pytest.mark.requirement("T60")
@pytest.mark.parametrize(
    "changed",
    [
        {"object": "charge"},
        {"id": "re_<script>"},
        {"id": None},
        {"amount": 999},
        {"payment_intent": "pi_of_another"},
        {"currency": "eur"},
    ],
    ids=str,
)
def test_an_answer_that_is_not_of_this_refund_is_none(
    stripe: Stripe,
    taken: tuple[Attempt, str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    changed: dict[str, Any],
) -> None:
    made, reference = taken
    part, ask = provider(stripe), StripeApi.ask

    def changing(api: StripeApi, service: str, verb: str, *ids: str, **more: Any) -> Answer:
        answer = ask(api, service, verb, *ids, **more)
        return replace(answer, content={**answer.content, **changed}) if verb == "create" else answer

    monkeypatch.setattr(StripeApi, "ask", changing)

    with pytest.raises(ProviderUnavailable):
        part.refund(made, reference, amount=1_000, key=f"{made.id}:r")

    assert [record.levelname for record in caplog.records if record.name == "agentic.stripe"] == ["ERROR"]


def test_amounts_go_back_as_stripe_counts(stripe: Stripe) -> None:
    made = attempt(stripe.grant(amount=150_000, currency="isk"), amount=1_500, currency="isk")
    part = provider(stripe, capture="automatic")
    outcome = part.authorize(made)
    assert isinstance(outcome, Authorized)

    part.refund(made, outcome.reference, amount=500, key="isk")

    assert back(stripe, outcome.reference) == [50_000]
    now = datetime.now(UTC)
    books = part.entries(now - timedelta(minutes=5), now + timedelta(minutes=5))
    [row] = [row for row in books if row.attempt_id == made.id]
    assert (row.amount, row.captured, row.refunded, row.currency) == (1_500, 1_500, 500, "isk")


def test_the_books_are_read_page_by_page_oldest_first(stripe: Stripe) -> None:
    made = [paying(stripe) for _ in range(23)]
    for one in made:
        provider(stripe).authorize(one)
    waiting = attempt()
    provider(stripe).retrieve(waiting)
    asking = paying(stripe, "pm_card_threeDSecure2Required")
    provider(stripe).authorize(asking)
    now = datetime.now(UTC)

    books = list(provider(stripe).entries(now - timedelta(hours=1), now + timedelta(minutes=5)))

    names = [row.attempt_id for row in books]
    assert [name for name in names if name in {one.id for one in made}] == [one.id for one in made]
    states = {row.attempt_id: row.state for row in books}
    assert states[waiting.id] == states[asking.id] == "waiting"
    assert states[made[0].id] == "authorized"
    pages = [one for one in stripe.asked if (one["method"], one["path"]) == ("GET", "/v1/payment_intents")]
    assert len(pages) > 1


def test_a_second_belongs_to_one_day(stripe: Stripe) -> None:
    """`until` is not part of it, and the next day starts there."""
    made = paying(stripe)
    provider(stripe).authorize(made)
    edge = datetime.fromtimestamp(stripe.of(made.id)[0]["created"], UTC)
    day = timedelta(days=1)

    with time_machine.travel(edge):
        before = [row.attempt_id for row in provider(stripe).entries(edge - day, edge)]
        after = [row.attempt_id for row in provider(stripe).entries(edge, edge + day)]

    assert made.id not in before
    assert made.id in after

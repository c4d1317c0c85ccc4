"""How Stripe is asked: which headers, under which key, through which door, and when it is not."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from checkout.errors import ProviderUnavailable
from checkout.payments.stripe_payments import StripeProvider
from checkout.payments.stripe_terms import HUNDREDFOLD, UNCOUNTED, charged, counted
from checkout.ports import AuthenticatingProvider, Authorized, LedgerProvider, PaymentProvider
from gateway.egress import Egress
from interventions.http import Reply
from tests.stripe_double.process import Stripe
from tests.stripe_double.provider import provider
from tests.stripe_payments.attempts import attempt, later, paying


def test_it_serves_the_three_ports(stripe: Stripe) -> None:
    part = provider(stripe)

    assert isinstance(part, PaymentProvider)
    assert isinstance(part, AuthenticatingProvider)
    assert isinstance(part, LedgerProvider)


@pytest.mark.requirement("ACP-162", "ACP-187")
def test_every_step_has_its_key_its_version_and_nothing_of_this_machine(stripe: Stripe) -> None:
    made = paying(stripe)
    before = len(stripe.asked)

    outcome = provider(stripe).authorize(made)
    assert isinstance(outcome, Authorized)
    provider(stripe).capture(later(made), outcome.reference)

    create, confirm, capture = stripe.asked[before:]
    assert [one["idempotency_key"] for one in (create, confirm, capture)] == [
        made.id,
        f"{made.id}:confirm",
        f"{made.id}:capture",
    ]
    assert create["version"] == "2026-10-28.endive"
    assert create["headers"]["HTTP_USER_AGENT"] == "agentic-checkout-gateway"
    assert "HTTP_X_STRIPE_CLIENT_USER_AGENT" not in create["headers"]
    assert "HTTP_X_STRIPE_CLIENT_TELEMETRY" not in confirm["headers"]
    assert dict(create["form"]) == {
        "amount": "4200",
        "currency": "usd",
        "capture_method": "manual",
        "payment_method_types[0]": "card",
        "metadata[attempt]": made.id,
        "metadata[session]": made.session_id,
    }, "no buyer, no cart"


@pytest.mark.django_db
def test_it_is_not_asked_with_a_transaction_open(stripe: Stripe) -> None:
    part, made = provider(stripe), paying(stripe)
    before = len(stripe.asked)

    with transaction.atomic():
        for verb in (
            lambda: part.authorize(made),
            lambda: part.retrieve(made),
            lambda: part.capture(made, "pi_1"),
            lambda: part.void(made, "pi_1"),
            lambda: part.refund(made, "pi_1", amount=1, key="k"),
            lambda: part.resume(made, {"outcome": "denied"}),
            lambda: part.challenge_page(made, return_to="https://shop.example", state="s"),
        ):
            with pytest.raises(RuntimeError, match="transaction"):
                verb()

    assert len(stripe.asked) == before


@pytest.mark.requirement("T23")
def test_it_leaves_by_the_guarded_door_alone(stripe: Stripe) -> None:
    """A server on this machine is no server of Stripe's, outside the demo."""
    before = len(stripe.asked)

    with pytest.raises(ProviderUnavailable):
        provider(stripe, http=Egress(), retries=0).authorize(paying(stripe))

    assert [one for one in stripe.asked[before:] if "granted_tokens" not in one["path"]] == []


def test_a_lost_answer_is_asked_for_once_more_under_the_same_key(stripe: Stripe) -> None:
    made = paying(stripe)
    stripe.troubles({"what": "lost_after", "path": "/v1/payment_intents", "seconds": 1.0})
    before = len(stripe.asked)

    outcome = provider(stripe, timeout_seconds=0.4).authorize(made)

    assert isinstance(outcome, Authorized)
    assert [one["idempotency_key"] for one in stripe.asked[before:]] == [
        made.id,
        made.id,
        f"{made.id}:confirm",
    ]
    assert len(stripe.of(made.id)) == 1


def test_no_time_is_left_for_more_than_a_verb_may_take(stripe: Stripe) -> None:
    made = paying(stripe)
    before = len(stripe.asked)

    with pytest.raises(ProviderUnavailable):
        provider(stripe, verb_seconds=0.0).authorize(made)

    assert len(stripe.asked) == before


def test_two_accounts_in_one_process_do_not_meet(stripe: Stripe) -> None:
    """No key of the library's own, which all would share."""
    good, bad = provider(stripe), provider(stripe, secret_key="sk_test_ofNobody00000001")

    with pytest.raises(ProviderUnavailable):
        bad.authorize(paying(stripe))
    assert isinstance(good.authorize(paying(stripe)), Authorized)


@pytest.mark.requirement("T60")
def test_an_error_of_odd_form_is_unknown(stripe: Stripe) -> None:
    class Odd:
        def __init__(self, status: int, body: bytes) -> None:
            self.reply = Reply(status, {"idempotent-replayed": "true"}, body)

        def request(self, method: str, url: str, **_: Any) -> Reply:
            return self.reply

    def part(status: int, body: bytes) -> StripeProvider:
        return provider(stripe, http=Odd(status, body), retries=0)

    for status in (301, 400, 402, 404, 500):
        for body in (b"", b"<html>", b"[]", b'{"error": "no"}', b'{"error": []}', b'{"error": null}', b"{}"):
            with pytest.raises(ProviderUnavailable):
                part(status, body).retrieve(attempt())


def test_every_currency_is_counted_as_stripe_does() -> None:
    assert charged(1_999, "usd") == 1_999
    assert charged(5_000, "jpy") == 5_000
    assert all(counted(charged(1_234, currency), currency) == 1_234 for currency in ("usd", *HUNDREDFOLD))
    assert not HUNDREDFOLD & UNCOUNTED

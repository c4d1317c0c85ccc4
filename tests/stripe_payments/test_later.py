"""A day later, and after the authorization: the same attempt, the same charge, however often it is asked."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from checkout.errors import ProviderUnavailable
from checkout.ports import ActionRequired, Attempt, Authorized, Declined, Unknown
from tests.stripe_double.process import Stripe
from tests.stripe_double.provider import card, provider
from tests.stripe_payments.attempts import attempt, later, paying
from tests.stripe_payments.test_recovery import BROKEN, CONFIRM, CREATE, QUICK, held, tried, trouble

CAPTURE, CANCEL = r"/v1/payment_intents/pi_\w+/capture", r"/v1/payment_intents/pi_\w+/cancel"

# --- after a day --------------------------------------------------------------------------------


def of_another_day(made: Attempt) -> Attempt:
    return replace(made, opened_at=timezone.now() - timedelta(hours=30))


def test_what_stripe_forgot_the_key_of_is_found_by_its_metadata(stripe: Stripe) -> None:
    made = paying(stripe)
    first = provider(stripe).authorize(made)
    stripe.forget_keys()

    assert provider(stripe).retrieve(later(of_another_day(made))) == first
    assert provider(stripe).authorize(of_another_day(made)) == first
    assert len(stripe.of(made.id)) == len(stripe.charges(made.session_id)) == 1


def test_an_old_attempt_that_never_came_to_stripe(stripe: Stripe) -> None:
    made = of_another_day(paying(stripe))

    assert provider(stripe).retrieve(later(made)) == Unknown()
    stripe.age(stripe.of(made.id)[0]["id"], 61)
    known = provider(stripe).retrieve(later(made))

    assert isinstance(known, Declined)
    assert provider(stripe).authorize(made) == known


def test_of_two_intents_the_charged_one_counts(stripe: Stripe, caplog: pytest.LogCaptureFixture) -> None:
    """As after a failure of Stripe's that had made one after all."""
    made = paying(stripe)
    stripe.troubles(trouble("error_after", CREATE))
    first = tried(stripe, made, retries=1)
    assert isinstance(first, Authorized)
    assert len(stripe.of(made.id)) == 2
    stripe.forget_keys()

    assert provider(stripe).retrieve(later(of_another_day(made))) == first
    assert "2 intents" in caplog.text


def test_where_the_search_does_not_answer_nothing_is_known(stripe: Stripe) -> None:
    made = paying(stripe)
    provider(stripe).authorize(made)
    error = {"type": "invalid_request_error", "message": "Search is not available in your region"}
    path = "/v1/payment_intents/search"
    stripe.troubles(trouble("answer", path, method="GET", status=400, error=error))

    with pytest.raises(ProviderUnavailable):
        provider(stripe).retrieve(later(of_another_day(made)))


def test_settings_that_change_while_it_is_unknown(stripe: Stripe) -> None:
    """The same key for another request: the intent is found by what stands in it."""
    made = paying(stripe)
    first = tried(stripe, made)
    stripe.tell("search", unindexed=1)
    with pytest.raises(ProviderUnavailable):
        provider(stripe, capture="automatic").retrieve(later(made))

    stripe.tell("search", unindexed=0)
    assert provider(stripe, capture="automatic").retrieve(later(made)) == first
    assert len(stripe.of(made.id)) == 1


# --- capture, void, 3-D Secure -----------------------------------------------------------------


@pytest.mark.parametrize("what", BROKEN)
def test_a_capture_that_breaks_is_made_once(stripe: Stripe, what: str) -> None:
    made = paying(stripe)
    outcome = provider(stripe).authorize(made)
    assert isinstance(outcome, Authorized)
    stripe.troubles(trouble(what, CAPTURE))

    with suppress(ProviderUnavailable):
        provider(stripe, **QUICK).capture(later(made), outcome.reference)
    again = provider(stripe).capture(later(made), outcome.reference)

    assert again == Authorized(outcome.reference, captured=True)
    assert stripe.of(made.id)[0]["amount_received"] == made.amount


def test_a_capture_long_after_the_first_is_the_same(stripe: Stripe) -> None:
    made = paying(stripe)
    outcome = provider(stripe).authorize(made)
    assert isinstance(outcome, Authorized)
    first = provider(stripe).capture(later(made), outcome.reference)
    stripe.forget_keys()

    assert provider(stripe).capture(later(made), outcome.reference) == first


@pytest.mark.parametrize("what", BROKEN)
def test_a_void_that_breaks_is_made(stripe: Stripe, what: str) -> None:
    made = paying(stripe)
    outcome = provider(stripe).authorize(made)
    assert isinstance(outcome, Authorized)
    stripe.troubles(trouble(what, CANCEL))

    with suppress(ProviderUnavailable):
        provider(stripe, **QUICK).void(later(made), outcome.reference)
    provider(stripe).void(later(made), outcome.reference)

    assert held(stripe, made) == 0
    assert isinstance(provider(stripe).retrieve(later(made)), Declined)


def test_what_was_captured_is_not_voided(stripe: Stripe) -> None:
    made = paying(stripe)
    outcome = provider(stripe).authorize(made)
    assert isinstance(outcome, Authorized)
    provider(stripe).capture(later(made), outcome.reference)

    provider(stripe).void(later(made), outcome.reference)

    assert stripe.of(made.id)[0]["status"] == "succeeded"


def test_a_void_that_stripe_will_not_carry_out_is_none(stripe: Stripe) -> None:
    """The key was used for another request, as before an upgrade of ours: the money is still held."""
    made, other, part = paying(stripe), paying(stripe), provider(stripe)
    outcome, another = part.authorize(made), part.authorize(other)
    assert isinstance(outcome, Authorized)
    assert isinstance(another, Authorized)
    part._api.ask("payment_intents", "cancel", another.reference, key=f"{made.id}:cancel")

    with pytest.raises(ProviderUnavailable):
        part.void(later(made), outcome.reference)

    assert held(stripe, made) == 1


@pytest.mark.requirement("ACP-172", "T33")
@pytest.mark.parametrize("what", BROKEN)
def test_a_proof_whose_answer_is_lost_counts_once(stripe: Stripe, what: str) -> None:
    made = paying(stripe, "pm_card_threeDSecure2Required")
    required = provider(stripe).authorize(made)
    assert isinstance(required, ActionRequired)
    result = stripe.authenticate(required.reference)
    stripe.troubles(trouble(what, CONFIRM))

    with suppress(ProviderUnavailable):
        provider(stripe, **QUICK).resume(later(made), result)
    again = provider(stripe).resume(later(made), result)

    assert again == Authorized(required.reference, authenticated=True, liability_shift=True)
    assert len(stripe.charges(made.session_id)) == 1


def test_a_holder_who_approved_before_the_agents_no_is_told_of(stripe: Stripe) -> None:
    """The checkout then gives the money back: the provider hides nothing."""
    made = paying(stripe, "pm_card_threeDSecure2Required")
    required = provider(stripe).authorize(made)
    assert isinstance(required, ActionRequired)
    assert required.redirect_url is not None
    stripe.decide(required.redirect_url, "approve")

    assert isinstance(provider(stripe).resume(later(made), {"outcome": "denied"}), Authorized)


def test_nothing_unconfirmed_is_resumed(stripe: Stripe) -> None:
    with pytest.raises(ProviderUnavailable):
        provider(stripe).resume(attempt(), {"outcome": "denied"})


def test_a_refused_attempt_is_not_tried_with_another_card(stripe: Stripe) -> None:
    made = paying(stripe, "pm_card_chargeDeclined")
    refused = provider(stripe).authorize(made)
    other = replace(made, instrument=card(stripe.grant()))

    assert provider(stripe).authorize(other) == refused
    assert stripe.charges(made.session_id) == []


def test_the_library_says_nothing_of_what_was_sent(stripe: Stripe, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    made = paying(stripe)
    provider(stripe).authorize(made)

    assert made.instrument is not None
    assert made.instrument.token not in caplog.text
    assert [record for record in caplog.records if record.name == "stripe"] == []


def test_what_is_replayed_is_not_how_it_stands(stripe: Stripe) -> None:
    """The same request again after the holder approved: Stripe repeats that somebody has to be asked."""
    made = paying(stripe, "pm_card_threeDSecure2Required")
    required = provider(stripe).authorize(made)
    assert isinstance(required, ActionRequired)
    assert required.redirect_url is not None
    stripe.decide(required.redirect_url, "approve")

    again = provider(stripe).authorize(made)

    assert again == Authorized(required.reference, authenticated=True, liability_shift=True)

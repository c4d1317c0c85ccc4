"""What Stripe's answers mean, over the wire (ACP-171 to ACP-183, T30, T33)."""

from __future__ import annotations

import base64
import logging
import uuid
from dataclasses import replace
from typing import Any

import pytest

from checkout.errors import ProviderUnavailable
from checkout.payments.declarations import metadata_problems
from checkout.ports import ActionRequired, Authorized, Declined
from tests.stripe_double.process import Stripe
from tests.stripe_double.provider import BACK, card, provider
from tests.stripe_payments.attempts import attempt, later, paying

CONFIRMED = "https://example.test"


def asked(stripe: Stripe, end: str) -> dict[str, str]:
    """The form of the last request whose path ends so."""
    return dict([one for one in stripe.asked if one["path"].endswith(end)][-1]["form"])


def test_money_is_authorized_and_taken_later(stripe: Stripe) -> None:
    made = paying(stripe)

    outcome = provider(stripe).authorize(made)

    assert outcome == Authorized(outcome.reference)  # type: ignore[union-attr]
    [intent] = stripe.of(made.id)
    assert (intent["status"], intent["amount"], intent["currency"]) == ("requires_capture", 4_200, "usd")
    assert intent["metadata"] == {"attempt": made.id, "session": made.session_id}
    taken = provider(stripe).capture(later(made), intent["id"])
    assert taken == Authorized(intent["id"], captured=True)
    assert stripe.of(made.id)[0]["amount_received"] == 4_200


def test_money_is_taken_at_once_where_that_is_agreed(stripe: Stripe) -> None:
    made = paying(stripe)

    outcome = provider(stripe, capture="automatic").authorize(made)

    assert isinstance(outcome, Authorized)
    assert outcome.captured
    assert stripe.of(made.id)[0]["status"] == "succeeded"


@pytest.mark.parametrize(
    ("method", "code", "text"),
    [
        ("pm_card_chargeDeclined", "generic_decline", "The card was declined. Try another way to pay."),
        (
            *("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"),
            "The card has not enough money for this. Try another way to pay.",
        ),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "The card has expired. Try another card."),
        (
            *("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc"),
            "The card's details are not right. Check them, or try another card.",
        ),
        (
            *("pm_card_chargeDeclinedProcessingError", "processing_error"),
            "The card could not be processed. Try again, or pay another way.",
        ),
    ],
)
def test_a_card_is_declined(stripe: Stripe, method: str, code: str, text: str) -> None:
    made = paying(stripe, method)

    outcome = provider(stripe).authorize(made)

    assert isinstance(outcome, Declined)
    assert (outcome.code, outcome.message) == (code, text)
    assert provider(stripe).retrieve(later(made)) == outcome
    assert stripe.charges(made.session_id) == []


@pytest.mark.parametrize("method", ["pm_card_chargeDeclinedLostCard", "pm_card_chargeDeclinedStolenCard"])
def test_nobody_is_told_that_a_card_was_stolen(stripe: Stripe, method: str) -> None:
    outcome = provider(stripe).authorize(paying(stripe, method))

    assert isinstance(outcome, Declined)
    assert outcome.code in ("lost_card", "stolen_card")
    assert outcome.message == "The card was declined. Try another way to pay."


@pytest.mark.requirement("ACP-183")
@pytest.mark.parametrize(
    "wrong", ["unknown", "too little", "another currency", "over", "revoked", "used", "empty", "long"]
)
def test_a_permission_that_does_not_cover_it_is_a_refusal(stripe: Stripe, wrong: str) -> None:
    made = attempt()
    token = {
        "unknown": lambda: "spt_unknown",
        "too little": lambda: stripe.grant(amount=4_199),
        "another currency": lambda: stripe.grant(currency="eur"),
        "over": lambda: stripe.grant(seconds=-1),
        "revoked": stripe.grant,
        "used": stripe.grant,
        "empty": str,
        "long": lambda: "spt_" + "x" * 300,
    }[wrong]()
    if wrong == "revoked":
        stripe.revoke(token)
    if wrong == "used":
        assert isinstance(provider(stripe).authorize(attempt(token)), Authorized)
    made = replace(made, instrument=card(token))

    outcomes = [provider(stripe).authorize(made) for _ in range(2)]

    assert [outcome.code for outcome in outcomes if isinstance(outcome, Declined)] == ["invalid_token"] * 2
    assert outcomes[0] == outcomes[1]
    assert "permission to pay" in outcomes[0].message  # type: ignore[union-attr]
    assert stripe.charges(made.session_id) == []
    if stripe.of(made.id):
        assert provider(stripe).retrieve(later(made)) == outcomes[0]
        assert stripe.of(made.id)[0]["status"] == "canceled", "nobody can confirm it any more"


@pytest.mark.parametrize(
    ("parameter", "spelling"),
    [
        ("payment_method_data", "payment_method_data[shared_payment_granted_token]"),
        ("shared_payment_granted_token", "shared_payment_granted_token"),
        ("shared_payment_token", "shared_payment_token"),
    ],
)
def test_a_token_goes_where_the_account_knows_it(stripe: Stripe, parameter: str, spelling: str) -> None:
    stripe.tell("spelling", spelling=spelling)
    made = paying(stripe)

    outcome = provider(stripe, token_parameter=parameter).authorize(made)

    assert isinstance(outcome, Authorized)
    assert made.instrument is not None
    assert asked(stripe, "/confirm")[spelling] == made.instrument.token
    versions = [one["version"] for one in stripe.asked[-2:]]
    assert versions == ["2026-10-28.endive", "2026-04-22.preview"]


@pytest.mark.django_db
def test_ids_of_stripes_own_payment_methods_are_taken_where_that_is_agreed(stripe: Stripe) -> None:
    made = attempt("pm_card_visa")

    refused = provider(stripe).authorize(made)
    taken = provider(stripe, payment_methods=True).authorize(made)

    assert isinstance(refused, Declined)
    assert refused.code == "invalid_token"
    assert isinstance(taken, Authorized)
    assert asked(stripe, "/confirm")["payment_method"] == "pm_card_visa"


def test_amounts_are_written_as_stripe_counts(stripe: Stripe) -> None:
    """Krona have no decimals any more; Stripe still writes two."""
    made = attempt(amount=1_500, currency="isk")
    made = replace(made, instrument=card(stripe.grant(amount=150_000, currency="isk")))

    outcome = provider(stripe).authorize(made)

    assert isinstance(outcome, Authorized)
    assert stripe.of(made.id)[0]["amount"] == 150_000


def test_an_amount_that_stripe_never_takes_is_a_refusal(stripe: Stripe) -> None:
    made = paying(stripe, amount=10)

    outcome = provider(stripe).authorize(made)

    assert isinstance(outcome, Declined)
    assert outcome.code == "amount_too_small"


def test_what_stripe_is_still_working_on_is_unknown(stripe: Stripe) -> None:
    made = paying(stripe)
    provider(stripe).authorize(made)
    stripe.change(stripe.of(made.id)[0]["id"], status="processing")

    with pytest.raises(ProviderUnavailable):
        provider(stripe).retrieve(later(made))


@pytest.mark.requirement("T60")
@pytest.mark.parametrize(
    "becomes",
    [
        {"status": "sleeping"},
        {"status": None},
        {"amount": 1},
        {"currency": "eur"},
        {"livemode": True},
        {"object": "payment"},
        {"metadata": {}},
        {"metadata": {"attempt": "pay_of_another"}},
        {"id": "pi_<script>"},
    ],
    ids=str,
)
def test_an_answer_that_is_not_of_this_payment_is_none(
    stripe: Stripe, caplog: pytest.LogCaptureFixture, becomes: dict[str, Any]
) -> None:
    made = paying(stripe)
    provider(stripe).authorize(made)
    stripe.change(stripe.of(made.id)[0]["id"], **becomes)

    with pytest.raises(ProviderUnavailable):
        provider(stripe).retrieve(later(made))

    assert [record.levelname for record in caplog.records if record.name == "agentic.stripe"] == ["ERROR"]


# --- 3-D Secure ---------------------------------------------------------------------------------


def challenged(stripe: Stripe, **terms: Any) -> tuple[Any, ActionRequired]:
    made = paying(stripe, "pm_card_threeDSecure2Required")
    outcome = provider(stripe, **terms).authorize(made)
    assert isinstance(outcome, ActionRequired)
    return later(made), outcome


@pytest.mark.requirement("ACP-167")
def test_a_bank_that_asks_shows_its_own_page(stripe: Stripe) -> None:
    made, outcome = challenged(stripe)

    assert outcome.redirect_url is not None
    assert outcome.redirect_url.startswith(f"{stripe.origin}/3d_secure_2/hosted/")
    assert outcome.metadata is not None
    assert metadata_problems(outcome.metadata) == []
    assert asked(stripe, "/confirm")["return_url"] == BACK + made.id
    answer = stripe.decide(outcome.redirect_url, "approve")
    assert answer.headers["Location"].startswith(BACK + made.id)
    seen = provider(stripe).retrieve(made)
    assert seen == Authorized(outcome.reference, authenticated=True, liability_shift=True)


def test_without_the_merchants_bank_no_agent_can_run_it(stripe: Stripe) -> None:
    _, outcome = challenged(stripe, acquirer={})

    assert outcome.metadata is None
    assert outcome.redirect_url is not None


def test_a_holder_who_says_no_is_a_refusal(stripe: Stripe) -> None:
    made, outcome = challenged(stripe)
    assert outcome.redirect_url is not None

    stripe.decide(outcome.redirect_url, "deny")

    said = provider(stripe).retrieve(made)
    assert isinstance(said, Declined)
    assert said.code == "payment_intent_authentication_failure"
    assert said.message.startswith("The card's bank did not confirm")


@pytest.mark.requirement("T30")
@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "https://hooks.stripe.com.evil.example/3ds", "http://hooks.stripe.com/3ds", None],
)
def test_a_page_that_is_not_stripes_is_shown_to_nobody(stripe: Stripe, url: str | None) -> None:
    made, outcome = challenged(stripe)
    action = {"type": "redirect_to_url", "redirect_to_url": {"url": url, "return_url": BACK}}
    stripe.change(outcome.reference, next_action=action)
    part = provider(stripe, challenge_origins=("https://hooks.stripe.com",))

    said = part.retrieve(made)

    assert isinstance(said, ActionRequired)
    assert said.redirect_url is None
    with pytest.raises(ProviderUnavailable):
        part.challenge_page(made, return_to=BACK, state="s")


def test_where_it_is_not_agreed_a_bank_that_asks_is_a_refusal(stripe: Stripe) -> None:
    made = paying(stripe, "pm_card_threeDSecure2Required")

    outcome = provider(stripe, supports_3ds=False).authorize(made)

    assert isinstance(outcome, Declined)
    assert outcome.code == "authentication_required"
    assert provider(stripe, supports_3ds=False).challenge_origins == ()


@pytest.mark.parametrize("how", ["any", "challenge"])
def test_what_a_policy_demands_stripe_is_asked_for(stripe: Stripe, how: str) -> None:
    made = replace(paying(stripe), authentication_required=True)

    outcome = provider(stripe, three_d_secure=how).authorize(made)

    assert isinstance(outcome, ActionRequired)
    assert asked(stripe, "/confirm")["payment_method_options[card][request_three_d_secure]"] == how


@pytest.mark.requirement("ACP-170", "ACP-171", "ACP-172", "T33", "T34")
@pytest.mark.parametrize("whose", ["its own", "invented", "another's"])
def test_a_proof_from_elsewhere_is_for_the_issuer_to_judge(stripe: Stripe, whose: str) -> None:
    made, outcome = challenged(stripe)
    _, other = challenged(stripe)
    result = stripe.authenticate((other if whose == "another's" else outcome).reference)
    if whose == "invented":
        result["outcome_details"]["three_ds_cryptogram"] = base64.b64encode(b"x" * 20).decode()
        result["outcome_details"]["transaction_id"] = str(uuid.uuid4())

    said = provider(stripe).resume(made, result)

    brought = asked(stripe, "/confirm")
    prefix = "payment_method_options[card][three_d_secure]"
    assert brought[f"{prefix}[cryptogram]"] == result["outcome_details"]["three_ds_cryptogram"]
    assert brought[f"{prefix}[electronic_commerce_indicator]"] == "05"
    assert brought[f"{prefix}[transaction_id]"] == result["outcome_details"]["transaction_id"]
    assert brought[f"{prefix}[version]"] == "2.2.0"
    if whose == "its own":
        assert said == Authorized(outcome.reference, authenticated=True, liability_shift=True)
    else:
        assert isinstance(said, Declined)
        assert stripe.charges(made.session_id) == []


@pytest.mark.requirement("ACP-171")
@pytest.mark.parametrize("said", ["denied", "rejected"])
def test_a_no_at_the_agent_ends_the_attempt(stripe: Stripe, said: str) -> None:
    made, outcome = challenged(stripe)

    refused = provider(stripe).resume(made, {"outcome": said})

    assert isinstance(refused, Declined)
    assert refused.code == "authentication_refused"
    assert provider(stripe).resume(made, {"outcome": said}) == refused
    assert stripe.of(made.id)[0]["status"] == "canceled"
    assert outcome.redirect_url is not None
    assert stripe.decide(outcome.redirect_url, "approve").status_code == 410


@pytest.mark.requirement("ACP-171")
@pytest.mark.parametrize("said", ["not_supported", "internal_error", "processing_error"])
@pytest.mark.parametrize("demanded", [True, False])
def test_an_agent_that_could_not_run_it(stripe: Stripe, said: str, demanded: bool) -> None:
    """Without it where the merchant's rule allows, and the card's bank: this one does not."""
    made, _ = challenged(stripe)

    refused = provider(stripe).resume(replace(made, authentication_required=demanded), {"outcome": said})

    assert isinstance(refused, Declined)
    assert refused.code == ("authentication_not_possible" if demanded else "authentication_required")
    assert stripe.charges(made.session_id) == []


@pytest.mark.parametrize("said", ["abandoned", "canceled"])
def test_a_person_who_left_can_come_again(stripe: Stripe, said: str) -> None:
    made, outcome = challenged(stripe)

    assert provider(stripe).resume(made, {"outcome": said}) == outcome


@pytest.mark.parametrize(
    ("seen", "authenticated", "shift"),
    [
        (None, False, None),
        ({"result": "authenticated", "electronic_commerce_indicator": "05"}, True, True),
        ({"result": "attempt_acknowledged", "electronic_commerce_indicator": "06"}, True, True),
        ({"result": "authenticated", "electronic_commerce_indicator": None}, True, True),
        ({"result": "authenticated", "electronic_commerce_indicator": "07"}, True, False),
        ({"result": "exempted", "electronic_commerce_indicator": "06"}, False, False),
        ({"result": "failed"}, False, False),
        ({"result": "not_supported"}, False, False),
    ],
)
def test_whose_loss_a_dispute_is_by_stripes_word_alone(
    seen: dict[str, Any] | None, authenticated: bool, shift: bool | None
) -> None:
    """Reliability-security 1.9."""
    from checkout.payments.stripe_reading import outcome
    from checkout.payments.stripe_terms import Terms

    charge = {"payment_method_details": {"card": {"three_d_secure": seen}}}
    intent = {"id": "pi_1", "status": "requires_capture", "latest_charge": charge}

    assert outcome(intent, Terms("sk_test_1", "m")) == Authorized(
        "pi_1", authenticated=authenticated, liability_shift=shift
    )


def test_a_refusal_says_nothing_of_the_token(stripe: Stripe, caplog: pytest.LogCaptureFixture) -> None:
    """Stripe's own text repeats it; the library would write that at INFO."""
    caplog.set_level(logging.DEBUG)
    made = attempt("spt_secretOfTheBuyer")

    provider(stripe).authorize(made)

    assert "spt_secretOfTheBuyer" not in caplog.text
    assert "sk_test_" not in caplog.text

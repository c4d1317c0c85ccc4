"""Cards that become Stripe's payment methods, and our tokens for them (ACP-197, ACP-200)."""

from __future__ import annotations

import logging
import traceback
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from checkout.errors import ProviderUnavailable
from checkout.payments import allowances
from checkout.payments.stripe_vault import StripeVault
from checkout.payments.vault import Allowance, Card, CardRefused, Redeemed, Redeemer, Vault, VaultToken
from checkout.ports import Attempt, Authorized, Declined
from checkout.token_models import StripeToken
from gateway import periodic
from gateway.egress import Egress
from tests.stripe_double.process import Stripe
from tests.stripe_double.provider import card as instrument
from tests.stripe_double.provider import provider, vault
from tests.stripe_payments.attempts import attempt, later

pytestmark = pytest.mark.django_db(transaction=True)

METHODS = "/v1/payment_methods"
GOOD, POOR, ASKED = "4242424242424242", "4000000000009995", "4000000000003220"
QUICK: dict[str, Any] = {"timeout_seconds": 0.4, "retries": 0}


def plastic(number: str = GOOD, **changed: Any) -> Card:
    year = str(timezone.now().year + 3)
    return replace(Card(number, "fpan", "credit", "11", year, cvc="9173", name="Ada Lovelace"), **changed)


def allowed(made: Attempt, **changed: Any) -> Allowance:
    until = timezone.now() + timedelta(hours=1)
    given = Allowance(made.amount, made.currency, made.session_id, "profile_test_1", until)
    return replace(given, **changed)


def put(
    part: StripeVault, made: Attempt, card: Card | None = None, *, key: str = "", **allowance: Any
) -> VaultToken:
    return part.store(
        card or plastic(),
        allowed(made, **allowance),
        billing_address={
            "name": "A. L.",
            "line_one": "1 Market Street",
            "postal_code": "94105",
            "country": "US",
        },
        risk_signals=[],
        metadata={"campaign": "q4"},
        key=key or made.id,
    )


def methods(stripe: Stripe) -> int:
    return len(stripe.ledger["methods"])


def paid(stripe: Stripe, made: Attempt, token: VaultToken, **more: Any) -> Any:
    return provider(stripe, **more).authorize(replace(made, instrument=instrument(token.id)))


@pytest.mark.requirement("ACP-197", "ACP-198", "ACP-203")
def test_a_card_is_a_payment_method_there_and_a_token_here(stripe: Stripe) -> None:
    made, before = attempt(), len(stripe.asked)

    token = put(vault(stripe), made)

    [asked] = stripe.asked[before:]
    assert (asked["path"], asked["idempotency_key"]) == (METHODS, f"vault:{made.id}")
    year = str(timezone.now().year + 3)
    assert dict(asked["form"]) == {
        "type": "card",
        "card[number]": GOOD,
        "card[exp_month]": "11",
        "card[exp_year]": year,
        "card[cvc]": "9173",
        "billing_details[name]": "Ada Lovelace",
        "billing_details[address][line1]": "1 Market Street",
        "billing_details[address][postal_code]": "94105",
        "billing_details[address][country]": "US",
    }, "nothing of the session"
    row = StripeToken.objects.get()
    assert row.method == stripe.ledger["methods"][-1]["id"]
    assert token.id.startswith("vt_")
    assert row.method not in token.id
    assert token.metadata == {"campaign": "q4"}


def test_it_serves_the_ports(stripe: Stripe) -> None:
    part: Redeemer = vault(stripe)

    assert isinstance(part, Vault)


@pytest.mark.requirement("ACP-202")
@pytest.mark.parametrize("what", ["error_before", "error_after", "lost_before", "lost_after"])
@pytest.mark.parametrize("retries", [0, 1])
def test_a_creation_of_unknown_outcome_ends_with_one_token(stripe: Stripe, what: str, retries: int) -> None:
    made = attempt()
    stripe.troubles({"what": what, "path": METHODS, "seconds": 1.0})
    heard: list[str] = []
    part = vault(stripe, **{**QUICK, "retries": retries})

    try:
        heard.append(put(part, made).id)
    except ProviderUnavailable:
        assert not StripeToken.objects.exists(), "nothing is said of what is not known"
    heard += [put(vault(stripe), made).id for _ in range(2)]

    assert len(set(heard)) == 1
    assert StripeToken.objects.count() == 1
    assert isinstance(paid(stripe, made, put(vault(stripe), made)), Authorized)


def test_a_repeat_asks_nobody(stripe: Stripe) -> None:
    """Stripe may have forgotten the key long ago."""
    made = attempt()
    first, before = put(vault(stripe), made), methods(stripe)
    stripe.forget_keys()

    assert put(vault(stripe), made).id == first.id
    assert methods(stripe) == before


def test_the_same_card_is_not_stored_twice_when_we_died_before_the_row(stripe: Stripe) -> None:
    made = attempt()
    first, before = put(vault(stripe), made), methods(stripe)
    StripeToken.objects.all().delete()

    assert put(vault(stripe), made).id == first.id
    assert methods(stripe) == before


@pytest.mark.requirement("ACP-201")
@pytest.mark.parametrize(
    ("card", "param"),
    [
        (plastic("4111111111111111"), "number"),
        (plastic(exp_year="2001"), "exp_year"),
        (plastic(exp_month="13"), "exp_month"),
        (plastic(cvc="1"), "cvc"),
        (plastic(exp_year=None), "exp_year"),
        (plastic(exp_month=None), "exp_month"),
        (plastic(number_type="network_token"), "card_number_type"),
    ],
    ids=["number", "year", "month", "cvc", "no year", "no month", "network token"],
)
def test_a_card_that_stripe_does_not_take(
    stripe: Stripe, caplog: pytest.LogCaptureFixture, card: Card, param: str
) -> None:
    caplog.set_level(logging.DEBUG)

    for _ in range(2):
        with pytest.raises(CardRefused) as refused:
            put(vault(stripe), attempt(), card, key=f"refused-{param}")

        assert refused.value.param == f"$.payment_method.{param}"
        told = "".join(traceback.format_exception(refused.value)) + caplog.text
        assert card.number not in told
        assert "incorrect" not in told, "nothing of Stripe's own text"
    assert not StripeToken.objects.exists()


@pytest.mark.parametrize("status", [401, 403, 409, 429, 500])
def test_whatever_is_no_word_about_the_card_is_unknown(stripe: Stripe, status: int) -> None:
    error = {"type": "api_error", "message": GOOD}
    stripe.troubles({"what": "answer", "path": METHODS, "status": status, "error": error, "times": 9})

    with pytest.raises(ProviderUnavailable) as silent:
        put(vault(stripe, **QUICK), attempt())

    assert GOOD not in "".join(traceback.format_exception(silent.value))
    assert not StripeToken.objects.exists()


def test_an_account_that_may_send_no_numbers_is_no_fault_of_the_card(
    stripe: Stripe, caplog: pytest.LogCaptureFixture
) -> None:
    stripe.tell("numbers", taken=False)

    with pytest.raises(ProviderUnavailable):
        put(vault(stripe), attempt())

    assert "Stripe takes no cards from us" in caplog.text


@pytest.mark.requirement("T60")
@pytest.mark.parametrize(
    "said", [b"", b"[]", b"{}", b'{"object": "payment_method", "id": "pm_1"}', b"<html>"]
)
def test_an_answer_that_is_no_card_is_none(stripe: Stripe, said: bytes) -> None:
    from interventions.http import Reply

    class Odd:
        def request(self, method: str, url: str, **_: Any) -> Reply:
            return Reply(200, {}, said)

    with pytest.raises(ProviderUnavailable):
        put(vault(stripe, http=Odd(), retries=0), attempt())

    assert not StripeToken.objects.exists()


def test_an_error_of_our_own_shows_no_card(stripe: Stripe, caplog: pytest.LogCaptureFixture) -> None:
    """Nor does whoever keeps what was in the frames of an exception."""
    caplog.set_level(logging.DEBUG)

    class Broken:
        def request(self, method: str, url: str, *, body: bytes = b"", **_: Any) -> Any:
            raise LookupError(body)

    with pytest.raises(ProviderUnavailable) as broken:
        put(vault(stripe, http=Broken(), retries=0), attempt())

    frames = traceback.TracebackException.from_exception(broken.value, capture_locals=True)
    held = "".join(frames.format(chain=True)) + caplog.text
    assert GOOD not in held.replace(f"GOOD = '{GOOD}'", "")
    assert "9173" not in held
    assert broken.value.__context__ is None
    assert "LookupError" in caplog.text


def test_it_is_not_asked_with_a_transaction_open(stripe: Stripe) -> None:
    before = len(stripe.asked)

    with transaction.atomic(), pytest.raises(RuntimeError, match="transaction"):
        put(vault(stripe), attempt())

    assert len(stripe.asked) == before


@pytest.mark.requirement("T23")
def test_it_leaves_by_the_guarded_door_alone(stripe: Stripe) -> None:
    before = len(stripe.asked)

    with pytest.raises(ProviderUnavailable):
        put(vault(stripe, http=Egress(), retries=0), attempt())

    assert len(stripe.asked) == before


@pytest.mark.requirement("ACP-022")
@pytest.mark.parametrize("level", ["debug", "info"])
@pytest.mark.parametrize("where", ["environment", "module"])
def test_no_card_passes_a_library_that_writes_to_the_terminal(
    stripe: Stripe,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    where: str,
    level: str,
) -> None:
    """Stripe's own debugging prints what is sent. A web server runs no system checks."""
    if where == "module":
        monkeypatch.setattr("stripe.log", level)
    else:
        monkeypatch.setattr("stripe._util.STRIPE_LOG", level)  # read once, when it is imported
        monkeypatch.setenv("STRIPE_LOG", level)
    made, before = attempt(), len(stripe.asked)

    with pytest.raises(ProviderUnavailable):
        put(vault(stripe), made)

    written = capfd.readouterr()
    assert GOOD not in written.out + written.err
    assert len(stripe.asked) == before


# --- What a token is good for ---------------------------------------------------------------------


@pytest.mark.requirement("ACP-200", "ACP-183")
def test_a_token_is_charged_with_its_card_once(stripe: Stripe) -> None:
    made, other = attempt(), attempt()
    token = put(vault(stripe), made)

    first = [paid(stripe, made, token) for _ in range(3)]
    second = paid(stripe, replace(other, session_id=made.session_id), token)

    assert all(isinstance(outcome, Authorized) for outcome in first)
    assert isinstance(second, Declined)
    assert second.code == "token_used"
    [intent] = stripe.of(made.id)
    assert intent["payment_method"] == StripeToken.objects.get().method
    assert stripe.of(other.id) == [], "nothing is asked of Stripe for a token that is used up"
    assert len(stripe.charges(made.session_id)) == 1


@pytest.mark.requirement("ACP-200", "ACP-183")
@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"max_amount": 4_199}, "above_allowance"),
        ({"currency": "eur"}, "another_currency"),
        ({"checkout_session_id": "cs_another"}, "another_session"),
        ({"merchant_id": "profile_another"}, "another_merchant"),
        ({"owner": "key:agt_another"}, "another_agent"),
    ],
)
def test_outside_of_its_allowance_it_pays_for_nothing(
    stripe: Stripe, changed: dict[str, Any], code: str
) -> None:
    made = attempt()
    token = put(vault(stripe), made, **changed)

    outcome = paid(stripe, made, token)

    assert isinstance(outcome, Declined)
    assert outcome.code == code
    assert outcome.message == "The permission to pay is not valid for this purchase. Pay anew."
    assert stripe.of(made.id) == []
    assert StripeToken.objects.get().used_by == ""


@pytest.mark.requirement("ACP-200")
def test_it_is_dead_at_its_end(stripe: Stripe) -> None:
    made = attempt()
    token = put(vault(stripe), made, expires_at=timezone.now() + timedelta(seconds=60))

    with time_machine.travel(timezone.now() + timedelta(seconds=60)):
        outcome = paid(stripe, made, token)

    assert isinstance(outcome, Declined)
    assert outcome.code == "token_expired"


def test_what_began_in_time_is_followed_to_its_end(stripe: Stripe) -> None:
    """The answer was lost; the same attempt comes again when the token has ended."""
    made = attempt()
    token = put(vault(stripe), made, expires_at=timezone.now() + timedelta(seconds=60))
    path = r"/v1/payment_intents/pi_\w+(/confirm)?"
    failed = {"what": "answer", "method": "GET", "path": path, "status": 503, "error": {}}
    stripe.troubles({"what": "lost_after", "path": path, "seconds": 1.0}, failed)
    with pytest.raises(ProviderUnavailable):
        paid(stripe, made, token, **QUICK)

    with time_machine.travel(timezone.now() + timedelta(seconds=60)):
        assert isinstance(paid(stripe, made, token), Authorized)
        assert isinstance(provider(stripe).retrieve(later(made)), Authorized)

    assert len(stripe.charges(made.session_id)) == 1


def test_a_vault_that_was_closed_meanwhile_declines_nothing_that_was_charged(stripe: Stripe) -> None:
    """The answer was lost, and the same request comes again to a worker that was started without VAULT: a
    refusal would free the goods and have the buyer pay once more."""
    made = attempt()
    token = put(vault(stripe), made)
    path = r"/v1/payment_intents/pi_\w+(/confirm)?"
    failed = {"what": "answer", "method": "GET", "path": path, "status": 503, "error": {}}
    stripe.troubles({"what": "lost_after", "path": path, "seconds": 1.0}, failed)
    with pytest.raises(ProviderUnavailable):
        paid(stripe, made, token, **QUICK)

    again = provider(stripe).authorize(replace(made, instrument=instrument(token.id)))

    assert isinstance(again, Authorized)
    assert len(stripe.charges(made.session_id)) == 1


def test_a_card_that_is_declined_has_used_its_token(stripe: Stripe) -> None:
    made, again = attempt(), attempt()
    token = put(vault(stripe), made, plastic(POOR))

    first, second = paid(stripe, made, token), paid(stripe, replace(again, session_id=made.session_id), token)

    assert [outcome.code for outcome in (first, second)] == ["insufficient_funds", "token_used"]


def test_stripes_own_name_of_the_card_is_no_way_around(stripe: Stripe) -> None:
    """Where payment methods are taken too: the card has a token, and pays with that alone."""
    made = attempt()
    put(vault(stripe), made)
    method = StripeToken.objects.get().method

    around = paid(stripe, made, VaultToken(method, timezone.now()), payment_methods=True)
    closed = provider(stripe, payment_methods=True).authorize(replace(made, instrument=instrument(method)))
    named = paid(stripe, attempt(), VaultToken("pm_card_visa", timezone.now()), payment_methods=True)

    assert isinstance(around, Declined)
    assert isinstance(closed, Declined), "nor when the vault takes no more cards"
    assert isinstance(named, Authorized)


@pytest.mark.parametrize("token", ["vt_", "vt_" + "0" * 64])
def test_a_token_of_no_vault_of_ours(stripe: Stripe, token: str) -> None:
    made = VaultToken(token, timezone.now())

    outcomes = [paid(stripe, attempt(), made), provider(stripe).authorize(attempt(token))]

    assert [outcome.code for outcome in outcomes] == ["unknown_token", "unknown_token"]


def test_secrets_that_were_replaced_give_the_same_token(stripe: Stripe, settings: Any) -> None:
    made = attempt()
    first = put(vault(stripe), made)
    old = settings.AGENTIC_GATEWAY["HASH_KEYS"]
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "HASH_KEYS": ["n" * 40, *old]}

    assert put(vault(stripe), made).id == first.id
    assert isinstance(vault(stripe).redeem(first.id, use_of(made)), Redeemed)


def use_of(made: Attempt) -> Any:
    from checkout.payments.vault import Redemption

    return Redemption(made.id, made.session_id, made.amount, made.currency, "profile_test_1")


def test_tokens_that_ended_long_ago_are_gone(stripe: Stripe) -> None:
    made = attempt()
    put(vault(stripe), made)

    assert allowances.purge(StripeToken, timezone.now()) == 0
    assert allowances.purge(StripeToken, timezone.now() + timedelta(hours=2)) == 1
    assert not StripeToken.objects.exists()


def test_the_relay_forgets_them(stripe: Stripe) -> None:
    put(vault(stripe), attempt())

    assert "vault.purge" in periodic.names()
    with time_machine.travel(timezone.now() + timedelta(days=29)):
        periodic.run_periodic("vault.purge")
        assert StripeToken.objects.count() == 1
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        periodic.run_periodic("vault.purge")
        assert not StripeToken.objects.exists()

"""What Stripe says of an intent, over the wire: the provider against a server that plays Stripe."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from gateway.egress import Egress
from interventions.errors import ProviderSilent
from interventions.ports import Challenge, NotYet, PageProvider, Passed, Refused
from interventions.providers.payment_element import TOLD, VERSION, Arrangement, PaymentElementProvider
from tests.contracts.page_provider import RETURN_TO, PageProviderContract
from tests.stripe_double.__main__ import PUBLISHABLE_KEY, SECRET_KEY
from tests.stripe_double.process import Stripe

SHOP = "http://localhost:8000"
CHALLENGE = Challenge("int_" + "1" * 32, "webview", "cs_1", amount=2_800, currency="usd")


@pytest.fixture(scope="module")
def running() -> Iterator[Stripe]:
    with Stripe() as stripe:
        yield stripe


@pytest.fixture
def stripe(running: Stripe) -> Iterator[Stripe]:
    running.trouble()
    yield running
    running.trouble()


def provider_at(origin: str, **agreed: Any) -> PaymentElementProvider:
    arranged = {"publishable_key": PUBLISHABLE_KEY, "secret_key": SECRET_KEY, "api_origin": origin, **agreed}
    return PaymentElementProvider(
        Arrangement(**arranged),
        Egress(loopback=frozenset({urlsplit(origin).netloc})),
        origin=SHOP,
        page=lambda challenge_id: f"{SHOP}/agentic/confirm/{challenge_id}/element",
    )


@pytest.fixture
def provider(stripe: Stripe) -> PaymentElementProvider:
    return provider_at(stripe.origin)


_number = iter(range(1_000, 9_999))


@pytest.fixture
def challenge() -> Challenge:
    """Of this test alone: the process keeps its books."""
    return replace(CHALLENGE, id=f"int_{next(_number):032x}")


def begin(provider: PaymentElementProvider, challenge: Challenge) -> str:
    """The secret that the element is told."""
    return provider.begin(challenge, return_to=RETURN_TO, state="s" * 43).told[TOLD]


@pytest.mark.requirement("ACP-145", "T31", "T32")
class TestContract(PageProviderContract):
    @pytest.fixture(autouse=True)
    def fresh(self) -> Iterator[None]:
        """A process for each test: the contract names its challenges itself."""
        with Stripe() as self.stripe:
            self.provider = provider_at(self.stripe.origin)
            yield

    def part(self) -> PageProvider:
        return self.provider

    def settled(self, url: str, status: str) -> dict[str, str]:
        asked = urlsplit(url).path.split("/")[3]
        self.stripe.becomes(replace(self.challenge(), id=asked), status=status)
        return {}

    def approve(self, url: str) -> dict[str, str]:
        return self.settled(url, "succeeded")

    def deny(self, url: str) -> dict[str, str]:
        return self.settled(url, "canceled")


def test_an_intent_is_made_once_for_what_is_asked(
    stripe: Stripe, provider: PaymentElementProvider, challenge: Challenge
) -> None:
    before = len(stripe.asked)

    told = {begin(provider, challenge) for _ in range(3)}
    verdict = provider.verify(challenge, {})

    assert len(told) == 1
    assert isinstance(verdict, NotYet)
    made = [intent for intent in stripe.intents if intent["metadata"]["intervention"] == challenge.id]
    assert len(made) == 1
    assert made[0]["metadata"] == {"intervention": challenge.id, "amount": "2800", "currency": "usd"}
    assert made[0]["usage"] == "on_session"
    first = stripe.asked[before]
    assert first["idempotency_key"] == challenge.id
    assert first["version"] == VERSION
    assert {name for name, _ in first["form"]} == {
        "usage",
        "payment_method_types[]",
        "payment_method_options[card][request_three_d_secure]",
        "metadata[intervention]",
        "metadata[amount]",
        "metadata[currency]",
    }, "nothing of the buyer, no amount to charge, nobody whose card it stays"


def test_the_secret_stands_in_no_address_and_no_repr(
    provider: PaymentElementProvider, challenge: Challenge
) -> None:
    begun = provider.begin(challenge, return_to=RETURN_TO, state="s" * 43)

    secret = begun.told[TOLD]
    assert "_secret_" in secret
    assert secret not in begun.url
    assert secret not in repr(begun)
    assert SECRET_KEY not in repr(provider.arrangement)


@pytest.mark.requirement("ACP-160", "T31")
@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        ("requires_payment_method", NotYet),
        ("requires_confirmation", NotYet),
        ("requires_action", NotYet),
        ("processing", NotYet),
        ("of a later release", NotYet),
        (None, NotYet),
        ("succeeded", Passed),
        ("canceled", Refused),
    ],
)
def test_only_what_stripe_calls_succeeded_passes(
    stripe: Stripe, provider: PaymentElementProvider, challenge: Challenge, status: Any, verdict: type
) -> None:
    begin(provider, challenge)
    stripe.becomes(challenge, status=status)

    claimed = {"setup_intent": "seti_1", "redirect_status": "succeeded", "status": "succeeded"}

    assert isinstance(provider.verify(challenge, {}), verdict)
    assert isinstance(provider.verify(challenge, claimed), verdict)


@pytest.mark.requirement("T32")
@pytest.mark.parametrize("other", [{"amount": "2801"}, {"currency": "eur"}, {"intervention": "int_2"}, None])
def test_a_yes_to_something_else_is_none(
    stripe: Stripe, provider: PaymentElementProvider, challenge: Challenge, other: Any, caplog: Any
) -> None:
    begin(provider, challenge)
    asked = {"intervention": challenge.id, "amount": "2800", "currency": "usd"}
    stripe.becomes(challenge, status="succeeded", metadata=None if other is None else asked | other)

    with caplog.at_level(logging.WARNING):
        verdict = provider.verify(challenge, {})

    assert isinstance(verdict, NotYet)
    assert "another purchase" in caplog.text


def test_another_amount_under_the_same_id_is_nothing_at_all(
    provider: PaymentElementProvider, challenge: Challenge
) -> None:
    begin(provider, challenge)

    with pytest.raises(ProviderSilent):
        begin(provider, replace(challenge, amount=1))


INTENT = {
    "id": "seti_1",
    "object": "setup_intent",
    "client_secret": "seti_1_secret_2",
    "livemode": False,
    "status": "succeeded",
    "metadata": {"intervention": CHALLENGE.id, "amount": "2800", "currency": "usd"},
}


def test_a_failure_that_stripe_repeats_for_ever_is_left_behind(
    stripe: Stripe, provider: PaymentElementProvider, challenge: Challenge
) -> None:
    """Stripe keeps an internal error under the idempotency key, as it keeps an intent."""
    stripe.trouble(failures=1)
    with pytest.raises(ProviderSilent):
        begin(provider, challenge)

    told = {begin(provider, challenge) for _ in range(2)}
    stripe.becomes(challenge, status="succeeded")

    assert len(told) == 1
    assert isinstance(provider.verify(challenge, {}), Passed)


def test_one_that_always_fails_is_not_asked_without_end(
    stripe: Stripe, provider: PaymentElementProvider, challenge: Challenge
) -> None:
    stripe.trouble(failures=100)
    before = len(stripe.asked)

    for _ in range(6):
        with pytest.raises(ProviderSilent):
            begin(provider, challenge)

    keys = [asked["idempotency_key"] for asked in stripe.asked[before:]]
    assert len(set(keys)) == 3
    assert all(key.startswith(challenge.id) for key in keys)
    assert len(keys) <= 6 * 3


@pytest.mark.parametrize("methods", [["POST", "GET"], ["GET"]], ids=["always", "when read back"])
@pytest.mark.parametrize(
    "trouble",
    [
        *({"status": status, "body": "{}"} for status in (400, 401, 402, 403, 404, 409, 429, 500, 503)),
        {"status": 302, "body": json.dumps(INTENT)},
        {"status": 201, "body": json.dumps(INTENT)},
        {"body": ""},
        {"body": "<html>"},
        {"body": "[]"},
        {"body": "[" * 5_000},
        {"body": json.dumps(INTENT | {"object": "payment_intent"})},
        {"body": json.dumps(INTENT | {"id": "seti_1/../../charges"})},
        {"body": json.dumps(INTENT | {"id": 1})},
        {"body": json.dumps(INTENT | {"client_secret": None})},
        {"body": json.dumps(INTENT | {"client_secret": "seti_2_secret_2"})},
        {"body": json.dumps(INTENT | {"livemode": True})},
        {"body": json.dumps(INTENT), "methods": ["GET"]},
        {"body": json.dumps(INTENT | {"metadata": "x" * 300_000})},
    ],
    ids=lambda how: json.dumps(how)[:60],
)
def test_whatever_else_it_answers_is_no_answer(
    stripe: Stripe,
    provider: PaymentElementProvider,
    challenge: Challenge,
    trouble: dict[str, Any],
    methods: list[str],
) -> None:
    begin(provider, challenge)
    stripe.becomes(challenge, status="succeeded")

    stripe.trouble(**{"methods": methods, **trouble})
    with pytest.raises(ProviderSilent):
        provider.verify(challenge, {})

    stripe.trouble()
    assert isinstance(provider.verify(challenge, {}), Passed), "nothing was lost"


def test_one_that_is_slow_or_gone_is_silent_in_time(stripe: Stripe, challenge: Challenge) -> None:
    stripe.trouble(seconds=2)
    with pytest.raises(ProviderSilent):
        begin(provider_at(stripe.origin, timeout_seconds=0.3), challenge)

    with pytest.raises(ProviderSilent):
        begin(provider_at("http://127.0.0.1:9"), challenge)


def test_a_wrong_key_is_said_to_nobody(stripe: Stripe, challenge: Challenge, caplog: Any) -> None:
    wrong = "sk_test_revoked000000000"
    with caplog.at_level(logging.DEBUG), pytest.raises(ProviderSilent) as raised:
        begin(provider_at(stripe.origin, secret_key=wrong), challenge)

    assert "401" in caplog.text
    assert wrong not in caplog.text + repr(raised.value)


@pytest.mark.requirement("T31")
def test_a_card_of_the_test_mode_confirms_nothing_to_a_live_shop(
    stripe: Stripe, challenge: Challenge
) -> None:
    with pytest.raises(ProviderSilent):
        begin(provider_at(stripe.origin, publishable_key="pk_live_00000000"), challenge)


def test_scripts_and_frames_come_from_stripe_alone() -> None:
    usual = provider_at("http://127.0.0.1:9")
    own = provider_at("http://127.0.0.1:9", script_origin="http://localhost:1")

    assert usual.script == "https://js.stripe.com/endive/stripe.js"
    assert usual.scripts_from == ("https://js.stripe.com", "https://*.js.stripe.com")
    assert usual.frames_from == (*usual.scripts_from, "https://hooks.stripe.com")
    assert own.scripts_from == ("http://localhost:1",)

"""What Stripe tells of by itself: genuine, of now, of our mode; only then it is read (T67, T90)."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

import pytest
import stripe as library
import time_machine

from checkout.payments.stripe_payments import StripeProvider
from checkout.ports import Authorized, ProviderEvent
from tests.stripe_double.process import Stripe
from tests.stripe_double.provider import WEBHOOK_SECRET, provider
from tests.stripe_payments.attempts import later, paying

NOW = 1_800_000_000


def body(**changed: Any) -> bytes:
    event = {
        "id": "evt_1",
        "object": "event",
        "livemode": False,
        "type": "payment_intent.succeeded",
        "data": {"object": {"object": "payment_intent", "metadata": {"attempt": "pay_1"}}},
    }
    return json.dumps({**event, **changed}).encode()


def told(attempt: str = "pay_1", stray: str = "") -> ProviderEvent:
    """What is made of `body()`."""
    return ProviderEvent("evt_1", attempt, type="payment_intent.succeeded", stray=stray)


def signed(text: bytes, *, at: int = NOW, secret: str = WEBHOOK_SECRET) -> str:
    return library.WebhookSignature.generate_signature_header(text.decode(), secret, at)


@pytest.fixture
def part(stripe: Stripe) -> StripeProvider:
    return provider(stripe)


def read(part: StripeProvider, text: bytes, headers: Mapping[str, str]) -> ProviderEvent | None:
    with time_machine.travel(NOW, tick=False):
        return part.parse_webhook(text, headers)


@pytest.mark.requirement("T67", "R41")
@pytest.mark.parametrize(
    ("seconds", "taken"), [(-301, False), (-300, True), (0, True), (300, True), (301, False), (3_600, False)]
)
def test_the_window_has_two_sides(part: StripeProvider, seconds: int, taken: bool) -> None:
    """Stripe's library takes any time in the future."""
    text = body()

    said = read(part, text, {"Stripe-Signature": signed(text, at=NOW + seconds)})

    assert said == (told() if taken else None)


@pytest.mark.requirement("T67", "R41")
def test_no_flipped_bit_is_taken(part: StripeProvider) -> None:
    text = body()
    header = signed(text)
    assert read(part, text, {"Stripe-Signature": header}) is not None

    for place in range(len(text)):
        for bit in range(8):
            other = bytearray(text)
            other[place] ^= 1 << bit
            assert read(part, bytes(other), {"Stripe-Signature": header}) is None
    for place in range(len(header)):
        for bit in range(7):
            turned = bytearray(header.encode())
            turned[place] ^= 1 << bit
            changed = turned.decode()
            if changed.replace(" ", "") != header:
                assert read(part, text, {"Stripe-Signature": changed}) is None, changed


@pytest.mark.requirement("T67")
@pytest.mark.parametrize(
    "header",
    [
        *("", "t=1", "v1=00", "t=,v1=", "t=x,v1=00", "t=1800000000", "v1", "=,=", ",,,", "t=1800000000,v1="),
        *(
            "t=1800000000,v0={}",
            "t=99999999999999999999999,v1={}",
            "t=1800000000,v1=ü",
            "t=\uff11\uff18,v1={}",
        ),
        *("t=" + "9" * 5_000 + ",v1={}", "t=-1,v1={}", "t=1800000000.0,v1={}", "t=1,t=1800000000,v1={}"),
        *("t=1800000000=1,v1={}", "t=1800000000=,v1={}"),
    ],
)
def test_odd_signatures_are_none(part: StripeProvider, header: str) -> None:
    text = body()
    genuine = signed(text).partition("v1=")[2]

    assert read(part, text, {"Stripe-Signature": header.replace("{}", genuine)}) is None


def test_both_secrets_count_while_one_replaces_the_other(stripe: Stripe) -> None:
    text = body()
    both = provider(stripe, webhook_secrets=("whsec_theNewOne1", WEBHOOK_SECRET))

    for secret in ("whsec_theNewOne1", WEBHOOK_SECRET):
        assert read(both, text, {"Stripe-Signature": signed(text, secret=secret)}) is not None
    rotating = f"{signed(text, secret='whsec_anothers01')},v1={signed(text).partition('v1=')[2]}"
    assert read(both, text, {"Stripe-Signature": rotating}) is not None
    assert read(both, text, {"Stripe-Signature": signed(text, secret="whsec_anothers01")}) is None
    none = provider(stripe, webhook_secrets=())
    assert read(none, text, {"Stripe-Signature": signed(text)}) is None
    assert read(none, text, {"Stripe-Signature": signed(text, secret=" ")}) is None


@pytest.mark.parametrize("name", ["Stripe-Signature", "stripe-signature", "STRIPE-SIGNATURE"])
def test_the_name_of_the_header_has_no_case(part: StripeProvider, name: str) -> None:
    text = body()

    assert read(part, text, {name: signed(text)}) is not None


@pytest.mark.requirement("T90")
def test_an_event_of_the_other_mode_is_stray(part: StripeProvider, stripe: Stripe) -> None:
    """Genuine, and nobody acts on it."""
    live, test = body(livemode=True), body()
    shop = provider(stripe, secret_key="sk_live_ofTheTests0000000001")

    assert read(part, test, {"Stripe-Signature": signed(test)}) == told()
    assert read(shop, live, {"Stripe-Signature": signed(live)}) == told()
    for strict, text in (
        (part, live),
        (shop, test),
        (part, body(livemode="false")),
        (part, body(livemode=0)),
    ):
        said = read(strict, text, {"Stripe-Signature": signed(text)})
        assert said == told(stray="It is of the other mode than our key.")


@pytest.mark.parametrize(
    ("kind", "about"),
    [
        *(("payment_intent.succeeded", "payment"), ("charge.succeeded", "payment"), ("", "payment")),
        *(("refund.failed", "refund"), ("charge.refunded", "refund"), ("charge.refund.updated", "refund")),
        *(("charge.dispute.created", "dispute"), ("customer.created", "payment")),
    ],
)
def test_what_it_is_about(part: StripeProvider, kind: str, about: str) -> None:
    text = body(type=kind)

    said = read(part, text, {"Stripe-Signature": signed(text)})

    assert said is not None
    assert (said.about, said.type) == (about, kind)


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"[]", b"null", b"{}", b'"evt_1"', b"{", b'{"id": "evt_1"}', b"[" * 100_000),
        *(body(id="pay_1"), body(id=None), body(id="evt_" + "x" * 300), body(object="charge")),
    ],
    ids=lambda text: text[:20].decode(),
)
def test_what_is_signed_and_no_event_is_none(
    part: StripeProvider, text: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    assert read(part, text, {"Stripe-Signature": signed(text)}) is None
    assert any(record.levelno >= logging.WARNING for record in caplog.records)


@pytest.mark.requirement("T90")
@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"object": None},
        {"object": {"metadata": None}},
        {"object": {"metadata": {"attempt": 5}}},
    ],
    ids=str,
)
def test_what_names_no_attempt_is_nobodys(part: StripeProvider, data: Any) -> None:
    text = body(data=data)

    assert read(part, text, {"Stripe-Signature": signed(text)}) == told("")


def test_everything_that_happens_to_a_payment_names_its_attempt(stripe: Stripe) -> None:
    """Charges and refunds too: Stripe copies to the first what stands in the intent, and we write it
    into the second."""
    made = paying(stripe)
    part = provider(stripe)
    outcome = part.authorize(made)
    assert isinstance(outcome, Authorized)
    part.capture(later(made), outcome.reference)
    part.refund(later(made), outcome.reference, amount=100, key=f"{made.id}:r")

    mine = [
        (said.type, said.about)
        for message in stripe.tell("events")["signed"]
        if (said := part.parse_webhook(message["body"].encode(), {"Stripe-Signature": message["header"]}))
        and said.attempt_id == made.id
    ]

    assert mine == [
        ("payment_intent.created", "payment"),
        ("payment_intent.amount_capturable_updated", "payment"),
        ("payment_intent.succeeded", "payment"),
        ("refund.created", "refund"),
        ("charge.refunded", "refund"),
    ]

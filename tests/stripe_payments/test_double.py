"""The double is as strict as Stripe, or what passes against it proves nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import stripe as library

from tests.project.server import eventually
from tests.stripe_double.account import SECRET_KEY
from tests.stripe_double.process import Stripe
from tests.stripe_double.provider import WEBHOOK_SECRET, provider
from tests.stripe_payments.attempts import paying
from tests.wallet.process import http

MAKE = {"amount": "500", "currency": "usd", "payment_method_types[0]": "card"}


def post(stripe: Stripe, path: str, form: dict[str, str], **headers: str) -> Any:
    sent = {"Authorization": f"Bearer {SECRET_KEY}", "Stripe-Version": "2026-10-28.endive", **headers}
    return http.post(stripe.origin + path, data=form, headers=sent)


@pytest.mark.parametrize(
    ("form", "headers", "status", "code"),
    [
        ({**MAKE, "colour": "red"}, {}, 400, "parameter_unknown"),
        ({**MAKE, "amount": "49"}, {}, 400, "amount_too_small"),
        ({**MAKE, "currency": "USD"}, {}, 400, None),
        (MAKE, {"Authorization": "Bearer sk_test_other"}, 401, None),
        (MAKE, {"Stripe-Version": "latest"}, 400, None),
        (MAKE, {"Content-Type": "application/json"}, 400, None),
    ],
)
def test_what_stripe_refuses_it_refuses(
    stripe: Stripe, form: dict[str, str], headers: dict[str, str], status: int, code: str | None
) -> None:
    answer = post(stripe, "/v1/payment_intents", form, **headers)

    assert (answer.status_code, answer.json()["error"].get("code")) == (status, code)


def test_a_key_replays_and_conflicts(stripe: Stripe) -> None:
    key = {"Idempotency-Key": "double_1"}

    first = post(stripe, "/v1/payment_intents", MAKE, **key)
    again = post(stripe, "/v1/payment_intents", MAKE, **key)
    other = post(stripe, "/v1/payment_intents", {**MAKE, "amount": "501"}, **key)

    assert again.json() == first.json()
    assert (first.headers.get("Idempotent-Replayed"), again.headers["Idempotent-Replayed"]) == (None, "true")
    assert (other.status_code, other.json()["error"]["type"]) == (400, "idempotency_error")


def test_a_key_in_use_is_a_conflict(stripe: Stripe) -> None:
    stripe.troubles({"what": "slow", "path": "/v1/payment_intents", "seconds": 2.0})
    key = {"Idempotency-Key": "double_2"}
    said: list[int] = []

    def ask() -> None:
        said.append(post(stripe, "/v1/payment_intents", MAKE, **key).status_code)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(said) == [200, 409]


def test_a_shared_token_is_known_in_the_preview_alone(stripe: Stripe) -> None:
    made = post(stripe, "/v1/payment_intents", MAKE).json()["id"]
    path, form = f"/v1/payment_intents/{made}/confirm", {"payment_method": "pm_card_visa"}
    token = {"payment_method_data[shared_payment_granted_token]": stripe.grant()}

    refused = post(stripe, path, token)
    taken = post(stripe, path, token, **{"Stripe-Version": "2026-04-22.preview"})
    again = post(stripe, path, form)

    assert refused.json()["error"]["code"] == "parameter_unknown"
    assert taken.json()["status"] == "succeeded"
    assert again.json()["error"]["code"] == "payment_intent_unexpected_state"


def test_cards_become_payment_methods(stripe: Stripe) -> None:
    number, until = {"type": "card", "card[number]": "4242424242424242"}, {"card[exp_month]": "12"}
    card = {**number, **until, "card[exp_year]": "2034"}
    path = "/v1/payment_methods"

    made = post(stripe, path, {**card, "card[cvc]": "123", "billing_details[address][city]": "Cork"}).json()

    assert (made["object"], made["card"]["last4"]) == ("payment_method", "4242")
    for changed, status, code in (
        ({"card[number]": "4242424242424241"}, 402, "incorrect_number"),
        ({"card[exp_month]": "13"}, 402, "invalid_expiry_month"),
        ({"card[exp_year]": "2001"}, 402, "invalid_expiry_year"),
        ({"card[cvc]": "1"}, 402, "invalid_cvc"),
        ({"card[exp_year]": ""}, 400, "parameter_missing"),
        ({"card[cvv]": "123"}, 400, "parameter_unknown"),
        ({"billing_details[address][line_one]": "x"}, 400, "parameter_unknown"),
        ({"type": "sepa_debit"}, 400, None),
    ):
        refused = post(stripe, path, {**card, **changed})
        assert (refused.status_code, refused.json()["error"].get("code")) == (status, code), changed


def test_a_card_that_is_nobodys_pays_for_one_intent(stripe: Stripe) -> None:
    """Stripe's own guard behind ours."""
    form = {"type": "card", "card[number]": "4242424242424242", "card[exp_month]": "12"}
    method = post(stripe, "/v1/payment_methods", {**form, "card[exp_year]": "2034"}).json()["id"]
    intents = [post(stripe, "/v1/payment_intents", MAKE).json()["id"] for _ in range(2)]

    first, second = (
        post(stripe, f"/v1/payment_intents/{name}/confirm", {"payment_method": method}) for name in intents
    )

    assert first.json()["status"] == "succeeded"
    assert second.json()["error"]["message"].startswith("The provided PaymentMethod was previously used")


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """An address, and what was sent there: bodies and signatures."""
    told: list[tuple[str, str]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            told.append((body, self.headers["Stripe-Signature"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing is written."""

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", told
    server.shutdown()
    thread.join()
    server.server_close()


def test_events_are_sent_signed_as_often_as_the_tests_say(
    stripe: Stripe, receiver: tuple[str, list[tuple[str, str]]]
) -> None:
    url, told = receiver
    stripe.tell("webhooks", url=url, copies=3, shuffle=True, held=True)
    try:
        provider(stripe).authorize(paying(stripe))
        stripe.tell("deliver")
        assert eventually(lambda: len(told) == 6, within=30)
    finally:
        stripe.tell("webhooks", url="", copies=1, shuffle=False, held=False)

    names = [json.loads(body)["id"] for body, _ in told]
    assert {names.count(name) for name in names} == {3}
    for body, signature in told:
        assert library.WebhookSignature.verify_header(body, signature, WEBHOOK_SECRET, 300)
        assert provider(stripe).parse_webhook(body.encode(), {"Stripe-Signature": signature})

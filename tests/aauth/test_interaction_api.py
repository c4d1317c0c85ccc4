"""An agent that signs needs no session in the Interaction API."""

from __future__ import annotations

import json

import pytest
from django.test import override_settings

from checkout.models import Cart, CheckoutSession
from gateway.session_models import AgentSession
from tests.aauth.agents import SignedAgent
from tests.visitors import BASE, failed, told
from tests.visitors import Visitor as Visiting

MUG = {"item_id": "item_mug", "quantity": 2}


def test_its_cart_is_its_own(signer: SignedAgent) -> None:
    added = told(signer.post(BASE + "/cart", MUG), 201)
    other = SignedAgent("other", provider=signer.provider)

    assert added["cart_size"] == 1
    assert told(signer.get(BASE + "/cart"))["items"][0]["quantity"] == 2
    assert told(other.get(BASE + "/cart"))["items"] == []
    assert Cart.objects.get().owner == signer.owner
    assert not AgentSession.objects.exists()


def test_the_query_is_signed_too(signer: SignedAgent) -> None:
    """Whoever copies a request cannot have it remove something else."""
    signer.post(BASE + "/cart", MUG)
    path = BASE + "/cart?item_id=item_mug"
    signed = signer.signed("DELETE", path)

    altered = signer.raw("DELETE", BASE + "/cart?item_id=item_sneakers", b"", signed)
    removed = signer.raw("DELETE", path, b"", signed)

    assert altered.status_code == 401
    assert told(removed)["cart"]["items"] == []


def test_it_hands_its_cart_to_a_person(signer: SignedAgent) -> None:
    signer.post(BASE + "/cart", MUG)

    handed = told(signer.post(BASE + "/checkout"))

    assert handed["human_handoff"] is True
    assert CheckoutSession.objects.get().owner == signer.owner
    page = signer.http.get(handed["handoff_url"].removeprefix("http://localhost:8000"))
    assert page.status_code == 200


def test_a_repeat_with_the_same_key_is_answered_again(signer: SignedAgent) -> None:
    headers = {"Idempotency-Key": "once"}

    first = signer.post(BASE + "/cart", MUG, headers)
    signer.renew()
    again = signer.post(BASE + "/cart", MUG, headers)

    assert first.content == again.content
    assert again.headers["Idempotent-Replayed"] == "true"
    assert Cart.objects.get().lines[0]["quantity"] == 2


def test_a_session_still_works_beside_it(signer: SignedAgent) -> None:
    visitor = Visiting()
    visitor.token = told(visitor.post("/session"), 201)["session_token"]

    assert told(visitor.post("/cart", MUG), 201)["cart_size"] == 1
    assert told(signer.get(BASE + "/cart"))["items"] == []


def test_without_either_both_are_asked_for(signer: SignedAgent) -> None:
    answer = Visiting().get("/cart")

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="agent session"'
    assert answer.headers["AAuth-Requirement"] == "requirement=agent-token"
    assert "session" in failed(answer)


def test_it_is_counted_for_itself_from_whatever_address(signer: SignedAgent) -> None:
    with override_settings(AGENTIC_GATEWAY=signer.configured(INTERACTION_RATE=3)):
        statuses = []
        for number in range(4):
            signer.address = f"203.0.113.{number}"
            statuses.append(signer.get(BASE + "/cart"))

    assert [answer.status_code for answer in statuses] == [200, 200, 200, 429]
    assert int(statuses[-1].headers["Retry-After"]) >= 1


@pytest.mark.requirement("AA-409")
def test_a_body_is_forgotten_by_the_request_when_it_is_refused(signer: SignedAgent) -> None:
    answer = signer.send("POST", BASE + "/cart", MUG, sent=json.dumps({**MUG, "x": 1}).encode())

    assert answer.status_code == 401
    assert answer.wsgi_request.body == b""

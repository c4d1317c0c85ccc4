"""An agent that knows only the address hands its cart to a person, and sees how that ended."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from django.utils import timezone

from checkout.errors import ProviderUnavailable
from checkout.models import Cart, CheckoutSession, Order, StateMove
from checkout.payments.sandbox import SandboxProvider
from gateway import tickets
from gateway.models import IdempotentRequest
from gateway.session_models import AgentSession
from tests.people import heading
from tests.person.handed_over import ALREADY, THANKS, Buyer
from tests.visitors import Visitor, failed, told, visit

MUGS = {"item_id": "item_mug", "quantity": 2}


@pytest.fixture
def agent(visitor: Visitor) -> Visitor:
    """An agent with a session, and two mugs in its cart."""
    agent = Visitor(visit()[1])
    told(agent.post("/cart", MUGS), 201)
    return agent


def silent(*_: Any) -> None:
    raise ProviderUnavailable


def status(agent: Visitor) -> str:
    stands: str = told(agent.get("/cart"))["checkout"]["status"]
    return stands


@pytest.mark.requirement("AJ-084", "AJ-086", "AJ-091")
def test_from_the_cart_to_the_order(agent: Visitor) -> None:
    answer = told(agent.post("/checkout"))
    assert set(answer) == {"handoff_url", "expires_at", "message", "checkout_url", "human_handoff"}
    assert answer["checkout_url"] == answer["handoff_url"]
    assert answer["human_handoff"] is True
    assert "pays there" in answer["message"]
    assert status(agent) == "waiting"

    buyer = Buyer()
    page = buyer.to_the_payment(answer["handoff_url"])
    assert status(agent) == "opened"
    assert heading(buyer.pay(page)) == THANKS

    seen = told(agent.get("/cart"))
    order = Order.objects.get()
    assert seen["items"] == []
    assert seen["checkout"]["status"] == "completed"
    assert seen["checkout"]["order_id"] == order.id
    assert seen["checkout"]["permalink_url"].endswith(f"/agentic/orders/{order.id}")
    assert order.owner == AgentSession.objects.get().owner
    assert StateMove.objects.get(subject=order.session_id, to_state="completed").actor == "person"


def test_after_the_purchase_the_next_cart_begins_empty(agent: Visitor) -> None:
    buyer = Buyer()
    buyer.pay(buyer.to_the_payment(told(agent.post("/checkout"))["handoff_url"]))

    assert failed(agent.post("/checkout")) == "Cart is empty"
    added = told(agent.post("/cart", {"item_id": "item_pens", "quantity": 1}), 201)
    assert added["cart_size"] == 1
    assert "checkout" not in told(agent.get("/cart"))
    assert Cart.objects.filter(closed_because="bought").count() == 1
    assert told(agent.post("/checkout"))["handoff_url"]
    assert Order.objects.count() == 1


@pytest.mark.requirement("AJ-087")
def test_an_empty_cart_is_refused(visitor: Visitor) -> None:
    agent = Visitor(visit()[1])
    for _ in range(2):
        refused = agent.post("/checkout")
        assert refused.status_code == 400
        assert failed(refused) == "Cart is empty"
        told(agent.post("/cart", MUGS), 201)
        told(agent.ask("DELETE", "/cart", {"item_id": "item_mug"}))
    assert not CheckoutSession.objects.exists()


def test_what_is_sold_out_is_named(agent: Visitor) -> None:
    told(agent.post("/cart", {"item_id": "item_last", "quantity": 2}), 201)

    refused = agent.post("/checkout")
    assert refused.status_code == 400
    assert "Last Print" in failed(refused)
    assert not CheckoutSession.objects.exists()


@pytest.mark.requirement("AJ-085")
def test_without_a_session_there_is_no_checkout(visitor: Visitor) -> None:
    assert visitor.post("/checkout").status_code == 401
    assert Visitor("tok_made_up").post("/checkout").status_code == 401


@pytest.mark.requirement("AJ-088")
def test_the_link_tells_nothing_and_opens_one_thing(agent: Visitor) -> None:
    answer = told(agent.post("/checkout"))
    link = urlsplit(answer["handoff_url"])
    session, cart = CheckoutSession.objects.get(), Cart.objects.get()

    assert f"{link.scheme}://{link.netloc}" == "http://localhost:8000"
    assert (link.query, link.fragment, link.username) == ("", "", None)
    found = re.fullmatch(r"/agentic/checkout/([0-9a-f]{96})", link.path)
    assert found is not None
    secrets = (agent.token, session.id[3:], cart.id[5:], AgentSession.objects.get().pk[4:])
    assert not any(secret in found[1] for secret in secrets)
    assert tickets.read(found[1]) is not None
    ends = datetime.fromisoformat(answer["expires_at"])
    assert timedelta(minutes=29) < ends - timezone.now() <= timedelta(minutes=30)


@pytest.mark.requirement("AJ-088")
def test_two_links_have_nothing_in_common(agent: Visitor, visitor: Visitor) -> None:
    other = Visitor(visit()[1])
    told(other.post("/cart", MUGS), 201)
    first, second = (told(who.post("/checkout"))["handoff_url"][-96:] for who in (agent, other))

    assert sum(a == b for a, b in zip(first, second, strict=True)) < 30
    assert len({first, second}) == 2


@pytest.mark.requirement("AJ-089")
def test_one_cart_has_one_link_that_can_be_paid(agent: Visitor) -> None:
    first = told(agent.post("/checkout"))
    assert told(agent.post("/checkout")) == first
    told(agent.post("/cart", {"item_id": "item_pens", "quantity": 1}), 201)
    assert status(agent) == "void"
    assert Buyer().look(first["handoff_url"]).status_code == 410

    second = told(agent.post("/checkout"))
    assert second["handoff_url"] != first["handoff_url"]
    assert Buyer().look(first["handoff_url"]).status_code == 410
    assert Buyer().look(second["handoff_url"]).status_code == 200


@pytest.mark.requirement("AJ-089")
def test_while_it_is_paid_the_cart_says_why_it_does_not_change(
    agent: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = told(agent.post("/checkout"))["handoff_url"]
    buyer = Buyer()
    page = buyer.to_the_payment(link)
    monkeypatch.setattr(SandboxProvider, "authorize", silent)
    buyer.press(page, "pay", card="spt_sandbox_ok")
    assert status(agent) == "paying"

    for answer in (
        agent.post("/cart", MUGS),
        agent.ask("PATCH", "/cart", {"item_id": "item_mug", "quantity": 1}),
        agent.ask("DELETE", "/cart", {"item_id": "item_mug"}),
    ):
        assert answer.status_code == 400
        assert "paying" in failed(answer)
    assert told(agent.post("/checkout"))["handoff_url"] == link


def test_a_no_and_an_end_are_seen(agent: Visitor) -> None:
    buyer = Buyer()
    link = told(agent.post("/checkout"))["handoff_url"]
    page = buyer.look(link)
    buyer.answer(page, "stop")
    assert status(agent) == "refused"

    again = told(agent.post("/checkout"))
    assert again["handoff_url"] != link
    with time_machine.travel(datetime.fromisoformat(again["expires_at"]) + timedelta(seconds=2)):
        assert Buyer().look(again["handoff_url"]).status_code == 410
        AgentSession.objects.update(expires_at=timezone.now() + timedelta(minutes=5))
        assert status(agent) == "expired"


@pytest.mark.requirement("T71", "AJ-088")
def test_a_repeat_with_a_key_names_the_link_that_no_row_holds(agent: Visitor) -> None:
    first = agent.post("/checkout", Idempotency_Key="once")
    again = agent.post("/checkout", Idempotency_Key="once")

    assert told(first) == told(again)
    ticket = told(first)["handoff_url"][-96:]
    kept = [row.body for row in IdempotentRequest.objects.all()]
    assert any("checkout" in body for body in kept)
    assert all(ticket not in body and ticket[32:] not in body for body in kept)


@pytest.mark.requirement("AJ-085")
def test_the_agents_visit_may_end_and_the_buyer_goes_on(agent: Visitor) -> None:
    link = told(agent.post("/checkout"))["handoff_url"]
    AgentSession.objects.update(ended_at=timezone.now(), ended_because="agent")

    buyer = Buyer()
    assert heading(buyer.pay(buyer.to_the_payment(link))) == THANKS
    assert heading(buyer.look(link)) == ALREADY


def test_the_answer_is_not_shaped_by_what_an_agent_sends(agent: Visitor) -> None:
    """Members that the capability does not have are noise: no price, address or return link."""
    noise: dict[str, Any] = {"total": 1, "return_url": "https://evil.example", "handoff_url": "x"}
    answer = told(agent.post("/checkout", noise))

    assert "evil" not in json.dumps(answer)
    assert CheckoutSession.objects.get().quote["totals"]["items"] == 5600

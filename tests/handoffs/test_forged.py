"""Whoever is not the buyer's browser finishes nothing (AJ-085, R36; T10, T41, T42, T46, T47).

Every door of the page and of the API, by every method, with everything an agent holds, before and after
the buyer came. In the end the same purchase is shown to be one that can be paid.
"""

from __future__ import annotations

import itertools
import json
import random
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from django.test import Client

from checkout.models import Cart, CheckoutSession, Order, Payment, SandboxCharge, StateMove
from gateway import tickets
from gateway.person import misses
from interventions.models import Intervention, InterventionMove
from tests.agents import BASE as ACP
from tests.agents import PlayedAgent, paying
from tests.people import form, heading
from tests.person.handed_over import ALREADY, CHECK, THANKS, Buyer
from tests.visitors import BASE, Visitor, told, visit

STEPS = ("", "/contact", "/address", "/delivery", "/payment")
SENT = {
    "answer": "pay",
    "card": "spt_sandbox_ok",
    "form": "made up",
    "email": "eve@example.com",
    "full_name": "Eve",
    "confirm": "true",
}
FORM = "application/x-www-form-urlencoded"
KINDS = ("application/json", FORM, "multipart/form-data", "text/plain")


@pytest.fixture
def token() -> str:
    return visit()[1]


@pytest.fixture
def link(token: str) -> str:
    agent = Visitor(token)
    told(agent.post("/cart", {"item_id": "item_mug", "quantity": 1}), 201)
    address: str = told(agent.post("/checkout"))["handoff_url"]
    return urlsplit(address).path


def everything() -> list[Any]:
    """What must not change: the purchase, the money, and who acts."""
    models = (CheckoutSession, Payment, Order, SandboxCharge, Intervention, InterventionMove, StateMove, Cart)
    return [list(model.objects.order_by("pk").values()) for model in models]


def held(token: str) -> list[dict[str, str]]:
    """What an agent can show: nothing, its session in all three ways, a key, what a browser would say."""
    return [
        {},
        {"X-Agent-Session": token},
        {"X-Session-Token": token},
        {"Authorization": f"Bearer {token}"},
        {"Authorization": "Bearer demo-agent-key", "API-Version": "2026-04-17", "Idempotency-Key": "k"},
        {"Origin": "http://localhost:8000", "X-Agent-Session": token},
        {"Origin": "https://evil.example", "Referer": "https://evil.example/"},
        {"X-CSRFToken": "0" * 64, "Cookie": "csrftoken=" + "0" * 64},
    ]


def attacked(link: str, token: str) -> set[int]:
    """The statuses of every request of a stranger at every page."""
    found: set[int] = set()
    for headers in held(token):
        browser = Client(enforce_csrf_checks=True, raise_request_exception=False)
        for step in STEPS:
            for method in ("get", "head"):
                answer = getattr(browser, method)(f"{link}{step}", SENT, headers=headers)
                assert answer.status_code in (200, 410), (step, method, headers)
            for method in ("put", "patch", "delete"):
                found.add(getattr(browser, method)(f"{link}{step}", b"{}", headers=headers).status_code)
            for kind in KINDS:
                body = urlencode(SENT) if kind == FORM else json.dumps(SENT)
                path = f"{link}{step}"
                found.add(browser.generic("POST", path, body, content_type=kind, headers=headers).status_code)
    misses.forget()
    return found


@pytest.mark.requirement("AJ-085", "AJ-090", "R36", "T42", "T46", "T47")
@pytest.mark.parametrize("came", [False, True], ids=["before the buyer", "with the buyer there"])
def test_no_stranger_finishes_it(link: str, token: str, came: bool) -> None:
    buyer = Buyer()
    page = buyer.to_the_payment(link) if came else None
    before = everything()

    # 409: who brings a token of their own making is shown the purchase, and has decided nothing.
    assert attacked(link, token) <= {400, 403, 405, 409, 410}
    assert everything() == before

    page = page or buyer.to_the_payment(link)
    assert heading(buyer.pay(page)) == THANKS
    assert SandboxCharge.objects.count() == 1


@pytest.mark.requirement("AJ-085", "R36")
def test_no_door_of_the_apis_finishes_it(link: str, token: str) -> None:
    """ACP with a key of its own, and the Interaction API with the session that made the cart."""
    Buyer().to_the_payment(link)
    session = CheckoutSession.objects.get()
    intervention = Intervention.objects.get()
    before = everything()

    acp = PlayedAgent()
    for path, body in (
        ("/complete", paying()),
        ("/cancel", None),
        ("", {"intervention_response": {"type": "handoff"}}),
        ("", {"buyer": {"email": "eve@example.com"}}),
    ):
        answer = acp.post(f"/checkout_sessions/{session.id}{path}", body)
        assert answer.status_code == 404
    assert acp.get(f"/checkout_sessions/{session.id}").status_code == 404
    visitor = Visitor(token)
    for method in ("POST", "PUT", "PATCH", "DELETE", "GET"):
        for path in (
            f"/checkout/{intervention.id}",
            f"/checkout/{session.id}/complete",
            "/checkout/complete",
            "/checkout?complete=true",
        ):
            if method == "POST" and "?" in path:
                continue  # the capability itself: the same link again
            assert visitor.ask(method, path, {"complete": True}).status_code in (400, 404, 405)
    told(visitor.post("/checkout", {"complete": True, "payment_data": paying()["payment_data"]}))

    assert everything() == before
    assert ACP != BASE


@pytest.mark.requirement("AJ-085", "R36", "T11")
def test_a_payment_that_is_sent_again_pays_nothing_more(link: str) -> None:
    """A replay of the form by the buyer's own browser, at once and after it is done."""
    buyer = Buyer()
    page = buyer.to_the_payment(link)
    path, fields = form(page, "pay")
    sent = {**fields, "answer": "pay", "card": "spt_sandbox_ok"}
    assert heading(buyer.go(buyer.send(path, sent))) == THANKS

    for _ in range(3):
        again = buyer.go(buyer.send(path, sent))
        assert again.status_code in (200, 410)
    stranger = Buyer()
    stranger.look(link)
    assert stranger.send(path, sent).status_code in (200, 403, 410)

    assert SandboxCharge.objects.count() == Order.objects.count() == Payment.objects.count() == 1
    assert heading(Buyer().look(link)) == ALREADY


@pytest.mark.requirement("AJ-085", "R36", "T10")
def test_who_opens_the_link_first_shuts_the_buyer_out_and_pays_with_their_own(link: str) -> None:
    """An agent at the page is a browser like any other: it has no card of the buyer, and the buyer sees
    that somebody was there before."""
    first = Buyer()
    first.come(link)

    buyer = Buyer()
    assert "another browser" in buyer.answer(buyer.look(link), "continue").content.decode()
    assert Intervention.objects.get().state == "interacting"
    assert not Payment.objects.exists()


@pytest.mark.requirement("AJ-090", "R36", "T42")
def test_looking_ten_times_changes_nothing(link: str) -> None:
    before = everything()
    for _ in range(10):
        seen = Buyer().look(link)
        assert seen.status_code == 200
        assert not seen.cookies.get("agentic_person")
    assert everything() == before

    buyer = Buyer()
    assert heading(buyer.to_the_payment(link)) == CHECK


@pytest.mark.requirement("R36", "T41")
def test_a_hundred_thousand_made_up_links_open_nothing() -> None:
    """Counted where links are read: random ones, and those that are nearly right."""
    chance = random.Random(36)
    genuine = [tickets.ticket(f"int_{number:032x}") for number in range(50)]
    assert all(tickets.read(ticket) for ticket in genuine)
    opened = 0
    for _ in range(100_000):
        opened += tickets.read(f"{chance.getrandbits(384):096x}") is not None
    assert opened == 0

    near: set[str] = set()
    for ticket in genuine:
        for place in range(0, 96, 5):
            near.add(ticket[:place] + format(int(ticket[place], 16) ^ 1, "x") + ticket[place + 1 :])
        near |= {ticket[:-1], ticket + "0", ticket.upper(), ticket[32:] + ticket[:32], ticket[:32] + "0" * 64}
    for one, other in itertools.pairwise(genuine):
        near.add(one[:32] + other[32:])
    assert len(near) > 1000
    assert not [ticket for ticket in near - set(genuine) if tickets.read(ticket)]


@pytest.mark.requirement("R36", "T41")
def test_wrong_links_to_this_page_are_counted_like_any_others(link: str) -> None:
    misses.forget()
    browser = Client(raise_request_exception=False)
    statuses = [browser.get(f"{link[:-64]}{number:064x}").status_code for number in range(25)]

    assert set(statuses[:20]) == {404}
    assert set(statuses[20:]) == {429}
    assert browser.get(link).status_code == 200, "a right link is never refused for it"
    misses.forget()

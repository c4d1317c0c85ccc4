"""What a second reading of pages, answers and keys found: each of these failed once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from django.test import Client, override_settings
from django.urls import get_script_prefix, set_script_prefix
from django.utils import timezone

from checkout.models import CheckoutSession
from gateway import delivery
from gateway.models import IdempotentRequest
from interventions import policy, ports
from interventions.models import Intervention, Policy
from interventions.ports import Challenge, NotYet, Verdict
from tests.acp.test_redirect import REDIRECT, Person
from tests.agents import ADDRESS, PlayedAgent, codes
from tests.interventions.wallet import PlayedWallet


class Interrupted(PlayedWallet):
    """Something else happens while this wallet is asked, once."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: list[Any] = []

    def verify(self, challenge: Challenge, evidence: Mapping[str, str]) -> Verdict:
        verdict = super().verify(challenge, evidence)
        if self.meanwhile:
            self.meanwhile.pop()()
        return verdict


class WithoutBooks(Interrupted):
    """It says yes to a code, once, and knows nothing afterwards."""

    def verify(self, challenge: Challenge, evidence: Mapping[str, str]) -> Verdict:
        return super().verify(challenge, evidence) if evidence else NotYet()


def _run(made: PlayedWallet) -> None:
    ports.plug(replace(ports.ports(), providers={**ports.ports().providers, "redirect": made}))
    Policy.objects.all().delete()
    Policy.objects.create(name="Wallet", kinds=["redirect"], enforcement="always", item_tag="screen")
    policy.forget()


@pytest.fixture
def interrupted(shop: None) -> Iterator[Interrupted]:
    before, made = ports.ports(), Interrupted()
    _run(made)
    yield made
    ports.plug(before)


@pytest.fixture
def bookless(shop: None) -> Iterator[WithoutBooks]:
    before, made = ports.ports(), WithoutBooks()
    _run(made)
    yield made
    ports.plug(before)


def waiting(agent: PlayedAgent, **members: Any) -> dict[str, Any]:
    """A session that waits for its buyer."""
    session = agent.create(
        "item_tablet", capabilities=REDIRECT, fulfillment_details={"address": ADDRESS}, **members
    )
    assert session["status"] == "authentication_required"
    return session


@pytest.mark.requirement("ACP-160")
def test_a_cart_that_changes_while_the_wallet_is_asked_is_not_a_refusal(
    agent: PlayedAgent, interrupted: Interrupted
) -> None:
    """Decision 21: the old question is void, the new one stands, and nobody said no."""
    session = waiting(agent)
    changed: list[dict[str, Any]] = []
    two = {"line_items": [{"id": "item_tablet", "quantity": 2}]}
    interrupted.meanwhile.append(lambda: changed.append(agent.update(session, two)))

    told = agent.update(session, {"intervention_response": {"type": "redirect_complete"}})

    assert told["status"] == "authentication_required"
    assert told["intervention_context"] == changed[0]["intervention_context"]
    assert Intervention.objects.filter(state="pending").count() == 1


@pytest.mark.requirement("ACP-155", "ACP-160")
def test_a_hint_after_its_time_asks_anew_and_blames_nobody(
    agent: PlayedAgent, interrupted: Interrupted
) -> None:
    """Decision 19: any update starts a fresh challenge."""
    session = waiting(agent)
    with time_machine.travel(timezone.now() + timedelta(minutes=16), tick=False):
        told = agent.update(session, {"intervention_response": {"type": "redirect_complete"}})

    assert told["status"] == "authentication_required"
    assert told["intervention_context"]["redirect_url"] != session["intervention_context"]["redirect_url"]
    assert "did not confirm" not in str(told["messages"])


def test_a_yes_is_not_lost_to_the_second_press_of_a_button(
    agent: PlayedAgent, bookless: WithoutBooks
) -> None:
    """T32: a code can be redeemed once. The press that did not redeem it must not undo the other."""
    session, person = waiting(agent), Person()
    brought = bookless.decide(person.leave(session), "approved")
    bookless.meanwhile.append(lambda: person.come_back(session, brought))

    person.come_back(session, brought)

    assert agent.retrieve(session)["status"] == "ready_for_payment"


@pytest.mark.requirement("ACP-149")
def test_what_is_kept_for_a_repeat_opens_no_page(agent: PlayedAgent, interrupted: Interrupted) -> None:
    """T71: whoever reads the database finds no link; a repeat of the request gets it again."""
    body = {
        "line_items": [{"id": "item_tablet"}],
        "currency": "usd",
        "capabilities": REDIRECT,
        "fulfillment_details": {"address": ADDRESS},
    }
    first = agent.post("/checkout_sessions", body, key="page-1")
    context = first.json()["intervention_context"]
    hint = {"intervention_response": {"type": "redirect_complete"}}
    claimed = agent.post(f"/checkout_sessions/{first.json()['id']}", hint, key="page-2")

    ticket = context["redirect_url"].rpartition("/")[2]
    kept = list(IdempotentRequest.objects.values_list("body", flat=True))
    assert len(kept) == 2
    assert not any(ticket in row or ticket[32:] in row for row in kept)
    again = agent.post("/checkout_sessions", body, key="page-1")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.content == first.content
    hinted = agent.post(f"/checkout_sessions/{first.json()['id']}", hint, key="page-2")
    assert hinted.headers["Idempotent-Replayed"] == "true"
    assert hinted.content == claimed.content


def test_digits_stay_in_the_notes_while_no_code_was_sent(
    agent: PlayedAgent, interrupted: Interrupted
) -> None:
    """T20 masks codes: a buyer who is at a page has none."""
    session = waiting(agent)

    agent.update(session, {"order_notes": "Gate 482913", "buyer": {"email": "ada@example.com"}})

    assert CheckoutSession.objects.get(pk=session["id"]).extras["order_notes"] == "Gate 482913"


def test_the_first_who_enters_gets_a_secret_that_nobody_gave_them(
    agent: PlayedAgent, interrupted: Interrupted
) -> None:
    """T10, T11: a cookie that was planted is not taken over, and one link's is not another's."""
    first, second = waiting(agent), waiting(agent)
    person = Person()
    path = urlsplit(first["intervention_context"]["redirect_url"]).path
    person.http.cookies.load({"agentic_person": "planted"})

    person.leave(first)

    cookie = person.http.cookies["agentic_person"]
    assert cookie.value != "planted"
    assert cookie["path"] == path
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert person.http.cookies["agentic_round"]["path"] == path + "/return"
    before = cookie.value
    person.leave(second)
    assert person.http.cookies["agentic_person"].value != before


def test_the_same_browser_may_go_to_the_wallet_again(agent: PlayedAgent, interrupted: Interrupted) -> None:
    session, person = waiting(agent), Person()
    person.leave(session)
    before = person.http.cookies["agentic_person"].value

    brought = interrupted.decide(person.leave(session), "approved")

    assert person.http.cookies["agentic_person"].value == before
    assert person.come_back(session, brought).status_code == 200


@override_settings(MIDDLEWARE=[])
def test_a_decision_needs_its_token_also_where_the_merchant_checks_none(
    agent: PlayedAgent, interrupted: Interrupted
) -> None:
    """T46: mounted in a project without Django's CSRF middleware."""
    session = waiting(agent)
    path = urlsplit(session["intervention_context"]["redirect_url"]).path

    for answer in ("continue", "stop"):
        assert Client(enforce_csrf_checks=True).post(path, {"answer": answer}).status_code == 403
    foreign = Person()
    page = foreign.open(path)
    foreign.http.defaults["HTTP_ORIGIN"] = "https://evil.example"
    assert foreign.press(page, path, answer="stop").status_code == 403
    assert Intervention.objects.get().state == "pending"
    person = Person()
    assert person.come_back(session, interrupted.decide(person.leave(session), "approved")).status_code == 200


def test_cookies_reach_the_page_below_a_prefix(agent: PlayedAgent, interrupted: Interrupted) -> None:
    before = get_script_prefix()
    set_script_prefix("/shop/")  # as Django's handlers do; its test client does not
    try:
        session, person = waiting(agent), Person()
        context = session["intervention_context"]
        path = urlsplit(context["redirect_url"]).path
        assert path.startswith("/shop/agentic/confirm/")
        inner = path.removeprefix("/shop")
        page = person.open(inner)
        person.press(page, inner, answer="continue")
        assert person.http.cookies["agentic_person"]["path"] == path
        assert person.http.cookies["agentic_round"]["path"] == urlsplit(context["callback_url"]).path
    finally:
        set_script_prefix(before)


def test_codes_are_listed_once(agent: PlayedAgent, interrupted: Interrupted) -> None:
    """A hint before the verdict says so, and does not pile up."""
    session = waiting(agent)
    for _ in range(2):
        told = agent.update(session, {"intervention_response": {"type": "redirect_complete"}})

    assert codes(told) == ["intervention_required", "info"]


@pytest.mark.parametrize("says_no", [False, True])
def test_a_person_is_thanked_although_the_shop_cannot_price_just_now(
    agent: PlayedAgent, interrupted: Interrupted, monkeypatch: pytest.MonkeyPatch, says_no: bool
) -> None:
    """What the person said is on record before the session hears of it; the relay tells it later."""
    session, person = waiting(agent), Person()
    url = session["intervention_context"]["redirect_url"]

    def down(*_: Any, **__: Any) -> None:
        raise ConnectionError

    if says_no:
        monkeypatch.setattr("checkout.responses.write", down)
        page = person.press(person.open(url), url, answer="stop")
    else:
        brought = interrupted.decide(person.leave(session), "approved")
        monkeypatch.setattr("checkout.responses.reprice", down)
        page = person.come_back(session, brought)

    assert page.status_code == 200
    monkeypatch.undo()
    delivery.deliver_due()
    later = "not_ready_for_payment" if says_no else "ready_for_payment"
    assert agent.retrieve(session)["status"] == later

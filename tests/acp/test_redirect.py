"""A purchase that is confirmed at a page that is not ours: acp.md J, decisions 17 to 22."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from checkout.models import SandboxCharge
from gateway import delivery
from interventions import policy, ports
from interventions.models import Intervention, Policy
from tests.agents import ADDRESS, PlayedAgent, codes
from tests.interventions.wallet import PlayedWallet

REDIRECT = {"interventions": {"supported": ["redirect"], "redirect_context": "external_browser"}}


@pytest.fixture
def wallet(shop: None) -> Iterator[PlayedWallet]:
    """The tablet is confirmed at a wallet."""
    before, made = ports.ports(), PlayedWallet()
    ports.plug(replace(before, providers={**before.providers, "redirect": made}))
    Policy.objects.all().delete()
    Policy.objects.create(name="Wallet", kinds=["redirect"], enforcement="always", item_tag="screen")
    policy.forget()
    yield made
    ports.plug(before)


@pytest.fixture
def tablet(wallet: PlayedWallet, agent: PlayedAgent) -> dict[str, Any]:
    """A session that waits for its buyer."""
    return agent.create("item_tablet", capabilities=REDIRECT, fulfillment_details={"address": ADDRESS})


class Person:
    """A buyer with a browser that keeps cookies, checks tokens, and follows nothing by itself."""

    def __init__(self) -> None:
        self.http = Client(enforce_csrf_checks=True, raise_request_exception=False)

    def open(self, url: str) -> HttpResponse:
        parts = urlsplit(url)
        return self.http.get(f"{parts.path}?{parts.query}" if parts.query else parts.path)

    def press(self, page: HttpResponse, url: str, **answer: str) -> HttpResponse:
        """The form of the page is sent, with its token and its hidden fields."""
        fields = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', page.content.decode()))
        return self.http.post(urlsplit(url).path, {**fields, **answer})

    def leave(self, session: dict[str, Any]) -> str:
        """From our page to the wallet's; its address."""
        url = session["intervention_context"]["redirect_url"]
        away = self.press(self.open(url), url, answer="continue")
        assert away.status_code == 303, away.content
        return away.headers["Location"]

    def come_back(self, session: dict[str, Any], brought: dict[str, str]) -> HttpResponse:
        url = session["intervention_context"]["callback_url"]
        query = "&".join(f"{name}={value}" for name, value in brought.items())
        return self.press(self.open(f"{url}?{query}"), url, answer="")


@pytest.mark.requirement("ACP-141", "ACP-144", "ACP-145", "ACP-146", "ACP-149", "ACP-154", "IT-09")
def test_the_session_says_where_its_buyer_must_go(agent: PlayedAgent, tablet: dict[str, Any]) -> None:
    context = tablet["intervention_context"]

    assert tablet["status"] == "authentication_required"
    assert codes(tablet) == ["intervention_required"]
    assert tablet["messages"][0]["resolution"] == "requires_buyer_review"
    assert set(context) == {"intervention_type", "redirect_url", "callback_url", "expires_at", "provider"}
    assert context["intervention_type"] == "redirect"
    assert context["redirect_url"].startswith("http://localhost:8000/agentic/confirm/")
    assert context["callback_url"] == context["redirect_url"] + "/return"
    assert context["provider"] == "com.example.wallet"
    assert tablet["continue_url"] == context["redirect_url"], "decision 17: a person can finish on our page"
    assert agent.retrieve(tablet) == tablet


@pytest.mark.requirement("ACP-148", "ACP-156", "ACP-160", "ACP-161", "IT-01", "IT-19")
def test_the_buyer_confirms_and_the_agent_pays(
    agent: PlayedAgent, wallet: PlayedWallet, tablet: dict[str, Any]
) -> None:
    person = Person()

    done = person.come_back(tablet, wallet.decide(person.leave(tablet), "approved"))

    assert done.status_code == 200
    assert "You have confirmed the purchase" in done.content.decode()
    ready = agent.retrieve(tablet)
    assert ready["status"] == "ready_for_payment"
    assert "intervention_context" not in ready
    assert ready["messages"] == []
    assert Intervention.objects.get().ended_by == "com.example.wallet"
    assert agent.complete(ready).json()["status"] == "completed"


def test_the_page_shows_what_is_bought_for_how_much_and_who_asks(tablet: dict[str, Any]) -> None:
    """T40, T45; and it is safe to look at (T39, T42)."""
    page = Person().open(tablet["intervention_context"]["redirect_url"])
    html = page.content.decode()

    assert page.status_code == 200
    for shown in ("Tablet", "Demo Shop", "Demo agent", "com.example.wallet", "wallet.example"):
        assert shown in html
    assert page.headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert "form-action 'self' https://wallet.example;" in page.headers["Content-Security-Policy"]


@pytest.mark.requirement("ACP-014")
def test_the_pages_speak_the_buyers_language(wallet: PlayedWallet, agent: PlayedAgent) -> None:
    details = {"address": ADDRESS}
    session = agent.create("item_tablet", capabilities=REDIRECT, fulfillment_details=details, locale="de")
    person, url = Person(), session["intervention_context"]["redirect_url"]

    asked = person.open(url)
    ended = person.press(asked, url, answer="stop")

    assert "Bestätigen Sie Ihren Einkauf" in asked.content.decode()
    assert "499,99 USD" in asked.content.decode()
    assert "Der Einkauf wurde nicht bestätigt" in ended.content.decode()
    assert asked.headers["Content-Language"] == ended.headers["Content-Language"] == "de"


def test_looking_changes_nothing(wallet: PlayedWallet, tablet: dict[str, Any]) -> None:
    """T42: previews and prefetchers leave the link as it is."""
    url = tablet["intervention_context"]["redirect_url"]
    before = Intervention.objects.values().get()

    for address in (url, url, f"{url}/return?code=x&state=y"):
        assert Client().get(urlsplit(address).path).status_code == 200
        assert Client().head(urlsplit(address).path).status_code == 200

    assert Intervention.objects.values().get() == before
    assert wallet.asked == 0
    assert Person().leave(tablet).startswith("https://wallet.example/authorize?")


def test_a_second_browser_is_refused(
    agent: PlayedAgent, wallet: PlayedWallet, tablet: dict[str, Any]
) -> None:
    """T10, T32: also with everything that the first one brought back."""
    first, second = Person(), Person()
    brought = wallet.decide(first.leave(tablet), "approved")
    url = tablet["intervention_context"]["redirect_url"]

    entering = second.press(second.open(url), url, answer="continue")
    returning = second.come_back(tablet, brought)

    assert entering.status_code == 410
    assert "another browser" in entering.content.decode()
    assert returning.status_code == 409
    assert agent.retrieve(tablet)["status"] == "authentication_required"
    assert first.come_back(tablet, brought).status_code == 200


@pytest.mark.parametrize("state", ["", "x" * 43, "missing"])
def test_a_forged_way_back_moves_nothing(
    agent: PlayedAgent, wallet: PlayedWallet, tablet: dict[str, Any], state: str
) -> None:
    """T32."""
    person = Person()
    person.leave(tablet)

    refused = person.come_back(tablet, {"code": "invented", "state": state})

    assert refused.status_code == 409
    assert Intervention.objects.get().state == "interacting"
    assert agent.retrieve(tablet)["status"] == "authentication_required"


def test_an_invented_code_moves_nothing_while_the_books_say_nothing(
    agent: PlayedAgent, wallet: PlayedWallet, tablet: dict[str, Any]
) -> None:
    """T31, T32: the right browser and state, and a code the wallet never gave."""
    person = Person()
    state = re.findall(r"state=([^&]+)", person.leave(tablet))[0]

    answer = person.come_back(tablet, {"code": "invented", "state": state})

    assert "It is not confirmed yet" in answer.content.decode()
    assert Intervention.objects.get().state == "interacting"
    assert agent.retrieve(tablet)["status"] == "authentication_required"
    again = person.come_back(tablet, {"code": "invented", "state": state})
    assert again.status_code == 409, "a round trip counts once"


@pytest.mark.requirement("ACP-160", "IT-22")
def test_the_agents_word_completes_nothing(agent: PlayedAgent, tablet: dict[str, Any]) -> None:
    """T31, decision 20."""
    told = agent.update(
        tablet, {"intervention_response": {"type": "redirect_complete", "callback_data": "approved=1"}}
    )

    assert told["status"] == "authentication_required"
    assert told["intervention_context"] == tablet["intervention_context"]
    assert codes(told) == ["intervention_required", "info"]
    refused = agent.complete(tablet)
    assert refused.status_code == 400
    assert refused.json()["code"] == "intervention_required"
    assert not SandboxCharge.objects.exists()


@pytest.mark.requirement("ACP-160", "IT-22")
def test_the_agents_word_is_a_hint_to_ask(
    agent: PlayedAgent, wallet: PlayedWallet, tablet: dict[str, Any]
) -> None:
    """The buyer said yes at the wallet and closed the browser there."""
    wallet.decide(Person().leave(tablet), "approved")

    told = agent.update(tablet, {"intervention_response": {"type": "redirect_complete"}})

    assert told["status"] == "ready_for_payment"
    assert "intervention_context" not in told


def test_a_no_at_the_wallet_ends_it_and_an_update_asks_again(
    agent: PlayedAgent, wallet: PlayedWallet, tablet: dict[str, Any]
) -> None:
    person = Person()

    page = person.come_back(tablet, wallet.decide(person.leave(tablet), "denied"))

    assert "The purchase was not confirmed" in page.content.decode()
    denied = agent.retrieve(tablet)
    assert denied["status"] == "not_ready_for_payment"
    assert "intervention_context" not in denied
    assert codes(denied) == ["intervention_required"]
    assert not SandboxCharge.objects.exists()
    again = agent.update(tablet, {})
    assert again["status"] == "authentication_required"
    assert again["intervention_context"]["redirect_url"] != tablet["intervention_context"]["redirect_url"]


def test_a_no_on_our_page_ends_it_too(agent: PlayedAgent, tablet: dict[str, Any]) -> None:
    person, url = Person(), tablet["intervention_context"]["redirect_url"]

    page = person.press(person.open(url), url, answer="stop")

    assert "The purchase was not confirmed" in page.content.decode()
    assert agent.retrieve(tablet)["status"] == "not_ready_for_payment"


def test_who_refused_three_times_is_asked_no_more(agent: PlayedAgent, tablet: dict[str, Any]) -> None:
    session = tablet
    for _ in range(3):
        person, url = Person(), session["intervention_context"]["redirect_url"]
        person.press(person.open(url), url, answer="stop")
        session = agent.update(session, {})

    assert "intervention_context" not in session
    assert codes(session) == ["rate_limited"]


def test_a_silent_wallet_loses_nothing(
    agent: PlayedAgent, wallet: PlayedWallet, tablet: dict[str, Any]
) -> None:
    person = Person()
    brought = wallet.decide(person.leave(tablet), "approved")
    wallet.silent = True

    page = person.come_back(tablet, brought)

    assert page.status_code == 503
    assert agent.retrieve(tablet)["status"] == "authentication_required"
    wallet.silent = False
    assert person.come_back(tablet, brought).status_code == 200
    assert agent.retrieve(tablet)["status"] == "ready_for_payment"


def test_a_wallet_that_is_silent_at_first_locks_nobody_out(
    agent: PlayedAgent, wallet: PlayedWallet, tablet: dict[str, Any]
) -> None:
    """The first "continue" makes this browser the person, whatever the wallet does then."""
    person, url = Person(), tablet["intervention_context"]["redirect_url"]
    wallet.silent = True

    unanswered = person.press(person.open(url), url, answer="continue")

    assert unanswered.status_code == 503
    wallet.silent = False
    assert person.come_back(tablet, wallet.decide(person.leave(tablet), "approved")).status_code == 200
    assert agent.retrieve(tablet)["status"] == "ready_for_payment"


@pytest.mark.requirement("ACP-155")
def test_after_its_time_the_page_says_so_and_an_update_starts_anew(
    agent: PlayedAgent, wallet: PlayedWallet, tablet: dict[str, Any]
) -> None:
    person = Person()
    brought = wallet.decide(person.leave(tablet), "approved")
    with time_machine.travel(timezone.now() + timedelta(minutes=16), tick=False):
        late = person.open(tablet["intervention_context"]["callback_url"] + "?code=" + brought["code"])
        over = agent.retrieve(tablet)
        again = agent.update(tablet, {})

    assert late.status_code == 410
    assert over["status"] == "not_ready_for_payment"
    assert "intervention_context" not in over
    assert again["status"] == "authentication_required"
    assert again["intervention_context"]["redirect_url"] != tablet["intervention_context"]["redirect_url"]


def test_what_was_confirmed_is_bound_to_the_cart(
    agent: PlayedAgent, wallet: PlayedWallet, tablet: dict[str, Any]
) -> None:
    """Decision 21."""
    person = Person()
    person.come_back(tablet, wallet.decide(person.leave(tablet), "approved"))

    changed = agent.update(tablet, {"line_items": [{"id": "item_tablet", "quantity": 2}]})

    assert changed["status"] == "authentication_required"
    assert agent.complete(changed).status_code == 400


@pytest.mark.requirement("IT-07")
def test_an_agent_that_cannot_is_told_so(wallet: PlayedWallet, agent: PlayedAgent) -> None:
    session = agent.create(
        "item_tablet",
        capabilities={"interventions": {"supported": ["otp"]}},
        fulfillment_details={"address": ADDRESS},
    )

    assert session["status"] == "not_ready_for_payment"
    assert "intervention_context" not in session
    assert not Intervention.objects.exists()


def test_the_session_moves_on_although_the_page_could_not_tell_it(
    agent: PlayedAgent, wallet: PlayedWallet, tablet: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The verdict and the effect that spreads it are one transaction."""
    person = Person()
    brought = wallet.decide(person.leave(tablet), "approved")
    monkeypatch.setattr("gateway.parked_purchases.responses", SimpleNamespace(settled=lambda _: None))

    person.come_back(tablet, brought)
    assert agent.retrieve(tablet)["status"] == "authentication_required"
    delivery.deliver_due()

    assert agent.retrieve(tablet)["status"] == "ready_for_payment"


@pytest.mark.parametrize("ticket", ["x", "0" * 96, "a" * 5_000, "%00", "0" * 95 + "g"])
def test_an_unknown_ticket_is_a_page_and_a_404(shop: None, ticket: str) -> None:
    """T41."""
    page = Client(raise_request_exception=False).get(f"/agentic/confirm/{ticket}")

    assert page.status_code == 404
    assert page.headers["Content-Type"].startswith("text/html")


def test_without_its_token_nothing_is_decided(tablet: dict[str, Any]) -> None:
    """T46."""
    path = urlsplit(tablet["intervention_context"]["redirect_url"]).path
    blind = Client(enforce_csrf_checks=True)

    refused = blind.post(path, {"answer": "continue"})

    assert refused.status_code == 403
    assert "We could not take this answer" in refused.content.decode()
    assert "frame-ancestors 'none'" in refused.headers["Content-Security-Policy"]
    assert Intervention.objects.get().state == "pending"

"""A purchase that is confirmed in a frame of our page: acp.md J, decisions 17 to 22 and 32, T39."""

from __future__ import annotations

import html as markup
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from checkout.models import SandboxCharge
from gateway.models import Agent
from interventions import policy, ports
from interventions.models import Intervention, Policy
from tests.agents import ADDRESS, PlayedAgent, codes
from tests.interventions.wallet import PlayedWallet

OURS = "http://localhost:8000"
CHAT = "https://chat.example"
WEBVIEW = {"interventions": {"supported": ["webview"], "display_context": "native"}}


@pytest.fixture
def wallet(shop: None) -> Iterator[PlayedWallet]:
    """The tablet is confirmed in a frame, which the demo agent's own page may show."""
    before, made = ports.ports(), PlayedWallet()
    ports.plug(replace(before, providers={**before.providers, "webview": made}))
    Policy.objects.all().delete()
    Policy.objects.create(name="Widget", kinds=["webview"], enforcement="always", item_tag="screen")
    policy.forget()
    Agent.objects.filter(name="Demo agent").update(embed_origins=f"{CHAT}\nhttps://app.chat.example:8443")
    yield made
    ports.plug(before)


@pytest.fixture
def tablet(wallet: PlayedWallet, agent: PlayedAgent) -> dict[str, Any]:
    """A session that waits for its buyer."""
    return agent.create("item_tablet", capabilities=WEBVIEW, fulfillment_details={"address": ADDRESS})


def url_of(session: dict[str, Any]) -> str:
    return str(session["intervention_context"]["redirect_url"])


def path_of(session: dict[str, Any]) -> str:
    return urlsplit(url_of(session)).path


class Framed:
    """A buyer whose browser keeps no cookies: our page is in the frame of another site."""

    def __init__(self, session: dict[str, Any], **origin: str | None) -> None:
        self.path = path_of(session)
        said = {"Origin": OURS, **origin}
        self.headers = {name: value for name, value in said.items() if value is not None}
        self.page: HttpResponse = self.look()

    def look(self) -> HttpResponse:
        self.page = Client(raise_request_exception=False).get(self.path)
        return self.page

    @property
    def visit(self) -> str:
        return hidden(self.page)["visit"]

    def press(self, answer: str, **changed: str) -> HttpResponse:
        """The form of the page, as this browser has it, is sent."""
        http = Client(enforce_csrf_checks=True, raise_request_exception=False)
        fields = {**hidden(self.page), "answer": answer, **changed}
        self.page = http.post(self.path, fields, headers=self.headers)
        return self.page

    @property
    def widget(self) -> str:
        return widget_of(self.page)


def hidden(page: HttpResponse) -> dict[str, str]:
    """What the form of the page carries."""
    return dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page.content.decode()))


def widget_of(page: HttpResponse) -> str:
    """Where the frame of the page leads."""
    return markup.unescape(re.findall(r'<iframe [^>]*src="([^"]*)"', page.content.decode())[0])


def policy_of(page: HttpResponse) -> dict[str, list[str]]:
    """The page's Content-Security-Policy, by directive."""
    written = [entry.split() for entry in page.headers["Content-Security-Policy"].split(";")]
    return {name: values for name, *values in written}


@pytest.mark.requirement("ACP-141", "ACP-144", "ACP-145", "ACP-146", "ACP-149", "ACP-154", "IT-10")
def test_the_session_says_what_to_show(agent: PlayedAgent, tablet: dict[str, Any]) -> None:
    context = tablet["intervention_context"]

    assert tablet["status"] == "authentication_required"
    assert codes(tablet) == ["intervention_required"]
    assert tablet["messages"][0]["resolution"] == "requires_buyer_review"
    assert set(context) == {"intervention_type", "redirect_url", "expires_at", "provider"}
    assert context["intervention_type"] == "webview"
    assert re.fullmatch(rf"{OURS}/agentic/confirm/[0-9a-f]{{96}}/embed", context["redirect_url"])
    assert tablet["continue_url"] == context["redirect_url"]
    assert agent.retrieve(tablet) == tablet


@pytest.mark.requirement("ACP-148", "ACP-156", "ACP-160", "IT-02", "IT-19")
def test_the_buyer_confirms_in_the_frame_without_cookies_and_the_agent_pays(
    agent: PlayedAgent, wallet: PlayedWallet, tablet: dict[str, Any]
) -> None:
    buyer = Framed(tablet)

    buyer.press("continue")
    wallet.decide(buyer.widget, "approved")
    done = buyer.press("finished")

    assert done.status_code == 200
    assert "You have confirmed the purchase" in done.content.decode()
    ready = agent.retrieve(tablet)
    assert ready["status"] == "ready_for_payment"
    assert "intervention_context" not in ready
    assert ready["messages"] == []
    assert Intervention.objects.get().ended_by == "com.example.wallet"
    assert agent.complete(ready).json()["status"] == "completed"


@pytest.mark.requirement("T45")
def test_the_page_shows_what_is_bought_for_how_much_and_who_asks(tablet: dict[str, Any]) -> None:
    """Before the widget, and beside it."""
    buyer = Framed(tablet)

    for page in (buyer.page, buyer.press("continue")):
        for shown in ("Tablet", "499.99 USD", "Demo Shop", "Demo agent", "com.example.wallet"):
            assert shown in page.content.decode()
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["Referrer-Policy"] == "same-origin"


@pytest.mark.requirement("T39")
def test_only_registered_pages_may_frame_it_and_it_frames_only_the_provider(tablet: dict[str, Any]) -> None:
    buyer = Framed(tablet)
    asked, widget = buyer.page, buyer.press("continue")

    for page in (asked, widget):
        assert policy_of(page)["frame-ancestors"] == ["'self'", CHAT, "https://app.chat.example:8443"]
        assert "X-Frame-Options" not in page.headers
        assert policy_of(page)["form-action"] == ["'self'"]
        assert policy_of(page)["default-src"] == ["'none'"]
    assert policy_of(asked)["frame-src"] == ["'none'"]
    assert policy_of(widget)["frame-src"] == ["https://wallet.example"]
    frame = re.findall(r"<iframe [^>]*>", widget.content.decode())[0]
    assert 'sandbox="allow-forms allow-scripts allow-same-origin"' in frame
    assert 'referrerpolicy="no-referrer"' in frame
    assert 'title="Question of com.example.wallet"' in frame


@pytest.mark.requirement("T39")
@pytest.mark.parametrize("changed", [{"embed_origins": ""}, {"active": False}, {"embed_origins": "*"}])
def test_without_a_registered_page_nobody_may_frame_it(
    tablet: dict[str, Any], changed: dict[str, Any]
) -> None:
    Agent.objects.update(**changed)

    page = Framed(tablet).page

    assert policy_of(page)["frame-ancestors"] == ["'none'"]
    assert page.headers["X-Frame-Options"] == "DENY"


def test_another_agents_pages_may_not_frame_it(wallet: PlayedWallet, other: PlayedAgent) -> None:
    """T39: the list is that of whom the session belongs to."""
    Agent.objects.filter(name="Other agent").update(embed_origins="https://other.example")
    details = {"address": ADDRESS}
    session = other.create("item_tablet", capabilities=WEBVIEW, fulfillment_details=details)

    assert policy_of(Framed(session).page)["frame-ancestors"] == ["'self'", "https://other.example"]


@pytest.mark.requirement("T42")
def test_looking_changes_nothing(wallet: PlayedWallet, tablet: dict[str, Any]) -> None:
    before = Intervention.objects.values().get()

    for _ in range(2):
        assert Client().get(path_of(tablet)).status_code == 200
        assert Client().head(path_of(tablet)).status_code == 200

    assert Intervention.objects.values().get() == before
    assert wallet.asked == 0
    assert Framed(tablet).press("continue").status_code == 200


@pytest.mark.requirement("R36")
@pytest.mark.parametrize("answer", ["continue", "finished", "stop"])
def test_a_second_browser_is_refused(
    agent: PlayedAgent, wallet: PlayedWallet, tablet: dict[str, Any], answer: str
) -> None:
    """T10: also once the provider says yes. Who finishes is who began."""
    first, second = Framed(tablet), Framed(tablet)
    first.press("continue")
    wallet.decide(first.widget, "approved")

    refused = second.press(answer)

    assert refused.status_code == 410
    assert "another browser" in refused.content.decode()
    assert Intervention.objects.get().state == "interacting"
    assert agent.retrieve(tablet)["status"] == "authentication_required"
    assert first.press("finished").status_code == 200


def test_an_answer_that_got_lost_can_be_sent_again(tablet: dict[str, Any]) -> None:
    """The secret came with the question, so the same form is the same browser."""
    buyer = Framed(tablet)
    visit = buyer.visit

    for _ in range(2):
        assert buyer.press("continue", visit=visit).status_code == 200

    assert Intervention.objects.get().state == "interacting"


def test_where_cookies_are_kept_the_same_browser_comes_back(tablet: dict[str, Any]) -> None:
    """Opened in a tab, closed, and opened again."""
    tab = Client(enforce_csrf_checks=True)
    for _ in range(2):
        fields = hidden(tab.get(path_of(tablet)))
        page = tab.post(path_of(tablet), {**fields, "answer": "continue"}, headers={"Origin": OURS})
        assert page.status_code == 200

    cookie = page.cookies["agentic_person"]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == (path_of(tablet), True, "Lax")
    assert cookie.value not in url_of(tablet)


FOREIGN = [
    {"Origin": CHAT},
    {"Origin": "https://wallet.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost"},
    {"Origin": "http://localhost:8001"},
    {"Origin": "https://localhost:8000"},
    {"Origin": "http://localhost:8000.evil.example"},
    {"Origin": "http://localhost:8000@evil.example"},
    {"Origin": "http://evil.example\\@localhost:8000"},
    {"Origin": CHAT, "Referer": f"{OURS}/agentic/confirm/x/embed"},
    {"Origin": None},
    {"Origin": None, "Referer": f"{CHAT}/"},
    {"Origin": None, "Referer": f"{CHAT}/{OURS}"},
    {"Origin": None, "Referer": "localhost:8000"},
]


@pytest.mark.requirement("T46")
@pytest.mark.parametrize("said", FOREIGN, ids=str)
@pytest.mark.parametrize("answer", ["continue", "finished", "stop"])
def test_a_form_from_elsewhere_decides_nothing(
    tablet: dict[str, Any], said: dict[str, str | None], answer: str
) -> None:
    """With everything else right."""
    before = Intervention.objects.values().get()

    refused = Framed(tablet, **said).press(answer)

    assert refused.status_code == 403
    assert "We could not take this answer" in refused.content.decode()
    assert Intervention.objects.values().get() == before


@pytest.mark.requirement("T46")
def test_a_browser_that_sends_no_origin_is_known_by_its_referrer(tablet: dict[str, Any]) -> None:
    said: dict[str, str | None] = {"Origin": None, "Referer": url_of(tablet)}

    assert Framed(tablet, **said).press("continue").status_code == 200


@pytest.mark.requirement("T46")
@pytest.mark.parametrize("answer", ["continue", "finished", "stop"])
@pytest.mark.parametrize("forged", ["", "x", "a:b:c", "\x00", "é:é:é", "x" * 5_000, "another link's"])
def test_a_form_that_was_not_made_for_this_link_decides_nothing(
    agent: PlayedAgent, tablet: dict[str, Any], answer: str, forged: str
) -> None:
    details = {"address": ADDRESS}
    another = agent.create("item_tablet", capabilities=WEBVIEW, fulfillment_details=details)
    visit = Framed(another).visit if forged == "another link's" else forged
    before = list(Intervention.objects.order_by("pk").values())

    refused = Framed(tablet).press(answer, visit=visit)

    assert refused.status_code == 403
    assert list(Intervention.objects.order_by("pk").values()) == before


@pytest.mark.requirement("ACP-160", "T31")
def test_a_widget_that_says_done_while_the_books_say_nothing_is_shown_again(
    agent: PlayedAgent, wallet: PlayedWallet, tablet: dict[str, Any]
) -> None:
    buyer = Framed(tablet)
    buyer.press("continue")

    for _ in range(2):
        told = buyer.press("finished")
        assert told.status_code == 200
        assert "It is not confirmed yet" in told.content.decode()
        assert buyer.widget.startswith("https://wallet.example/")

    assert Intervention.objects.get().state == "interacting"
    assert agent.retrieve(tablet)["status"] == "authentication_required"
    assert not SandboxCharge.objects.exists()
    wallet.decide(buyer.widget, "approved")
    assert "You have confirmed" in buyer.press("finished").content.decode()


@pytest.mark.requirement("ACP-151", "ACP-160", "T31", "IT-23")
@pytest.mark.parametrize("more", [{}, {"callback_data": "confirmation=done"}])
def test_the_agents_word_is_a_hint(
    agent: PlayedAgent, wallet: PlayedWallet, tablet: dict[str, Any], more: dict[str, str]
) -> None:
    response = {"intervention_response": {"type": "webview_complete", **more}}
    buyer = Framed(tablet)
    buyer.press("continue")

    told = agent.update(tablet, response)
    wallet.decide(buyer.widget, "approved")
    asked = agent.update(tablet, response)

    assert told["status"] == "authentication_required"
    assert codes(told) == ["intervention_required", "info"]
    assert asked["status"] == "ready_for_payment"


def test_a_no_in_the_widget_ends_it(agent: PlayedAgent, wallet: PlayedWallet, tablet: dict[str, Any]) -> None:
    buyer = Framed(tablet)
    buyer.press("continue")
    wallet.decide(buyer.widget, "denied")

    page = buyer.press("finished")

    assert "The purchase was not confirmed" in page.content.decode()
    assert agent.retrieve(tablet)["status"] == "not_ready_for_payment"
    assert agent.update(tablet, {})["intervention_context"]["redirect_url"] != url_of(tablet)


@pytest.mark.parametrize("first", [True, False])
def test_a_no_on_our_page_ends_it_too(agent: PlayedAgent, tablet: dict[str, Any], first: bool) -> None:
    buyer = Framed(tablet)
    if not first:
        buyer.press("continue")

    page = buyer.press("stop")

    assert "The purchase was not confirmed" in page.content.decode()
    assert agent.retrieve(tablet)["status"] == "not_ready_for_payment"


@pytest.mark.requirement("T40")
@pytest.mark.parametrize("answer", ["continue", "finished", "stop"])
def test_a_purchase_that_changed_is_shown_first(
    agent: PlayedAgent, wallet: PlayedWallet, tablet: dict[str, Any], answer: str
) -> None:
    """In the same browser, without a cookie; a yes to the earlier one is none to this."""
    buyer = Framed(tablet)
    buyer.press("continue")
    wallet.decide(buyer.widget, "approved")
    agent.update(tablet, {"line_items": [{"id": "item_tablet", "quantity": 2}]})

    told = buyer.press(answer)

    assert told.status_code == 409
    assert "The purchase has changed" in told.content.decode()
    assert "999.98 USD" in told.content.decode()
    assert "<iframe" not in told.content.decode()
    assert agent.retrieve(tablet)["status"] == "authentication_required"
    buyer.path = re.findall(r'<form method="post" action="([^"]*)"', told.content.decode())[0]
    assert buyer.press("continue").status_code == 200
    wallet.decide(buyer.widget, "approved")
    assert "You have confirmed" in buyer.press("finished").content.decode()
    assert agent.retrieve(tablet)["status"] == "ready_for_payment"


def test_a_silent_provider_loses_nothing(
    agent: PlayedAgent, wallet: PlayedWallet, tablet: dict[str, Any]
) -> None:
    """The page that says so starts again in the same browser, without a cookie."""
    buyer = Framed(tablet)
    wallet.silent = True
    assert buyer.press("continue").status_code == 503
    wallet.silent = False
    assert buyer.press("continue").status_code == 200
    wallet.decide(buyer.widget, "approved")
    wallet.silent = True
    assert buyer.press("finished").status_code == 503
    wallet.silent = False

    assert "You have confirmed" in buyer.press("finished").content.decode()


def told_by(page: HttpResponse) -> dict[str, str]:
    """What the page tells the one around it, and to whom; {} when it tells nobody anything."""
    script = re.findall(r"<script [^>]*told\.js[^>]*>", page.content.decode())
    return dict(re.findall(r'data-(\w+)="([^"]*)"', script[0])) if script else {}


def test_the_page_around_it_hears_how_it_ended(wallet: PlayedWallet, tablet: dict[str, Any]) -> None:
    """Registered origins alone, never a star, and no secret."""
    buyer = Framed(tablet)
    asked, widget = buyer.page, buyer.press("continue")
    wallet.decide(buyer.widget, "approved")
    done = buyer.press("finished")

    told = told_by(done)
    assert told_by(asked) == told_by(widget) == {}
    assert told == {
        "event": "done",
        "session": tablet["id"],
        "embedders": f"{CHAT} https://app.chat.example:8443",
    }
    assert told_by(buyer.look()) == told, "it can be asked again"


def test_the_page_around_it_hears_of_every_end(
    agent: PlayedAgent, wallet: PlayedWallet, tablet: dict[str, Any]
) -> None:
    stopped = Framed(tablet).press("stop")
    again = agent.update(tablet, {})
    with time_machine.travel(timezone.now() + timedelta(minutes=16), tick=False):
        expired = Framed(again).page
    fresh = agent.update(again, {})
    agent.cancel(fresh)
    over = Framed(fresh).page

    assert [told_by(page)["event"] for page in (stopped, expired, over)] == ["denied", "expired", "over"]
    Agent.objects.update(embed_origins="")
    assert told_by(Framed(fresh).page) == {}


def test_after_its_time_nothing_is_decided(
    agent: PlayedAgent, wallet: PlayedWallet, tablet: dict[str, Any]
) -> None:
    buyer = Framed(tablet)
    buyer.press("continue")
    wallet.decide(buyer.widget, "approved")
    with time_machine.travel(timezone.now() + timedelta(minutes=16), tick=False):
        late = buyer.press("finished")
        seen = agent.retrieve(tablet)

    assert late.status_code == 410
    assert seen["status"] == "not_ready_for_payment"
    assert Intervention.objects.get().state != "passed"


def test_the_pages_of_one_kind_do_not_open_another(wallet: PlayedWallet, tablet: dict[str, Any]) -> None:
    """A webview has no round trip: nobody comes back with anything."""
    for path in (path_of(tablet).removesuffix("/embed"), path_of(tablet).replace("/embed", "/return")):
        assert Client().get(path).status_code == 404


@pytest.mark.parametrize("ticket", ["x", "0" * 96, "a" * 5_000, "%00", "0" * 95 + "g"])
@pytest.mark.requirement("T41")
def test_an_unknown_ticket_is_a_page_and_a_404(shop: None, ticket: str) -> None:
    http = Client(raise_request_exception=False)
    for page in (
        http.get(f"/agentic/confirm/{ticket}/embed"),
        http.post(f"/agentic/confirm/{ticket}/embed", {"answer": "continue"}),
    ):
        assert page.status_code == 404
        assert page.headers["Content-Type"].startswith("text/html")
        assert policy_of(page)["frame-ancestors"] == ["'none'"]


def test_it_speaks_the_buyers_language(wallet: PlayedWallet, agent: PlayedAgent) -> None:
    details = {"address": ADDRESS}
    session = agent.create("item_tablet", capabilities=WEBVIEW, fulfillment_details=details, locale="de")
    buyer = Framed(session)

    texts = [page.content.decode() for page in (buyer.page, buyer.press("continue"), buyer.press("finished"))]

    for text in texts:
        assert '<html lang="de">' in text
        assert not re.search(r">(To confirm it|Answer the question|I have answered|Continue)", text)
    assert "Ich habe geantwortet" in texts[1]


def test_the_secret_of_the_browser_is_in_no_log_and_no_address(
    wallet: PlayedWallet, tablet: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    buyer = Framed(tablet)
    visit = buyer.visit
    buyer.press("continue")
    address = buyer.widget
    wallet.silent = True
    assert buyer.press("finished").status_code == 503
    assert buyer.press("finished", visit="another").status_code == 403
    assert buyer.look().status_code == 200
    assert buyer.press("continue", seen="another").status_code == 409

    assert visit not in caplog.text
    assert tablet["continue_url"].split("/")[-2] not in caplog.text
    assert visit not in address
    assert visit not in str(Intervention.objects.values().get())

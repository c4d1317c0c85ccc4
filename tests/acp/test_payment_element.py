"""A purchase that is confirmed with a card in Stripe's Payment Element: its page, its secrets, its end."""

from __future__ import annotations

import html as markup
import json
import logging
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from django.apps import apps
from django.http import HttpResponse
from django.test import Client

from checkout.models import SandboxCharge
from gateway.models import Agent
from gateway.person import misses
from interventions import policy, visits
from interventions.models import Intervention, Policy
from tests.acp.test_webview import CHAT, OURS, WEBVIEW, Framed, path_of, policy_of, widget_of
from tests.agents import ADDRESS, PlayedAgent
from tests.people import heading
from tests.stripe_double.__main__ import PUBLISHABLE_KEY, SECRET_KEY
from tests.stripe_double.process import Stripe

if TYPE_CHECKING:
    from pytest_django import Settings


@pytest.fixture(scope="module")
def running() -> Iterator[Stripe]:
    with Stripe() as stripe:
        yield stripe


@pytest.fixture
def stripe(shop: None, settings: Settings, running: Stripe) -> Stripe:
    """The tablet is confirmed with a card, in a frame that the demo agent's own page may show."""
    running.trouble()
    part = {
        "part": "gateway.payment_element.provider",
        "publishable_key": PUBLISHABLE_KEY,
        "secret_key": SECRET_KEY,
        "api_origin": running.origin,
    }
    changed = {"INTERVENTIONS": {"webview": part}, "EGRESS_LOOPBACK": [urlsplit(running.origin).netloc]}
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, **changed}
    Policy.objects.all().delete()
    Policy.objects.create(name="Card", kinds=["webview"], enforcement="always", item_tag="screen")
    policy.forget()
    Agent.objects.filter(name="Demo agent").update(embed_origins=CHAT)
    misses.forget()
    return running


@pytest.fixture
def tablet(stripe: Stripe, agent: PlayedAgent) -> dict[str, Any]:
    return agent.create("item_tablet", capabilities=WEBVIEW, fulfillment_details={"address": ADDRESS})


def becomes(stripe: Stripe, **members: Any) -> None:
    """What the buyer did in the element, as Stripe has it."""
    stripe.becomes(visits.challenge_of(Intervention.objects.get()), **members)


def element_of(page: HttpResponse) -> HttpResponse:
    """The page with the element, which the frame leads to."""
    address = urlsplit(widget_of(page))
    assert f"{address.scheme}://{address.netloc}" == OURS
    return Client().get(f"{address.path}?{address.query}")


def told(page: HttpResponse) -> dict[str, str]:
    """What the widget is told once it is ready."""
    written = re.findall(r'data-told="([^"]*)"', page.content.decode())[0]
    return dict(json.loads(markup.unescape(written)))


@pytest.mark.requirement("ACP-148", "ACP-156", "ACP-160", "IT-02")
def test_the_buyer_confirms_with_a_card_and_the_agent_pays(
    agent: PlayedAgent, stripe: Stripe, tablet: dict[str, Any]
) -> None:
    buyer = Framed(tablet)
    assert tablet["intervention_context"]["provider"] == "Stripe"
    assert "Nothing is charged there." in buyer.page.content.decode()

    element = element_of(buyer.press("continue"))
    assert element.status_code == 200
    assert heading(element) == "Confirm with your card"
    becomes(stripe, status="succeeded")
    done = buyer.press("finished")

    assert "You have confirmed the purchase" in done.content.decode()
    assert not SandboxCharge.objects.exists(), "nothing was charged by it"
    ready = agent.retrieve(tablet)
    assert ready["status"] == "ready_for_payment"
    assert Intervention.objects.get().ended_by == "Stripe"
    assert agent.complete(ready).json()["status"] == "completed"
    assert {(asked["method"], asked["path"].split("/")[2]) for asked in stripe.asked} == {
        ("POST", "setup_intents"),
        ("GET", "setup_intents"),
    }


@pytest.mark.requirement("ACP-160", "T31")
@pytest.mark.parametrize("status", ["requires_payment_method", "requires_action", "processing"])
def test_nobodys_word_confirms_it(
    agent: PlayedAgent, stripe: Stripe, tablet: dict[str, Any], status: str
) -> None:
    """A declined card, an open question of the bank, a widget and an agent that claim it was done."""
    buyer = Framed(tablet)
    buyer.press("continue")
    becomes(stripe, status=status)

    again = buyer.press("finished")
    hinted = agent.update(tablet, {"intervention_response": {"type": "webview_complete"}})

    assert "It is not confirmed yet" in again.content.decode()
    assert hinted["status"] == "authentication_required"
    becomes(stripe, status="succeeded")
    claimed = agent.update(tablet, {"intervention_response": {"type": "webview_complete"}})
    assert claimed["status"] == "ready_for_payment"


def test_an_intent_that_was_canceled_is_a_no(
    agent: PlayedAgent, stripe: Stripe, tablet: dict[str, Any]
) -> None:
    buyer = Framed(tablet)
    buyer.press("continue")
    becomes(stripe, status="canceled")

    assert "The purchase was not confirmed" in buyer.press("finished").content.decode()
    assert agent.retrieve(tablet)["status"] == "not_ready_for_payment"


def test_a_silence_of_stripes_loses_nothing(stripe: Stripe, tablet: dict[str, Any]) -> None:
    buyer = Framed(tablet)
    stripe.trouble(status=503)
    assert buyer.press("continue").status_code == 503
    stripe.trouble()
    secret = told(buyer.press("continue"))
    becomes(stripe, status="succeeded")
    stripe.trouble(status=429)
    assert buyer.press("finished").status_code == 503
    stripe.trouble()

    assert told(buyer.press("continue")) == secret, "it is the same intent"
    assert "You have confirmed" in buyer.press("finished").content.decode()


@pytest.mark.requirement("T08", "T39")
def test_the_elements_page_is_for_our_own_page_and_stripe(tablet: dict[str, Any]) -> None:
    buyer = Framed(tablet)
    widget = buyer.press("continue")
    element = element_of(widget)

    rules = policy_of(element)
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == ["'none'"]
    # A browser asks about every page around it: ours, and those which may show ours.
    assert rules["frame-ancestors"] == ["'self'", OURS, CHAT]
    assert re.fullmatch(r"'nonce-[\w-]+'", rules["script-src"].pop(0))
    assert rules["script-src"] == ["https://js.stripe.com", "https://*.js.stripe.com"]
    assert rules["frame-src"] == [*rules["script-src"], "https://hooks.stripe.com"]
    assert len(rules["connect-src"]) == 1
    assert "unsafe" not in element.headers["Content-Security-Policy"]
    assert "X-Frame-Options" not in element.headers
    assert element.headers["Referrer-Policy"] == "no-referrer"
    assert element.headers["Cache-Control"] == "no-store"
    assert element.headers["X-Robots-Tag"] == "noindex"
    assert not element.cookies
    assert policy_of(widget)["frame-src"] == [OURS]
    assert "connect-src" not in policy_of(widget)


def test_every_script_of_the_page_is_a_file_with_the_nonce(tablet: dict[str, Any]) -> None:
    element = element_of(Framed(tablet).press("continue")).content.decode()

    scripts = re.findall(r"<script ([^>]*)>([^<]*)</script>", element)
    sources = [re.findall(r'src="([^"]*)"', attributes)[0] for attributes, _ in scripts]
    assert sources == ["/static/agentic/element.js", "https://js.stripe.com/endive/stripe.js"]
    assert all("nonce=" in attributes and not inline for attributes, inline in scripts)
    assert "needs JavaScript" in element


@pytest.mark.requirement("T10", "T42")
def test_before_somebody_entered_and_after_the_end_there_is_no_form(
    stripe: Stripe, tablet: dict[str, Any]
) -> None:
    path = path_of(tablet).replace("/embed", "/element")
    assert Client().get(path).status_code == 404
    made_for = [intent["metadata"]["intervention"] for intent in stripe.intents]
    assert Intervention.objects.get().pk not in made_for, "looking asks Stripe nothing"

    buyer = Framed(tablet)
    buyer.press("continue")
    assert Client().get(path).status_code == 200
    buyer.press("stop")
    ended = Client().get(path)

    assert heading(ended) == "The purchase was not confirmed"
    assert "card-form" not in ended.content.decode()
    assert Client().post(path).status_code == 405


@pytest.mark.requirement("T41")
def test_links_are_not_guessed_here_either(tablet: dict[str, Any]) -> None:
    guess = "/agentic/confirm/" + "0" * 96 + "/element"

    statuses = [Client().get(guess).status_code for _ in range(misses.PER_MINUTE + 1)]

    assert statuses == [404] * misses.PER_MINUTE + [429]
    page = Client().get("/agentic/confirm/%00/element")
    assert page.status_code == 429
    assert policy_of(page)["frame-ancestors"] == ["'none'"]
    assert page.headers["X-Frame-Options"] == "DENY"


def test_there_is_no_such_page_for_another_provider(
    agent: PlayedAgent, tablet: dict[str, Any], settings: Settings
) -> None:
    path = path_of(tablet).replace("/embed", "/element")
    Framed(tablet).press("continue")

    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "INTERVENTIONS": {}}

    assert Client().get(path).status_code == 404


def test_the_secrets_are_where_they_must_be_and_nowhere_else(
    agent: PlayedAgent, stripe: Stripe, tablet: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """The intent's in the page of the browser that entered; the key with Stripe."""
    caplog.set_level(logging.DEBUG)
    buyer = Framed(tablet)
    asked = buyer.page
    entered = buyer.press("continue")
    secret = told(entered)["client_secret"]
    element = element_of(entered)
    second = Framed(tablet)
    refused = second.press("continue")
    hinted = agent.update(tablet, {"intervention_response": {"type": "webview_complete"}})
    becomes(stripe, status="succeeded")
    ended = buyer.press("finished")
    done = agent.complete(agent.retrieve(tablet)).json()

    rows = [
        repr(vars(row)) for model in apps.get_models() if model._meta.managed for row in model.objects.all()
    ]
    pages = [page.content.decode() for page in (asked, element, second.page, refused, ended)]
    said = [*rows, *pages, caplog.text, json.dumps(hinted), json.dumps(done)]
    assert len(rows) > 10
    assert secret in entered.content.decode()
    assert secret not in widget_of(entered)
    assert PUBLISHABLE_KEY in element.content.decode()
    for text in said:
        assert secret not in text
        assert secret.split("_secret_")[0] not in text
    for text in [*said, entered.content.decode()]:
        assert SECRET_KEY not in text


def test_in_german(agent: PlayedAgent, stripe: Stripe) -> None:
    details = {"address": ADDRESS}
    session = agent.create("item_tablet", capabilities=WEBVIEW, fulfillment_details=details, locale="de")
    buyer = Framed(session)

    element = element_of(buyer.press("continue"))

    assert heading(element) == "Mit Ihrer Karte bestätigen"
    assert 'data-language="de"' in element.content.decode()
    assert element.headers["Content-Language"] == "de"

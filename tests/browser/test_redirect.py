"""A purchase that is confirmed at a page that is not ours, walked in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.agent import RemoteAgent
from tests.browser.phones import Phones
from tests.browser.shop import Shop, served
from tests.browser.walks import CONFIRMED, DENIED, arrive, decide, go_to_the_wallet, heading

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop whose wallet is of another origin."""
    with served(tmp_path_factory.mktemp("strangers"), "tests.browser.stranger_settings") as shop:
        yield shop


def paid(agent: RemoteAgent, session: dict[str, Any]) -> dict[str, Any]:
    """The agent completes the session; its order."""
    answered = agent.complete(session)
    assert answered.status_code == 200, answered.text
    completed: dict[str, Any] = answered.json()
    assert completed["status"] == "completed", completed["messages"]
    order: dict[str, Any] = completed["order"]
    return order


@pytest.mark.requirement("ACP-141", "ACP-148")
def test_from_the_agents_first_call_to_the_order(agent: RemoteAgent, phone: Page) -> None:
    session = agent.sent_away()

    arrive(phone, session)
    expect(phone.get_by_role("region", name="Your purchase")).to_contain_text("Tablet")
    go_to_the_wallet(phone)
    decide(phone, "Approve")
    heading(phone, CONFIRMED)  # the page in between sends itself on
    order = paid(agent, agent.retrieve(session))

    phone.goto(order["permalink_url"])
    heading(phone, f"Order {order['order_number']}")


def test_a_buyer_who_denies_pays_nothing(agent: RemoteAgent, phone: Page) -> None:
    session = agent.sent_away()

    arrive(phone, session)
    go_to_the_wallet(phone)
    decide(phone, "Deny")
    heading(phone, DENIED)

    assert agent.retrieve(session)["status"] == "not_ready_for_payment"
    assert agent.complete(session).json()["status"] != "completed"


def test_a_buyer_who_stops_on_our_page_never_reaches_the_wallet(agent: RemoteAgent, phone: Page) -> None:
    session = agent.sent_away()

    arrive(phone, session)
    phone.get_by_role("button", name="Stop, do not buy this").click()
    heading(phone, DENIED)

    assert agent.retrieve(session)["status"] == "not_ready_for_payment"


def test_a_buyer_who_leaves_the_wallet_can_start_again(agent: RemoteAgent, phone: Page) -> None:
    """Nothing is decided by walking away, and the same link works on."""
    session = agent.sent_away()

    arrive(phone, session)
    go_to_the_wallet(phone)
    decide(phone, "Leave")
    heading(phone, "You left without deciding")
    assert agent.retrieve(session)["status"] == "authentication_required"

    arrive(phone, session)
    go_to_the_wallet(phone)
    decide(phone, "Approve")
    heading(phone, CONFIRMED)
    paid(agent, agent.retrieve(session))


def test_the_whole_walk_needs_no_script(agent: RemoteAgent, phones: Phones) -> None:
    """Pages: everything that needs no mechanism of its own works with scripts off."""
    plain = phones.open(java_script_enabled=False)
    session = agent.sent_away()

    arrive(plain, session)
    go_to_the_wallet(plain)
    decide(plain, "Approve")
    heading(plain, "Welcome back")
    plain.get_by_role("button", name="Continue").click()
    heading(plain, CONFIRMED)

    paid(agent, agent.retrieve(session))


@pytest.mark.parametrize("script", [True, False])
def test_the_wallet_may_be_of_another_origin(strangers: Shop, phones: Phones, script: bool) -> None:
    """Browsers hold the redirect after a form to the page's policy, in both directions."""
    agent, page = RemoteAgent(strangers.url), phones.open(java_script_enabled=script)
    session = agent.sent_away()

    arrive(page, session)
    go_to_the_wallet(page)
    assert page.url.startswith(strangers.url.replace("localhost", "127.0.0.1"))
    decide(page, "Approve")
    if not script:
        heading(page, "Welcome back")
        page.get_by_role("button", name="Continue").click()
    heading(page, CONFIRMED)

    assert page.url.startswith(strangers.url)
    paid(agent, agent.retrieve(session))
    agent.http.close()


def test_the_way_to_the_wallet_is_the_only_way_out(strangers: Shop, phones: Phones) -> None:
    """A form that was turned to somebody else leads nowhere: the policy names the wallet alone."""
    agent, page = RemoteAgent(strangers.url), phones.open()
    arrive(page, agent.sent_away())
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))

    with (
        phones.expecting("form-action"),
        page.expect_console_message(lambda message: "has been blocked" in message.text),
    ):
        page.evaluate("""() => {
            document.forms[0].action = "http://127.0.0.1:9/elsewhere";
            document.forms[0].requestSubmit();
        }""")
        page.wait_for_timeout(200)
    assert sent == []
    agent.http.close()


@pytest.mark.requirement("R36")
def test_whoever_comes_second_is_not_the_buyer(agent: RemoteAgent, phones: Phones) -> None:
    """T10: the first browser that goes on is the person; the link alone is worth nothing then."""
    buyer, thief = phones.open(), phones.open()
    session = agent.sent_away()

    arrive(buyer, session)
    arrive(thief, session)
    go_to_the_wallet(buyer)
    thief.get_by_role("button", name="Continue to Sandbox wallet").click()
    heading(thief, "This was opened in another browser")

    decide(buyer, "Approve")
    heading(buyer, CONFIRMED)
    paid(agent, agent.retrieve(session))


@pytest.mark.requirement("T42", "R36")
def test_looking_at_the_link_consumes_nothing(agent: RemoteAgent, phone: Page) -> None:
    """Messengers and mail filters open links to show what is behind them."""
    session = agent.sent_away()
    context = session["intervention_context"]

    with httpx.Client(
        trust_env=False, follow_redirects=True, headers={"Sec-Purpose": "prefetch"}
    ) as previewer:
        for url in (context["redirect_url"], context["callback_url"]):
            seen = [previewer.get(url).status_code for _ in range(10)]
            assert seen == [200] * 10
        assert previewer.head(context["redirect_url"]).status_code == 200
    assert agent.retrieve(session) == session

    arrive(phone, session)
    go_to_the_wallet(phone)
    decide(phone, "Approve")
    heading(phone, CONFIRMED)
    assert re.search("/return", phone.url)

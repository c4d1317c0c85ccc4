"""A purchase that is confirmed in a frame of an agent's own page, walked in a real browser.

The agent's page is at 127.0.0.1 and the shop at localhost: two sites, so that the browser keeps no
cookie of the shop's in the frame.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import FrameLocator, Page, expect

from tests.browser.agent import WEBVIEW, RemoteAgent
from tests.browser.phones import Phones
from tests.browser.shop import Shop
from tests.browser.walks import CONFIRMED, DENIED, decide, heading, press

pytestmark = pytest.mark.browser

CHAT, STRANGER = "http://127.0.0.1:8200", "http://127.0.0.1:8201"
AROUND = """<!doctype html><title>Chat</title><h1>Chat</h1>
<iframe id="shop" src="{url}" width="360" height="1600" title="Shop" {sandbox}></iframe>
<script>
  const heard = [];
  addEventListener("message", (event) => heard.push([event.origin, event.data]));
</script>"""

LEAST = 'sandbox="allow-forms allow-scripts allow-same-origin"'


@pytest.fixture
def session(agent: RemoteAgent) -> dict[str, Any]:
    """It waits for a buyer who is shown a page."""
    made = agent.create("item_headphones", capabilities=WEBVIEW)
    assert made["intervention_context"]["intervention_type"] == "webview", made
    return made


def link(session: dict[str, Any]) -> str:
    return str(session["intervention_context"]["redirect_url"])


def shown_by(page: Page, origin: str, session: dict[str, Any], sandbox: str = "") -> FrameLocator:
    """An agent's page at `origin` shows the shop's in a frame."""
    html = AROUND.format(url=link(session), sandbox=sandbox)
    # Nobody listens there: the page comes from here, and Chromium takes it for one from far away.
    page.context.grant_permissions(["local-network-access"], origin=origin)
    page.route(f"{origin}/*", lambda route: route.fulfill(body=html, content_type="text/html"))
    page.goto(f"{origin}/")
    return page.frame_locator("#shop")


def widget_in(page: Page | FrameLocator) -> FrameLocator:
    """The wallet's page, once the buyer went on to it."""
    page.get_by_role("button", name="Continue to Sandbox wallet").click()
    widget = page.frame_locator("#widget")
    expect(widget.get_by_role("heading", level=1)).to_have_text("Do you want to confirm this purchase?")
    return widget


def heard_by(page: Page, count: int) -> list[Any]:
    page.wait_for_function(f"heard.length >= {count}")
    return list(json.loads(page.evaluate("JSON.stringify(heard)")))


def says(frame: FrameLocator, words: str) -> None:
    expect(frame.get_by_role("heading", level=1)).to_have_text(words)


@pytest.mark.requirement("ACP-141", "ACP-148", "T39", "IT-02")
@pytest.mark.parametrize("sandbox", ["", LEAST], ids=["plain", "sandboxed"])
def test_in_the_agents_page_from_the_question_to_the_order(
    agent: RemoteAgent, shop: Shop, phone: Page, session: dict[str, Any], sandbox: str
) -> None:
    """Nobody presses "I have answered": the widget tells the page, which asks the books."""
    framed = shown_by(phone, CHAT, session, sandbox)
    expect(framed.get_by_role("region", name="Your purchase")).to_contain_text("Wireless Headphones")

    press(widget_in(framed).get_by_role("button", name="Approve"))

    says(framed, CONFIRMED)
    told = {"source": "agentic-gateway", "event": "done", "session": session["id"]}
    assert heard_by(phone, 1) == [[shop.url, told]]
    assert [cookie for cookie in phone.context.cookies() if cookie["name"] == "agentic_person"] == []
    assert agent.complete(agent.retrieve(session)).json()["status"] == "completed"


def test_a_no_in_the_widget_is_heard_too(agent: RemoteAgent, phone: Page, session: dict[str, Any]) -> None:
    framed = shown_by(phone, CHAT, session)

    press(widget_in(framed).get_by_role("button", name="Deny"))

    says(framed, DENIED)
    assert heard_by(phone, 1)[0][1]["event"] == "denied"
    assert agent.retrieve(session)["status"] == "not_ready_for_payment"


@pytest.mark.requirement("T39")
def test_a_page_that_is_not_registered_is_shown_nothing(
    agent: RemoteAgent, phones: Phones, session: dict[str, Any]
) -> None:
    page = phones.open()
    with phones.expecting("frame-ancestors"):
        framed = shown_by(page, STRANGER, session)
        page.wait_for_timeout(500)
        assert framed.get_by_role("button").count() == 0

    assert page.evaluate("heard") == []
    assert agent.retrieve(session) == session


@pytest.mark.requirement("T31")
def test_what_others_say_to_the_page_moves_nothing(
    agent: RemoteAgent, phone: Page, session: dict[str, Any]
) -> None:
    """The page around it says what the widget would say; and so does the widget, before anybody decided."""
    framed = shown_by(phone, CHAT, session)
    widget = widget_in(framed)
    confirmation = framed.locator("#widget").get_attribute("data-confirmation")
    sent: list[str] = []
    phone.on("request", lambda request: sent.append(request.method))

    phone.evaluate(
        """said => document.getElementById("shop").contentWindow.postMessage({confirmation: said}, "*")""",
        confirmation,
    )
    phone.wait_for_timeout(300)
    assert "POST" not in sent, "it is not the widget's window"

    saying = "(_, said) => parent.postMessage({confirmation: said}, '*')"
    widget.locator("body").evaluate(saying, "int_of_another")
    phone.wait_for_timeout(300)
    assert "POST" not in sent, "it is about something else"

    widget.locator("body").evaluate(saying, confirmation)
    says(framed, "It is not confirmed yet")
    assert agent.retrieve(session)["status"] == "authentication_required"
    again = framed.frame_locator("#widget")
    press(again.get_by_role("button", name="Approve"))
    says(framed, CONFIRMED)


def test_opened_in_a_tab_without_scripts(agent: RemoteAgent, phones: Phones, session: dict[str, Any]) -> None:
    plain = phones.open(java_script_enabled=False)
    plain.goto(link(session))
    press(widget_in(plain).get_by_role("button", name="Approve"))
    expect(plain.frame_locator("#widget").get_by_role("heading", level=1)).to_have_text(
        "You approved the purchase"
    )

    plain.get_by_role("button", name="I have answered").click()

    heading(plain, CONFIRMED)
    assert agent.retrieve(session)["status"] == "ready_for_payment"


def test_the_same_browser_comes_back_and_stops(
    agent: RemoteAgent, phone: Page, session: dict[str, Any]
) -> None:
    """In a tab there is a cookie, so closing it loses nothing."""
    phone.goto(link(session))
    widget_in(phone)

    phone.goto(link(session))
    widget_in(phone)
    decide(phone, "Stop")

    heading(phone, DENIED)
    assert agent.retrieve(session)["status"] == "not_ready_for_payment"


@pytest.mark.requirement("R36")
def test_whoever_comes_second_is_not_the_buyer(phones: Phones, session: dict[str, Any]) -> None:
    buyer, thief = phones.open(), phones.open()
    for page in (buyer, thief):
        page.goto(link(session))
    widget = widget_in(buyer)

    thief.get_by_role("button", name="Continue to Sandbox wallet").click()

    heading(thief, "This was opened in another browser")
    press(widget.get_by_role("button", name="Approve"))
    heading(buyer, CONFIRMED)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_stands_in_anybodys_way(agent: RemoteAgent, phones: Phones, scheme: Any) -> None:
    """axe: contrast, names, order. In German, on a small phone; the question, the widget, and the end."""
    page = phones.open(viewport={"width": 320, "height": 568}, color_scheme=scheme, locale="de-DE")
    session = agent.create("item_headphones", capabilities=WEBVIEW, locale="de")

    page.goto(link(session))
    reports = [Axe().run(page)]
    page.get_by_role("button", name="Weiter zu Sandbox wallet").click()
    widget = page.frame_locator("#widget")
    expect(widget.get_by_role("button", name="Approve")).to_be_visible()
    reports.append(Axe().run(page))
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    page.get_by_role("button", name="Ich habe geantwortet").click()
    expect(page.get_by_role("alert")).to_be_visible()
    reports.append(Axe().run(page))
    press(page.frame_locator("#widget").get_by_role("button", name="Approve"))
    heading(page, "Sie haben den Einkauf bestätigt")
    reports.append(Axe().run(page))

    found = [
        (step, rule["id"]) for step, report in enumerate(reports) for rule in report.response["violations"]
    ]
    assert found == []


def test_with_a_keyboard_alone(phone: Page, session: dict[str, Any]) -> None:
    phone.goto(link(session))
    phone.keyboard.press("Tab")
    expect(phone.get_by_role("button", name="Continue to Sandbox wallet")).to_be_focused()
    phone.keyboard.press("Enter")
    approve = phone.frame_locator("#widget").get_by_role("button", name="Approve")
    expect(approve).to_be_visible()

    for _ in range(10):
        if approve.evaluate("button => button === button.ownerDocument.activeElement"):
            break
        phone.keyboard.press("Tab")
    phone.keyboard.press("Enter")

    heading(phone, CONFIRMED)

"""A purchase that is confirmed with a card in Stripe's Payment Element, walked in a real browser.

Stripe's library and frames are played at Stripe's own addresses, so the page's policy is at work; what
they ask is asked of the server that plays Stripe's API, as the shop asks it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import FrameLocator, Page, Route, expect

from gateway.demo.mailbox import Mailbox
from tests.browser.agent import RemoteAgent
from tests.browser.phones import Phones
from tests.browser.shop import Shop
from tests.browser.test_webview import CHAT, LEAST, WEBVIEW, heard_by, link, says, shown_by
from tests.browser.walks import CONFIRMED, heading, press
from tests.project.server import Server
from tests.stripe_double.__main__ import DECLINED, PUBLISHABLE_KEY, QUESTIONED, SECRET_KEY
from tests.stripe_double.process import Stripe

pytestmark = pytest.mark.browser

GOOD = "4242424242424242"
LIBRARY = Path(__file__).with_name("stripe_library.js")
CARD = """<!doctype html><html lang="en"><title>Card</title><main><h2>Card</h2>
<label>Card number <input id="number"></label></main><script>
  const field = document.getElementById("number");
  field.addEventListener("input", () => parent.postMessage(field.value, "*"));
  parent.postMessage("ready", "*");
</script></html>"""
BANK = """<!doctype html><html lang="en"><title>Bank</title><main><h2>Your bank</h2>
<button type="button">It is me</button></main><script>
  document.querySelector("button").addEventListener("click", () => parent.postMessage("yes", "*"));
</script></html>"""


@pytest.fixture(scope="module")
def stripe() -> Iterator[Stripe]:
    with Stripe() as running:
        yield running


@pytest.fixture(scope="module")
def shop(stripe: Stripe, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The demo with Stripe's keys set."""
    folder = tmp_path_factory.mktemp("shop")
    keys = {"STRIPE_PUBLISHABLE_KEY": PUBLISHABLE_KEY, "STRIPE_SECRET_KEY": SECRET_KEY}
    with Server(folder, "tests.browser.element_settings", STRIPE_ORIGIN=stripe.origin, **keys) as server:
        server.start()
        yield Shop(f"http://localhost:{server.port}", server, Mailbox(folder / "var" / "mail"))


@pytest.fixture
def session(agent: RemoteAgent) -> dict[str, Any]:
    made = agent.create("item_headphones", capabilities=WEBVIEW)
    assert made["intervention_context"]["provider"] == "Stripe", made
    return made


def with_stripe(page: Page, stripe: Stripe) -> Page:
    """The page's browser finds the played Stripe at Stripe's addresses."""

    def served(route: Route) -> None:
        if route.request.url.endswith("/endive/stripe.js"):
            body = LIBRARY.read_text().replace("API", stripe.origin)
            route.fulfill(body=body, content_type="text/javascript")
        elif route.request.url.endswith("/endive/card.html"):
            route.fulfill(body=CARD, content_type="text/html")
        else:
            route.abort()

    page.route("https://js.stripe.com/**", served)
    page.route(
        "https://hooks.stripe.com/**", lambda route: route.fulfill(body=BANK, content_type="text/html")
    )
    return page


@pytest.fixture
def phone(phones: Phones, stripe: Stripe) -> Page:
    return with_stripe(phones.open(), stripe)


def element_in(page: Page | FrameLocator) -> FrameLocator:
    """Our page with the element, once the buyer went on to it."""
    page.get_by_role("button", name="Continue to Stripe").click()
    element = page.frame_locator("#widget")
    says(element, "Confirm with your card")
    return element


def pay_with(element: FrameLocator, card: str) -> None:
    element.frame_locator("#card iframe").get_by_label("Card number").fill(card)
    element.get_by_role("button", name="Confirm with this card").click()


@pytest.mark.requirement("ACP-141", "ACP-148", "T39", "IT-02")
@pytest.mark.parametrize("sandbox", ["", LEAST], ids=["plain", "sandboxed"])
def test_in_the_agents_page_from_the_question_to_the_order(
    agent: RemoteAgent, shop: Shop, phone: Page, session: dict[str, Any], sandbox: str
) -> None:
    """The card's bank asks; nobody presses "I have answered"."""
    framed = shown_by(phone, CHAT, session, sandbox)
    element = element_in(framed)

    pay_with(element, QUESTIONED)
    bank = element.frame_locator("iframe[title='Your bank']")
    expect(bank.get_by_role("button", name="It is me")).to_be_visible()
    assert agent.retrieve(session)["status"] == "authentication_required"
    press(bank.get_by_role("button", name="It is me"))

    says(framed, CONFIRMED)
    told = {"source": "agentic-gateway", "event": "done", "session": session["id"]}
    assert heard_by(phone, 1) == [[shop.url, told]]
    assert agent.complete(agent.retrieve(session)).json()["status"] == "completed"


def test_after_a_card_that_is_declined_comes_another(
    agent: RemoteAgent, phones: Phones, phone: Page, session: dict[str, Any]
) -> None:
    framed = shown_by(phone, CHAT, session)
    element = element_in(framed)

    with phones.expecting("402"):
        pay_with(element, DECLINED)
        expect(element.get_by_role("alert")).to_have_text("Your card was declined.")
        assert agent.retrieve(session)["status"] == "authentication_required"
        pay_with(element, GOOD)
        says(framed, CONFIRMED)

    assert agent.retrieve(session)["status"] == "ready_for_payment"


@pytest.mark.requirement("T31")
def test_the_secret_is_told_to_our_own_page_alone(
    shop: Shop, stripe: Stripe, phone: Page, session: dict[str, Any]
) -> None:
    """In no address, and not to the page around that asks for it as the element does."""
    addresses: list[str] = []
    phone.on("request", lambda request: addresses.extend([request.url, *request.headers.values()]))
    framed = shown_by(phone, CHAT, session)
    element = element_in(framed)
    expect(element.frame_locator("#card iframe").get_by_label("Card number")).to_be_visible()
    confirmation = framed.locator("#widget").get_attribute("data-confirmation")

    phone.evaluate(
        """asked => document.getElementById("shop").contentWindow.postMessage({ready: asked}, "*")""",
        confirmation,
    )
    phone.evaluate(
        """asked => document.getElementById("shop").contentWindow.frames[0].postMessage(
            {confirmation: asked, told: {client_secret: "seti_evil_secret_evil"}}, "*")""",
        confirmation,
    )
    pay_with(element, GOOD)

    says(framed, CONFIRMED)
    assert "_secret_" not in str(heard_by(phone, 1))
    assert not [address for address in addresses if "_secret_" in address]
    confirmed = [asked["path"] for asked in stripe.asked if asked["path"].endswith("/confirm")]
    assert "evil" not in str(confirmed)
    assert "_secret_" not in shop.server.log
    assert SECRET_KEY not in shop.server.log


@pytest.mark.requirement("T39")
def test_the_elements_page_alone_shows_no_form(
    phones: Phones, stripe: Stripe, session: dict[str, Any]
) -> None:
    """Opened by itself it is told nothing, also while the buyer is at it."""
    buyer = with_stripe(phones.open(), stripe)
    buyer.goto(link(session))
    element_in(buyer)
    alone = with_stripe(phones.open(), stripe)

    alone.goto(link(session).replace("/embed", "/element"))

    expect(alone.get_by_role("alert")).to_contain_text("cannot be shown now")
    expect(alone.get_by_role("button")).to_be_disabled()
    assert alone.locator("iframe").count() == 0


def test_when_stripes_library_does_not_load_the_page_says_so(phones: Phones, session: dict[str, Any]) -> None:
    page = phones.open()
    page.route("https://js.stripe.com/**", lambda route: route.abort())
    page.goto(link(session))

    with phones.expecting("js.stripe.com"):
        element = element_in(page)
        expect(element.get_by_role("alert")).to_contain_text("Nothing was charged")


def test_without_scripts_the_page_says_that_it_needs_them(phones: Phones, session: dict[str, Any]) -> None:
    page = phones.open(java_script_enabled=False)
    page.goto(link(session))

    element = element_in(page)

    expect(element.get_by_text("needs JavaScript")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    heading(page, "The purchase was not confirmed")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_stands_in_anybodys_way(
    agent: RemoteAgent, stripe: Stripe, phones: Phones, scheme: Any
) -> None:
    """axe, in German, on a small phone: the form, and what it says of a declined card."""
    page = phones.open(viewport={"width": 320, "height": 568}, color_scheme=scheme, locale="de-DE")
    with_stripe(page, stripe)
    session = agent.create("item_headphones", capabilities=WEBVIEW, locale="de")
    page.goto(link(session))
    page.get_by_role("button", name="Weiter zu Stripe").click()
    element = page.frame_locator("#widget")
    button = element.get_by_role("button", name="Mit dieser Karte bestätigen")
    expect(button).to_be_enabled()
    reports = [Axe().run(page)]
    assert page.evaluate("document.documentElement.scrollWidth") == 320

    with phones.expecting("402"):
        element.frame_locator("#card iframe").get_by_label("Card number").fill(DECLINED)
        button.press("Enter")
        expect(element.get_by_role("alert")).to_be_visible()
    reports.append(Axe().run(page))

    found = [rule["id"] for report in reports for rule in report.response["violations"]]
    assert found == []

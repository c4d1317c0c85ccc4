"""Every page that a buyer can be shown on the way: for everybody, on every phone (pages.md)."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
from playwright.sync_api import Page, expect

from gateway.demo.browser import Browser
from gateway.demo.operator import Operator
from gateway.operators import DEMO_NAME, DEMO_PASSWORD
from tests.browser.agent import WEBVIEW, RemoteAgent
from tests.browser.phones import Phones, unprotected
from tests.browser.rules import accessible, narrow
from tests.browser.shop import Shop
from tests.browser.walks import CONFIRMED, DENIED, arrive, decide, go_to_the_wallet, heading
from tests.person.conftest import OTP

pytestmark = pytest.mark.browser

Walk = Callable[[Shop, RemoteAgent, Phones], Page]


def asks(shop: Shop, agent: RemoteAgent, phones: Phones) -> Page:
    page = phones.open()
    arrive(page, agent.sent_away())
    return page


def wallet(shop: Shop, agent: RemoteAgent, phones: Phones) -> Page:
    page = asks(shop, agent, phones)
    go_to_the_wallet(page)
    page.get_by_text("Sandbox: how the wallet shall behave").click()
    page.evaluate("document.activeElement.blur()")
    return page


def wallet_left(shop: Shop, agent: RemoteAgent, phones: Phones) -> Page:
    page = wallet(shop, agent, phones)
    decide(page, "Leave")
    heading(page, "You left without deciding")
    return page


def welcome_back(shop: Shop, agent: RemoteAgent, phones: Phones) -> Page:
    """The page in between, held back from sending itself on. Measuring needs scripts."""
    page = phones.open()
    page.add_init_script("HTMLFormElement.prototype.submit = () => {}")
    page.goto(agent.sent_away()["intervention_context"]["callback_url"])
    heading(page, "Welcome back")
    return page


def stale(shop: Shop, agent: RemoteAgent, phones: Phones) -> Page:
    """Whoever opens the way back by hand has no answer that belongs to it."""
    page = phones.open()
    page.goto(agent.sent_away()["intervention_context"]["callback_url"])
    heading(page, "We could not use that answer")
    return page


def behaving(shop: Shop, agent: RemoteAgent, phones: Phones, behaviour: str) -> Page:
    page = wallet(shop, agent, phones)
    page.get_by_label("After the decision").select_option(behaviour)
    page.get_by_label("Seconds to be slow").fill("20")
    page.set_default_timeout(90_000)
    decide(page, "Approve")
    return page


def not_yet(shop: Shop, agent: RemoteAgent, phones: Phones) -> Page:
    page = behaving(shop, agent, phones, "error")
    heading(page, "It is not confirmed yet")
    return page


def confirmed(shop: Shop, agent: RemoteAgent, phones: Phones) -> Page:
    page = asks(shop, agent, phones)
    go_to_the_wallet(page)
    decide(page, "Approve")
    heading(page, CONFIRMED)
    return page


def denied(shop: Shop, agent: RemoteAgent, phones: Phones) -> Page:
    page = asks(shop, agent, phones)
    go_to_the_wallet(page)
    decide(page, "Deny")
    heading(page, DENIED)
    return page


def elsewhere(shop: Shop, agent: RemoteAgent, phones: Phones) -> Page:
    session = agent.sent_away()
    first, second = phones.open(), phones.open()
    arrive(first, session)
    arrive(second, session)
    go_to_the_wallet(first)
    second.get_by_role("button", name="Continue to Sandbox wallet").click()
    heading(second, "This was opened in another browser")
    return second


def out_of_time(shop: Shop, agent: RemoteAgent, phones: Phones) -> Page:
    session = agent.sent_away()
    shop.lapse(session)
    page = phones.open()
    page.goto(session["intervention_context"]["redirect_url"])
    heading(page, "This page is out of time")
    return page


def over(shop: Shop, agent: RemoteAgent, phones: Phones) -> Page:
    session = agent.sent_away()
    assert agent.cancel(session).status_code == 200
    page = phones.open()
    page.goto(session["intervention_context"]["redirect_url"])
    heading(page, "There is nothing to confirm any more")
    return page


def unknown(shop: Shop, agent: RemoteAgent, phones: Phones) -> Page:
    page = phones.open()
    page.goto(f"{shop.url}/agentic/confirm/ct_nothing")
    heading(page, "We cannot find this page")
    return page


def code(shop: Shop, agent: RemoteAgent, phones: Phones) -> Page:
    page = phones.open()
    page.goto(agent.create("item_sneakers", capabilities=OTP)["continue_url"])
    heading(page, "Enter your code")
    page.locator("summary").click()
    page.evaluate("document.activeElement.blur()")
    return page


def code_wrong(shop: Shop, agent: RemoteAgent, phones: Phones) -> Page:
    page = code(shop, agent, phones)
    page.get_by_label("One-time code").fill("12")
    page.get_by_role("button", name="Confirm the purchase").click()
    expect(page.get_by_role("alert")).to_be_focused()
    page.evaluate("document.activeElement.blur()")
    return page


def webview(shop: Shop, agent: RemoteAgent, phones: Phones) -> Page:
    page = phones.open()
    session = agent.create("item_headphones", capabilities=WEBVIEW)
    page.goto(session["intervention_context"]["redirect_url"])
    expect(page.get_by_role("button", name="Continue to Sandbox wallet")).to_be_visible()
    return page


def form_refused(shop: Shop, agent: RemoteAgent, phones: Phones) -> Page:
    """A browser that keeps no cookies."""
    page = asks(shop, agent, phones)
    page.context.clear_cookies()
    page.get_by_role("button", name="Continue to Sandbox wallet").click()
    heading(page, "We could not take this answer")
    return page


def order(shop: Shop, agent: RemoteAgent, phones: Phones) -> Page:
    completed = agent.complete(agent.create({"id": "item_mug", "quantity": 2}, "item_kettle")).json()
    page = phones.open()
    page.goto(completed["order"]["permalink_url"])
    heading(page, f"Order {completed['order']['order_number']}")
    return page


def order_story(shop: Shop, agent: RemoteAgent, phones: Phones) -> Page:
    """Sent, followed at somebody else's page, and partly refunded."""
    completed = agent.complete(agent.create({"id": "item_mug", "quantity": 2}, "item_kettle")).json()
    placed = completed["order"]
    operator = Operator(Browser(), url=shop.url, name=DEMO_NAME, password=DEMO_PASSWORD)
    operator.send(placed["id"], carrier="Demo Parcel", tracking_url="https://tracking.example/1")
    operator.refund(placed["id"], "5.00", "The handle is chipped")
    page = phones.open()
    page.goto(placed["permalink_url"])
    heading(page, f"Order {placed['order_number']}")
    expect(page.get_by_role("link", name="Follow the parcel at tracking.example")).to_be_visible()
    expect(page.get_by_text("The handle is chipped")).to_be_visible()
    return page


def no_order(shop: Shop, agent: RemoteAgent, phones: Phones) -> Page:
    page = phones.open()
    page.goto(f"{shop.url}/agentic/orders/ord_nothing")
    heading(page, "We cannot find this order")
    return page


def root(shop: Shop, agent: RemoteAgent, phones: Phones) -> Page:
    page = phones.open()
    page.goto(shop.url)
    return page


PAGES = (
    *(
        asks,
        wallet,
        wallet_left,
        welcome_back,
        stale,
        not_yet,
        confirmed,
        denied,
        elsewhere,
        out_of_time,
        over,
    ),
    *(unknown, order, order_story, no_order, root),
)


@pytest.mark.requirement("R36")
@pytest.mark.parametrize("walk", PAGES, ids=lambda walk: walk.__name__)
def test_a_page_is_for_everybody(shop: Shop, agent: RemoteAgent, phones: Phones, walk: Walk) -> None:
    """Its headers are judged by `phones`, as those of every page that any test opens."""
    page = walk(shop, agent, phones)

    accessible(page)
    assert phones.pages > 0 or walk is root


@pytest.mark.parametrize("words", ["header p", "section td", "q", "strong", "button"])
def test_what_others_write_breaks_no_page(shop: Shop, agent: RemoteAgent, phones: Phones, words: str) -> None:
    """Names of goods, agents and providers are as long as somebody likes."""
    page = asks(shop, agent, phones)

    page.evaluate(
        "words => { document.querySelector(words).textContent = 'Verylong'.repeat(30) }",
        words,
    )

    assert narrow(page) == []


@pytest.mark.requirement("R36")
@pytest.mark.parametrize(
    "path", ["confirm/x", "confirm/x/return", "orders/x", "confirm/" + "x" * 2_000, "orders/%00"]
)
def test_a_link_that_leads_nowhere_is_as_guarded_as_one_that_does(shop: Shop, path: str) -> None:
    methods = ("GET", "HEAD", "POST") if path.startswith("confirm/") else ("GET", "HEAD")
    for method in methods:
        answered = httpx.request(method, f"{shop.url}/agentic/{path}", trust_env=False)

        assert answered.status_code == (403 if method == "POST" else 404)
        assert unprotected(answered.headers) == []


def test_the_walk_needs_no_pointer(agent: RemoteAgent, phone: Page) -> None:
    """Tab and Enter lead from the first page to the last."""
    session = agent.sent_away()

    arrive(phone, session)
    press(phone, "Continue to Sandbox wallet")
    heading(phone, "Do you want to confirm this purchase?")
    press(phone, "Approve")
    heading(phone, CONFIRMED)

    assert agent.retrieve(session)["status"] == "ready_for_payment"


def press(page: Page, button: str) -> None:
    """The button is reached with Tab and pressed with Enter."""
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()").startswith(button):
            return page.keyboard.press("Enter")
    raise AssertionError(f"Tab does not reach {button}")


@pytest.mark.requirement("T39", "R36")
def test_a_page_of_another_origin_cannot_frame_the_question(agent: RemoteAgent, phones: Phones) -> None:
    session = agent.sent_away()
    url = session["intervention_context"]["redirect_url"]
    page = phones.open()

    with a_stranger_framing(url) as stranger, phones.expecting("frame-ancestors"):
        with page.expect_console_message(lambda message: "frame-ancestors" in message.text):
            page.goto(stranger)
        frame = page.frames[-1]
        frame.wait_for_load_state()
        assert page.title() == "Win a prize"
        assert page.get_by_role("button").count() == 0
        assert "Confirm your purchase" not in frame.content()

    arrive(phones.open(), session)


@contextmanager
def a_stranger_framing(url: str) -> Iterator[str]:
    """The address of a page of another origin that shows `url` in a frame."""
    html = f'<!doctype html><title>Win a prize</title><iframe src="{url}" width="390" height="600"></iframe>'

    class Stranger(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(html.encode() if self.path == "/" else b"")

        def log_message(self, format: str, *args: object) -> None:
            """Nobody reads it."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stranger) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()
        thread.join()

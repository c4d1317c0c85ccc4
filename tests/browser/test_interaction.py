"""The page behind an agent's code, in a real browser (AA-055, AA-070 to AA-078)."""

from __future__ import annotations

import http.server
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, expect

from tests.browser.phones import Phones
from tests.browser.rules import accessible
from tests.browser.shop import Shop, served
from tests.browser.signing import Parked, RemoteSigner, played
from tests.browser.walks import heading

pytestmark = pytest.mark.browser

COMPARE = "Compare the code"
ENTER = "Enter the code of your agent"
ONE_TIME_CODE = "Enter your code"
DONE = "You are done here"
DENIED = "The purchase was not confirmed"
ELSEWHERE = "This was opened in another browser"
WRONG = "00000000"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with served(tmp_path_factory.mktemp("aauth"), "tests.browser.aauth_settings", **played()) as shop:
        yield shop


@pytest.fixture
def signer(shop: Shop) -> RemoteSigner:
    return RemoteSigner(shop)


@contextmanager
def program() -> Iterator[str]:
    """The agent is a program on the person's own machine, which waits for their browser."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told = b"<!doctype html><html lang=en><title>Agent</title><h1>Back at your agent</h1>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/cb"
    server.shutdown()
    server.server_close()


def go_on(page: Page) -> None:
    page.get_by_role("button", name="Continue", exact=True).click()
    heading(page, ONE_TIME_CODE)


def confirm(page: Page, shop: Shop, parked: Parked) -> None:
    """The buyer enters the code from their mail."""
    page.get_by_label("One-time code").fill(shop.mailbox.code_for(parked.address))
    page.get_by_role("button", name="Confirm the purchase").click()


@pytest.mark.requirement("AA-070", "AA-071", "AA-077")
def test_a_person_compares_confirms_and_is_done(signer: RemoteSigner, phone: Page, shop: Shop) -> None:
    parked = signer.parked()

    phone.goto(parked.link())
    heading(phone, COMPARE)
    expect(phone.locator(".code")).to_have_text(parked.code)
    accessible(phone)
    go_on(phone)
    assert parked.code not in phone.url
    assert signer.polled(parked).json()["status"] == "interacting"
    accessible(phone)
    confirm(phone, shop, parked)

    # The page in between loads itself again, once the relay has looked.
    heading(phone, DONE)
    accessible(phone)
    assert signer.polled(parked).status_code == 200


def test_without_scripts_and_with_a_code_that_is_typed(
    signer: RemoteSigner, phones: Phones, shop: Shop
) -> None:
    parked, phone = signer.parked(), phones.open(java_script_enabled=False)

    phone.goto(parked.url)
    heading(phone, ENTER)
    phone.get_by_label("Code from your agent").fill(parked.code.replace("-", "").lower())
    go_on(phone)
    confirm(phone, shop, parked)
    for _ in range(20):
        if phone.locator("h1").inner_text() == DONE:
            break
        phone.get_by_role("link", name="See how it stands").click()

    heading(phone, DONE)


@pytest.mark.requirement("AA-055")
def test_a_double_click_is_one_browser(signer: RemoteSigner, phone: Page, shop: Shop) -> None:
    parked = signer.parked()

    phone.goto(parked.link())
    phone.get_by_role("button", name="Continue", exact=True).dblclick()
    heading(phone, ONE_TIME_CODE)
    confirm(phone, shop, parked)

    heading(phone, DONE)


@pytest.mark.requirement("AA-055", "T42")
def test_the_second_browser_is_refused_and_the_first_goes_back_and_on(
    signer: RemoteSigner, phones: Phones, shop: Shop
) -> None:
    parked, first, second = signer.parked(), phones.open(), phones.open()

    first.goto(parked.link())
    second.goto(parked.link())
    go_on(first)
    second.get_by_role("button", name="Continue", exact=True).click()
    heading(second, ELSEWHERE)
    accessible(second)
    first.go_back()
    # The page of before, from the browser's memory or anew; nothing on it locks the person out.
    expect(first.get_by_role("heading", level=1)).to_have_text(re.compile(f"{COMPARE}|{ONE_TIME_CODE}"))
    first.goto(parked.link())
    heading(first, ONE_TIME_CODE)
    confirm(first, shop, parked)

    heading(first, DONE)


@pytest.mark.requirement("AA-056")
def test_wrong_codes_to_the_limit_with_a_keyboard_alone(signer: RemoteSigner, phone: Page) -> None:
    parked = signer.parked()

    phone.goto(parked.url)
    accessible(phone)
    for left in (4, 3, 2, 1):
        phone.get_by_label("Code from your agent").focus()
        phone.keyboard.type(WRONG)
        phone.keyboard.press("Enter")
        expect(phone.get_by_role("alert")).to_contain_text(f"Attempts left: {left}.")
        expect(phone.get_by_role("alert")).to_be_focused()
        expect(phone.get_by_label("Code from your agent")).to_have_value("")
    accessible(phone)
    phone.get_by_label("Code from your agent").fill(WRONG)
    phone.keyboard.press("Enter")

    heading(phone, "Too many wrong codes")
    accessible(phone)
    assert signer.polled(parked).json()["error"] == "invalid_code"


@pytest.mark.requirement("AA-074", "AA-076")
def test_the_browser_goes_back_to_the_agent(signer: RemoteSigner, phone: Page, shop: Shop) -> None:
    parked = signer.parked()

    with program() as callback:
        phone.goto(parked.link(callback=callback))
        go_on(phone)
        confirm(phone, shop, parked)
        heading(phone, "Back at your agent")

        assert phone.url == callback


@pytest.mark.requirement("AA-075")
@pytest.mark.parametrize("where", ["at once", "at what is asked"])
def test_whoever_stops_goes_back_to_the_agent_too(signer: RemoteSigner, phone: Page, where: str) -> None:
    """The policy of the page allows this redirect of its form, and no other."""
    parked = signer.parked()

    with program() as callback:
        phone.goto(parked.link(callback=callback))
        if where != "at once":
            go_on(phone)
        phone.get_by_role("button", name="Stop, do not buy this").click()
        heading(phone, "Back at your agent")

        assert phone.url == f"{callback}?error=access_denied"


@pytest.mark.requirement("AA-076", "T29")
def test_nobody_is_sent_to_a_foreign_callback(signer: RemoteSigner, phone: Page, shop: Shop) -> None:
    parked = signer.parked()

    phone.goto(parked.link(callback="https://evil.example/done"))
    phone.get_by_role("button", name="Stop, do not buy this").click()

    heading(phone, DENIED)
    assert shop.holds(phone)
    accessible(phone)


@pytest.mark.requirement("AA-100", "AA-112")
def test_the_person_asks_their_agent_and_goes_on(signer: RemoteSigner, phone: Page, shop: Shop) -> None:
    parked = signer.parked()

    phone.goto(parked.link())
    go_on(phone)
    phone.get_by_role("link", name="Ask your agent something").click()
    heading(phone, "Ask your agent")
    accessible(phone)
    phone.get_by_label("Your question").fill("Why this one?")
    phone.get_by_role("button", name="Send the question").click()
    expect(phone.get_by_text("Your agent has not answered yet.")).to_be_visible()
    accessible(phone)
    assert signer.polled(parked).json()["clarification"] == "Why this one?"
    assert signer.answered(parked, "It was on your list.").status_code == 202
    # Nobody presses anything: the page sees by itself that something has happened.
    expect(phone.get_by_text("It was on your list.")).to_be_visible()
    accessible(phone)
    phone.get_by_role("link", name="Back to your purchase").click()
    heading(phone, ONE_TIME_CODE)
    confirm(phone, shop, parked)

    heading(phone, DONE)


def test_the_agent_is_asked_without_scripts(signer: RemoteSigner, phones: Phones) -> None:
    parked, phone = signer.parked(locale="de"), phones.open(java_script_enabled=False, color_scheme="dark")

    phone.goto(parked.link())
    phone.get_by_role("button", name="Den Agenten zuerst etwas fragen").click()
    phone.get_by_label("Ihre Frage").fill("Warum?")
    phone.get_by_role("button", name="Frage senden").click()
    signer.polled(parked)
    signer.answered(parked, "Darum.")
    phone.get_by_role("link", name="Nachsehen, ob er geantwortet hat").click()

    expect(phone.get_by_text("Darum.")).to_be_visible()

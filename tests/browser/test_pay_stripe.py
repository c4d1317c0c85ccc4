"""A person pays what an agent has handed over with a card in Stripe's Payment Element, in a real browser.

Stripe's library and frame are played at Stripe's own addresses, so the page's policy is at work; what they
ask is asked of the server that plays Stripe's API, as the shop asks it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import FrameLocator, Page, expect

from gateway.demo.mailbox import Mailbox
from tests.browser.handoff import CHECK, THANKS, fill_in
from tests.browser.phones import Phones
from tests.browser.shop import Shop
from tests.browser.test_payment_element import GOOD, with_stripe
from tests.browser.visitor import Visitor
from tests.browser.walks import heading
from tests.project.server import Server
from tests.stripe_double.__main__ import PUBLISHABLE_KEY, SECRET_KEY
from tests.stripe_double.process import Stripe
from tests.stripe_double.provider import WEBHOOK_SECRET

pytestmark = pytest.mark.browser

REFUSED, QUESTIONED = "4000000000009995", "4000000000003220"


@pytest.fixture(scope="module")
def stripe() -> Iterator[Stripe]:
    with Stripe() as running:
        yield running


@pytest.fixture(scope="module")
def shop(stripe: Stripe, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The demo, paid through Stripe by what its environment says."""
    folder = tmp_path_factory.mktemp("shop")
    said = {
        "AGENTIC_PAYMENTS": "gateway.stripe_account.provider",
        "STRIPE_PUBLISHABLE_KEY": PUBLISHABLE_KEY,
        "STRIPE_SECRET_KEY": SECRET_KEY,
        "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "STRIPE_MERCHANT_ID": "profile_test_1",
    }
    with Server(folder, "tests.browser.pay_stripe_settings", STRIPE_ORIGIN=stripe.origin, **said) as server:
        server.start()
        yield Shop(f"http://localhost:{server.port}", server, Mailbox(folder / "var" / "mail"))


@pytest.fixture
def visitor(shop: Shop) -> Iterator[Visitor]:
    visiting = Visitor(shop.url)
    yield visiting
    visiting.http.close()


@pytest.fixture
def phone(phones: Phones, stripe: Stripe) -> Page:
    return with_stripe(phones.open(), stripe)


def field(page: Page) -> FrameLocator:
    return page.frame_locator("#card iframe")


def readable(page: Page) -> None:
    """For everybody, by axe; how Stripe's frame shows its focus is Stripe's."""
    assert [rule["id"] for rule in Axe().run(page).response["violations"]] == []


def pay(page: Page, card: str) -> None:
    field(page).get_by_label("Card number").fill(card)
    page.get_by_role("button", name="Pay ").click()


@pytest.mark.requirement("AJ-084", "AJ-091", "T31", "T42")
def test_from_the_last_question_to_the_order(
    shop: Shop, stripe: Stripe, visitor: Visitor, phone: Page
) -> None:
    """Nothing typed, a card that is declined, then one whose bank asks; the card reaches Stripe alone."""
    asking: list[str] = []
    phone.on("request", lambda asked: asking.append(f"{asked.url} {asked.post_data}"))
    fill_in(phone, visitor.handed_over("item_mug"))
    heading(phone, CHECK)
    expect(field(phone).get_by_label("Card number")).to_be_visible()
    readable(phone)
    pay(phone, "")
    expect(phone.locator("#problem")).to_have_text("Your card number is incomplete.")
    pay(phone, REFUSED)
    expect(phone.get_by_role("alert").first).to_contain_text("nothing was charged")
    expect(field(phone).get_by_label("Card number")).to_be_visible()
    pay(phone, QUESTIONED)
    heading(phone, "Confirm your purchase")
    phone.get_by_role("button", name="Continue to Stripe").click()
    phone.locator("button[value=approve]").click()
    heading(phone, THANKS)

    assert visitor.handoff()["status"] == "completed"
    assert [charge["status"] for charge in stripe.ledger["charges"]].count("succeeded") == 1
    told = [asked for asked in asking if REFUSED in asked or QUESTIONED in asked]
    assert told
    assert all(asked.startswith(f"{stripe.origin}/v1/payment_methods ") for asked in told)
    assert SECRET_KEY not in shop.server.log
    assert "pm_" not in shop.server.log


@pytest.mark.requirement("T42")
def test_a_button_that_is_pressed_twice_and_the_way_back(
    stripe: Stripe, visitor: Visitor, phone: Page
) -> None:
    before = len(stripe.ledger["methods"])
    fill_in(phone, visitor.handed_over("item_mug"))
    heading(phone, CHECK)
    field(phone).get_by_label("Card number").fill(GOOD)

    phone.get_by_role("button", name="Pay ").dblclick()

    heading(phone, THANKS)
    assert len(stripe.ledger["methods"]) == before + 1
    phone.go_back()
    heading(phone, "This purchase is complete already")
    assert visitor.handoff()["status"] == "completed"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_stands_in_anybodys_way_on_a_small_phone(
    stripe: Stripe, visitor: Visitor, phones: Phones, scheme: Any
) -> None:
    page = with_stripe(phones.open(viewport={"width": 320, "height": 568}, color_scheme=scheme), stripe)
    fill_in(page, visitor.handed_over("item_mug"))
    expect(field(page).get_by_label("Card number")).to_be_visible()
    readable(page)
    assert page.evaluate("document.documentElement.scrollWidth") == 320


def test_when_the_library_does_not_load_the_page_says_so(visitor: Visitor, phones: Phones) -> None:
    page = phones.open()
    page.route("https://js.stripe.com/**", lambda route: route.abort())
    with phones.expecting("js.stripe.com"):
        fill_in(page, visitor.handed_over("item_mug"))
        expect(page.locator("#problem")).to_contain_text("Nothing was charged")
    expect(page.get_by_role("button", name="Pay ")).to_be_disabled()


def test_without_scripts_the_page_says_that_it_needs_them(visitor: Visitor, phones: Phones) -> None:
    page = phones.open(java_script_enabled=False)
    fill_in(page, visitor.handed_over("item_mug"))
    expect(page.get_by_text("needs JavaScript")).to_be_visible()
    page.get_by_role("button", name="Pay ").click()
    expect(page.get_by_role("alert")).to_contain_text("Enter your card.")

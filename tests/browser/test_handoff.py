"""A person on a phone finishes what an agent has handed over, in a real browser (AJ-084 to AJ-091)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.handoff import (
    CHECK,
    CONFIRM,
    HOW,
    REACHED,
    REVIEW,
    THANKS,
    choose,
    fill_in,
    go_on,
    pay,
    tell_address,
    tell_contact,
)
from tests.browser.phones import Phones
from tests.browser.rules import accessible
from tests.browser.shop import Shop
from tests.browser.visitor import Visitor
from tests.browser.walks import decide, heading

pytestmark = pytest.mark.browser


@pytest.fixture
def visitor(shop: Shop) -> Iterator[Visitor]:
    visiting = Visitor(shop.url)
    yield visiting
    visiting.http.close()


def rules(page: Page) -> None:
    """The page is for everybody; afterwards nothing is focused, as for who has just come."""
    page.evaluate("document.activeElement.blur()")
    accessible(page)


@pytest.mark.requirement("AJ-084", "AJ-090", "AJ-091", "R36")
def test_every_page_of_the_way_is_for_everybody(visitor: Visitor, phone: Page) -> None:
    """From the link to the order: wrong input, an address that is missing, a delivery that is changed, a
    card that is declined. In light and dark, at 320 px, by keyboard, by axe."""
    phone.goto(visitor.handed_over("item_mug", "item_kettle"))
    heading(phone, REVIEW)
    expect(phone.get_by_text("A mug for the office")).to_be_visible()
    rules(phone)
    go_on(phone)
    heading(phone, REACHED)
    go_on(phone)
    expect(phone.get_by_role("alert")).to_be_focused()
    phone.get_by_role("link", name="Enter your email address.").click()
    expect(phone.get_by_label("Email address")).to_be_focused()
    rules(phone)
    tell_contact(phone)
    go_on(phone)
    expect(phone.get_by_role("alert")).to_be_focused()
    expect(phone.get_by_label("Name on the parcel")).to_have_value("Ada Lovelace")
    rules(phone)
    tell_address(phone)
    rules(phone)
    choose(phone)
    heading(phone, CHECK)
    standard = phone.locator(".paid").text_content()
    phone.get_by_role("link", name="Change Delivery").click()
    heading(phone, HOW)
    expect(phone.get_by_label("Standard")).to_be_checked()
    choose(phone, "Express")
    heading(phone, CHECK)
    assert phone.locator(".paid").text_content() != standard
    phone.evaluate("document.activeElement.blur()")
    pay(phone, "Test card that is declined")
    expect(phone.get_by_role("alert")).to_be_focused()
    rules(phone)
    pay(phone)
    heading(phone, THANKS)
    rules(phone)
    told = visitor.handoff()
    phone.get_by_role("link", name="See your order").click()
    expect(phone.get_by_role("heading", level=1)).to_contain_text("Order ")

    assert told["status"] == "completed"
    assert phone.url == told["permalink_url"]


@pytest.mark.requirement("AJ-091")
def test_a_code_a_wallet_and_a_bank_on_the_way(shop: Shop, visitor: Visitor, phones: Phones) -> None:
    """Each is asked at its own page, and leads back."""
    phone = phones.open()
    email = fill_in(phone, visitor.handed_over("item_sneakers"))
    heading(phone, CONFIRM)
    rules(phone)
    go_on(phone)
    phone.get_by_label("One-time code").fill(shop.mailbox.code_for(email))
    phone.get_by_role("button", name="Confirm the purchase").click()
    heading(phone, CHECK)
    pay(phone, "Test card whose bank asks you")
    heading(phone, "Confirm your purchase")
    phone.get_by_role("button", name="Continue to Sandbox bank").click()
    heading(phone, "Is this your payment?")
    decide(phone, "No, this is not mine")
    heading(phone, "The purchase was not confirmed")
    phone.get_by_role("link", name="Go on with your purchase").click()
    expect(phone.get_by_role("alert")).to_contain_text("nothing was charged")
    pay(phone, "Test card whose bank asks you")
    phone.get_by_role("button", name="Continue to Sandbox bank").click()
    decide(phone, "Yes, pay")
    heading(phone, THANKS)
    assert visitor.handoff()["status"] == "completed"

    other = Visitor(shop.url)
    phone = phones.open()
    fill_in(phone, other.handed_over("item_tablet"))
    heading(phone, CONFIRM)
    go_on(phone)
    phone.get_by_role("button", name="Continue to Sandbox wallet").click()
    decide(phone, "Approve")
    heading(phone, CHECK)
    pay(phone)
    heading(phone, THANKS)
    assert other.handoff()["status"] == "completed"
    other.http.close()


@pytest.mark.requirement("AJ-089", "T10", "T42")
def test_two_browsers_two_tabs_and_a_button_that_is_pressed_twice(visitor: Visitor, phones: Phones) -> None:
    link = visitor.handed_over("item_mug")
    first, second = phones.open(), phones.open()
    second.goto(link)
    fill_in(first, link)
    heading(first, CHECK)
    go_on(second)
    heading(second, "This was opened in another browser")
    rules(second)
    second.goto(f"{link}/contact")
    heading(second, "This was opened in another browser")
    assert "Ada" not in second.content()

    tab = first.context.new_page()
    tab.goto(f"{link}/delivery")
    choose(tab, "Express")
    heading(tab, CHECK)
    pay(first)
    heading(first, CHECK)
    expect(first.get_by_role("alert")).to_contain_text("The purchase has changed")
    rules(first)
    first.get_by_label("Test card that pays").check()
    first.get_by_role("button", name="Pay ").dblclick()
    expect(first.get_by_role("heading", level=1)).to_have_text(THANKS)
    assert visitor.handoff()["status"] == "completed"


def test_without_scripts_by_keyboard_and_back_again(visitor: Visitor, phones: Phones) -> None:
    page = phones.open(java_script_enabled=False)
    fill_in(page, visitor.handed_over("item_mug"))
    heading(page, CHECK)
    page.get_by_label("Test card that pays").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    heading(page, THANKS)
    page.go_back()
    heading(page, "This purchase is complete already")
    assert visitor.handoff()["status"] == "completed"


@pytest.mark.requirement("AJ-089")
def test_ends_say_what_happened(visitor: Visitor, phones: Phones) -> None:
    page = phones.open()
    link = visitor.handed_over("item_mug")
    fill_in(page, link)
    heading(page, CHECK)
    visitor.put("item_kettle")
    pay(page)
    heading(page, "This link is out of date")
    rules(page)
    page.goto(visitor.handed_over())
    page.get_by_role("button", name="Stop, do not buy this").click()
    heading(page, "You have stopped this purchase")
    rules(page)
    assert visitor.handoff()["status"] == "refused"

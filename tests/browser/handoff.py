"""What a person does on the pages of a purchase that an agent has handed over, step by step."""

from __future__ import annotations

import uuid

from playwright.sync_api import Page, expect

from tests.browser.walks import heading

REVIEW, REACHED = "Finish your purchase", "How are you reached?"
WHERE, HOW = "Where does it go?", "How does it get to you?"
CHECK, CONFIRM = "Check and pay", "Check and confirm"
THANKS = "Thank you, your purchase is complete"


def go_on(page: Page) -> None:
    page.get_by_role("button", name="Continue", exact=True).click()


def begin(page: Page, link: str) -> None:
    page.goto(link)
    heading(page, REVIEW)
    go_on(page)
    heading(page, REACHED)


def tell_contact(page: Page, email: str = "") -> str:
    """How the buyer is reached; at an address of their own, because codes are counted by it."""
    email = email or f"ada-{uuid.uuid4().hex[:8]}@example.com"
    page.get_by_label("Your name").fill("Ada Lovelace")
    page.get_by_label("Email address").fill(email)
    go_on(page)
    heading(page, WHERE)
    return email


def tell_address(page: Page) -> None:
    expect(page.get_by_label("Name on the parcel")).to_have_value("Ada Lovelace")
    expect(page.get_by_label("Country")).to_have_value("US")
    page.get_by_label("Street and number").fill("1 Market Street")
    page.get_by_label("Postal code").fill("94105")
    page.get_by_label("Town or city").fill("San Francisco")
    page.get_by_label("State or region").fill("CA")
    go_on(page)
    heading(page, HOW)


def choose(page: Page, way: str = "Standard") -> None:
    page.get_by_label(way).check()
    go_on(page)


def fill_in(page: Page, link: str) -> str:
    """Everything up to the last page."""
    begin(page, link)
    email = tell_contact(page)
    tell_address(page)
    choose(page)
    return email


def pay(page: Page, card: str = "Test card that pays") -> None:
    page.get_by_label(card).check()
    page.get_by_role("button", name="Pay ").click()

"""What a person does on the pages, step by step."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Locator, Page, expect

CONFIRMED = "You have confirmed the purchase"
DENIED = "The purchase was not confirmed"


def heading(page: Page, words: str) -> None:
    """The page shown, now or in a moment, has these words as its heading."""
    expect(page.get_by_role("heading", level=1)).to_have_text(words)


def press(button: Locator) -> None:
    """A button in a frame is pressed until its page takes it: a browser drops what is pressed in a frame
    that was not drawn yet, and a person then presses again."""
    for _ in range(10):
        button.click()
        try:
            expect(button).to_be_hidden(timeout=3_000)
        except AssertionError:
            continue
        return
    raise AssertionError("it was pressed ten times, and nothing came of it")


def arrive(page: Page, session: dict[str, Any]) -> None:
    """The agent's link is opened; the page asks."""
    page.goto(session["intervention_context"]["redirect_url"])
    heading(page, "Confirm your purchase")


def go_to_the_wallet(page: Page) -> None:
    """From the merchant's question to the wallet's."""
    page.get_by_role("button", name="Continue to Sandbox wallet").click()
    heading(page, "Do you want to confirm this purchase?")


def decide(page: Page, button: str) -> None:
    """The wallet is told: Approve, Deny, Leave without deciding."""
    page.get_by_role("button", name=re.compile(f"^{button}")).click()

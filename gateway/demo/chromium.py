"""A real browser for one person, where this machine has Chromium and Playwright is installed; nothing of the
demo needs it. The pages' own scripts run in it, and nothing is pressed but what a person sees."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gateway.demo.answers import BrokenPromise
from gateway.demo.shopper import Account

NAMES = ("chromium", "chromium-browser", "google-chrome")
SWITCH = "DEMO_CHROMIUM"
"""In the environment: `off` leaves it alone."""
QUIET = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
"""It asks nobody on the network by itself. Root, as in a container, gets no sandbox."""
WAIT_MS = 10_000
NEWS = "[data-agentic-news] a"


class OpenPage:
    """One page in that browser, at which somebody is signed in."""

    def __init__(self, page: Any) -> None:
        self._page = page

    def reads_banner(self) -> str:
        """What the banner says, once it does. The page is looked at anew, so that it asks at once."""
        self._page.reload()
        self._page.wait_for_selector(NEWS)
        told = self._page.locator("[data-agentic-news] p").all_inner_texts()
        return " ".join(" ".join(told).split())

    def follows_banner(self) -> str:
        """The heading of the page that the banner leads to."""
        self._page.click(NEWS)
        return self.heading()

    def press(self, value: str) -> str:
        """The heading of the page after the button of that value."""
        self._page.click(f'button[value="{value}"]')
        return self.heading()

    def asks_for_code(self) -> bool:
        """The page shows the agent's code, to be compared."""
        return self._page.query_selector('[name="code"]') is not None

    def heading(self) -> str:
        self._page.wait_for_load_state()
        return " ".join(str(self._page.inner_text("h1")).split())


@contextmanager
def opened(account: Account, home: str) -> Iterator[OpenPage | None]:
    """The page of the account, signed in and present; None where there is no such browser. Raises
    BrokenPromise when it cannot be used as a person would."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None or os.environ.get(SWITCH) == "off":
        yield None
        return
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        yield None
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        try:
            page = browser.new_page()
            page.set_default_timeout(WAIT_MS)
            page.goto(home)
            if page.query_selector('input[name="password"]'):
                page.fill('input[name="username"]', account.email)
                page.fill('input[name="password"]', account.password)
                with page.expect_response(lambda answer: answer.url.endswith("/news")):
                    page.press('input[name="password"]', "Enter")
            yield OpenPage(page)
            # Else the shop would count on that page for some seconds more.
            page.goto(home)
            page.click('form[action$="/sign-out"] button')
        except Error as problem:
            raise BrokenPromise(
                f"a real browser shows what it should: {str(problem).splitlines()[0]}"
            ) from None
        finally:
            browser.close()

"""The buyer at a page of the merchant, and at the page of whoever confirms: a browser, and decisions.

The agent sees none of it. The story needs a person, and this is what that person does.
"""

from __future__ import annotations

import httpx

from gateway.demo.answers import BrokenPromise
from gateway.demo.browser import Browser, Form, Page


class Person:
    """One person with one browser, which is opened when first needed."""

    def __init__(self, transport: httpx.BaseTransport | None = None) -> None:
        self._transport = transport
        self._opened: Browser | None = None

    def close(self) -> None:
        """The browser is closed, and its cookies are gone."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def look(self, url: str) -> Page:
        """The page at that address."""
        return self._browser.open(url)

    def go_on(self, url: str) -> Page:
        """From the merchant's page at `url` to the one that asks for a decision."""
        page = self.look(url)
        return self._browser.submit(page, _asking(page, "csrfmiddlewaretoken"), answer="continue")

    def decide(self, page: Page, decision: str) -> Page:
        """The page after the decision: approve, deny or leave. Whoever decided comes back."""
        after = self._browser.submit(page, _asking(page, "confirmation"), decision=decision)
        back = after.form("csrfmiddlewaretoken")  # a browser with scripts sends it by itself
        return after if back is None else self._browser.submit(after, back)

    @property
    def _browser(self) -> Browser:
        self._opened = self._opened or Browser(self._transport)
        return self._opened


def _asking(page: Page, name: str) -> Form:
    form = page.form(name)
    if page.status != 200 or form is None:
        raise BrokenPromise(f"the buyer's page asks a question; it says: {page.heading or page.status}")
    return form

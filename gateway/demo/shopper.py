"""Shoppers with an account at the merchant, whose agents want something of them.

The agent sees none of it. Only what a person would read and press is used; where the merchant's own script
asks for news while a page is open, so do we.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

import httpx

from gateway.demo.answers import BrokenPromise
from gateway.demo.browser import Form, Page
from gateway.demo.client import NoServer, origin
from gateway.demo.person import Person


@dataclass(frozen=True, slots=True)
class Account:
    """With what somebody signs in."""

    name: str
    email: str
    password: str = field(repr=False)


# The demo shop's people; its start page names them, and a real merchant has none.
ALEX = Account("Alex", "alex@example.com", "demo-only-shopper")
SAM = Account("Sam", "sam@example.com", "demo-only-shopper")

AWAY = "history"
"""A page of the account that does not list itself what waits, so that its banner says it."""


class Shopper(Person):
    """One of them, at a browser of their own, who signs in wherever the merchant wants that. `home` is the
    address of their account."""

    def __init__(self, account: Account, home: str, transport: httpx.BaseTransport | None = None) -> None:
        super().__init__(transport)
        self.account = account
        self._home = home
        self._open_page: Page | None = None

    def look(self, url: str) -> Page:
        return self._signed_in(super().look(urljoin(self._home, url)))

    def arrive(self, url: str, code: str) -> Page:
        return self._signed_in(super().arrive(url, code))

    def press(self, page: Page, **filled_in: str) -> Page:
        """The page after a button of this one; never the one with which they would sign out."""
        written = [name for name in filled_in if name not in ("answer", "decision")]
        for form in page.forms:
            if form.has("csrfmiddlewaretoken") and all(map(form.has, written)) and not _signs_out(form):
                return self._signed_in(self._browser.submit(page, form, **filled_in))
        raise BrokenPromise(f"the shopper's page asks a question; it says: {page.heading or page.status}")

    def ask_agent(self, url: str, code: str, question: str) -> Page:
        asking = self.press(self.look(url), answer="ask", code=code)
        return self.press(asking, question=question)

    def stay(self) -> Page:
        """A page of their account is open, and asks for news, as it does every few seconds."""
        self._open_page = self.look(AWAY)
        self.news()
        return self._open_page

    def news(self) -> Mapping[str, Any]:
        """What the banner says of the page that is open. Raises BrokenPromise when there is none."""
        page = self._open_page
        if page is None or not page.news:
            raise BrokenPromise("a page of the account is open, and asks for news")
        headers = {"X-Known": "", "Origin": origin(page.url)}
        return self._browser.tell(page, urljoin(page.url, page.news), {}, headers)

    def sign_out(self) -> Page:
        """What they read then; no page of theirs is open any more. Raises BrokenPromise without a button."""
        page, self._open_page = self.look(self._home), None
        form = next(filter(_signs_out, page.forms), None)
        if form is None:
            raise BrokenPromise("the account has a button to sign out")
        return self._browser.submit(page, form)

    def leave(self) -> None:
        """They sign out if a page of theirs is open, as far as the merchant still answers."""
        if self._open_page is not None:
            with suppress(BrokenPromise, NoServer):
                self.sign_out()

    def _signed_in(self, page: Page) -> Page:
        """The page, or the one that they wanted once they have signed in."""
        form = page.form("password")
        if form is None:
            return page
        named = {"username": self.account.email, "password": self.account.password}
        after = self._browser.submit(page, form, **named)
        if after.form("password") is not None:
            raise BrokenPromise(f"{self.account.email} can sign in")
        return after


def _signs_out(form: Form) -> bool:
    return form.action.endswith("/sign-out")


class Shoppers:
    """All of them, each with one browser for as long as the demo plays."""

    def __init__(self, transport: httpx.BaseTransport | None = None) -> None:
        self._transport = transport
        self._known: dict[str, Shopper] = {}

    def of(self, account: Account, home: str) -> Shopper:
        """Whoever has that account."""
        if account.email not in self._known:
            self._known[account.email] = Shopper(account, home, self._transport)
        return self._known[account.email]

    def close(self) -> None:
        """Their browsers are closed, and nobody is at a page any more."""
        for shopper in self._known.values():
            shopper.leave()
            shopper.close()

"""The shop's operator, who does in the admin what a story needs done there: over HTTP, by hand."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from urllib.parse import urljoin

from gateway.demo.browser import Browser, Form, Page

ADMIN = "/admin/"
REASON = "The demo plays this."


class NoOperator(Exception):
    """Nobody can do in the admin what the story needs. The text says why, and what to do about it."""


class Operator:
    """Logs in when first needed. `name` and `password` are those of the demo shop unless told."""

    def __init__(self, browser: Browser, *, url: str, name: str, password: str) -> None:
        self._browser = browser
        self._admin = url.rstrip("/") + ADMIN
        self._name = name
        self._password = password
        self._inside = False

    def price_of(self, item: str) -> str:
        """The price of an item, as it stands in its form."""
        _, form = self._product(item)
        return form.fields["amount"][0]

    def set_price(self, item: str, price: str) -> None:
        """The item costs `price` from now on. Raises NoOperator when the shop does not take it."""
        page, form = self._product(item)
        self._browser.submit(page, form, amount=price, _save="Save")
        if _number(self.price_of(item)) != _number(price):
            raise NoOperator(f"The admin did not take another price of {item}.")

    def end_code(self, session_id: str) -> None:
        """What the session's buyer is asked is over now, as if its time had passed."""
        page = self._open(f"agentic_checkout/checkoutsession/{quoted(session_id)}/change/")
        self._act(page, "end_challenge", "The admin shows no question that could be ended in this session.")

    def decide(self, session_id: str, decision: str) -> None:
        """The purchase that waits for the merchant is approved or denied: `approve` or `deny`."""
        waiting = self._open(f"agentic_checkout/approval/?q={session_id}")
        for link in waiting.links:
            if "/approval/int_5F" in link:
                page = self._browser.open(urljoin(waiting.url, link))
                if page.form("action", decision) is not None:
                    return self._act(page, decision, "")
        raise NoOperator("The admin shows nothing that this operator could decide for this session.")

    def _act(self, page: Page, action: str, missing: str) -> None:
        """Both steps of an action. Raises NoOperator with `missing` when the page has no such button."""
        button = page.form("action", action)
        if button is None:
            raise NoOperator(missing)
        asking = self._browser.submit(page, button)
        sure = asking.form("confirmed")
        if sure is None:
            raise NoOperator("The admin did not ask whether this should be done.")
        self._browser.submit(asking, sure, reason=REASON)

    def _product(self, item: str) -> tuple[Page, Form]:
        page = self._open(f"agentic_shop/product/{quoted(item)}/change/")
        form = page.form("amount")
        if form is None:
            raise NoOperator(f"The admin shows no product {item} with a price.")
        return page, form

    def _open(self, path: str) -> Page:
        if not self._inside:
            self._log_in()
        return self._browser.open(self._admin + path)

    def _log_in(self) -> None:
        page = self._browser.open(self._admin)
        form = page.form("password")
        if form is None:
            raise NoOperator(f"There is no admin to log in to at {self._admin}.")
        after = self._browser.submit(page, form, username=self._name, password=self._password)
        if after.status != 200 or after.form("password") is not None:
            raise NoOperator(
                f"The admin does not know the operator {self._name}. Name another: --operator NAME:PASSWORD"
            )
        self._inside = True


def quoted(id: str) -> str:
    """The id as it stands in an address of the admin, which writes underscores that way."""
    return id.replace("_", "_5F")


def dearer(price: str) -> str:
    """A little more than `price`, written alike. Raises NoOperator when that is no number."""
    try:
        return str(Decimal(price) + 1)
    except InvalidOperation:
        raise NoOperator("The admin shows a price that is no number.") from None


def _number(price: str) -> Decimal | None:
    try:
        return Decimal(price)
    except InvalidOperation:
        return None

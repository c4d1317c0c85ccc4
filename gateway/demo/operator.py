"""The shop's operator, who does in the admin what a story needs done there: over HTTP, by hand."""

from __future__ import annotations

import time
from decimal import Decimal, InvalidOperation
from urllib.parse import urljoin

from gateway.demo.browser import Browser, Form, Page

ADMIN = "/admin/"
REASON = "The demo plays this."
WAIT_SECONDS = 20.0


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

    def ask_agent(self, session_id: str, question: str, *options: str) -> None:
        """The agent whose call about the session waits is asked that. Raises NoOperator."""
        page = self._call(session_id)
        missing = "The admin does not offer to ask the agent of this session."
        self._act(page, "ask_agent", missing, question=question, options="\n".join(options))

    def expire_call(self, session_id: str) -> None:
        """The agent's call about the session is over, as if its time had passed. Raises NoOperator."""
        self._act(self._call(session_id), "end_now", "The admin shows no call that could be ended.")

    def _call(self, session_id: str) -> Page:
        """The page of the call that waits. Raises NoOperator."""
        waiting = self._open(f"agentic_gateway/pendingrequest/?q={session_id}")
        for link in waiting.links:
            if "/pendingrequest/prq_5F" in link and link.split("?")[0].endswith("/change/"):
                page = self._browser.open(urljoin(waiting.url, link))
                if page.form("action", "end_now") is not None:
                    return page
        raise NoOperator("The admin shows no call that waits for this session.")

    def tell_orders(self, agent: str, url: str) -> tuple[str, str]:
        """The shop tells the agent of its orders at `url`: the secret it signs with, and the page of
        that endpoint. Raises NoOperator when the shop does not take the address."""
        page = self._open("agentic_gateway/webhookendpoint/add/")
        form = page.form("url")
        chosen = form.choices.get("agent", {}).get(agent) if form else None
        if form is None or chosen is None:
            raise NoOperator(f"The admin can tell no agent named {agent} of its orders.")
        shown = self._browser.submit(page, form, agent=chosen, url=url)
        secret = next((code for code in shown.codes if code.startswith("whs_")), "")
        own = next((link for link in shown.links if "/webhookendpoint/whe_5F" in link), "")
        if not secret or not own:
            raise NoOperator(f"The admin did not take {url}: does the server allow the demo's receiver?")
        return secret, urljoin(shown.url, own)

    def stop_telling(self, endpoint: str) -> None:
        """Nothing is sent any more to the endpoint of that page."""
        self._act(self._browser.open(endpoint), "disable", "The admin shows no endpoint to disable.")

    def send(self, order_id: str, **tracking: str) -> None:
        """All of the order that was not sent is sent, with this tracking."""
        self._act(self._order(order_id, "ship"), "ship", "The admin shows nothing to send.", **tracking)

    def deliver(self, order_id: str) -> None:
        """The order's delivery has arrived."""
        self._act(self._order(order_id, "deliver"), "deliver", "The admin shows nothing on its way.")

    def refund(self, order_id: str, amount: str, words: str) -> None:
        """So much of the order's money goes back, with these words for the buyer."""
        page = self._order(order_id, "refund")
        missing = "The admin shows no money that could go back."
        self._act(page, "refund", missing, amount=amount, description=words)

    def _order(self, order_id: str, action: str) -> Page:
        """The order's page, once it has the button; money is taken a moment after the order."""
        ends_at = time.monotonic() + WAIT_SECONDS
        while True:
            page = self._open(f"agentic_checkout/order/{quoted(order_id)}/change/")
            if page.form("action", action) is not None or time.monotonic() > ends_at:
                return page
            time.sleep(0.2)

    def _act(self, page: Page, action: str, missing: str, **answers: str) -> None:
        """Both steps of an action. Raises NoOperator with `missing` when the page has no such button."""
        button = page.form("action", action)
        if button is None:
            raise NoOperator(missing)
        asking = self._browser.submit(page, button)
        sure = asking.form("confirmed")
        if sure is None:
            raise NoOperator("The admin did not ask whether this should be done.")
        self._browser.submit(asking, sure, reason=REASON, **answers)

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

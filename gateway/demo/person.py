"""The buyer at a page of the merchant, and at the page of whoever confirms: a browser, and decisions.

The agent sees none of it. The story needs a person, and this is what that person does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urljoin

import httpx

from gateway.demo.answers import BrokenPromise
from gateway.demo.browser import Browser, Form, Page
from gateway.demo.client import origin
from gateway.demo.device import Device


class Person:
    """One person with one browser, which is opened when first needed, and one device."""

    def __init__(self, transport: httpx.BaseTransport | None = None) -> None:
        self._transport = transport
        self._opened: Browser | None = None
        self._device = Device()

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

    @contextmanager
    def stranger(self) -> Iterator[Person]:
        """Somebody else for a while, with a browser and a device of their own."""
        somebody = Person(self._transport)
        try:
            yield somebody
        finally:
            somebody.close()

    def arrive(self, url: str, code: str) -> Page:
        """From the page with the code, which is compared, to the one that asks something.

        Raises BrokenPromise when the page shows another code, or none.
        """
        page = self.look(url)
        form = page.form("code")
        if form is None or form.fields["code"] != [code]:
            raise BrokenPromise(f"the page shows the code of the agent; it says: {page.heading}")
        return self._browser.submit(page, form, answer="continue")

    def ask_agent(self, url: str, code: str, question: str) -> Page:
        """The page with what the agent was asked, once the person has arrived and asked it."""
        page = self.look(url)
        asking = self._browser.submit(page, _asking(page, "code"), answer="ask", code=code)
        return self._browser.submit(asking, _asking(asking, "question"), question=question)

    def continue_here(self, url: str) -> Page:
        """The page at `url`, in the browser that goes on with it."""
        return self.press(self.look(url), answer="continue")

    def press(self, page: Page, **filled_in: str) -> Page:
        """The page after a button of this one, with what was filled in."""
        name = "code" if "code" in filled_in else "csrfmiddlewaretoken"
        return self._browser.submit(page, _asking(page, name), **filled_in)

    def buy(
        self, url: str, contact: Mapping[str, str], address: Mapping[str, str], card: str
    ) -> Iterator[Page]:
        """Each page of a purchase that an agent handed over, from the first to what it says in the end.

        Delivery stays as the merchant proposes it. Raises BrokenPromise when a page asks nothing.
        """
        page = self.look(url)
        yield page
        answers: tuple[Mapping[str, str], ...] = (
            {"answer": "continue"},
            {"answer": "go", **contact},
            {"answer": "go", **address},
            {"answer": "go"},
            {"answer": "pay", "card": card},
        )
        for answer in answers:
            page = self.press(page, **answer)
            yield page

    def asked_of_device(self, page: Page) -> str:
        """What the page asks of the device: `make` or `use` a passkey, or "" for nothing."""
        asked = self._tell(page, "options", {})
        return str(asked.get("step", ""))

    def confirm_with_device(self, page: Page) -> Page:
        """What the script of the page does: it asks the device, and the page is shown anew.

        Raises BrokenPromise when the page asks nothing of it, or its answer was of no use.
        """
        asked = self._tell(page, "options", {})
        ask = {"make": self._device.make, "use": self._device.use}.get(str(asked.get("step")))
        if ask is None or not isinstance(asked.get("options"), Mapping):
            raise BrokenPromise(f"the page asks the buyer's device; it says: {asked.get('problem')}")
        judged = self._tell(page, "proof", ask(asked["options"], origin(page.url)))
        if "problem" in judged:
            raise BrokenPromise(
                f"the answer of the buyer's device counts; the page says: {judged['problem']}"
            )
        return self.look(page.url)

    def _tell(self, page: Page, what: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        fields = _asking(page, "seen").fields
        headers = {"X-CSRFToken": fields["csrfmiddlewaretoken"][0], "X-Seen": fields["seen"][0]}
        return self._browser.tell(page, f"{page.url}/{what}", body, headers)

    def decide_in_frame(self, url: str, decision: str) -> tuple[Page, Page]:
        """The page in the frame of the merchant's page at `url`, and the merchant's after the decision."""
        page = self.look(url)
        around = self._browser.submit(page, _asking(page, "visit"), answer="continue")
        if len(around.frames) != 1:
            raise BrokenPromise("the merchant's page shows one frame")
        framed = self.look(urljoin(around.url, around.frames[0]))
        self._browser.submit(framed, _asking(framed, "confirmation"), decision=decision)
        # A browser with scripts hears it from the frame, and presses the button by itself.
        return framed, self._browser.submit(around, _asking(around, "visit"), answer="finished")

    def enter(self, url: str, code: str) -> Page:
        """The page after the code was typed at the merchant's page at `url`."""
        page = self.look(url)
        return self._browser.submit(page, _asking(page, "code"), code=code, answer="code")

    @property
    def _browser(self) -> Browser:
        self._opened = self._opened or Browser(self._transport)
        return self._opened


def _asking(page: Page, name: str) -> Form:
    form = page.form(name)
    if page.status != 200 or form is None:
        raise BrokenPromise(f"the buyer's page asks a question; it says: {page.heading or page.status}")
    return form

"""A purchase that an agent has handed over, and a person at its pages."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpResponse
from django.urls import reverse

from gateway import tickets
from tests.agents import ADDRESS
from tests.frozen import handed_over
from tests.people import _ACTION, _FIELD, _FORM, Person, heading

CONTACT = {"full_name": "Ada Lovelace", "email": "ada@example.com", "phone_number": ""}
TOTAL = re.compile(r'<p class="paid">([^<]+)</p>')

REVIEW = "Finish your purchase"
REACHED = "How are you reached?"
WHERE = "Where does it go?"
HOW = "How does it get to you?"
CHECK = "Check and pay"
CONFIRM = "Check and confirm"
THANKS = "Thank you, your purchase is complete"
ALREADY = "This purchase is complete already"


def link(*lines: tuple[str, int]) -> str:
    """The address that the agent got for its cart."""
    return url_of(handed_over(*lines).intervention_id)


def url_of(intervention_id: str) -> str:
    return reverse("agentic:handoff", args=(tickets.ticket(intervention_id),))


class Buyer(Person):
    """Goes on wherever a page leads, and keeps each cookie for the addresses it was set for, as a browser
    does and Django's client does not."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: dict[tuple[str, str], str] = {}

    def open(self, url: str) -> HttpResponse:
        self._load(url)
        return self._stored(super().open(url))

    def send(self, path: str, fields: dict[str, str]) -> HttpResponse:
        self._load(path)
        return self._stored(super().send(path, fields))

    def _load(self, url: str) -> None:
        path = urlsplit(url).path
        self.http.cookies.clear()
        for (name, of), value in self._kept.items():
            if path == of or path.startswith(of.rstrip("/") + "/"):
                self.http.cookies[name] = value

    def _stored(self, response: HttpResponse) -> HttpResponse:
        for name, cookie in response.cookies.items():
            self._kept.pop((name, cookie["path"]), None)
            if cookie["max-age"] != 0:
                self._kept[name, cookie["path"]] = cookie.value
        return response

    def go(self, page: HttpResponse) -> HttpResponse:
        """The page in the end of the redirects."""
        for _ in range(5):
            if page.status_code not in (302, 303):
                return page
            page = self.open(page.headers["Location"])
        raise AssertionError("it leads in circles")

    def look(self, url: str) -> HttpResponse:
        return self.go(self.open(url))

    def answer(self, page: HttpResponse, answer: str = "go", **filled_in: Any) -> HttpResponse:
        return self.go(self.press(page, answer, **filled_in))

    def come(self, url: str) -> HttpResponse:
        """The first question after the first page."""
        return self.answer(self.look(url), "continue")

    def to_the_payment(self, url: str, way: str = "ship_standard", **contact: str) -> HttpResponse:
        """Everything is filled in."""
        page = self.answer(self.come(url), **{**CONTACT, **contact})
        assert heading(page) == WHERE, heading(page)
        page = self.answer(page, **ADDRESS)
        assert heading(page) == HOW, page.content.decode()
        return self.answer(page, way=way)

    def decide(self, page: HttpResponse, decision: str) -> HttpResponse:
        """What the shop says after the bank, or the wallet, was told."""
        path, fields = _form_with(page, "confirmation")
        back = self.go(self.send(path, {**fields, "decision": decision}))
        return self.go(self.send(*_form_with(back, "csrfmiddlewaretoken")))

    def pay(self, page: HttpResponse, card: str = "spt_sandbox_ok") -> HttpResponse:
        return self.answer(page, "pay", card=card)


def total(page: HttpResponse) -> str:
    found = TOTAL.search(page.content.decode())
    assert found is not None, page.content.decode()
    return found[1]


def _form_with(page: HttpResponse, name: str) -> tuple[str, dict[str, str]]:
    """Where the first form with that field goes, and what it holds."""
    found = next(form for form in _FORM.findall(page.content.decode()) if f'name="{name}"' in form)
    action = _ACTION.search(found)
    to = action[1] if action else page.wsgi_request.get_full_path()
    return to, dict(_FIELD.findall(found))

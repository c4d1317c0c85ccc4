"""A shop with a signing agent whose call waits, and persons who come to its page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.http import HttpResponse

from gateway import agents, delivery, plugs
from gateway.aauth import codes, issuers
from gateway.pending_models import PendingRequest
from gateway.person import misses
from gateway.shop import demo
from tests.aauth.agents import Provider, SignedAgent
from tests.agents import ADDRESS, BUYER, MINIMAL
from tests.people import Person, form

CALLBACK = "https://agents.example/done"


@pytest.fixture
def counter(transactional_db: None) -> Iterator[None]:
    """The demo shop, where nobody has missed a link yet."""
    demo.load()
    agents.load_demo()
    misses.forget()
    yield
    misses.forget()


@pytest.fixture
def signing(counter: None) -> Iterator[SignedAgent]:
    """An agent whose calls can wait."""
    with shopping() as agent:
        yield agent


class CallingProvider(Provider):
    """One whose agents want their persons back."""

    def __init__(self, **told: Any) -> None:
        super().__init__()
        self.told = told

    @property
    def metadata(self) -> dict[str, Any]:
        return {**super().metadata, **self.told}


@contextmanager
def shopping(
    *capabilities: str, told: dict[str, Any] | None = None, **settings: Any
) -> Iterator[SignedAgent]:
    """A signing agent, as long as AAuth is on. `told` is what its provider publishes besides."""
    provider = CallingProvider(**({"callback_endpoint": CALLBACK} if told is None else told))
    can = capabilities or ("interaction", "clarification")
    with SignedAgent(capabilities=can, provider=provider, **settings) as agent:
        issuers.forget()
        plugs.plug_in()
        yield agent
    issuers.forget()
    plugs.plug_in()


class Arriving(Person):
    """A person with a browser, who was shown a code."""

    def __init__(self, pending: PendingRequest) -> None:
        super().__init__()
        self.pending = pending

    @property
    def path(self) -> str:
        return urlsplit(codes.page_url(self.pending)).path

    @property
    def code(self) -> str:
        self.pending.refresh_from_db()
        return codes.code_of(self.pending)

    def come(self, code: str | None = None, callback: str = "", **headers: str) -> HttpResponse:
        """The page, as the agent's link leads there."""
        given = {"code": self.code if code is None else code, "callback": callback}
        query = {name: value for name, value in given.items() if value}
        return self.http.get(self.path, query, headers=headers)

    def go_on(self, code: str | None = None, callback: str = "", answer: str = "continue") -> HttpResponse:
        """The page, and its button."""
        return self.press(self.come(code, callback), answer)


def parked(agent: SignedAgent, item: str = "item_sneakers", **members: Any) -> PendingRequest:
    """A call of the agent waits for its person."""
    details = {"address": ADDRESS, "email": "ada@example.com"}
    wanted = {
        "buyer": BUYER,
        "fulfillment_details": details,
        **MINIMAL,
        "line_items": [{"id": item}],
        **members,
    }
    answer = agent.acp("/checkout_sessions", wanted | members)
    assert answer.status_code == 202, (answer.status_code, answer.content)
    token = urlsplit(answer.headers["Location"]).path.rsplit("/", 1)[1]
    pending_id = codes.read_token(token)
    assert pending_id is not None
    return PendingRequest.objects.get(pk=pending_id)


def polled(agent: SignedAgent, pending: PendingRequest) -> HttpResponse:
    return agent.get(urlsplit(codes.pending_url(pending)).path)


def body(answer: HttpResponse) -> Any:
    return json.loads(answer.content)


def moved_on() -> None:
    """Whatever was woken has looked."""
    delivery.deliver_due()


def shown_code(page: HttpResponse) -> str:
    found = re.search(r'<p class="code"[^>]*>([^<]+)</p>', page.content.decode())
    return found[1] if found else ""


def has_form(page: HttpResponse, answer: str) -> bool:
    try:
        form(page, answer)
    except StopIteration:
        return False
    return True

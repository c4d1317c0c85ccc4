"""A signing agent whose calls wait for people with phones, over real HTTP."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx

from tests.aauth.agents import SignedAgent
from tests.aauth.persons import CallingProvider
from tests.agents import ADDRESS, BASE, MINIMAL, VERSION
from tests.browser.shop import Shop

PROVIDER = CallingProvider(
    callback_endpoint="https://agents.example/done", localhost_callback_allowed=True, name="Example agents"
)
"""One for all tests of a process, because its key is in the settings of the server."""


def played() -> dict[str, str]:
    """What the server is told of it."""
    return {"AAUTH_PLAYED": json.dumps(PROVIDER.pinned())}


@dataclass(frozen=True, slots=True)
class Parked:
    """What the agent was told of a call that waits."""

    url: str
    code: str
    location: str
    address: str
    """Where the buyer's mail goes."""

    def link(self, **more: str) -> str:
        """As the agent shows it."""
        return f"{self.url}?{urlencode({'code': self.code, **more})}"


class RemoteSigner:
    """Asks the shop at its own address."""

    def __init__(self, shop: Shop, name: str = "shopper", **options: Any) -> None:
        self.shop = shop
        self.agent = SignedAgent(f"{name}-{uuid.uuid4().hex[:6]}", provider=PROVIDER, **options)

    def ask(self, method: str, url: str, body: Any = None, **headers: str) -> httpx.Response:
        return self.agent.ask(self.shop.url, method, urlsplit(url).path, body, headers)

    def parked(self, item: str = "item_sneakers", **members: Any) -> Parked:
        """A new call waits for its person."""
        address = f"ada-{uuid.uuid4().hex[:8]}@example.com"
        wanted = {
            **MINIMAL,
            "line_items": [{"id": item}],
            "buyer": {"full_name": "Ada Lovelace", "email": address},
            "fulfillment_details": {"address": ADDRESS, "email": address},
            **members,
        }
        given = {"API-Version": VERSION, "Idempotency-Key": uuid.uuid4().hex}
        answer = self.ask("POST", f"{BASE}/checkout_sessions", wanted, **given)
        assert answer.status_code == 202, (answer.status_code, answer.text)
        told = answer.headers["AAuth-Requirement"]
        url, code = (re.search(rf'{name}="([^"]+)"', told) for name in ("url", "code"))
        assert url is not None, told
        assert code is not None, told
        return Parked(url[1], code[1], answer.headers["Location"], address)

    def polled(self, parked: Parked) -> httpx.Response:
        return self.ask("GET", parked.location)

    def answered(self, parked: Parked, text: str) -> httpx.Response:
        """The question of the person has this answer."""
        told = {"action": "clarification_response", "clarification_response": text}
        return self.ask("POST", parked.location, told)

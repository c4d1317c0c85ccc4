"""Asking the person server first, step by step, at the real shop, in each wording.

1. the agent receives 202 with `requirement=interaction; url=...; code=...`
2. it posts `{type: "interaction", url, code, ...}` to the person server's `interaction_endpoint`
3. the person server tries its ways to the person
4. it answers 202 with a `Location`, or the error that it has none
5. on the error the agent opens the url itself
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gateway import agents
from gateway.aauth.agent import Agent, Answer, Habits
from gateway.demo import identity
from gateway.demo.person import Person
from gateway.demo.shopping import delivered
from gateway.project import beside
from gateway.shop import demo
from tests.aauth.stand_ins import Said, Server, problem, serving, waits

if TYPE_CHECKING:
    from pytest_django import Settings
    from pytest_django.live_server_helper import LiveServer

ENDPOINT = "/interaction"
DOCUMENT = "/.well-known/aauth-person.json"


@pytest.fixture(params=["seed", "dual", "draft-11"])
def shop(
    request: pytest.FixtureRequest,
    transactional_db: None,
    live_server: LiveServer,
    settings: Settings,
    tmp_path: Path,
) -> str:
    """The demo shop, and the wallet beside it."""
    settings.AGENTIC_WALLET = beside.told_the_wallet(live_server.url, tmp_path / "wallet.sqlite3")
    settings.AGENTIC_GATEWAY = {
        **settings.AGENTIC_GATEWAY,
        **beside.told_the_shop(live_server.url),
        "PUBLIC_URL": live_server.url,
        "AAUTH": True,
        "AAUTH_ISSUERS": beside.PINNED,
        "AAUTH_WORDING": request.param,
    }
    demo.load()
    agents.load_demo()
    return live_server.url


@pytest.fixture
def person_server() -> Iterator[Server]:
    with serving() as server:
        document = {"issuer": server.origin, "interaction_endpoint": server.origin + ENDPOINT}
        server.on("GET", DOCUMENT, Said(200, document))
        server.on("DELETE", "/relay/1", Said(204, b""))
        yield server


class Buyer:
    """The person, and the agent that buys for them."""

    def __init__(self, shop: str, person_server: Server) -> None:
        self.prompts: list[tuple[str, str]] = []
        self.notices: list[str] = []
        self.person = Person()
        self._now = 0.0
        self.when_paused: list[Any] = []
        self.agent = Agent(
            identity.provider("seed").identity(),
            resource=shop,
            person_server=person_server.origin,
            on_interaction=lambda url, code: self.prompts.append((url, code)),
            on_status=lambda notice: self.notices.append(notice.what),
            habits=Habits(loopback_http=True),
            clock=lambda: self._now,
            sleep=self.pause,
        )

    def pause(self, seconds: float) -> None:
        """The clock passes at once; what happens meanwhile happens then, and the shop's patience is real."""
        self._now += seconds
        if self.when_paused:
            self.when_paused.pop(0)()
        else:
            threading.Event().wait(min(seconds, 5.0) / 2)

    def buys(self, shop: str) -> Answer:
        return self.agent.request(
            "POST",
            f"{shop}/agentic/acp/checkout_sessions",
            json=delivered("item_tablet"),
            headers={"API-Version": "2026-04-17"},
        )

    def confirms(self, url: str, code: str) -> None:
        page = self.person.press(self.person.arrive(self.agent.link(url, code), code), answer="continue")
        self.person.decide(page, "approve")


def posted(person_server: Server) -> list[Any]:
    return [asked.json for asked in person_server.asked if asked.method == "POST"]


@pytest.mark.requirement("AA-300", "AA-301", "AA-302", "AA-311")
def test_the_person_server_brings_the_person(shop: str, person_server: Server) -> None:
    relaying = waits(person_server, location="/relay/1", requires="requirement=approval")
    person_server.on("POST", ENDPOINT, relaying)
    person_server.on("GET", "/relay/1", Said(200, {"status": "relayed", "engaged": True}))
    buyer = Buyer(shop, person_server)
    buyer.when_paused = [
        lambda: None,
        lambda: buyer.confirms(posted(person_server)[0]["url"], posted(person_server)[0]["code"]),
    ]

    answer = buyer.buys(shop)

    (sent,) = posted(person_server)
    assert sent["type"] == "interaction"
    assert sent["url"].startswith(f"{shop}/agentic/aauth/i/")
    assert "GET /relay/1" in person_server.lines()
    assert buyer.prompts == []
    assert (answer.status, answer.text("status")) == (200, "ready_for_payment")


@pytest.mark.requirement("AA-300", "AA-303")
@pytest.mark.parametrize("status", [424, 400, 409, 422])
def test_the_person_server_cannot_and_the_agent_opens_the_url(
    shop: str, person_server: Server, status: int
) -> None:
    """Its status was left open once; any 4xx with that error is understood."""
    person_server.on("POST", ENDPOINT, problem(status, "interaction_unavailable"))
    buyer = Buyer(shop, person_server)
    buyer.when_paused = [lambda: buyer.confirms(*buyer.prompts[0])]

    answer = buyer.buys(shop)

    (sent,) = posted(person_server)
    assert buyer.prompts == [(sent["url"], sent["code"])]
    assert (answer.status, answer.text("status")) == (200, "ready_for_payment")


@pytest.mark.requirement("AA-304")
def test_the_person_server_tries_and_fails(shop: str, person_server: Server) -> None:
    person_server.on("POST", ENDPOINT, waits(person_server, location="/relay/1"))
    person_server.on("GET", "/relay/1", Said(200, {"status": "relay_failed", "engaged": False}))
    buyer = Buyer(shop, person_server)
    buyer.when_paused = [lambda: None, lambda: buyer.confirms(*buyer.prompts[0])]

    answer = buyer.buys(shop)

    assert len(buyer.prompts) == 1
    assert (answer.status, answer.text("status")) == (200, "ready_for_payment")

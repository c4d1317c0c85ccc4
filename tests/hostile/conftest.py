from __future__ import annotations

import pytest

from gateway import agents
from gateway.models import Agent
from gateway.shop import demo
from interventions import codes
from tests.hostile.canaries import Canary, Scanner, card_number, word
from tests.hostile.played import Played


@pytest.fixture
def shop(transactional_db: None) -> None:
    """The demo shop and its two agents. Services demand that no transaction is open."""
    demo.load()
    agents.load_demo()


@pytest.fixture
def secret(shop: None, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The canaries. Every one-time code that is drawn is the same, and is one of them."""
    demo = Agent.objects.get(name="Demo agent")
    found = {
        "code": codes.draw(6),
        "key": agents.rotate(demo, keep_hours=1),
        "unknown key": word("agk_"),
        "card number": card_number(),
        "security code": word("cvc"),
        "token": word("spt_"),
    }
    monkeypatch.setattr(codes, "draw", lambda digits: found["code"])
    return found


@pytest.fixture
def scanner(secret: dict[str, str]) -> Scanner:
    return Scanner(Canary(name, value) for name, value in secret.items())


@pytest.fixture
def agent(scanner: Scanner, secret: dict[str, str]) -> Played:
    return Played(scanner, secret, secret["key"])

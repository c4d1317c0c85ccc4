from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from gateway import agents
from gateway.shop import demo
from gateway.stripe_account import PATH
from interventions import policy
from interventions.models import Policy
from tests.agents import PlayedAgent
from tests.bank import Wire, banked, provider
from tests.stripe_double.account import SECRET_KEY
from tests.stripe_double.process import Stripe
from tests.stripe_double.provider import ACQUIRER, WEBHOOK_SECRET

if TYPE_CHECKING:
    from pytest_django import Settings


@pytest.fixture
def shop(transactional_db: None) -> None:
    """The demo shop and its two agents. Services demand that no transaction is open."""
    demo.load()
    agents.load_demo()


@pytest.fixture
def agent(shop: None) -> PlayedAgent:
    return PlayedAgent()


@pytest.fixture
def other(shop: None) -> PlayedAgent:
    """A second agent, with a key of its own."""
    return PlayedAgent("other-agent-key")


@pytest.fixture
def wire(shop: None) -> Iterator[Wire]:
    """The sandbox's cards were issued by the sandbox bank, which answers."""
    made = Wire()
    with banked(provider(made)):
        yield made


@pytest.fixture(scope="module")
def stripe_server() -> Iterator[Stripe]:
    with Stripe() as stripe:
        yield stripe


@pytest.fixture
def agreed(stripe_server: Stripe) -> dict[str, Any]:
    return {
        "secret_key": SECRET_KEY,
        "webhook_secrets": [WEBHOOK_SECRET],
        "merchant_id": "profile_test_1",
        "api_origin": stripe_server.origin,
        "challenge_origins": [stripe_server.origin],
        "acquirer": ACQUIRER,
        "timeout_seconds": 2,
    }


@pytest.fixture
def stripe(shop: None, settings: Settings, stripe_server: Stripe, agreed: dict[str, Any]) -> Stripe:
    """Everything is paid through Stripe."""
    stripe_server.troubles()
    changed = {"PAYMENTS": PATH, "STRIPE": agreed, "EGRESS_LOOPBACK": [urlsplit(stripe_server.origin).netloc]}
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, **changed}
    Policy.objects.all().delete()
    policy.forget()
    return stripe_server

"""A payment that the buyer's bank confirms at a page of its own, walked in a real browser."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.agents import paying
from tests.browser.agent import REDIRECT, RemoteAgent
from tests.browser.walks import CONFIRMED, DENIED, arrive, decide, heading

pytestmark = pytest.mark.browser

ASKING = "spt_sandbox_3ds_challenge"


@pytest.fixture
def waiting(agent: RemoteAgent) -> dict[str, Any]:
    """A session whose payment waits for the buyer, at an agent that cannot run 3-D Secure."""
    session = agent.create("item_mug", capabilities=REDIRECT)
    asked: dict[str, Any] = agent.complete(session, paying(ASKING)).json()
    assert asked["status"] == "authentication_required", asked["messages"]
    return asked


def to_the_bank(phone: Page, session: dict[str, Any]) -> None:
    arrive(phone, session)
    phone.get_by_role("button", name="Continue to Sandbox bank").click()
    heading(phone, "Is this your payment?")


@pytest.mark.requirement("ACP-037", "ACP-145", "ACP-150", "ACP-172")
def test_from_the_agents_first_call_to_the_order(
    agent: RemoteAgent, phone: Page, waiting: dict[str, Any]
) -> None:
    """Decision 22: there is no second complete."""
    to_the_bank(phone, waiting)
    decide(phone, "Yes, pay")
    heading(phone, CONFIRMED)
    assert "Your card is charged as you confirmed" in phone.content()
    done = agent.retrieve(waiting)

    assert done["status"] == "completed"
    phone.goto(done["order"]["permalink_url"])
    heading(phone, f"Order {done['order']['order_number']}")


@pytest.mark.requirement("ACP-171")
def test_a_buyer_who_says_no_pays_nothing(agent: RemoteAgent, phone: Page, waiting: dict[str, Any]) -> None:
    to_the_bank(phone, waiting)
    decide(phone, "No, this is not mine")
    heading(phone, DENIED)
    open_again = agent.retrieve(waiting)

    assert open_again["status"] == "ready_for_payment"
    assert "order" not in open_again
    assert agent.complete(open_again).json()["status"] == "completed", "with another card"

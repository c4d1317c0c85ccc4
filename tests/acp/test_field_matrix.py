"""Which members the context of each type has, and that it goes when the intervention is over.

The extension's table (section 3.3) and its sections 3.4 and 6.3; a payment that waits for 3-D Secure is
in test_three_d_secure.py. A type without a page of its provider's has no address in its context: the
buyer is brought to it by `continue_url` (decision 17).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from tests.agents import ADDRESS, PlayedAgent, codes

ITEMS = {
    "otp": "item_sneakers",
    "redirect": "item_tablet",
    "webview": "item_headphones",
    "biometric": "item_ring",
}
"""What the demo's policies ask this type for."""

TABLE = {
    "redirect": {"intervention_type", "redirect_url", "callback_url", "expires_at", "provider"},
    "webview": {"intervention_type", "redirect_url", "expires_at", "provider"},
    "otp": {"intervention_type", "challenge_hint", "expires_at"},
    "biometric": {"intervention_type", "provider"},
}
"""`callback_url` of webview and `provider` of otp are optional, and not sent."""


@pytest.fixture(params=TABLE)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def pending(agent: PlayedAgent, kind: str) -> dict[str, Any]:
    """A session that waits for its buyer."""
    declared = {"interventions": {"supported": [kind], "redirect_context": "external_browser"}}
    declared["extensions"] = ["intervention_types"]  # type: ignore[assignment]
    session = agent.create(
        ITEMS[kind],
        capabilities=declared,
        buyer={"email": f"ada+{kind}@example.com"},
        fulfillment_details={"address": ADDRESS},
    )
    assert session["status"] == "authentication_required"
    return session


@pytest.mark.requirement(
    *("IT-08", "IT-09", "IT-10", "IT-11", "IT-12", "IT-13", "IT-14", "IT-15", "IT-17", "IT-18", "IT-34"),
    *("ACP-144", "ACP-145", "ACP-146"),
)
def test_each_type_has_its_own_members(agent: PlayedAgent, kind: str, pending: dict[str, Any]) -> None:
    context = pending["intervention_context"]

    assert context["intervention_type"] == kind
    assert set(context) - {"channels"} == TABLE[kind]
    assert pending["continue_url"].startswith("http://localhost:8000/agentic/confirm/")
    assert "authentication_metadata" not in pending
    assert codes(pending)[0] == "intervention_required"
    assert agent.retrieve(pending)["intervention_context"] == context


@pytest.mark.requirement("IT-20", "ACP-148")
def test_it_goes_with_the_session(agent: PlayedAgent, pending: dict[str, Any]) -> None:
    canceled = agent.cancel(pending).json()

    assert canceled["status"] == "canceled"
    assert not {"intervention_context", "continue_url"} & set(canceled)


@pytest.mark.requirement("IT-20", "ACP-148", "T38")
def test_it_goes_when_its_time_is_over(agent: PlayedAgent, kind: str, pending: dict[str, Any]) -> None:
    with time_machine.travel(timezone.now() + timedelta(minutes=20), tick=False):
        over = agent.retrieve(pending)
        again = agent.update(pending, {})

    assert over["status"] == "not_ready_for_payment"
    assert not {"intervention_context", "continue_url"} & set(over)
    assert "expired" in codes(over)
    assert again["intervention_context"]["intervention_type"] == kind, "section 6.3: it is asked for anew"


@pytest.mark.requirement("IT-20", "ACP-075", "ACP-148")
def test_it_goes_with_the_sessions_own_deadline(agent: PlayedAgent, pending: dict[str, Any]) -> None:
    with time_machine.travel(timezone.now() + timedelta(hours=7), tick=False):
        over = agent.retrieve(pending)

    assert over["status"] == "expired"
    assert not {"intervention_context", "continue_url"} & set(over)

"""Statuses at one moment: acp.md 0.1 and 0.4, ACP-070 to ACP-074, decisions 16 to 19."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from checkout.models import CheckoutSession, Order
from interventions.models import Intervention, Policy
from tests.agents import ADDRESS, BUYER, PlayedAgent, codes

OTP = {"interventions": {"supported": ["otp"]}}
DETAILS = {"address": ADDRESS}
STEP = timedelta(milliseconds=300)


@pytest.fixture
def sneakers(agent: PlayedAgent) -> dict[str, Any]:
    """A session that waits for a one-time code."""
    return agent.create("item_sneakers", capabilities=OTP, fulfillment_details=DETAILS, buyer=BUYER)


class Ticking:
    """A clock that moves whenever somebody looks at it."""

    def __init__(self, start: datetime) -> None:
        self.moment = start - STEP

    def __call__(self) -> datetime:
        self.moment += STEP
        return self.moment


def challenge_end() -> datetime:
    end = Intervention.objects.get().challenge_expires_at
    assert end is not None
    return end


@pytest.mark.requirement("ACP-144", "ACP-148")
@pytest.mark.parametrize("late_by", [timedelta(microseconds=-1), timedelta(0), timedelta(microseconds=1)])
def test_at_the_instant_of_expiry_everything_agrees(
    agent: PlayedAgent, sneakers: dict[str, Any], late_by: timedelta
) -> None:
    """Decision 18: a challenge that ends at noon is over at noon, in every member of the answer."""
    with time_machine.travel(challenge_end() + late_by, tick=False):
        seen = agent.retrieve(sneakers)

    over = late_by >= timedelta(0)
    assert seen["status"] == ("not_ready_for_payment" if over else "authentication_required")
    assert ("intervention_context" in seen) is not over
    assert codes(seen) == (["expired"] if over else ["intervention_required"])
    assert seen["capabilities"] == sneakers["capabilities"]


@pytest.mark.requirement("ACP-144", "ACP-148")
def test_a_clock_that_goes_on_while_the_answer_is_written(
    agent: PlayedAgent, sneakers: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One moment for the whole answer: whenever the challenge ends, no half of it says otherwise."""
    end = challenge_end()
    seen = []

    for steps in range(8):
        with monkeypatch.context() as patched:
            patched.setattr(timezone, "now", Ticking(end - steps * STEP))
            seen.append(agent.retrieve(sneakers))

    for answer in seen:
        pending = answer["status"] == "authentication_required"
        assert ("intervention_context" in answer) is pending
        assert codes(answer) == (["intervention_required"] if pending else ["expired"])
    assert {answer["status"] for answer in seen} == {"authentication_required", "not_ready_for_payment"}


@pytest.mark.requirement("ACP-037", "ACP-155", "ACP-164")
def test_complete_after_the_code_has_expired_asks_again(agent: PlayedAgent, sneakers: dict[str, Any]) -> None:
    """Nobody is asked any more, so this is no attempt to go past a question: a new one is asked."""
    with time_machine.travel(challenge_end() + timedelta(seconds=1)):
        answered = agent.complete(sneakers)

    assert answered.status_code == 200
    assert answered.json()["status"] == "authentication_required"
    assert codes(answered.json()) == ["intervention_required"]
    assert Intervention.objects.get().sends == 2
    assert not Order.objects.exists()


@pytest.mark.requirement("ACP-149")
def test_the_message_of_a_pending_code_is_worded_as_the_extension_does(sneakers: dict[str, Any]) -> None:
    """SEP example: severity medium, and the buyer is to give something."""
    message = sneakers["messages"][0]

    assert (message["type"], message["code"]) == ("error", "intervention_required")
    assert (message["severity"], message["resolution"]) == ("medium", "requires_buyer_input")


@pytest.mark.requirement("ACP-074", "ACP-032")
def test_a_session_without_items_is_incomplete_and_sells_nothing(agent: PlayedAgent) -> None:
    """Nothing is there that could be priced; it is completed neither for nothing nor for delivery."""
    session = agent.ready()

    emptied = agent.update(session, {"line_items": []})
    refused = agent.complete(session)
    filled = agent.update(session, {"line_items": [{"id": "item_mug"}]})

    assert emptied["status"] == refused.json()["status"] == "incomplete"
    assert codes(emptied) == ["missing"]
    assert emptied["messages"][0]["param"] == "$.line_items"
    assert emptied["totals"] == emptied["line_items"] == []
    assert "selected_fulfillment_options" not in emptied
    assert not Order.objects.exists()
    assert filled["status"] == "ready_for_payment"


@pytest.mark.requirement("ACP-073", "ACP-074")
def test_a_session_without_an_address_is_priced_and_blocked(agent: PlayedAgent) -> None:
    """0.1: `not_ready_for_payment` is priced but blocked, and `incomplete` is not priced."""
    session = agent.create()

    assert session["status"] == "not_ready_for_payment"
    assert [entry["type"] for entry in session["totals"]][-1] == "total"


@pytest.mark.requirement("ACP-135")
@pytest.mark.parametrize("enforcement", ["conditional", "optional"])
def test_a_requirement_that_may_come_is_told_and_blocks_nothing(agent: PlayedAgent, enforcement: str) -> None:
    """0.3 step 8: the status is left; the agent is told that it could not help."""
    Policy.objects.update(enforcement=enforcement)

    session = agent.create("item_sneakers", fulfillment_details=DETAILS)
    capable = agent.create("item_sneakers", fulfillment_details=DETAILS, capabilities=OTP, buyer=BUYER)

    assert session["status"] == capable["status"] == "ready_for_payment"
    assert [message["type"] for message in session["messages"]] == ["info"]
    assert capable["messages"] == []
    assert capable["capabilities"]["interventions"]["enforcement"] == enforcement
    assert agent.complete(session).json()["status"] == "completed"


@pytest.mark.requirement("ACP-166")
@pytest.mark.parametrize("limits", [{"redirect_context": "none"}, {"max_redirects": 0}])
def test_a_redirect_that_cannot_be_followed_is_not_offered(
    agent: PlayedAgent, limits: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left out of the intersection; webview stays, whatever the agent shows it in."""
    from checkout import abilities
    from interventions.negotiation import Kind

    monkeypatch.setattr(abilities, "runnable", lambda: [Kind.OTP, Kind.REDIRECT, Kind.WEBVIEW])
    declared = {"supported": ["redirect", "webview"], "display_context": "native"}

    free = agent.create(capabilities={"interventions": declared})
    bound = agent.create(capabilities={"interventions": {**declared, **limits}})

    assert free["capabilities"]["interventions"]["supported"] == ["redirect", "webview"]
    assert bound["capabilities"]["interventions"]["supported"] == ["webview"]


@pytest.mark.requirement("ACP-132", "ACP-133")
def test_more_steps_than_the_agent_can_show_are_a_mismatch(
    agent: PlayedAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two required types and a depth of one: told at create, and nobody is asked for anything."""
    from checkout import abilities
    from interventions.negotiation import Kind

    monkeypatch.setattr(abilities, "runnable", lambda: [Kind.THREE_DS, Kind.OTP])
    Policy.objects.update(kinds=["3ds", "otp"])
    shallow = {"interventions": {"supported": ["3ds", "otp"], "max_interaction_depth": 1}}

    session = agent.create("item_sneakers", capabilities=shallow, fulfillment_details=DETAILS, buyer=BUYER)

    assert session["status"] == "not_ready_for_payment"
    assert codes(session) == ["intervention_required"]
    assert session["messages"][0]["param"] == "$.capabilities.interventions"
    assert session["capabilities"]["interventions"]["required"] == ["3ds", "otp"]
    assert not Intervention.objects.exists()


@pytest.mark.requirement("ACP-151")
def test_an_answer_belongs_to_update_and_not_to_complete(
    agent: PlayedAgent, sneakers: dict[str, Any]
) -> None:
    body = {"payment_data": {"purchase_order_number": "1"}, "intervention_response": {"type": "otp"}}

    refused = agent.complete(sneakers, body)

    assert refused.status_code == 400
    assert refused.json()["param"] == "$.intervention_response"


@pytest.mark.requirement("ACP-155", "ACP-157")
def test_an_answer_to_a_question_that_was_ended_elsewhere(
    agent: PlayedAgent, sneakers: dict[str, Any]
) -> None:
    """The sweep, or an operator, ended it: that is no wrong code, and a new one is sent."""
    Intervention.objects.update(state="expired")

    answered = agent.update(sneakers, {"intervention_response": {"type": "otp", "code": "123456"}})

    assert codes(answered) == ["intervention_required", "expired"]
    assert answered["status"] == "authentication_required"
    assert Intervention.objects.get(state="pending").attempts == 0


@pytest.mark.requirement("ACP-075")
def test_the_stored_state_follows_the_clock(agent: PlayedAgent) -> None:
    session = agent.ready()
    end = CheckoutSession.objects.get().expires_at

    with time_machine.travel(end - timedelta(microseconds=1), tick=False):
        before = agent.retrieve(session)["status"]
    with time_machine.travel(end, tick=False):
        after = agent.retrieve(session)["status"]

    assert (before, after) == ("ready_for_payment", "expired")

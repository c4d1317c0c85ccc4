"""An operator ends what the buyer is asked: to the agent it is a code that has expired (ACP-155)."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core import mail

from checkout.models import CheckoutSession, Order
from interventions.models import Intervention, InterventionMove
from tests.acp.test_one_time_code import answered, code_in_mail, wrong
from tests.agents import ADDRESS, BUYER, PlayedAgent, codes
from tests.operators import act, log_in, page

OTP = {"interventions": {"supported": ["otp"]}}


@pytest.fixture
def sneakers(agent: PlayedAgent) -> dict[str, Any]:
    """A session that waits for a one-time code."""
    return agent.create(
        "item_sneakers", capabilities=OTP, fulfillment_details={"address": ADDRESS}, buyer=BUYER
    )


def ended(reason: str = "The buyer did not order this") -> Any:
    """What the operator sees after ending it."""
    return act(log_in(), CheckoutSession.objects.get(), "end_challenge", reason=reason, back="1")


def test_the_operator_is_asked_and_heard(agent: PlayedAgent, sneakers: dict[str, Any]) -> None:
    """T95: first the question, then the service, the move and the audit line with the reason."""
    session = CheckoutSession.objects.get()
    operator = log_in()

    offered = operator.get(page(session)).text
    asked = act(operator, session, "end_challenge", reason=None, back="1")
    still = agent.retrieve(sneakers)["status"]
    done = act(operator, session, "end_challenge", reason="Went astray", back="1")

    assert 'value="end_challenge"' in offered
    assert "opens nothing any more" in asked.text
    assert still == "authentication_required"
    assert "is not asked any more" in done.text
    assert 'value="end_challenge"' not in operator.get(page(session)).text
    assert LogEntry.objects.get().change_message == "Ended: Went astray"
    assert InterventionMove.objects.get(to_state="canceled").actor == "operator:olga"


@pytest.mark.requirement("ACP-148", "ACP-155")
def test_the_agent_sees_it_expired_and_asks_anew(agent: PlayedAgent, sneakers: dict[str, Any]) -> None:
    old = code_in_mail()
    ended()

    seen = agent.retrieve(sneakers)
    late = answered(agent, sneakers, old)
    fresh = code_in_mail()

    assert seen["status"] == "not_ready_for_payment"
    assert codes(seen) == ["expired"]
    assert "intervention_context" not in seen
    assert late["status"] == "authentication_required"
    assert codes(late) == ["intervention_required", "expired"]
    assert len(mail.outbox) == 2
    assert answered(agent, sneakers, fresh)["status"] == "ready_for_payment"


@pytest.mark.requirement("ACP-155")
@pytest.mark.parametrize("body", [{}, {"intervention_response": {"type": "otp", "resend": True}}])
def test_any_update_starts_a_fresh_challenge(
    agent: PlayedAgent, sneakers: dict[str, Any], body: dict[str, Any]
) -> None:
    """Decision 19: `{}`, and asking for another code, which is then no question of having waited."""
    ended()

    asked = agent.update(sneakers, body)

    assert asked["status"] == "authentication_required"
    assert codes(asked) == ["intervention_required"]
    assert Intervention.objects.filter(state="pending").count() == 1


def test_what_was_tried_before_still_counts(agent: PlayedAgent, sneakers: dict[str, Any]) -> None:
    """T13, T14: an operator's act gives no new attempts to whoever guesses."""
    code = code_in_mail()
    for _ in range(4):
        answered(agent, sneakers, wrong(code))
    ended()
    agent.update(sneakers, {})
    again = code_in_mail()

    for _ in range(5):
        answered(agent, sneakers, wrong(again))
    ended_by = Intervention.objects.order_by("created_at").values_list("attempts", flat=True)

    assert list(ended_by) == [4, 5]
    assert not Order.objects.exists()


def test_nobody_is_asked(agent: PlayedAgent, sneakers: dict[str, Any]) -> None:
    """Said to the operator, and nothing changes: neither a paid session nor one that waits for nobody."""
    answered(agent, sneakers, code_in_mail())

    answer = ended()

    assert "Nobody is asked for anything" in answer.text
    assert "Not ended (no_pending_intervention)" in LogEntry.objects.get().change_message
    assert agent.retrieve(sneakers)["status"] == "ready_for_payment"


def test_a_finished_session_stays_as_it_is(agent: PlayedAgent, sneakers: dict[str, Any]) -> None:
    agent.cancel(sneakers)

    answer = ended()

    assert "finished and can no longer be changed" in answer.text
    assert CheckoutSession.objects.get().state == "canceled"

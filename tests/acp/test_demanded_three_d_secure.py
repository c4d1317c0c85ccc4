"""3-D Secure because a policy of the merchant takes no money without it: ACP-130, ACP-142, decision 16."""

from __future__ import annotations

from typing import Any

import pytest

from checkout.models import Order, Payment, SandboxCharge
from checkout.payments.sandbox import SandboxProvider
from checkout.ports import Attempt, Authorized, Outcome
from gateway import delivery
from interventions import policy
from interventions.models import Policy
from tests.acp.test_three_d_secure import AGENT, bringing
from tests.agents import ADDRESS, PlayedAgent, codes, paying
from tests.bank import Wire, banked, provider, run


@pytest.fixture
def strict(wire: Wire) -> None:
    """Nothing is sold without 3-D Secure."""
    Policy.objects.all().delete()
    Policy.objects.create(name="3-D Secure", kinds=["3ds"], enforcement="always")
    policy.forget()


@pytest.mark.requirement("ACP-0.3", "ACP-142")
def test_a_policy_is_met_at_the_payment(agent: PlayedAgent, strict: None) -> None:
    """Nobody is asked before there is a payment; then every card is."""
    session = agent.ready(capabilities=AGENT)

    asked = agent.complete(session).json()

    assert session["capabilities"]["interventions"]["required"] == ["3ds"]
    assert asked["status"] == "authentication_required"
    assert agent.complete(asked, bringing(run(asked), "spt_sandbox_ok")).json()["status"] == "completed"


@pytest.mark.requirement("ACP-130", "ACP-134")
def test_an_agent_that_cannot_is_told_at_once(agent: PlayedAgent, strict: None) -> None:
    session = agent.create(fulfillment_details={"address": ADDRESS})

    refused = agent.complete(session)

    assert session["status"] == "not_ready_for_payment"
    assert codes(session) == ["intervention_required"]
    assert refused.json()["status"] == "not_ready_for_payment"
    assert not Payment.objects.exists()


@pytest.mark.requirement("ACP-130", "ACP-172")
def test_money_without_an_authentication_is_not_taken(agent: PlayedAgent, strict: None) -> None:
    """A provider that does not do as it is told gets its authorization back."""

    class Careless(SandboxProvider):
        def authorize(self, attempt: Attempt) -> Outcome:
            assert attempt.authentication_required
            SandboxProvider().authorize(
                Attempt(attempt.id, attempt.session_id, attempt.amount, "usd", attempt.instrument)
            )
            return Authorized(f"sbx_{attempt.id}", liability_shift=True)

    with banked(provider(Wire(), Careless)):
        answered = agent.complete(agent.ready(capabilities=AGENT))
        delivery.deliver_due()

    assert codes(answered.json()) == ["payment_declined"]
    assert not Order.objects.exists()
    assert SandboxCharge.objects.get().outcome == "voided"


def test_a_policy_is_above_the_setting(agent: PlayedAgent, strict: None, settings: Any) -> None:
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "UNAUTHENTICATED": "authorize"}
    with banked(provider(Wire())):
        session = agent.complete(
            agent.ready(capabilities=AGENT), paying("spt_sandbox_3ds_unavailable")
        ).json()
        answered = agent.complete(session, bringing(run(session)))

    assert codes(answered.json()) == ["payment_declined"]


def test_frictionless_meets_the_policy(agent: PlayedAgent, strict: None) -> None:
    paid = agent.complete(agent.ready(capabilities=AGENT), paying("spt_sandbox_3ds_frictionless"))

    assert paid.json()["status"] == "completed"

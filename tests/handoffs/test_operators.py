"""What an operator does with a handoff: allows it in a policy, sees it, ends it."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from checkout import challenges, handoffs
from checkout.errors import NoPendingIntervention, SessionClosed
from checkout.models import Cart, CheckoutSession
from checkout.screens import detail
from interventions import policy, visits
from interventions.errors import Over
from interventions.models import Intervention, Policy
from tests.acp.test_escalation import escalated, handoff_of
from tests.agents import PlayedAgent, codes
from tests.frozen import BROWSER, entered, handed_over, pay
from tests.operators import listing, log_in


@pytest.fixture
def allowed() -> None:
    for row in Policy.objects.exclude(kinds=[]):
        row.hand_over = True
        row.save()
    policy.forget()


def test_an_operator_ends_the_handoff_of_a_cart() -> None:
    frozen = entered()
    row = Intervention.objects.get(pk=frozen.intervention_id)
    challenges.end(row, actor="operator:ada")

    assert CheckoutSession.objects.get().state == "canceled"
    found = handoffs.outcome(Cart.objects.get())
    assert found is not None
    assert found.status == "void"
    with pytest.raises(Over):
        pay(frozen)
    with pytest.raises((NoPendingIntervention, SessionClosed)):
        challenges.end(row, actor="operator:ada")


@pytest.mark.usefixtures("allowed")
def test_an_operator_ends_the_handoff_of_an_agents_session(agent: PlayedAgent) -> None:
    session = escalated(agent)
    visits.enter(handoff_of(session), BROWSER)
    challenges.end(Intervention.objects.get(), actor="operator:ada")

    told = agent.retrieve(session)
    assert told["status"] == "not_ready_for_payment"
    assert codes(told) == ["expired"]
    assert agent.update(session, {})["status"] == "requires_escalation"


def test_a_policy_is_allowed_to_hand_over_in_the_admin() -> None:
    operator = log_in()
    fields = {"name": "new", "kinds": ["otp"], "minimum_amount": "0", "enforcement": "always"}
    add = reverse("admin:agentic_interventions_policy_add")
    answer = operator.post(add, {**fields, "hand_over": "on"})

    assert answer.status_code == 302, answer.content
    assert Policy.objects.get(name="new").hand_over is True
    assert b"may be handed over" in operator.get(listing(Policy)).content


@pytest.mark.requirement("AJ-091")
def test_the_screens_tell_of_it(client: Client) -> None:
    frozen = handed_over(("item_sneakers", 1))
    operator = log_in()

    session = operator.get(detail(CheckoutSession, frozen.session.id))
    assert b"handoff" in session.content
    row = Intervention.objects.get(pk=frozen.intervention_id)
    shown = operator.get(detail(Intervention, row.pk))
    assert shown.status_code == 200
    assert b"handoff" in shown.content

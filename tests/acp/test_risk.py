"""Policies that ask by risk: acp.md 0.3 step 8, ACP-129, ACP-130, ACP-135, T35."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from checkout.models import CheckoutSession, Order, Payment
from checkout.risk import HouseRules
from interventions import ports
from interventions.models import Intervention, Policy
from interventions.ports import Risk, RiskFacts
from tests.acp.test_policy_conditions import told_code
from tests.agents import ADDRESS, BUYER, PlayedAgent, codes, paying
from tests.operators import log_in, page

OTP = {"interventions": {"supported": ["otp"]}}
CAPABLE: dict[str, Any] = {"capabilities": OTP, "buyer": BUYER}

pytestmark = pytest.mark.requirement("ACP-129", "ACP-130")


class Scripted:
    """An assessor that says what it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.verdict = Risk()
        self.when_tendered: Risk | None = None
        self.asked: list[RiskFacts] = []

    def assess(self, facts: RiskFacts) -> Risk:
        self.asked.append(facts)
        return self.when_tendered if facts.tendered and self.when_tendered else self.verdict


def use(part: Any) -> Any:
    ports.plug(replace(ports.ports(), risk=part))
    return part


@pytest.fixture(autouse=True)
def assessor(shop: None) -> Iterator[Scripted]:
    before = ports.ports()
    for policy in Policy.objects.all():
        policy.delete()
    yield use(Scripted())
    ports.plug(before)


@pytest.fixture(autouse=True)
def by_risk(assessor: Scripted) -> Policy:
    return Policy.objects.create(name="canary policy", kinds=["otp"], enforcement="conditional")


RISKY = Risk(True, ("canary reason",))


def test_a_low_risk_asks_nobody(agent: PlayedAgent, assessor: Scripted) -> None:
    """Capable or not: the session is paid; the other agent is told that it may come."""
    able, unable = agent.ready(**CAPABLE), agent.ready()

    assert able["messages"] == []
    assert [message["type"] for message in unable["messages"]] == ["info"]
    for session in (able, unable):
        assert session["capabilities"]["interventions"]["enforcement"] == "conditional"
        assert agent.complete(session).json()["status"] == "completed"
    assert not Intervention.objects.exists()
    assert assessor.asked


def test_a_high_risk_asks_as_always_does(agent: PlayedAgent, assessor: Scripted) -> None:
    assessor.verdict = RISKY

    session = agent.create(fulfillment_details={"address": ADDRESS}, **CAPABLE)

    assert session["status"] == "authentication_required"
    assert session["capabilities"]["interventions"]["enforcement"] == "conditional"
    assert session["capabilities"]["interventions"]["required"] == ["otp"]
    assert codes(session) == ["intervention_required"]
    assert agent.complete(session).status_code == 400
    told_code()
    assert agent.complete(session).json()["status"] == "completed"


@pytest.mark.requirement("ACP-134", "ACP-135", "T35")
def test_an_agent_that_cannot_is_told_at_once(agent: PlayedAgent, assessor: Scripted) -> None:
    """Declaring nothing makes nothing less risky."""
    assessor.verdict = RISKY

    session = agent.create(fulfillment_details={"address": ADDRESS})
    refused = agent.complete(session).json()

    for answer in (session, refused):
        assert answer["status"] == "not_ready_for_payment"
        assert codes(answer) == ["intervention_required"]
    assert not Payment.objects.exists()


def test_a_risk_that_shows_at_complete_charges_nothing(agent: PlayedAgent, assessor: Scripted) -> None:
    """0.3 step 8: if risk fires at complete, behave as always; and once passed, it is paid."""
    assessor.when_tendered = RISKY
    session = agent.ready(**CAPABLE)

    asked = agent.complete(session)

    assert asked.status_code == 200
    assert asked.json()["status"] == "authentication_required"
    assert asked.json()["intervention_context"]["intervention_type"] == "otp"
    assert not Payment.objects.exists()
    assert agent.update(session, {})["status"] == "authentication_required"
    told_code()
    assert agent.complete(session).json()["status"] == "completed"


def test_what_a_payment_showed_counts_for_the_rest_of_the_session(
    agent: PlayedAgent, assessor: Scripted
) -> None:
    """The next payment could leave it out, and another cart would be another question."""
    assessor.when_tendered = RISKY
    session = agent.ready()
    agent.complete(session)
    assessor.when_tendered = None

    changed = agent.update(session, {"line_items": [{"id": "item_pens"}]})
    refused = agent.complete(session).json()

    assert changed["status"] == refused["status"] == "not_ready_for_payment"
    assert not Payment.objects.exists()


def test_the_billing_address_is_compared_and_leaving_it_out_afterwards_helps_nobody(
    agent: PlayedAgent,
) -> None:
    use(HouseRules())
    session = agent.ready(**CAPABLE)
    elsewhere = paying()
    elsewhere["payment_data"]["billing_address"] = {**ADDRESS, "country": "NG", "postal_code": "100001"}

    asked = agent.complete(session, elsewhere).json()
    agent.update(session, {"line_items": [{"id": "item_pens"}]})
    again = agent.complete(session)

    assert asked["status"] == "authentication_required"
    assert again.status_code == 400
    assert not Payment.objects.exists()
    assert CheckoutSession.objects.get().quote["why"]["risk"] == {
        "high": True,
        "reasons": ["it is billed to another place than delivered to"],
    }


def test_the_signals_of_an_agent_are_passed_on_and_make_nothing_safe(
    agent: PlayedAgent, assessor: Scripted
) -> None:
    """ACP-046: untrusted, never a reason to trust."""
    body = {**paying(), "risk_signals": {"ip_address": "192.0.2.1"}}

    agent.complete(agent.ready(**CAPABLE), body)
    use(HouseRules(amounts={"usd": 1}))
    asked = agent.complete(agent.create(fulfillment_details={"address": ADDRESS}), body).json()

    assert any(facts.tendered and facts.signals for facts in assessor.asked)
    assert asked["status"] == "not_ready_for_payment"


def test_the_first_purchase_of_a_mailbox_and_the_second(agent: PlayedAgent) -> None:
    """An order makes a contact known; leaving the contact out makes nobody known."""
    use(HouseRules(first_purchase_amounts={"usd": 1}))

    first = agent.create(fulfillment_details={"address": ADDRESS}, **CAPABLE)
    told_code()
    assert agent.complete(first).json()["status"] == "completed"
    second = agent.create(fulfillment_details={"address": ADDRESS}, **CAPABLE)
    nobody = agent.create(fulfillment_details={"address": ADDRESS}, capabilities=OTP)

    assert first["status"] == "authentication_required"
    assert second["status"] == "ready_for_payment"
    assert nobody["status"] == "not_ready_for_payment"
    assert len(Order.objects.get().contact_digest) == 64


def test_too_many_orders_at_once(agent: PlayedAgent) -> None:
    """Velocity is counted again when each is paid: sessions that were opened before count as well."""
    use(HouseRules(contact_orders=2))
    sessions = [agent.ready(**CAPABLE) for _ in range(3)]

    answers = [agent.complete(session).json()["status"] for session in sessions]

    assert answers == ["completed", "completed", "authentication_required"]


def test_optional_asks_nobody_however_risky(agent: PlayedAgent, assessor: Scripted, by_risk: Policy) -> None:
    by_risk.enforcement = "optional"
    by_risk.save()
    assessor.verdict = RISKY

    assert agent.complete(agent.ready(**CAPABLE)).json()["status"] == "completed"
    assert assessor.asked == []


def test_an_approval_by_risk(agent: PlayedAgent, assessor: Scripted, by_risk: Policy) -> None:
    by_risk.kinds, by_risk.approval = [], True
    by_risk.save()
    low = agent.complete(agent.ready()).json()

    assessor.verdict = RISKY
    high = agent.complete(agent.ready()).json()

    assert (low["status"], high["status"]) == ("completed", "pending_approval")


@pytest.mark.parametrize("condition", [{"item_tag": "desk"}, {"countries": "DE"}, {"handler": "other"}])
def test_a_policy_that_does_not_match_costs_nothing(
    agent: PlayedAgent, assessor: Scripted, by_risk: Policy, condition: dict[str, str]
) -> None:
    use(HouseRules(amounts={"usd": 1}, first_purchase_amounts={"usd": 1}))
    Policy.objects.filter(pk=by_risk.pk).update(**condition)
    by_risk.refresh_from_db()
    by_risk.save()
    agent.ready()

    with CaptureQueriesContext(connection) as sent:
        session = agent.ready(**CAPABLE)
        agent.complete(session)

    assert not [entry for entry in sent if "COUNT(" in entry["sql"] or 'contact_digest" =' in entry["sql"]]


@pytest.mark.requirement("ACP-138")
def test_operators_see_why_and_agents_do_not(agent: PlayedAgent, assessor: Scripted) -> None:
    assessor.verdict = RISKY
    session = agent.create(fulfillment_details={"address": ADDRESS}, **CAPABLE)

    told = agent.get(f"/checkout_sessions/{session['id']}").content.decode()
    shown = log_in().get(page(CheckoutSession.objects.get())).text

    assert "canary" not in told
    assert "canary policy" in shown
    assert "canary reason" in shown


def test_the_demo_asks_for_a_code_where_the_risk_is_high(agent: PlayedAgent, by_risk: Policy) -> None:
    """One table is sold; four are much for somebody who never bought here."""
    from gateway import plugs
    from gateway.shop import demo

    by_risk.delete()
    plugs.plug_in()
    demo.load()

    one = agent.ready("item_table", **CAPABLE)
    two = agent.create(
        {"id": "item_table", "quantity": 4}, fulfillment_details={"address": ADDRESS}, **CAPABLE
    )
    agent.complete(one)
    again = agent.update(two, {"line_items": [{"id": "item_table", "quantity": 5}]})

    assert two["status"] == "authentication_required"
    assert two["capabilities"]["interventions"]["enforcement"] == "conditional"
    assert again["status"] == "ready_for_payment"

"""Policies by country, agent and payment handler: ACP-137, and that what the buyer's side chooses
or leaves out skips none of them (ACP-130, T35)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from checkout.models import CheckoutSession, Order, Payment
from checkout.payments import sandbox
from gateway.models import Agent
from interventions import ports
from interventions.models import Intervention, Policy
from interventions.policy import forget
from tests.agents import ADDRESS, BUYER, PlayedAgent, codes, paying
from tests.interventions.wallet import PlayedWallet

OTP = {"interventions": {"supported": ["otp"]}}
BOTH = {"interventions": {"supported": ["otp", "redirect"]}}
GERMAN = {**ADDRESS, "city": "Berlin", "state": "BE", "country": "DE", "postal_code": "10115"}
GIRO = replace(sandbox.HANDLERS[0], id="sandbox_giro", display_name="Giro (sandbox)")

pytestmark = pytest.mark.requirement("ACP-130", "ACP-137", "T35")


@pytest.fixture(autouse=True)
def _no_other_policy(shop: None) -> None:
    for policy in Policy.objects.all():
        policy.delete()


@pytest.fixture
def two_handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "HANDLERS", (*sandbox.HANDLERS, GIRO))


@pytest.fixture
def wallet() -> Iterator[None]:
    before = ports.ports()
    ports.plug(replace(before, providers={**before.providers, "redirect": PlayedWallet()}))
    yield
    ports.plug(before)


def giro() -> dict[str, Any]:
    return paying(handler="sandbox_giro")


def told_code() -> None:
    """The buyer has proven access to the mailbox, whatever the code is."""
    found = Intervention.objects.get(state__in=("pending", "interacting"))
    Intervention.objects.filter(pk=found.pk).update(state="passed")


class TestCountry:
    @pytest.fixture(autouse=True)
    def germany(self, shop: None) -> Policy:
        return Policy.objects.create(name="Germany", kinds=["otp"], countries="DE, AT")

    def test_it_counts_where_the_goods_go(self, agent: PlayedAgent) -> None:
        here = agent.create(fulfillment_details={"address": ADDRESS}, buyer=BUYER, capabilities=OTP)
        there = agent.create(fulfillment_details={"address": GERMAN}, buyer=BUYER, capabilities=OTP)
        small = {**GERMAN, "country": "de"}
        lower = agent.create(fulfillment_details={"address": small}, buyer=BUYER, capabilities=OTP)

        assert "required" not in here["capabilities"]["interventions"]
        assert here["status"] == "ready_for_payment"
        for session in (there, lower):
            assert session["status"] == "authentication_required"
            assert session["capabilities"]["interventions"]["required"] == ["otp"]

    def test_without_an_address_nothing_can_be_paid_and_with_it_the_policy_is_met(
        self, agent: PlayedAgent
    ) -> None:
        """Leaving the address out until the last moment skips nothing."""
        session = agent.create(buyer=BUYER)

        refused = agent.complete(session).json()
        moved = agent.update(session, {"fulfillment_details": {"address": GERMAN}})
        again = agent.complete(session).json()

        assert refused["status"] == "not_ready_for_payment"
        for answer in (moved, again):
            assert answer["status"] == "not_ready_for_payment"
            assert codes(answer) == ["intervention_required"]
        assert not Payment.objects.exists()

    def test_an_address_at_complete_is_not_another_one(self, agent: PlayedAgent) -> None:
        """What passed as one country is not sent to another."""
        session = agent.ready()

        refused = agent.complete(session, {**paying(), "fulfillment_details": {"address": GERMAN}})

        assert refused.status_code == 409
        assert not Payment.objects.exists()

    @pytest.mark.parametrize(
        "details",
        [None, {"email": "ada@example.com"}, {"address": {**ADDRESS, "city": " ", "country": "Germany"}}],
    )
    def test_what_is_sent_nowhere_is_met_by_every_country(self, agent: PlayedAgent, details: Any) -> None:
        """Goods over the network need no address: one that is left out would skip every country."""
        item = {"fulfillment_details": details} if details else {}
        session = agent.create("item_gift_card", buyer=BUYER, **item)

        refused = agent.complete(session).json()

        assert session["status"] == refused["status"] == "not_ready_for_payment"
        assert codes(session) == codes(refused) == ["intervention_required"]
        assert not Payment.objects.exists()

    @pytest.mark.parametrize("written", ["UK", "EL", "QQ"])
    def test_a_country_that_nobody_knows_is_met_by_every_one(self, agent: PlayedAgent, written: str) -> None:
        """UK is read as the United Kingdom by whoever carries the parcel, and by no policy."""
        Policy.objects.update(countries="GB, GR")
        forget()
        foreign = {**ADDRESS, "city": "London", "state": "London", "country": written}

        session = agent.create(fulfillment_details={"address": foreign}, buyer=BUYER)
        refused = agent.complete(session).json()

        assert "intervention_required" in codes(session)
        assert refused["status"] == "not_ready_for_payment"
        assert not Payment.objects.exists()

    def test_one_known_country_does_not_speak_for_another(self, agent: PlayedAgent) -> None:
        """The mug goes to a country that is known; where the pens go nobody can tell."""
        session = agent.create(
            "item_mug",
            "item_pens",
            fulfillment_details={"address": ADDRESS},
            fulfillment_groups=[
                {
                    "id": "g1",
                    "item_ids": ["item_pens"],
                    "destination_type": "shipping",
                    "fulfillment_details": {"address": {**GERMAN, "country": "QQ"}},
                }
            ],
            buyer=BUYER,
        )

        assert "intervention_required" in codes(session)
        assert not agent.complete(session).json().get("order")

    def test_the_address_of_a_group_counts_too(self, agent: PlayedAgent) -> None:
        session = agent.create(
            "item_mug",
            "item_pens",
            fulfillment_details={"address": ADDRESS},
            fulfillment_groups=[
                {
                    "id": "g1",
                    "item_ids": ["item_pens"],
                    "destination_type": "shipping",
                    "fulfillment_details": {"address": GERMAN},
                }
            ],
            buyer=BUYER,
        )

        assert "intervention_required" in codes(session)
        assert not agent.complete(session).json().get("order")


class TestAgent:
    def test_it_counts_for_that_agent_alone(self, agent: PlayedAgent, other: PlayedAgent) -> None:
        watched = Agent.objects.get(name="Demo agent")
        Policy.objects.create(name="new agent", kinds=["otp"], owner=watched.owner)

        mine, theirs = (
            who.create(fulfillment_details={"address": ADDRESS}, buyer=BUYER, capabilities=OTP)
            for who in (agent, other)
        )

        assert mine["status"] == "authentication_required"
        assert theirs["status"] == "ready_for_payment"


@pytest.mark.usefixtures("two_handlers")
class TestHandler:
    @pytest.fixture(autouse=True)
    def giro_policy(self, two_handlers: None, shop: None) -> Policy:
        return Policy.objects.create(name="giro", kinds=["otp"], handler="sandbox_giro")

    def test_another_handler_is_paid_as_ever(self, agent: PlayedAgent) -> None:
        session = agent.ready(buyer=BUYER, capabilities=OTP)

        assert agent.complete(session).json()["status"] == "completed"

    def test_the_person_is_asked_before_anything_is_charged(self, agent: PlayedAgent) -> None:
        """The session was ready; with this handler it waits, and can be paid with it afterwards."""
        session = agent.ready(buyer=BUYER, capabilities=OTP)

        asked = agent.complete(session, giro())

        assert asked.status_code == 200
        answer = asked.json()
        assert answer["status"] == "authentication_required"
        assert answer["intervention_context"]["intervention_type"] == "otp"
        assert answer["capabilities"]["interventions"]["required"] == ["otp"]
        assert not Payment.objects.exists()
        assert agent.complete(session, giro()).status_code == 400

        told_code()
        assert agent.complete(session, giro()).json()["status"] == "completed"

    def test_an_update_does_not_make_the_question_go_away(self, agent: PlayedAgent) -> None:
        session = agent.ready(buyer=BUYER, capabilities=OTP)
        agent.complete(session, giro())

        answer = agent.update(session, {})

        assert answer["status"] == "authentication_required"
        assert Intervention.objects.get().state == "pending"

    def test_an_agent_that_cannot_is_told(self, agent: PlayedAgent) -> None:
        session = agent.ready(buyer=BUYER)

        answer = agent.complete(session, giro()).json()

        assert answer["status"] == "not_ready_for_payment"
        assert codes(answer) == ["intervention_required"]
        assert "intervention_context" not in answer
        assert not Payment.objects.exists()
        assert agent.update(session, {})["status"] == "ready_for_payment"

    def test_another_way_to_pay_can_still_be_chosen(self, agent: PlayedAgent) -> None:
        """The question belongs to the handler; whoever pays otherwise need not answer it."""
        session = agent.ready(buyer=BUYER, capabilities=OTP)
        agent.complete(session, giro())

        paid = agent.complete(session)

        assert paid.json()["status"] == "completed"
        assert Payment.objects.get().handler_id == "sandbox_card"
        assert Intervention.objects.get().state == "canceled"

    @pytest.mark.usefixtures("wallet")
    def test_what_passed_for_one_handler_is_not_enough_for_another(self, agent: PlayedAgent) -> None:
        """Asked for a code with one, and switching to one that wants a page: both are weighed."""
        Policy.objects.create(name="card", kinds=["redirect"], handler="sandbox_card")
        session = agent.ready(buyer=BUYER, capabilities=BOTH)
        agent.complete(session, giro())
        told_code()

        answer = agent.complete(session).json()

        assert answer["status"] == "authentication_required"
        assert answer["intervention_context"]["intervention_type"] == "redirect"
        assert not Payment.objects.exists()
        assert agent.complete(session, giro()).json()["status"] == "completed"

    def test_an_address_that_changes_after_passing_asks_again(self, agent: PlayedAgent) -> None:
        session = agent.ready(buyer=BUYER, capabilities=OTP)
        agent.complete(session, giro())
        told_code()
        assert agent.update(session, {})["status"] == "ready_for_payment"
        agent.update(session, {"fulfillment_details": {"address": GERMAN}})

        assert agent.complete(session, giro()).json()["status"] == "authentication_required"
        assert not Order.objects.exists()


def test_agents_are_shown_nothing_of_the_policies(agent: PlayedAgent) -> None:
    """ACP-138: no name, no owner, no reason."""
    Policy.objects.create(name="canary policy", kinds=["otp"], countries="US")
    session = agent.create(fulfillment_details={"address": ADDRESS}, buyer=BUYER, capabilities=OTP)

    shown = agent.get(f"/checkout_sessions/{session['id']}").content.decode()

    assert "canary" not in shown
    assert CheckoutSession.objects.get().owner not in shown

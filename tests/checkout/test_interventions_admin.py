"""What operators do with what a person is asked (T95): send the code again, end it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core import mail
from django.test import Client
from django.utils import timezone

from checkout.models import CheckoutSession
from gateway.models import OutboxMessage
from interventions import ports
from interventions.models import Intervention, Policy
from tests.acp.test_one_time_code import code_in_mail
from tests.agents import ADDRESS, BUYER, PlayedAgent, codes
from tests.interventions.wallet import PlayedWallet
from tests.operators import act, listing, log_in, open_shop, page

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.requirement("T95")]

CAPABLE: dict[str, Any] = {
    "capabilities": {"interventions": {"supported": ["otp", "redirect"]}},
    "fulfillment_details": {"address": ADDRESS},
    "buyer": BUYER,
}


@pytest.fixture
def agent(transactional_db: None) -> PlayedAgent:
    return open_shop()


@pytest.fixture
def operator(transactional_db: None) -> Client:
    return log_in()


@pytest.fixture
def sneakers(agent: PlayedAgent) -> dict[str, Any]:
    """A session that waits for a one-time code."""
    session = agent.create("item_sneakers", **CAPABLE)
    assert session["status"] == "authentication_required"
    return session


def lines() -> list[str]:
    return [entry.change_message for entry in LogEntry.objects.order_by("pk")]


def test_send_again_says_what_it_will_do_and_then_does_it(
    operator: Client, agent: PlayedAgent, sneakers: dict[str, Any]
) -> None:
    """A new code, the old one void, an audit line, and the agent's session as if it had asked."""
    first, row = code_in_mail(), Intervention.objects.get()

    with time_machine.travel(timezone.now() + timedelta(seconds=31)):
        asked = act(operator, row, "send_again", reason=None, back="1")
        assert "No limit is lifted" in asked.text
        assert Intervention.objects.get().sends == 1

        done = act(operator, row, "send_again", reason="the buyer called", back="1")

        second, seen = code_in_mail(), agent.retrieve(sneakers)
        assert done.redirect_chain[-1][0] == page(row)
        assert "a new code is sent" in done.text
        assert lines() == ["Sent again: the buyer called"]
        assert len(mail.outbox) == 2
        assert seen["status"] == "authentication_required"
        assert seen["intervention_context"]["expires_at"] > sneakers["intervention_context"]["expires_at"]
        if first != second:
            wrong = agent.update(sneakers, {"intervention_response": {"type": "otp", "code": first}})
            assert "invalid" in codes(wrong)
        right = agent.update(sneakers, {"intervention_response": {"type": "otp", "code": second}})
        assert right["status"] == "ready_for_payment"


@pytest.mark.requirement("ACP-152")
def test_the_agent_still_sees_by_which_ways_a_code_can_go(operator: Client, agent: PlayedAgent) -> None:
    before = ports.ports()
    ports.plug(replace(before, channels=("email", "sms"), texts=None))
    try:
        buyer = {**BUYER, "phone_number": "+43 664 1234567"}
        session = agent.create("item_sneakers", **{**CAPABLE, "buyer": buyer})
        with time_machine.travel(timezone.now() + timedelta(seconds=31)):
            act(operator, Intervention.objects.get(), "send_again", reason="the buyer called")
            seen = agent.retrieve(session)
    finally:
        ports.plug(before)

    assert session["intervention_context"]["channels"] == ["email", "sms"]
    assert seen["intervention_context"]["channels"] == ["email", "sms"]


def test_the_operator_is_told_when_a_cap_says_no(
    operator: Client, agent: PlayedAgent, sneakers: dict[str, Any]
) -> None:
    """T12: nobody, an operator neither, writes to a mailbox without end."""
    row, queued = Intervention.objects.get(), OutboxMessage.objects.count()

    answer = act(operator, row, "send_again", reason="again")

    assert "No code can be sent now" in answer.text
    assert lines() == ["Not sent again (rate_limited): again"]
    assert OutboxMessage.objects.count() == queued
    assert Intervention.objects.get().sends == 1
    assert agent.retrieve(sneakers) == sneakers


def test_a_code_that_ran_out_is_sent_again(
    operator: Client, agent: PlayedAgent, sneakers: dict[str, Any]
) -> None:
    row = Intervention.objects.get()
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        assert codes(agent.retrieve(sneakers)) == ["expired"]

        act(operator, row, "send_again", reason="the buyer was slow")

        assert agent.retrieve(sneakers)["status"] == "authentication_required"


@pytest.mark.requirement("T38")
def test_ending_a_code_ends_it_for_everybody(
    operator: Client, agent: PlayedAgent, sneakers: dict[str, Any]
) -> None:
    code, row = code_in_mail(), Intervention.objects.get()

    asked = act(operator, row, "end", reason=None)
    done = act(operator, row, "end", reason="went astray")
    again = act(operator, row, "end", reason="twice")

    assert "codes and pages open nothing" in asked.text
    assert "nobody is asked any more" in done.text
    assert "Nobody is asked" in again.text
    assert lines() == ["Ended: went astray", "Not ended (no_pending_intervention): twice"]
    row.refresh_from_db()
    assert (row.state, row.ended_by) == ("canceled", "operator:olga")
    seen = agent.retrieve(sneakers)
    assert "intervention_context" not in seen
    assert codes(seen) == ["expired"]
    late = agent.update(sneakers, {"intervention_response": {"type": "otp", "code": code}})
    assert late["status"] != "ready_for_payment"


@pytest.fixture
def wallet() -> Iterator[None]:
    before = ports.ports()
    ports.plug(replace(before, providers={**before.providers, "redirect": PlayedWallet()}))
    yield
    ports.plug(before)


def test_ending_a_page(operator: Client, agent: PlayedAgent, wallet: None) -> None:
    session = agent.create("item_tablet", **CAPABLE)
    row, url = Intervention.objects.get(), session["intervention_context"]["redirect_url"]
    assert 'value="send_again"' not in operator.get(page(row)).text

    act(operator, row, "end")

    assert codes(agent.retrieve(session)) == ["expired"]
    assert Client().get(url.removeprefix("http://localhost:8000")).status_code == 410
    assert agent.update(session, {})["status"] == "authentication_required"


def test_ending_an_approval(operator: Client, agent: PlayedAgent) -> None:
    """The agent sees that it was not decided in time, and completes again to ask again."""
    Policy.objects.create(name="look", approval=True, item_tag="desk")
    session = agent.ready("item_lamp")
    assert agent.complete(session).json()["status"] == "pending_approval"
    row = Intervention.objects.get()

    act(operator, row, "end")

    seen = agent.retrieve(session)
    assert seen["status"] == "ready_for_payment"
    assert codes(seen) == ["expired"]
    assert agent.complete(session).json()["status"] == "pending_approval"


def test_what_has_ended_is_offered_nothing(
    operator: Client, agent: PlayedAgent, sneakers: dict[str, Any]
) -> None:
    agent.cancel(sneakers)
    row = Intervention.objects.get()

    shown = operator.get(page(row)).text
    answer = act(operator, row, "send_again")

    assert 'value="send_again"' not in shown
    assert 'value="end"' not in shown
    assert "finished and can no longer be changed" in answer.text
    assert len(mail.outbox) == 0


@pytest.mark.parametrize(("permission", "ended"), [("view", False), ("change", True)])
def test_looking_and_acting_are_two_permissions(
    agent: PlayedAgent, sneakers: dict[str, Any], permission: str, ended: bool
) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename=f"{permission}_intervention"))
    client, row = Client(), Intervention.objects.get()
    client.force_login(clerk)

    opened = client.get(page(row))
    act(client, row, "end")

    assert opened.status_code == 200
    assert ('value="end"' in opened.text) is ended
    row.refresh_from_db()
    assert (row.state == "canceled") is ended


def test_the_list_and_the_timeline_name_the_operator(
    operator: Client, agent: PlayedAgent, sneakers: dict[str, Any]
) -> None:
    act(operator, Intervention.objects.get(), "end", reason="went astray")

    found = operator.get(listing(Intervention), {"q": sneakers["id"]}).text
    story = operator.get(page(CheckoutSession.objects.get())).text

    assert Intervention.objects.get().pk in found
    assert "operator olga" in story
    assert "Ended: went astray" in story

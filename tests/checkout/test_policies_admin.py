"""What operators see and do with policies."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from gateway.models import Agent
from interventions.models import Policy
from tests.agents import PlayedAgent
from tests.operators import listing, log_in, open_shop, page


@pytest.fixture
def agent(db: None) -> PlayedAgent:
    return open_shop()


@pytest.fixture
def operator(db: None) -> Client:
    return log_in()


FORM: dict[str, Any] = {
    "name": "watched",
    "active": "on",
    "minimum_amount": "0",
    "kinds": ["otp"],
    "enforcement": "always",
}


def test_agents_and_handlers_are_chosen_by_name(operator: Client, agent: PlayedAgent) -> None:
    """ACP-137: nobody types an id, which would match nothing when it is mistyped."""
    watched = Agent.objects.get(name="Demo agent")
    add = f"{listing(Policy)}add/"

    shown = operator.get(add).text
    kept = operator.post(
        add, {**FORM, "owner": watched.owner, "handler": "sandbox_card", "countries": "us, de"}
    )
    refused = operator.post(add, {**FORM, "name": "other", "owner": "key:nobody", "countries": "UK"}).text

    assert f'<option value="{watched.owner}">Demo agent</option>' in shown
    assert '<option value="sandbox_card">Card (sandbox)</option>' in shown
    assert kept.status_code == 302
    policy = Policy.objects.get(name="watched")
    assert (policy.owner, policy.handler, policy.countries) == (watched.owner, "sandbox_card", "US, DE")
    assert "Select a valid choice" in refused
    assert "no two-letter code" in refused


def test_a_policy_for_what_is_gone_can_still_be_edited(operator: Client, agent: PlayedAgent) -> None:
    policy = Policy.objects.create(name="old", kinds=["otp"], owner="key:gone", handler="gone")

    shown = operator.get(page(policy)).text
    kept = operator.post(page(policy), {**FORM, "name": "old", "owner": "key:gone", "handler": "gone"})

    assert shown.count("(not there any more)") == 2
    assert kept.status_code == 302
    policy.refresh_from_db()
    assert policy.owner == "key:gone"


def test_the_list_tells_what_a_policy_applies_to_and_asks_for(operator: Client, agent: PlayedAgent) -> None:
    watched = Agent.objects.get(name="Demo agent")
    Policy.objects.create(
        name="watched",
        kinds=["otp"],
        approval=True,
        owner=watched.owner,
        item_tag="desk",
        minimum_amount=1050,
        currency="usd",
        countries="us,ca",
        handler="card",
    )
    Policy.objects.create(name="watch all", kinds=["otp"])

    shown = operator.get(listing(Policy), {"q": "watch"}).text

    assert "tag desk; from 10.50 USD on; in USD; to US, CA; by Demo agent; paid with card" in shown
    assert "to everything" in shown
    assert "otp, approval" in shown
    assert "tablets" not in shown

"""What operators see of agents that sign, and decide about them."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from checkout.models import CheckoutSession
from gateway import agents, contacts, embedders, policy_choices
from gateway.models import Agent, Issuer
from tests.aauth.agents import SignedAgent
from tests.agents import MINIMAL
from tests.operators import act, listing, log_in, page

SESSIONS = "/checkout_sessions"


@pytest.fixture
def operator(shop: None) -> Client:
    return log_in()


@pytest.fixture
def row(signer: SignedAgent) -> Agent:
    """The agent as its first request enrolled it."""
    assert signer.acp(SESSIONS, MINIMAL).status_code == 201
    return Agent.objects.get(issuer=signer.provider.issuer)


def test_an_agent_is_known_by_who_vouches_for_it(operator: Client, signer: SignedAgent, row: Agent) -> None:
    text = operator.get(page(row)).text

    for shown in (signer.provider.issuer, signer.sub, row.last_key, "not" if row.known else "legacy"):
        assert shown in text
    assert signer.token not in text
    found = operator.get(listing(Agent), {"by": "new"}).text
    assert row.name in found
    assert "Demo agent" not in found
    assert row.name not in operator.get(listing(Agent), {"by": "key"}).text
    assert row.name in operator.get(listing(Agent), {"q": signer.sub}).text


def test_blocking_refuses_what_it_signs_and_allowing_lets_it_in(
    operator: Client, signer: SignedAgent, row: Agent
) -> None:
    act(operator, row, "block")
    refused = signer.acp(SESSIONS, MINIMAL)
    act(operator, row, "allow")
    let_in = signer.acp(SESSIONS, MINIMAL)

    assert (refused.status_code, let_in.status_code) == (403, 201)
    notes = [entry.change_message for entry in LogEntry.objects.order_by("pk")]
    assert "The agent is blocked" in notes[0]
    assert "The agent is allowed" in notes[1]


def test_policies_can_be_for_an_agent_that_is_known(
    operator: Client, signer: SignedAgent, row: Agent
) -> None:
    before = policy_choices.agents()
    act(operator, row, "know")

    assert (signer.owner, row.name) not in before
    assert (signer.owner, row.name) in policy_choices.agents()


def test_an_owner_leads_back_to_its_agent(signer: SignedAgent, row: Agent) -> None:
    demo = Agent.objects.get(name="Demo agent")

    assert agents.of_owner(signer.owner) == row
    assert agents.of_owner(demo.owner) == demo
    for nobody in (
        "",
        "key:",
        "aauth:",
        "aauth:|",
        f"key:{row.pk}",
        "session:ase_1",
        signer.owner + "x",
        row.pk,
    ):
        assert agents.of_owner(nobody) is None


def test_a_buyer_is_told_the_name_that_was_vouched_for(signer: SignedAgent, row: Agent) -> None:
    """And behind a name that an operator gave it, by whom."""
    assert contacts.requested_by(signer.owner, "en") == "shopper@agents.example"

    Agent.objects.filter(pk=row.pk).update(name="Our partner \u202e")

    assert contacts.requested_by(signer.owner, "en") == "Our partner \\u202e (agents.example)"


def test_pages_can_be_embedded_by_it_while_it_is_active(signer: SignedAgent, row: Agent) -> None:
    Agent.objects.filter(pk=row.pk).update(embed_origins="https://chat.example")
    assert embedders.origins_of(signer.owner) == ("https://chat.example",)

    Agent.objects.filter(pk=row.pk).update(active=False)
    assert embedders.origins_of(signer.owner) == ()


def test_the_lists_show_its_name(operator: Client, signer: SignedAgent, row: Agent) -> None:
    text = operator.get(listing(CheckoutSession)).text

    assert row.name in text
    assert row.name in operator.get(listing(CheckoutSession), {"q": signer.owner}).text


def test_issuers_are_shown_and_cannot_be_changed(operator: Client) -> None:
    issuer = Issuer.objects.create(
        issuer="https://agents.example",
        document="aauth-agent.json",
        metadata={"name": "<b>Best</b> \u202e"},
        keys=[{"kid": "one", "kty": "OKP", "x": "abc"}],
        fetched_at=timezone.now(),
        tried_at=timezone.now(),
    )

    assert "https://agents.example" in operator.get(listing(Issuer)).text
    text = operator.get(page(issuer)).text
    assert "&lt;b&gt;Best&lt;/b&gt; \\u202e" in text
    assert "one" in text
    assert operator.post(page(issuer), {"issuer": "x"}).status_code == 403
    assert operator.get(listing(Issuer) + "add/").status_code == 403

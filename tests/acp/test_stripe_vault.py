"""A card for a token, with Stripe as the vault: the agent over HTTP, Stripe over the wire (requirement N)."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.core.checks import run_checks
from django.utils import timezone

from checkout import effects
from checkout.models import Order, Payment
from checkout.token_models import StripeToken
from gateway import delivery
from gateway.stripe_account import VAULT_PATH
from tests.agents import PlayedAgent, codes, total
from tests.agents import paying as pay
from tests.cards import DELEGATE, delegating, later
from tests.crowd import at_once
from tests.stripe_double.process import Stripe

if TYPE_CHECKING:
    from pytest_django import Settings

METHODS = "/v1/payment_methods"
GOOD, POOR, ASKED = "4242424242424242", "4000000000009995", "4000000000003220"
CROWD = 12


@pytest.fixture
def stripe(stripe: Stripe, settings: Settings) -> Stripe:
    """Cards are kept there too."""
    changed = {"VAULT": {"part": VAULT_PATH}}
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, **changed}
    return stripe


def body(session: dict[str, Any], number: str = GOOD, **allowance: Any) -> dict[str, Any]:
    exactly = {"max_amount": total(session), "merchant_id": "profile_test_1", **allowance}
    return delegating(session["id"], number, allowance=exactly)


def token_for(agent: PlayedAgent, session: dict[str, Any], number: str = GOOD, **allowance: Any) -> str:
    answer = agent.post(DELEGATE, body(session, number, **allowance))
    assert answer.status_code == 201, answer.content
    found: str = answer.json()["id"]
    return found


def paying(token: str) -> dict[str, Any]:
    return pay(token, "stripe_card")


def methods(stripe: Stripe) -> int:
    return len(stripe.ledger["methods"])


@pytest.mark.requirement("ACP-197", "ACP-200", "ACP-236")
def test_a_card_is_delegated_and_charged_once(agent: PlayedAgent, stripe: Stripe) -> None:
    session = agent.ready()
    services = agent.http.get("/.well-known/acp.json").json()["capabilities"]["services"]

    token = token_for(agent, session)
    done = agent.complete(session, paying(token)).json()
    delivery.deliver_due()

    assert services == ["checkout", "delegate_payment", "carts"]
    assert done["status"] == "completed", done["messages"]
    assert Payment.objects.get().state == "captured"
    [charge] = stripe.charges(session["id"])
    assert charge["amount_captured"] == total(session)
    assert StripeToken.objects.get().used_by == Payment.objects.get().pk


@pytest.mark.requirement("ACP-200", "ACP-183")
@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"max_amount": 10}, "above_allowance"),
        ({"currency": "eur"}, "another_currency"),
        ({"checkout_session_id": "cs_1"}, "another_session"),
        ({"merchant_id": "profile_else"}, "another_merchant"),
    ],
)
def test_outside_of_its_allowance_it_pays_for_nothing(
    agent: PlayedAgent, stripe: Stripe, changed: dict[str, Any], code: str
) -> None:
    session = agent.ready()

    refused = agent.complete(session, paying(token_for(agent, session, **changed)))

    assert refused.status_code == 200
    assert codes(refused.json()) == ["payment_declined"]
    assert Payment.objects.get().decline_code == code
    assert stripe.charges(session["id"]) == []
    assert agent.complete(session, paying(token_for(agent, session))).json()["status"] == "completed"


@pytest.mark.requirement("ACP-200")
def test_it_is_dead_when_its_time_is_over(agent: PlayedAgent, stripe: Stripe) -> None:
    session = agent.ready()
    token = token_for(agent, session, expires_at=later(minutes=1))

    with time_machine.travel(timezone.now() + timedelta(minutes=2), tick=False):
        refused = agent.complete(session, paying(token))

    assert codes(refused.json()) == ["payment_declined"]
    assert Payment.objects.get().decline_code == "token_expired"


@pytest.mark.requirement("ACP-200")
def test_it_pays_for_sessions_of_the_agent_that_brought_the_card(
    agent: PlayedAgent, other: PlayedAgent, stripe: Stripe
) -> None:
    """Whatever session it names, and whoever has the token."""
    theirs, mine = other.ready(), agent.ready()
    for_theirs, for_mine = token_for(agent, theirs), token_for(agent, mine)

    foreign = other.complete(theirs, paying(for_theirs))
    stolen = other.complete(theirs, paying(for_mine))

    assert codes(foreign.json()) == codes(stolen.json()) == ["payment_declined"]
    found = Payment.objects.order_by("created_at").values_list("decline_code", flat=True)
    assert list(found) == ["another_agent", "another_session"]
    assert agent.complete(mine, paying(for_mine)).json()["status"] == "completed"


def test_a_card_that_is_declined_has_used_its_token(agent: PlayedAgent, stripe: Stripe) -> None:
    session = agent.ready()
    token = token_for(agent, session, POOR)

    declined = [agent.complete(session, paying(token)).json() for _ in range(2)]

    told = [answer["messages"][0]["content"] for answer in declined]
    assert told[0].startswith("The card has not enough money")
    assert told[1].startswith("The permission to pay is not valid")


@pytest.mark.requirement("ACP-201")
def test_a_card_that_stripe_does_not_know(agent: PlayedAgent, stripe: Stripe) -> None:
    sent = body(agent.ready(), "4111111111111111")

    answers = [agent.post(DELEGATE, sent, key="k1") for _ in range(2)]

    assert answers[0].status_code == 422
    assert answers[0].json()["code"] == "invalid_card"
    assert answers[0].json()["param"] == "$.payment_method.number"
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert not StripeToken.objects.exists()


@pytest.mark.requirement("ACP-202", "ACP-098")
@pytest.mark.parametrize("what", ["lost_after", "lost_before", "error_after"])
def test_a_creation_nobody_heard_of_ends_with_the_same_token(
    agent: PlayedAgent, stripe: Stripe, settings: Settings, agreed: dict[str, Any], what: str
) -> None:
    changed = {"STRIPE": {**agreed, "timeout_seconds": 0.4, "retries": 0}}
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, **changed}
    session, before = agent.ready(), methods(stripe)
    sent = body(session)
    gone = {"what": "answer", "path": METHODS, "status": 503, "error": {"type": "api_error"}}
    stripe.troubles({"what": what, "path": METHODS, "seconds": 1.0}, gone)

    answers = [agent.post(DELEGATE, sent, key="k1") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [503, 503, 201, 201]
    again, replayed = answers[2:]
    assert replayed.content == again.content
    assert methods(stripe) - before == (2 if what == "error_after" else 1)
    assert StripeToken.objects.count() == 1
    assert agent.complete(session, paying(again.json()["id"])).json()["status"] == "completed"
    assert len(stripe.charges(session["id"])) == 1


def test_the_sweep_finds_out_without_the_token(agent: PlayedAgent, stripe: Stripe) -> None:
    """Charged, and nobody heard of it: one order, and the token stays used."""
    session = agent.ready()
    token = token_for(agent, session)
    path = r"/v1/payment_intents/pi_\w+(/confirm)?"
    failed = {"what": "answer", "path": path, "status": 503, "error": {"type": "api_error"}, "times": 9}
    stripe.troubles({"what": "error_after", "path": path}, failed, {**failed, "method": "GET"})
    assert agent.complete(session, paying(token)).status_code == 503
    stripe.troubles()

    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        effects.sweep()

    assert agent.retrieve(session)["status"] == "completed"
    assert len(stripe.charges(session["id"])) == Order.objects.count() == 1


def test_a_card_whose_bank_asks_is_asked(agent: PlayedAgent, stripe: Stripe) -> None:
    session = agent.ready(capabilities={"interventions": {"supported": ["3ds"]}})
    sent = paying(token_for(agent, session, ASKED))
    asked = agent.complete(session, sent).json()
    assert asked["status"] == "authentication_required"
    [intent] = stripe.of(Payment.objects.get().pk)

    done = agent.complete(asked, {**sent, "authentication_result": stripe.authenticate(intent["id"])})

    assert done.json()["status"] == "completed", done.content


@pytest.mark.requirement("ACP-197")
def test_without_a_vault_there_is_nothing_here(
    agent: PlayedAgent, stripe: Stripe, settings: Settings
) -> None:
    session, before = agent.ready(), len(stripe.asked)
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "VAULT": {}}

    absent = agent.post(DELEGATE, body(session))

    assert absent.status_code == 404
    assert agent.http.get("/.well-known/acp.json").json()["capabilities"]["services"] == ["checkout", "carts"]
    assert len(stripe.asked) == before


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({}, []),
        ({"PAYMENTS": "gateway.sandbox.provider"}, ["agentic.E112"]),
        ({"STRIPE": {}}, ["agentic.E110"]),
    ],
)
def test_the_checks_know_of_it(
    stripe: Stripe, settings: Settings, changed: dict[str, Any], found: list[str]
) -> None:
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, **changed}

    told = [message.id for message in run_checks(tags=["security"])]

    assert [name for name in told if name and name.startswith("agentic.E11")] == found


# --- Races, on PostgreSQL ---------------------------------------------------------------------------


@pytest.mark.services
@pytest.mark.requirement("ACP-202", "ACP-094")
def test_one_key_and_a_crowd_is_one_card(agent: PlayedAgent, stripe: Stripe) -> None:
    session = agent.ready()
    sent, before = body(session), methods(stripe)
    stripe.troubles({"what": "slow", "path": METHODS, "seconds": 0.3})

    answers = at_once(CROWD, lambda _: PlayedAgent().post(DELEGATE, sent, key="k1"))

    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert methods(stripe) == before + 1
    assert StripeToken.objects.count() == 1


@pytest.mark.services
@pytest.mark.requirement("ACP-200")
def test_two_sessions_and_a_crowd_with_one_token(agent: PlayedAgent, stripe: Stripe) -> None:
    """It pays for its own session, once, however many complete with it."""
    sessions = [agent.ready() for _ in range(3)]
    token = token_for(agent, sessions[0])

    answers = at_once(
        CROWD, lambda number: PlayedAgent().complete(sessions[number % 3], paying(token)).status_code
    )

    assert set(Counter(answers)) <= {200, 405, 409}
    assert len(stripe.charges(sessions[0]["id"])) == Order.objects.count() == 1
    assert stripe.charges(sessions[1]["id"]) == stripe.charges(sessions[2]["id"]) == []

"""Races on PostgreSQL with Stripe on the other side of a wire, each with a negative control."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from checkout import effects
from checkout.models import Order, Payment
from gateway import delivery
from tests.acp.test_stripe import paying
from tests.agents import PlayedAgent
from tests.crowd import at_once
from tests.stripe_double.process import Stripe

pytestmark = pytest.mark.services

CROWD = 12


@pytest.mark.requirement("ACP-033", "ACP-187")
def test_many_completes_with_a_token_each_are_one_purchase(agent: PlayedAgent, stripe: Stripe) -> None:
    """R02: each has a permission of its own to take the money, and one is used."""
    session = agent.ready()
    bodies = [paying(stripe) for _ in range(CROWD)]
    stripe.troubles({"what": "slow", "path": r"/v1/payment_intents(/pi_\w+/confirm)?", "seconds": 0.3})

    answers = at_once(CROWD, lambda number: PlayedAgent().complete(session, bodies[number]))

    statuses = Counter(answer.status_code for answer in answers)
    assert statuses[200] == 1
    assert set(statuses) <= {200, 405, 409}
    delivery.deliver_due()
    assert len(stripe.charges(session["id"])) == Order.objects.count() == 1
    assert Payment.objects.get().state == "captured"


@pytest.mark.requirement("ACP-033", "T60")
def test_sweeps_beside_the_request_that_comes_again(agent: PlayedAgent, stripe: Stripe) -> None:
    """The first answer was lost, and a minute is over: whoever is first, the books and ours agree."""
    session, body = agent.ready(), paying(stripe)
    path = r"/v1/payment_intents/pi_\w+(/confirm)?"
    failed = {"what": "answer", "path": path, "status": 503, "error": {"type": "api_error"}, "times": 9}
    stripe.troubles(failed, {**failed, "method": "GET"})
    assert agent.complete(session, body, key="again").status_code == 503
    stripe.troubles()
    stripe.age(stripe.of(Payment.objects.get().pk)[0]["id"], 61)

    def act(number: int) -> object:
        if number % 2:
            return effects.sweep()
        return PlayedAgent().complete(session, body, key="again").status_code

    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        said = at_once(6, act)
        delivery.deliver_due()
        now = agent.retrieve(session)

    assert set(said) <= {None, 200, 409, 503}
    bought = now["status"] == "completed"
    assert bought or now["status"] == "ready_for_payment", now["status"]
    holding = [row for row in stripe.ledger["intents"] if row["metadata"].get("session") == session["id"]]
    kept = [row for row in holding if row["status"] in ("requires_capture", "succeeded")]
    assert len(kept) == Order.objects.count() == int(bought)


def test_two_attempts_would_be_two_charges(agent: PlayedAgent, stripe: Stripe) -> None:
    """The negative control: nothing at Stripe's side makes two purchases of one session one."""
    for _ in range(2):
        assert agent.complete(agent.ready(), paying(stripe)).json()["status"] == "completed"

    assert len({row["payment_intent"] for row in stripe.ledger["charges"]}) >= 2

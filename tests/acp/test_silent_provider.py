"""A payment provider that is silent, slow or broken, as agents meet it (R09, T63)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from checkout import effects, ports
from checkout.models import CheckoutSession, Order, Payment, SandboxCharge
from checkout.payments.breaker import Breaker
from checkout.states import PaymentState, SessionState
from gateway.models import IdempotentRequest
from gateway.shop.models import Hold
from tests.acp.test_completion import Silent
from tests.agents import PlayedAgent, codes
from tests.parts import plugged


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def provider(shop: None, clock: Clock) -> Iterator[Silent]:
    """Left alone for ten seconds after three silent calls."""
    made = Silent()
    with plugged(payments=made):
        guarded: Any = ports.ports().payments
        guarded.breaker = Breaker(3, 10.0, clock)
        yield made


def left_alone(agent: PlayedAgent) -> dict[str, Any]:
    """A session whose payment is unknown, after so many calls that the provider is left alone."""
    session = agent.ready()
    for _ in range(3):
        assert agent.complete(session, key="unknown").status_code == 503
    return session


@pytest.mark.requirement("T63", "ACP-095")
def test_a_new_key_opens_no_second_attempt_while_one_is_unknown(agent: PlayedAgent, provider: Silent) -> None:
    session = agent.ready()
    agent.complete(session, key="k1")

    other = agent.complete(session, key="k2")

    assert (other.status_code, other.json()["code"]) == (409, "conflict")
    assert int(other.headers["Retry-After"]) >= 1
    assert Payment.objects.count() == 1


@pytest.mark.requirement("R09")
def test_nothing_new_begins_while_the_provider_is_left_alone(agent: PlayedAgent, provider: Silent) -> None:
    """503 with Retry-After, and nothing is opened, held or stored; the same key then buys."""
    left_alone(agent)
    session = agent.ready()
    before = SandboxCharge.objects.count(), Hold.objects.count(), IdempotentRequest.objects.count()

    refused = agent.complete(session, key="k1")

    assert refused.status_code == 503
    assert refused.json()["type"] == "service_unavailable"
    assert int(refused.headers["Retry-After"]) >= 1
    assert CheckoutSession.objects.get(pk=session["id"]).state == SessionState.OPEN
    assert not Payment.objects.filter(session=session["id"]).exists()
    assert (SandboxCharge.objects.count(), Hold.objects.count(), IdempotentRequest.objects.count()) == before
    assert agent.retrieve(session) == session


@pytest.mark.requirement("R09")
def test_what_needs_no_provider_is_answered_all_the_same(agent: PlayedAgent, provider: Silent) -> None:
    left_alone(agent)

    assert agent.complete(agent.create()).json()["status"] == "not_ready_for_payment"
    assert agent.cancel(agent.ready()).json()["status"] == "canceled"


@pytest.mark.requirement("R09")
def test_it_is_tried_again_and_everything_goes_on(agent: PlayedAgent, provider: Silent, clock: Clock) -> None:
    unknown = left_alone(agent)
    session = agent.ready()
    provider.silent = False
    assert agent.complete(session, key="k1").status_code == 503

    clock.now += 10
    bought = agent.complete(session, key="k1")
    settled = agent.complete(unknown, key="unknown")

    assert bought.json()["status"] == settled.json()["status"] == "completed"
    assert SandboxCharge.objects.count() == Order.objects.count() == 2


@pytest.mark.requirement("R09")
def test_the_sweep_finds_that_it_answers_again(agent: PlayedAgent, provider: Silent, clock: Clock) -> None:
    unknown = left_alone(agent)
    provider.silent = False

    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        effects.sweep()
        assert agent.retrieve(unknown)["status"] == "complete_in_progress"
    clock.now += 10
    with time_machine.travel(timezone.now() + timedelta(seconds=122)):
        effects.sweep()
        assert agent.retrieve(unknown)["status"] == "completed"


class Broken(Silent):
    """A merchant's part with a bug: the money is taken, and then anything may be raised."""

    def authorize(self, attempt: Any) -> Any:
        outcome = super(Silent, self).authorize(attempt)
        if self.silent:
            raise KeyError("tok_secret_in_a_traceback")
        return outcome

    def retrieve(self, attempt: Any) -> Any:
        if self.silent:
            raise ValueError("tok_secret_in_a_traceback")
        return super(Silent, self).retrieve(attempt)


def test_a_bug_in_a_merchants_part_leaves_the_outcome_unknown(agent: PlayedAgent, caplog: Any) -> None:
    """A flat error without its text; the retry ends in the one charge and order."""
    session = agent.ready()
    made = Broken()

    with plugged(payments=made):
        broken = agent.complete(session, key="k1")
        assert Payment.objects.get().state == PaymentState.PROCESSING
        with time_machine.travel(timezone.now() + timedelta(seconds=61)):
            effects.sweep()
            assert agent.retrieve(session)["status"] == "complete_in_progress"
        made.silent = False
        again = agent.complete(session, key="k1")

    assert broken.status_code == 500
    assert broken.headers["Content-Type"] == "application/json"
    assert broken.json()["type"] == "processing_error"
    assert "tok_secret" not in broken.content.decode() + caplog.text
    assert again.json()["status"] == "completed"
    assert codes(again.json()) == []
    assert SandboxCharge.objects.count() == Order.objects.count() == 1

"""A request that slept through its lease, at every boundary of the money path (T69, R07).

The later request is played at the failpoint where the first one sleeps. Each phase is tried twice: the
later one has only taken the claim over, or has finished.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db.models import F
from django.utils import timezone

from checkout import effects, settlement
from checkout.models import CheckoutSession, Order, Payment, SandboxCharge, StateMove
from checkout.payments.sandbox import SandboxProvider
from checkout.ports import Attempt, Declined, Outcome
from checkout.states import PaymentState, SessionState
from gateway import delivery, idempotency
from gateway.models import IdempotentRequest, OutboxMessage
from interventions import failpoints
from tests.agents import PlayedAgent, codes, paying
from tests.parts import plugged

SLEEPS = ("complete.claim.after", "complete.open.after", "complete.send.after", "complete.record.after")


def asleep(monkeypatch: pytest.MonkeyPatch, name: str, meanwhile: Callable[[], object]) -> None:
    """`meanwhile` happens where the next request reaches `name`; once."""
    waiting = [name]

    def reached(at: str) -> None:
        if at in waiting:
            waiting.clear()
            meanwhile()

    monkeypatch.setattr(failpoints, "_armed", reached)


def taken_over() -> None:
    """A later request has the claim, and has done nothing with it yet."""
    lease = timezone.now() + timedelta(seconds=60)
    claims = IdempotentRequest.objects.filter(state=IdempotentRequest.IN_FLIGHT)
    claims.update(fence=F("fence") + 1, lease_until=lease)


def stands() -> tuple[Any, ...]:
    session = CheckoutSession.objects.get()
    return (
        session.state,
        session.updated_at,
        list(Payment.objects.values_list("state", "updated_at")),
        Order.objects.count(),
        StateMove.objects.count(),
        OutboxMessage.objects.count(),
        list(IdempotentRequest.objects.values_list("state", "fence", "lease_until")),
    )


@pytest.mark.requirement("T69")
@pytest.mark.parametrize("name", SLEEPS)
@pytest.mark.parametrize("token", ["spt_sandbox_ok", "spt_sandbox_declined"])
def test_it_writes_nothing_once_the_claim_is_taken_over(
    agent: PlayedAgent, monkeypatch: pytest.MonkeyPatch, name: str, token: str
) -> None:
    """P1, P2 and P3 each: as the later request found it, so it stays."""
    session = agent.ready()
    before: list[Any] = []

    def meanwhile() -> None:
        taken_over()
        before.append(stands())

    asleep(monkeypatch, name, meanwhile)
    answered = agent.complete(session, paying(token), key="k1")

    if token == "spt_sandbox_declined" and name == "complete.record.after":
        assert answered.status_code == 200  # a refusal is sealed with P2: the answer was given
        return
    assert answered.status_code == 409
    assert answered.json()["code"] == "idempotency_in_flight"
    assert stands() == before[0]


@pytest.mark.requirement("T69")
@pytest.mark.parametrize("name", SLEEPS)
def test_its_successor_ends_in_the_one_purchase(
    agent: PlayedAgent, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    session = agent.ready()
    answers: list[Any] = []

    def meanwhile() -> None:
        IdempotentRequest.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        answers.append(agent.complete(session, key="k1"))

    asleep(monkeypatch, name, meanwhile)
    slept = agent.complete(session, key="k1")

    assert answers[0].status_code == 200
    assert answers[0].json()["status"] == "completed"
    assert slept.status_code in (200, 409)
    if slept.status_code == 200:
        assert slept.content == answers[0].content
    assert SandboxCharge.objects.count() == Order.objects.count() == Payment.objects.count() == 1


def test_without_the_fence_it_would_write(agent: PlayedAgent, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: the claim is looked for without its fence."""
    monkeypatch.setattr(idempotency, "_held", lambda held: held.where.where)
    session = agent.ready()
    before: list[Any] = []

    def meanwhile() -> None:
        taken_over()
        before.append(stands())

    asleep(monkeypatch, "complete.send.after", meanwhile)
    answered = agent.complete(session, key="k1")

    assert answered.status_code == 200
    assert stands() != before[0]


@pytest.mark.requirement("T69", "T57")
def test_money_it_hears_of_for_an_attempt_given_up_meanwhile_goes_back(
    agent: PlayedAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The later request heard that the attempt was given up; the first one's money is voided."""
    session = agent.ready()
    answers: list[Any] = []

    class Forgetful(SandboxProvider):
        """Knows of no attempt, until it is asked to make it."""

        forgets = True

        def retrieve(self, attempt: Attempt) -> Any:
            from checkout.ports import Unknown

            return Unknown() if self.forgets else super().retrieve(attempt)

    provider = Forgetful()

    def meanwhile() -> None:
        with time_machine.travel(timezone.now() + timedelta(seconds=61)):
            effects.sweep()
            IdempotentRequest.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
            answers.append(agent.complete(session, key="k1"))

    with plugged(payments=provider):
        asleep(monkeypatch, "complete.send.after", meanwhile)
        slept = agent.complete(session, key="k1")
        provider.forgets = False
        delivery.deliver_due()

    assert slept.status_code == 409
    assert codes(answers[0].json()) == ["payment_declined"]
    assert SandboxCharge.objects.get().outcome == "voided"
    assert not Order.objects.exists()


@pytest.mark.requirement("T69")
def test_it_makes_no_call_once_it_slept_too_long(agent: PlayedAgent, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between P1 and the call: the attempt may be given up any moment, and the money would come after it."""
    session = agent.ready()
    clock = time_machine.travel(timezone.now() + timedelta(seconds=45))

    try:
        asleep(monkeypatch, "complete.send.before", clock.start)
        slept = agent.complete(session, key="k1")
    finally:
        clock.stop()
    charges = SandboxCharge.objects.count()
    with time_machine.travel(timezone.now() + timedelta(seconds=46)):
        again = agent.complete(session, key="k1")

    assert slept.status_code == 409
    assert charges == 0
    assert again.json()["status"] == "completed"
    assert SandboxCharge.objects.count() == 1


@pytest.mark.requirement("T91")
def test_a_refusal_that_somebody_else_recorded_first_is_answered(agent: PlayedAgent) -> None:
    """The provider's own webhook was quicker: the agent hears of its declined card, not of a conflict."""

    class Quick(SandboxProvider):
        def authorize(self, attempt: Attempt) -> Outcome:
            outcome = super().authorize(attempt)
            assert isinstance(outcome, Declined)
            settlement.settle(attempt.id)
            return outcome

    session = agent.ready()
    with plugged(payments=Quick()):
        answered = agent.complete(session, paying("spt_sandbox_declined"), key="k1")
        again = agent.complete(session, paying("spt_sandbox_declined"), key="k1")

    assert answered.status_code == 200
    assert codes(answered.json()) == ["payment_declined"]
    assert again.content == answered.content
    assert Payment.objects.get().state == PaymentState.DECLINED
    assert CheckoutSession.objects.get().state == SessionState.OPEN

"""Agents, people, relays and sweeps at the same instant: on PostgreSQL, with negative controls.

However it goes, a held complete is carried out once, and what its agent is told is what happened.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.utils import timezone

from checkout.models import CheckoutSession, Order, Payment, SandboxCharge
from gateway import deferring, delivery
from gateway.aauth import moves, resuming
from gateway.deferring import Call, Turn
from gateway.pending_models import PendingRequest
from interventions.services import answer
from tests.aauth.waiting.played import NamedAgent, problem
from tests.aauth.waiting.test_lifecycle import asked, confirmed, sneakers
from tests.acp.test_one_time_code import code_in_mail
from tests.crowd import at_once

pytestmark = pytest.mark.services

ROUNDS = 4


def parked(named: NamedAgent, number: int) -> tuple[str, HttpResponse]:
    """A complete that waits for its buyer."""
    buyer = {"email": f"buyer{number}@example.com"}
    subject = sneakers(named, buyer=buyer).json()["checkout_session_id"]
    waits = asked(named.complete(subject))
    PendingRequest.objects.filter(operation="acp.create").delete()
    return subject, waits


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Who is run, as often as that happens."""
    runs: list[str] = []
    plain = deferring.runner

    def runner(operation: str) -> deferring.Runner:
        run = plain(operation)

        def counting(call: Call, turn: Turn) -> Any:
            runs.append(call.subject)
            time.sleep(0.05)  # everybody else has looked meanwhile, if they can
            return run(call, turn)

        return counting

    monkeypatch.setattr(deferring, "runner", runner)
    return runs


def everybody(waits: HttpResponse, subject: str) -> list[HttpResponse | None]:
    def act(number: int) -> HttpResponse | None:
        if number < 4:
            return NamedAgent().poll(waits, Prefer="wait=0")
        resuming.look_again({"subject": subject}) if number == 4 else resuming.sweep()
        return None

    return at_once(6, act)


@pytest.mark.requirement("AA-028", "AA-116")
def test_pollers_wake_and_sweep_carry_one_call_out_once(
    named: NamedAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = counted(monkeypatch)
    for number in range(ROUNDS):
        subject, waits = parked(named, number)
        confirmed(subject)
        answers = [found for found in everybody(waits, subject) if found is not None]
        statuses = Counter(found.status_code for found in answers)
        assert statuses.keys() <= {200, 202, 410, 429}, statuses
        last = named.poll(waits)
        told = statuses[200] + (last.status_code == 200)
        assert told == 1, "the end is told once"
        assert runs.count(subject) == 1
        assert SandboxCharge.objects.filter(session=subject).count() == 1
        assert Order.objects.filter(session=subject).count() == 1


def test_without_the_claim_it_is_run_by_everybody(named: NamedAgent, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control."""
    runs = counted(monkeypatch)
    monkeypatch.setattr(moves, "claim", lambda row, **_: True)
    subject, waits = parked(named, 0)
    confirmed(subject)
    everybody(waits, subject)
    assert runs.count(subject) > 1


def test_without_the_mark_the_end_is_told_again(named: NamedAgent, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control."""
    subject, waits = parked(named, 0)
    confirmed(subject)
    monkeypatch.setattr(moves, "delivered", lambda row: True)
    assert [named.poll(waits).status_code for _ in range(2)] == [200, 200]


def agrees(subject: str) -> str:
    """How the call ended; the books agree with it."""
    delivery.deliver_due()
    row = PendingRequest.objects.get(subject=subject)
    session = CheckoutSession.objects.get(pk=subject)
    charges = SandboxCharge.objects.filter(session=subject, outcome="authorized").count()
    if row.state == "resolved":
        assert (session.state, charges, row.terminal_status) == ("completed", 1, 200)
        assert Order.objects.filter(session=subject).count() == 1
    else:
        assert session.state in ("open", "canceled"), (row.state, session.state)
        assert charges == 0
        assert not Order.objects.filter(session=subject).exists()
        live = ("processing", "requires_action", "authorized", "captured")
        assert not Payment.objects.filter(session=subject, state__in=live).exists()
    return row.state


def raced(
    named: NamedAgent, number: int, other: Callable[[HttpResponse, str], object]
) -> tuple[str, list[Any]]:
    """The person confirms, agents poll, the relay looks; and at that moment the `other` thing happens."""
    subject, waits = parked(named, number)
    code = code_in_mail()

    def act(who: int) -> Any:
        if who == 0:
            return answer(subject, "otp", code).outcome
        if who == 1:
            time.sleep(0.01 * number)
            return other(waits, subject)
        if who == 2:
            time.sleep(0.01)
            return resuming.look_again({"subject": subject})
        return NamedAgent().poll(waits)

    return subject, at_once(5, act)


@pytest.mark.requirement("AA-031")
def test_withdrawn_or_paid_and_never_both(named: NamedAgent) -> None:
    seen: Counter[str] = Counter()
    for number in range(ROUNDS * 2):
        subject, answers = raced(named, number, lambda waits, _: NamedAgent().withdraw(waits))
        withdrawn = answers[1]
        for _ in range(3):
            resuming.look_again({"subject": subject})
        ended = agrees(subject)
        if withdrawn.status_code == 204:
            assert ended == "canceled"
        else:
            assert ended == "resolved"
            assert withdrawn.status_code in (200, 409, 410), withdrawn.content
            assert withdrawn.status_code == 200 or problem(withdrawn)[1] in ("conflict", "gone")
        seen[ended] += 1
    assert sum(seen.values()) == ROUNDS * 2


def late(waits: HttpResponse, subject: str) -> None:
    over = timezone.now() - timedelta(seconds=1)
    PendingRequest.objects.filter(subject=subject, state__in=("pending", "interacting")).update(
        expires_at=over
    )
    resuming.sweep()


@pytest.mark.requirement("AA-078")
def test_expired_or_paid_and_never_both(named: NamedAgent) -> None:
    for number in range(ROUNDS * 2):
        subject, _ = raced(named, number, late)
        for _ in range(3):
            resuming.sweep()
        assert agrees(subject) in ("expired", "resolved")


def test_without_lease_and_fence_it_is_withdrawn_and_paid(
    named: NamedAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: the agent withdraws while the call is run, and nobody looks at the lease."""
    from gateway.acp import held

    subject, waits = parked(named, 0)
    confirmed(subject)
    plain = held.completion.complete
    withdrawn: list[HttpResponse] = []

    def slowly(*args: Any, **options: Any) -> Any:
        withdrawn.append(NamedAgent().withdraw(waits))
        return plain(*args, **options)

    with monkeypatch.context() as patched:
        patched.setattr(held.completion, "complete", slowly)
        assert named.poll(waits).status_code == 200
    assert problem(withdrawn[0]) == (409, "conflict")
    assert agrees(subject) == "resolved"

    subject, waits = parked(named, 1)
    confirmed(subject)
    move = moves.move
    with monkeypatch.context() as patched:
        patched.setattr(held.completion, "complete", slowly)
        patched.setattr(moves, "move", lambda row, to, only=None, **columns: move(row, to, **columns))
        patched.setattr(moves, "renew", lambda row: None)
        patched.setattr(moves, "claim", lambda row, **_: True)
        named.poll(waits)
    assert withdrawn[1].status_code == 204
    assert SandboxCharge.objects.filter(session=subject, outcome="authorized").count() == 1
    assert PendingRequest.objects.get(subject=subject).state == "canceled"

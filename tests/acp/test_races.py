"""Races on PostgreSQL, each with a negative control (reliability-security 0.2, 0.10, R01 to R05).

SQLite has one writer at a time and would hide what is tested here.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from checkout import moves
from checkout.models import CheckoutSession, Order, Owned, Payment, SandboxCharge, StateMove
from checkout.payments.sandbox import SandboxProvider
from checkout.ports import Attempt, Outcome
from gateway import idempotency
from gateway.models import IdempotentRequest
from gateway.shop.models import Product
from tests.agents import MINIMAL, PlayedAgent, paying
from tests.crowd import at_once
from tests.parts import plugged

pytestmark = pytest.mark.services

CROWD = 50


class Slow(SandboxProvider):
    """Gives every racer time to get into the gap between the transactions."""

    def authorize(self, attempt: Attempt) -> Outcome:
        import time

        time.sleep(0.2)
        return super().authorize(attempt)


@pytest.mark.requirement("ACP-033", "ACP-091", "ACP-094")
def test_fifty_completes_with_one_key_are_one_purchase(agent: PlayedAgent) -> None:
    """R01, T56: one order, one charge; the others hear 409 with Retry-After, and later the same 200."""
    session = agent.ready()

    with plugged(payments=Slow()):
        answers = at_once(CROWD, lambda _: PlayedAgent().complete(session, key="k1"))
    later = at_once(10, lambda _: PlayedAgent().complete(session, key="k1"))

    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) <= {200, 409}
    assert statuses[200] >= 1
    assert all(
        answer.json()["code"] == "idempotency_in_flight" and int(answer.headers["Retry-After"]) >= 1
        for answer in answers
        if answer.status_code == 409
    )
    assert len({answer.content for answer in [*answers, *later] if answer.status_code == 200}) == 1
    assert [answer.status_code for answer in later] == [200] * 10
    _one_purchase(session)


@pytest.mark.requirement("ACP-033")
def test_fifty_completes_with_fifty_keys_are_one_purchase(agent: PlayedAgent) -> None:
    """R02: one 200; the losers hear that a payment is running or that the session is finished."""
    session = agent.ready()

    with plugged(payments=Slow()):
        answers = at_once(CROWD, lambda number: PlayedAgent().complete(session, key=f"k{number}"))

    statuses = Counter(answer.status_code for answer in answers)
    assert statuses[200] == 1
    assert set(statuses) <= {200, 405, 409}
    _one_purchase(session)


def test_without_the_guards_the_same_race_charges_twice(agent: PlayedAgent) -> None:
    """R05, the negative control: row lock, conditional UPDATE and partial unique constraint removed."""
    session = agent.ready()

    with plugged(payments=Slow()), _unguarded():
        at_once(CROWD, lambda number: PlayedAgent().complete(session, key=f"k{number}"))

        assert SandboxCharge.objects.count() > 1
        Payment.objects.filter(order=None).delete()


def test_the_constraint_alone_allows_one_live_attempt(agent: PlayedAgent) -> None:
    """Defence in depth (reliability-security 1.6): without lock and condition, still one charge."""
    session = agent.ready()

    with plugged(payments=Slow()), _unguarded(constraint=True):
        at_once(CROWD, lambda number: PlayedAgent().complete(session, key=f"k{number}"))

    assert SandboxCharge.objects.count() == 1


@pytest.mark.requirement("ACP-093")
def test_one_key_with_two_bodies_runs_one_of_them(agent: PlayedAgent) -> None:
    """R03: the other body is 422 whenever it comes."""
    session = agent.ready()
    bodies = (paying("tok_a"), paying("tok_b"))

    answers = at_once(20, lambda number: PlayedAgent().complete(session, bodies[number % 2], key="k1"))

    paid = {number % 2 for number, answer in enumerate(answers) if answer.status_code == 200}
    assert len(paid) == 1
    winner = paid.pop()
    assert {answer.status_code for number, answer in enumerate(answers) if number % 2 != winner} == {422}
    _one_purchase(session)


@pytest.mark.requirement("ACP-091")
def test_twenty_creates_with_one_key_are_one_session(agent: PlayedAgent) -> None:
    """Local work: the twins wait for the winner and replay its answer."""
    answers = at_once(20, lambda _: PlayedAgent().post("/checkout_sessions", MINIMAL, key="k1"))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1
    assert (
        CheckoutSession.objects.count() == StateMove.objects.count() == IdempotentRequest.objects.count() == 1
    )


def test_without_the_unique_key_the_same_creates_make_many(agent: PlayedAgent, monkeypatch: Any) -> None:
    """The negative control of the test above: rows that do not collide."""
    real = idempotency.slot
    count = iter(range(10_000))
    monkeypatch.setattr(
        idempotency,
        "slot",
        lambda owner, method, path, key, body: real(owner, method, path, f"{key}{next(count)}", body),
    )

    at_once(20, lambda _: PlayedAgent().post("/checkout_sessions", MINIMAL, key="k1"))

    assert CheckoutSession.objects.count() == 20


@pytest.mark.requirement("ACP-0.1", "ACP-043")
def test_complete_and_cancel_have_one_winner(agent: PlayedAgent) -> None:
    """T57: over several rounds either the purchase or the cancellation stands, never both."""
    seen = Counter()
    for _ in range(12):
        session = agent.ready()
        verbs = (PlayedAgent().complete, PlayedAgent().cancel)

        paid, canceled = at_once(2, lambda number, s=session, v=verbs: v[number](s))

        state = CheckoutSession.objects.get(pk=session["id"]).state
        seen[state] += 1
        charges = SandboxCharge.objects.filter(session=session["id"], outcome="authorized").count()
        if state == "completed":
            assert (paid.status_code, charges) == (200, 1)
            assert canceled.status_code in (405, 409)
        else:
            assert state == "canceled"
            assert (canceled.status_code, charges) == (200, 0)
            assert paid.status_code in (405, 409)
    assert sum(seen.values()) == 12


@pytest.mark.requirement("ACP-039")
def test_the_last_piece_is_sold_once(agent: PlayedAgent) -> None:
    """R08, T61: twenty sessions race for one piece."""
    sessions = [agent.ready("item_last") for _ in range(20)]

    answers = at_once(20, lambda number: PlayedAgent().complete(sessions[number]))

    outcomes = Counter(answer.json()["status"] for answer in answers)
    assert outcomes == {"completed": 1, "not_ready_for_payment": 19}
    assert Product.objects.get(pk="item_last").available == 0
    assert SandboxCharge.objects.count() == 1


def test_updates_at_once_all_count(agent: PlayedAgent) -> None:
    """T59: no update is lost; each sets a member of its own."""
    session = agent.create()
    names = ("first_name", "last_name", "full_name", "phone_number", "customer_id")

    at_once(
        len(names),
        lambda number: PlayedAgent().update(
            session, {"buyer": {"email": "a@example.com", names[number]: "x"}}
        ),
    )

    assert set(agent.retrieve(session)["buyer"]) == {"email", *names}


def _one_purchase(session: dict[str, Any]) -> None:
    assert Order.objects.filter(session_id=session["id"]).count() == 1
    assert SandboxCharge.objects.filter(session=session["id"]).count() == 1
    assert CheckoutSession.objects.get(pk=session["id"]).state == "completed"


@contextmanager
def _unguarded(*, constraint: bool = False) -> Iterator[None]:
    """The code without what keeps a second payment out; `constraint` keeps the database's own rule.

    The first two have both read the session before one of them goes on, so that luck has no say.
    """
    both_read, first_two = threading.Barrier(2), iter(range(2))

    def unlocked(self: Any, pk: str) -> Any:
        found = self.one(pk)
        if next(first_two, None) is not None:
            both_read.wait(60)
        return found

    live = next(entry for entry in Payment._meta.constraints if entry.name == "agentic_payment_one_live")

    def move(
        row: Any,
        to: str,
        *,
        actor: str,
        note: str = "",
        only: Any = None,
        beginning: Any = None,
        **columns: Any,
    ) -> None:
        type(row)._default_manager.filter(pk=row.pk).update(state=to, **columns)
        row.state = to

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Owned, "locked", unlocked)
        patch.setattr(moves, "move", move)
        if not constraint:
            with connection.schema_editor() as editor:
                editor.remove_constraint(Payment, live)
        try:
            yield
        finally:
            if not constraint:
                with connection.schema_editor() as editor:
                    editor.add_constraint(Payment, live)

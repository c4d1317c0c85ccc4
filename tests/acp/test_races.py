"""Races on PostgreSQL, each with a negative control (reliability-security 0.2, 0.10, R01 to R05).

SQLite has one writer at a time and would hide what is tested here.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from checkout import completion, moves, settlement
from checkout.models import CheckoutSession, Order, Owned, Payment, SandboxCharge, StateMove
from checkout.payments.sandbox import SandboxProvider
from checkout.ports import Attempt, Outcome
from checkout.states import PaymentState, SessionState
from gateway import delivery, idempotency
from gateway.models import IdempotentRequest, OutboxMessage, PaymentEvent
from gateway.shop.models import Product
from interventions import failpoints
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


@pytest.mark.requirement("ACP-033", "ACP-091", "ACP-094", "R01")
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


@pytest.mark.requirement("ACP-033", "R02")
def test_fifty_completes_with_fifty_keys_are_one_purchase(agent: PlayedAgent) -> None:
    """R02: one 200; the losers hear that a payment is running or that the session is finished."""
    session = agent.ready()

    with plugged(payments=Slow()):
        answers = at_once(CROWD, lambda number: PlayedAgent().complete(session, key=f"k{number}"))

    statuses = Counter(answer.status_code for answer in answers)
    assert statuses[200] == 1
    assert set(statuses) <= {200, 405, 409}
    _one_purchase(session)


@pytest.mark.requirement("R05")
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


@pytest.mark.requirement("ACP-093", "R03")
def test_one_key_with_two_bodies_runs_one_of_them(agent: PlayedAgent) -> None:
    """R03: the other body is 422 whenever it comes. Each body is written in two ways that mean the same."""
    session = agent.ready()
    credit = {"provider": "network", "publisher_id": "p", "metadata": {"try": 1}}
    bodies = [{**paying(token), "affiliate_attribution": credit} for token in ("tok_a", "tok_b")]
    written = [json.dumps(body) for body in bodies]
    turned = [json.dumps(dict(reversed(body.items()))).replace('"try": 1', '"try": 1.0') for body in bodies]
    assert not set(written) & set(turned)
    path = f"/checkout_sessions/{session['id']}/complete"

    def ask(number: int) -> Any:
        raw = (written, turned)[number // 2 % 2][number % 2]
        return PlayedAgent().post(path, key="k1", raw=raw.encode())

    with plugged(payments=Slow()):
        answers = at_once(40, ask)
    later = [ask(number) for number in range(4)]

    paid = {number % 2 for number, answer in enumerate(answers) if answer.status_code == 200}
    assert len(paid) == 1
    winner = paid.pop()
    same = [answer for number, answer in enumerate(answers) if number % 2 == winner]
    assert {answer.status_code for number, answer in enumerate(answers) if number % 2 != winner} == {422}
    assert {answer.status_code for answer in same} <= {200, 409}
    assert len({answer.content for answer in same if answer.status_code == 200}) == 1
    for number, answer in enumerate(later):
        assert answer.status_code == (200 if number % 2 == winner else 422)
        assert ("Idempotent-Replayed" in answer.headers) == (number % 2 == winner)
    nulled = json.dumps({**bodies[winner], "buyer": None})
    assert agent.post(path, key="k1", raw=nulled.encode()).status_code == 422
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


@pytest.mark.requirement("ACP-039", "R08")
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


@pytest.mark.requirement("T58")
def test_a_server_whose_clock_is_behind_sells_nothing_after_the_deadline(agent: PlayedAgent) -> None:
    """The database's clock has a say in the UPDATE that wins; by our own there was an hour left."""
    session = agent.ready()
    CheckoutSession.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    with time_machine.travel(timezone.now() - timedelta(hours=1)):
        late = agent.complete(session)

    assert late.status_code == 409
    assert not SandboxCharge.objects.exists()
    assert not Payment.objects.exists()
    assert agent.retrieve(session)["status"] == "expired"


def test_by_our_own_clock_alone_it_would(agent: PlayedAgent, monkeypatch: Any) -> None:
    """The negative control: without what the database says."""
    real = moves.change
    monkeypatch.setattr(
        moves,
        "change",
        lambda model, where, columns: real(
            model, {name: value for name, value in where.items() if not name.endswith("__ahead")}, columns
        ),
    )
    session = agent.ready()
    CheckoutSession.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    with time_machine.travel(timezone.now() - timedelta(hours=1)):
        assert agent.complete(session).status_code == 200


@pytest.mark.requirement("T91", "T89", "R10")
def test_the_providers_webhooks_race_the_request(agent: PlayedAgent) -> None:
    """Ten copies of two events, processed by many workers while the request is between its phases."""
    from tests.gateway.test_payment_webhook import Speaking, relayed, say

    class Racing(Speaking):
        def authorize(self, attempt: Attempt) -> Outcome:
            outcome = super().authorize(attempt)
            started.set()
            return outcome

    for round_number in range(5):
        started = threading.Event()
        session = agent.ready()

        def storm(number: int, session: dict[str, Any] = session, started: threading.Event = started) -> Any:
            if number == 0:
                return PlayedAgent().complete(session, key="k1")
            assert started.wait(30)
            payment = Payment.objects.get(session=session["id"])
            heard = say(f"evt_{payment.pk}_{number % 2}", payment.pk)
            relayed()
            return heard

        with plugged(payments=Racing()):
            answers = at_once(11, storm)
            relayed()

        assert [answer.status_code for answer in answers] == [200] * 11, round_number
        assert answers[0].json()["status"] == "completed"
    assert Order.objects.count() == SandboxCharge.objects.count() == 5
    assert PaymentEvent.objects.filter(state=PaymentEvent.PROCESSED).count() == 10
    assert OutboxMessage.objects.filter(kind="payments.event").count() == 10


def test_without_the_unique_id_each_copy_has_an_effect(agent: PlayedAgent, monkeypatch: Any) -> None:
    """The negative control: copies whose ids do not collide."""
    from gateway import payment_events
    from tests.gateway.test_payment_webhook import Speaking, say

    count = iter(range(1000))
    monkeypatch.setattr(payment_events, "provider_name", lambda: f"provider {next(count)}")
    with plugged(payments=Speaking()):
        at_once(10, lambda _: say("evt_1", "pay_1"))

    assert PaymentEvent.objects.count() == OutboxMessage.objects.filter(kind="payments.event").count() == 10


def _late_race(monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """A paid session far past its deadline: the sweep gives it back while its agent asks again. Both have
    decided before either writes."""
    session = PlayedAgent().ready()
    with failpoints.armed("complete.record.after=raise#1"):
        assert PlayedAgent().complete(session, key="k1").status_code == 500
    assert Payment.objects.get().state == PaymentState.AUTHORIZED
    CheckoutSession.objects.update(expires_at=timezone.now() - timedelta(hours=1))
    decided = threading.Barrier(2)

    def waiting(act: Any) -> Any:
        def waits(*args: Any, **kwargs: Any) -> Any:
            decided.wait(60)
            return act(*args, **kwargs)

        return waits

    monkeypatch.setattr(settlement, "_give_back", waiting(settlement._give_back))
    monkeypatch.setattr(completion, "finish", waiting(completion.finish))

    def act(number: int) -> Any:
        if number == 0:
            return settlement.settle(Payment.objects.get().id)
        return PlayedAgent().complete(session, key="k1")

    answers = at_once(2, act)
    delivery.deliver_due()
    return answers[1], SandboxCharge.objects.get()


@pytest.mark.requirement("T57", "T58")
@pytest.mark.parametrize("round_number", range(5))
def test_late_money_is_given_back_or_buys(
    agent: PlayedAgent, monkeypatch: pytest.MonkeyPatch, round_number: int
) -> None:
    answer, charge = _late_race(monkeypatch)

    if answer.status_code == 200:
        assert (Order.objects.count(), charge.outcome) == (1, "authorized")
        assert answer.json()["status"] == "completed"
    else:
        assert answer.status_code in (405, 409)
        assert (Order.objects.count(), charge.outcome) == (0, "voided")
        assert CheckoutSession.objects.get().state == SessionState.EXPIRED


def test_without_the_condition_it_does_both(agent: PlayedAgent, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: an order, for a payment that we took for voided."""
    # Undone before the guards come back, which would otherwise stay away from later tests.
    with _unguarded(constraint=True), pytest.MonkeyPatch.context() as patch:
        patch.setattr(Owned, "locked", lambda self, pk: self.one(pk))
        _late_race(monkeypatch)

    assert Order.objects.count() == 1
    assert Payment.objects.get().state == PaymentState.VOIDED

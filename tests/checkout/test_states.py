"""The state tables, and the one function that moves a row (architecture, State)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from checkout import moves
from checkout.errors import StateConflict
from checkout.models import CheckoutSession, Payment, StateMove
from checkout.states import PAYMENT_MOVES, SESSION_MOVES, PaymentState, SessionState


def a_session(state: str = "open", **columns: Any) -> CheckoutSession:
    return CheckoutSession.objects.create(
        owner="key:a", currency="usd", state=state, expires_at=timezone.now() + timedelta(hours=1), **columns
    )


def a_payment(session: CheckoutSession, state: str = "processing") -> Payment:
    return Payment.objects.create(
        session=session, state=state, amount=1, currency="usd", handler_id="h", claim="c"
    )


@pytest.mark.requirement("ACP-0.1")
@pytest.mark.django_db
@pytest.mark.parametrize("start", SessionState.values)
@pytest.mark.parametrize("end", SessionState.values)
def test_a_session_makes_only_legal_moves(start: str, end: str) -> None:
    """Every pair of states: the table decides, and a refused move writes nothing."""
    session = a_session(start)

    if end in SESSION_MOVES[start]:
        moves.move(session, end, actor="test")
        assert CheckoutSession.objects.get().state == session.state == end
        assert list(StateMove.objects.values_list("from_state", "to_state")) == [(start, end)]
    else:
        with pytest.raises(StateConflict):
            moves.move(session, end, actor="test")
        assert CheckoutSession.objects.get().state == start
        assert not StateMove.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("start", PaymentState.values)
@pytest.mark.parametrize("end", PaymentState.values)
def test_a_payment_makes_only_legal_moves(start: str, end: str) -> None:
    payment = a_payment(a_session("completing"), start)

    if end in PAYMENT_MOVES[start]:
        moves.move(payment, end, actor="test")
        assert Payment.objects.get().state == end
    else:
        with pytest.raises(StateConflict):
            moves.move(payment, end, actor="test")
        assert Payment.objects.get().state == start


@pytest.mark.django_db
def test_the_loser_of_a_race_writes_nothing() -> None:
    """The row in memory is stale: the database says no (reliability-security 0.2)."""
    session = a_session()
    stale = CheckoutSession.objects.get()
    moves.move(session, SessionState.CANCELED, actor="first")

    with pytest.raises(StateConflict):
        moves.move(stale, SessionState.COMPLETING, actor="second")

    assert StateMove.objects.count() == 1


@pytest.mark.django_db
def test_an_extra_condition_is_judged_in_the_same_update() -> None:
    """T58: the deadline in the WHERE of the winning UPDATE."""
    session = a_session()

    with pytest.raises(StateConflict):
        moves.move(session, SessionState.EXPIRED, actor="x", only={"expires_at__lte": timezone.now()})

    assert CheckoutSession.objects.get().state == "open"


@pytest.mark.django_db
def test_the_database_allows_one_live_attempt() -> None:
    """reliability-security 1.6: a declined one makes room, a running or paid one does not."""
    session = a_session("completing")
    a_payment(session, "declined")
    a_payment(session, "processing")

    for state in ("processing", "requires_action", "authorized", "captured"):
        with pytest.raises(IntegrityError), transaction.atomic():
            a_payment(session, state)


@pytest.mark.django_db
def test_the_database_knows_the_states() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        a_session("lost")
    with pytest.raises(IntegrityError), transaction.atomic():
        a_payment(a_session(), "lost")


@pytest.mark.requirement("ACP-005")
@pytest.mark.django_db
def test_ids_are_long_random_and_say_what_they_name() -> None:
    """T05."""
    ids = {a_session().pk for _ in range(50)}

    assert len(ids) == 50
    assert all(one.startswith("cs_") and len(one) == 35 for one in ids)

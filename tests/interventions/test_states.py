"""The state table, and the only way to move in it."""

from __future__ import annotations

from itertools import product

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from interventions.errors import StateConflict
from interventions.models import Intervention
from interventions.moves import begin, move
from interventions.states import MOVES, OPEN, InterventionState
from tests.interventions.conftest import moves_of

ALL = list(InterventionState)
ENDS = [state for state in ALL if state not in OPEN]

pytestmark = pytest.mark.django_db


def made(state: str = "pending", subject: str = "cs_1") -> Intervention:
    row = Intervention(
        subject=subject,
        kind="otp",
        state=state,
        binding="cart",
        amount=1,
        currency="usd",
        code_digest="d" * 64,
        code_salt="5a17",
        expires_at=timezone.now(),
    )
    begin(row, actor="system")
    return row


@pytest.mark.parametrize(("before", "after"), list(product(ALL, ALL)))
def test_only_legal_moves_are_made(before: str, after: str) -> None:
    """Architecture, State: pending <-> interacting, both to every end; what was passed can be voided."""
    legal = (before in OPEN and after != before) or (before, after) == ("passed", "canceled")
    row = made(before)

    if not legal:
        with pytest.raises(StateConflict):
            move(row, after, actor="somebody")
        row.refresh_from_db()
        assert row.state == before
        return
    move(row, after, actor="somebody", note="why")

    row.refresh_from_db()
    assert row.state == after
    assert moves_of(row)[-1] == (before, after, "why")


def test_every_state_is_in_the_table() -> None:
    assert set(MOVES) == set(ALL)


@pytest.mark.parametrize("end", ENDS)
def test_an_ended_intervention_has_no_code_any_more(end: str) -> None:
    """T17: nothing is left to compare with."""
    row = made()

    move(row, end, actor="system")

    row.refresh_from_db()
    assert (row.code_digest, row.code_salt, row.ended_by) == ("", "", "system")


def test_the_second_of_two_moves_is_refused_and_logs_nothing() -> None:
    """R01: the database decides who was first."""
    first = made()
    second = Intervention.objects.get(pk=first.pk)
    move(first, "passed", actor="a")

    with pytest.raises(StateConflict):
        move(second, "canceled", actor="b")

    first.refresh_from_db()
    assert first.state == "passed"
    assert moves_of(first) == [("", "pending", ""), ("pending", "passed", "")]


def test_a_move_can_depend_on_more_than_the_state() -> None:
    row = made()

    with pytest.raises(StateConflict):
        move(row, "passed", actor="a", only={"challenge": 7})

    assert Intervention.objects.get(pk=row.pk).state == "pending"


def test_a_subject_has_one_open_intervention_of_a_kind() -> None:
    made()
    made("failed")
    made("passed")
    made(subject="cs_2")

    with pytest.raises(IntegrityError), transaction.atomic():
        made("interacting")

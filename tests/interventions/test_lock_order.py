"""Tallies are locked in one order: subjects that swap their destinations wait, and nobody dies of it."""

from __future__ import annotations

import threading
from collections.abc import Collection
from contextlib import suppress
from datetime import datetime
from typing import Any

import pytest
from django.db import OperationalError

from interventions import tallies
from interventions.models import Tally
from tests.crowd import at_once
from tests.interventions.conftest import World

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.services,
    pytest.mark.requirement("T12"),
]

ADDRESSES = ("ada@example.com", "ben@example.com")


def swap(world: World, patch: pytest.MonkeyPatch, *, meet_seconds: float) -> list[str]:
    """Two subjects take over each other's destination, each of them when both have let go of their
    own, or after so many seconds; how it ended for each."""
    meeting = threading.Barrier(2)
    give_back = tallies.give_back

    def together(key: str, *given: Any, **more: Any) -> None:
        give_back(key, *given, **more)
        if key.startswith("sends:"):
            # When it breaks, the other one waits for our lock, as it should.
            with suppress(threading.BrokenBarrierError):
                meeting.wait(meet_seconds)

    for number, address in enumerate(ADDRESSES):
        world.ask(f"cs_{number}", address=address, owner=f"key:{number}")
    patch.setattr(tallies, "give_back", together)

    def one(number: int) -> str:
        try:
            limited = world.ask(
                f"cs_{number}", binding="cart B", address=ADDRESSES[1 - number], owner=f"key:{number}"
            ).limited
        except OperationalError:
            return "deadlock"
        return "limited" if limited else "sent"

    return at_once(2, one)


def test_two_that_swap_destinations_both_get_their_code(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert swap(world, monkeypatch, meet_seconds=0.5) == ["sent", "sent"]

    sends = Tally.objects.filter(key__startswith="sends:")
    assert [sum(number for _, number in tally.moments) for tally in sends] == [1, 1]


def test_without_the_order_one_of_them_dies(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above can fail."""

    def nothing(keys: Collection[str], now: datetime) -> None:
        """Each tally is locked when it is needed."""

    monkeypatch.setattr(tallies, "hold", nothing)

    assert "deadlock" in swap(world, monkeypatch, meet_seconds=30)

"""Everybody at once: one answer of a device is judged once, and five failures are five (T16, T31)."""

from __future__ import annotations

from collections import Counter

import pytest
from django.db import connection

from interventions import devices
from interventions.errors import InterventionError
from interventions.models import Intervention, Passkey
from tests.crowd import at_once
from tests.interventions.conftest import World
from tests.interventions.device import PlayedDevice
from tests.interventions.test_devices import BROWSER, Buyers, buyers

__all__ = ["buyers"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.services]

MANY = 16


def outcome(row: Intervention, answer: dict[str, object]) -> str:
    try:
        return str(devices.finish(row.pk, BROWSER, answer).state)
    except InterventionError as problem:
        return type(problem).__name__
    finally:
        connection.close()


@pytest.mark.requirement("T31")
def test_one_answer_from_many_sides_counts_once(world: World, buyers: Buyers) -> None:
    row = buyers.confirmed()
    device = PlayedDevice()
    begun = devices.begin(row.pk, BROWSER)
    answer = device.does(begun.step, begun.options)

    came_to = Counter(at_once(MANY, lambda _: outcome(row, answer)))

    assert came_to["passed"] == 1
    assert sum(came_to.values()) == MANY
    assert set(came_to) <= {"passed", "StaleRound", "Over"}
    assert Passkey.objects.count() == 1
    assert Intervention.objects.get(pk=row.pk).attempts == 1


def test_a_forged_answer_from_many_sides_costs_one_attempt(world: World, buyers: Buyers) -> None:
    device = PlayedDevice()
    buyers.with_passkey(device)
    row = buyers.enter()
    forger = PlayedDevice(credential_id=device.credential_id)
    begun = devices.begin(row.pk, BROWSER)
    answer = forger.use(begun.options)

    came_to = Counter(at_once(MANY, lambda _: outcome(row, answer)))

    assert came_to == {"Unproven": 1, "StaleRound": MANY - 1}
    assert Intervention.objects.get(pk=row.pk).attempts == 1


def test_a_copied_device_that_answers_at_the_same_moment_is_refused(world: World, buyers: Buyers) -> None:
    """Two purchases, one count: only one of them can have been the device."""
    device = PlayedDevice(count=5)
    buyers.with_passkey(device)
    rows = [buyers.enter("cs_1"), buyers.enter("cs_2")]
    copies = [PlayedDevice(count=5, credential_id=device.credential_id, key=device.key) for _ in rows]
    answers = [
        copy.use(devices.begin(row.pk, BROWSER).options) for row, copy in zip(rows, copies, strict=True)
    ]

    came_to = sorted(at_once(2, lambda number: outcome(rows[number], answers[number])))

    assert came_to == ["Unproven", "passed"]

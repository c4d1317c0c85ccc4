"""Everybody at once: five comparisons, one pass, no cap overrun, on both databases (T16, R23 (b))."""

from __future__ import annotations

import threading
import time
from collections import Counter

import pytest
from django.db import transaction
from django.utils import timezone

from interventions import services, tallies
from interventions.models import Intervention, Tally
from interventions.outcomes import Answer
from interventions.providers import otp
from interventions.providers.otp import Counted
from interventions.services import answer
from interventions.tallies import Cap
from tests.crowd import at_once
from tests.interventions.conftest import World, other_than, row

pytestmark = pytest.mark.django_db(transaction=True)

FEW = 12
MANY, AT_ONCE = 200, 40
"""Guesses in all, and how many of them run together: a server has a hundred connections."""


class Watch:
    """Counts comparisons, and holds each for a moment so that the others come close."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.seen: Counter[str] = Counter()
        self._lock, self._compare = threading.Lock(), otp.compare
        patch.setattr(otp, "compare", self)

    def __call__(self, compared: Intervention, code: str) -> bool:
        with self._lock:
            self.seen[compared.pk] += 1
        time.sleep(0.005)
        return self._compare(compared, code)


def reads_then_writes(compared: Intervention, claim: str) -> Counted | None:
    """The mistake: looks at the attempts, then writes what it makes of them."""
    with transaction.atomic():
        found = Intervention.objects.get(pk=compared.pk)
        if found.attempts >= found.attempts_allowed:
            return None
        time.sleep(0.01)
        Intervention.objects.filter(pk=found.pk).update(attempts=found.attempts + 1)
    return Counted(found, timezone.now(), True)


def guess(code: str, guesses: int, at_a_time: int) -> list[str]:
    """So many wrong codes for one subject, so many at a time; the outcomes."""
    each = guesses // at_a_time

    def some(number: int) -> list[str]:
        return [
            answer("cs_1", "otp", other_than(code, 1 + number * each + n)).outcome.value for n in range(each)
        ]

    return [outcome for outcomes in at_once(at_a_time, some) for outcome in outcomes]


def test_parallel_guesses_are_five_comparisons(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """T16."""
    code, watch = world.code(), Watch(monkeypatch)

    outcomes = guess(code, FEW, FEW)

    assert sum(watch.seen.values()) == 5
    assert set(outcomes) <= {Answer.WRONG, Answer.NONE}
    assert row().state == "failed"
    assert row().attempts == 5


@pytest.mark.requirement("ACP-159")
def test_the_right_code_brought_many_times_passes_once(world: World) -> None:
    """T17."""
    code = world.code()

    outcomes = Counter(at_once(FEW, lambda _: answer("cs_1", "otp", code).outcome))

    assert outcomes[Answer.RIGHT] == 1
    assert services.passed("cs_1", "otp", "cart A")
    assert row().moves.filter(to_state="passed").count() == 1


def test_a_cap_is_not_overrun_by_a_crowd(world: World) -> None:
    """T12, T14: one tally, first used by all of them at the same moment."""

    def one(_: int) -> bool:
        with transaction.atomic():
            return tallies.take("sends:crowd", (Cap(5, 3_600), Cap(10, 86_400)), timezone.now())

    taken = at_once(FEW, one)

    assert sum(taken) == 5
    assert sum(number for _, number in Tally.objects.get(pk="sends:crowd").moments) == 5


@pytest.mark.services
def test_two_hundred_parallel_guesses_are_five_comparisons(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R23 (b), (d): the counters are exact, and the right code comes too late."""
    code, watch = world.code(), Watch(monkeypatch)

    outcomes = guess(code, MANY, AT_ONCE)

    assert len(outcomes) == MANY
    assert sum(watch.seen.values()) == 5
    assert row().attempts == 5
    assert answer("cs_1", "otp", code).outcome == Answer.NONE
    (failures,) = Tally.objects.filter(key__startswith="failures:")
    assert sum(number for _, number in failures.moments) == 5


@pytest.mark.services
def test_without_the_guard_two_hundred_guesses_are_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test above can fail: with counting that reads first, it does."""
    code, watch = world.code(), Watch(monkeypatch)
    monkeypatch.setattr(otp, "count", reads_then_writes)

    guess(code, MANY, AT_ONCE)

    assert sum(watch.seen.values()) > 5


@pytest.mark.services
def test_guesses_over_many_subjects_stay_within_the_destinations_cap(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R23 (c): forty sessions of one destination, guessed at together."""
    world.sends_freely()
    subjects = [f"cs_{number}" for number in range(AT_ONCE)]
    codes = [world.code(subject) for subject in subjects]
    watch = Watch(monkeypatch)

    def some(number: int) -> None:
        for n in range(1, 8):
            answer(subjects[number], "otp", other_than(codes[number], n))

    at_once(AT_ONCE, some)

    assert sum(watch.seen.values()) == 20
    assert max(watch.seen.values()) <= 5


@pytest.mark.services
def test_asking_changing_and_answering_at_once_neither_blocks_nor_passes_a_void_cart(world: World) -> None:
    """Decision 21, locks in one order: what passed is what its own code was for."""
    world.sends_freely()
    code = world.code(binding="cart A")
    gate = threading.Lock()

    def act(number: int) -> None:
        if number % 2:
            answer("cs_1", "otp", code)
            return
        with gate:  # the caller holds the lock on the subject
            world.ask(binding=f"cart {number}")

    at_once(20, act)

    passed = Intervention.objects.filter(state="passed")
    assert all(found.binding == "cart A" for found in passed)
    assert Intervention.objects.filter(state__in=("pending", "interacting")).count() == 1


@pytest.mark.services
@pytest.mark.requirement("T12")
def test_asking_by_two_ways_at_once_is_one_send(world: World) -> None:
    """Over both channels together, also where no gap between sends is kept."""
    phone = "+436641234567"
    world.rules(send_gaps_seconds=(), destination_gaps_seconds=(), sends_per_challenge=2)
    world.code(phone=phone)

    def ask(number: int) -> bool:
        to = (phone, "sms") if number % 2 else ("ada@example.com", "email")
        return not world.again(channel=to[1], destination=to[0]).limited

    sent = at_once(FEW, ask)

    assert sent.count(True) == 1
    found = row()
    assert (found.sends, found.challenge) == (2, 2)
    assert len(world.deliver()) == 1
    assert found.destination_digest == otp.digest_of(phone if found.channel == "sms" else "ada@example.com")

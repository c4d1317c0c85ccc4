"""How often codes are sent (T12), and what a repeated or late delivery does (decision 38)."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.db import transaction
from django.utils import timezone

from interventions import effects, services
from interventions.channels import email
from interventions.errors import NothingPending
from interventions.models import Tally
from interventions.outcomes import Answer, Answered
from interventions.services import answer
from tests.interventions.conftest import CODE, World, row

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_resent_code_replaces_the_first(world: World) -> None:
    """Decision 19."""
    with time_machine.travel(timezone.now(), tick=False) as clock:
        first = world.code()
        clock.shift(timedelta(seconds=30))

        snapshot = world.again()

        assert (snapshot.challenge, snapshot.limited) == (2, False)
        assert snapshot.expires_at == timezone.now() + timedelta(seconds=300)
        assert answer("cs_1", "otp", first).outcome == Answer.WRONG
        (second,) = world.deliver()
        assert answer("cs_1", "otp", first if first != second else "000000").outcome == Answer.WRONG
        assert answer("cs_1", "otp", second).outcome == Answer.RIGHT


def test_sends_are_spaced_and_three_at_most(world: World) -> None:
    """T12: 30 seconds, then 60; a refused one changes nothing, and the code stays good."""
    with time_machine.travel(timezone.now(), tick=False) as clock:
        code = world.code()
        sent = []
        for seconds in (29, 1, 59, 1, 119, 1):
            clock.shift(timedelta(seconds=seconds))
            sent.append(not world.again().limited)
            code = (world.deliver() or [code])[-1]

        assert sent == [False, True, False, True, False, False]
        assert len(mail.outbox) == 3
        assert answer("cs_1", "otp", code).outcome == Answer.RIGHT


def test_the_last_gap_holds_for_every_later_send(world: World) -> None:
    """T12: 120 seconds where more sends are allowed."""
    world.rules(sends_per_challenge=5)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        world.code()
        sent = []
        for seconds in (30, 60, 119, 1, 119, 1):
            clock.shift(timedelta(seconds=seconds))
            sent.append(not world.again().limited)

    assert sent == [True, True, False, True, False, True]


def test_a_destination_gets_five_an_hour_and_ten_a_day(world: World) -> None:
    """T12: over all subjects and agents, in every window."""
    with time_machine.travel(timezone.now(), tick=False) as clock:
        limited = []
        for number in range(30):
            limited.append(world.ask(f"cs_{number}").limited)
            clock.shift(timedelta(minutes=10))

        # Every sixth is one too many for the hour, and after ten the day is over.
        assert limited == [False] * 5 + [True] + [False] * 5 + [True] * 19
        assert len(world.deliver()) == 0, "by now they are all too late"
        assert not world.ask("cs_ben", address="ben@example.com").limited

        clock.shift(timedelta(hours=20))
        assert not world.ask("cs_next_day").limited


def test_a_limited_challenge_is_told_and_starts_when_it_may(world: World) -> None:
    """T12, T22."""
    world.rules(sends_per_destination_hour=1)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        world.code("cs_0")

        snapshot = world.ask()

        assert (snapshot.state, snapshot.limited, snapshot.expires_at) == ("pending", True, None)
        shown = services.open_of("cs_1")
        assert shown is not None
        assert shown == snapshot
        assert answer("cs_1", "otp", "123456") == Answered(Answer.EXPIRED)
        clock.shift(timedelta(minutes=61))
        assert not world.ask().limited


def test_quick_changes_of_a_cart_are_one_mail(world: World) -> None:
    """T17 voids each; what was never drawn was never sent."""
    for cart in map(str, range(30)):
        snapshot = world.ask(binding=cart)
        assert not snapshot.limited

    assert len(world.deliver()) == 1
    assert len(mail.outbox) == 1


def test_changes_after_the_mail_left_count(world: World) -> None:
    """T12."""
    world.rules(destination_gaps_seconds=())
    limited = []
    for cart in map(str, range(7)):
        limited.append(world.ask(binding=cart).limited)
        world.deliver()

    assert limited == [False] * 5 + [True] * 2
    assert len(mail.outbox) == 5


@pytest.mark.requirement("T12")
def test_sends_to_one_destination_are_spaced_over_all_subjects(world: World) -> None:
    """Opening another session does not shorten the wait; one change of a cart costs none."""
    with time_machine.travel(timezone.now(), tick=False) as clock:
        limited = []
        for number, seconds in enumerate((0, 0, 29, 1, 59, 1, 119, 1)):
            clock.shift(timedelta(seconds=seconds))
            limited.append(world.ask(f"cs_{number}", owner=f"key:{number}").limited)
            world.deliver()

        assert limited == [False, False, True, False, True, False, True, False]
        assert not world.ask("cs_ben", address="ben@example.com").limited


@pytest.mark.requirement("T12")
def test_an_owner_has_a_quota_of_sends_a_day(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Over all destinations; what is refused for it costs the destination nothing."""
    world.rules(sends_per_owner_day=3)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        limited = []
        for number in range(5):
            limited.append(world.ask(f"cs_{number}", address=f"{number}@example.com").limited)
            world.deliver()
            clock.shift(timedelta(minutes=10))

        assert limited == [False, False, False, True, True]
        assert len(mail.outbox) == 3
        assert "quota" in caplog.text
        assert not world.ask("cs_other", address="4@example.com", owner="key:other").limited

        clock.shift(timedelta(hours=24))
        assert not world.ask("cs_next_day", address="4@example.com").limited


@pytest.mark.requirement("T12")
def test_a_code_that_was_never_drawn_costs_the_owner_nothing(world: World) -> None:
    world.rules(sends_per_owner_day=2)
    for cart in map(str, range(10)):
        assert not world.ask(binding=cart).limited

    (quota,) = Tally.objects.filter(key__startswith="owner:")
    assert sum(number for _, number in quota.moments) == 1


def test_a_repeated_delivery_draws_a_new_code_and_resets_nothing(world: World) -> None:
    """Decision 38."""
    world.ask()
    ((kind, payload),) = world.queued
    (first,) = world.deliver()
    answer("cs_1", "otp", "000000" if first != "000000" else "000001")

    effects.EFFECTS[kind](payload)

    second = CODE.findall(str(mail.outbox[-1].body))[0]
    assert len(mail.outbox) == 2
    assert (row().attempts, row().sends, row().challenge) == (1, 1, 1)
    if first != second:
        assert answer("cs_1", "otp", first).outcome == Answer.WRONG
    assert answer("cs_1", "otp", second).outcome == Answer.RIGHT


def test_a_failed_delivery_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decision 38: what is stored is there before the mail is."""
    world.ask()
    ((kind, payload),) = world.queued

    def unreachable(*_: object, **__: object) -> None:
        assert not transaction.get_connection().in_atomic_block
        assert row().code_digest
        raise ConnectionRefusedError

    with monkeypatch.context() as patched:
        patched.setattr(email, "send_one_time_code", unreachable)
        with pytest.raises(ConnectionRefusedError):
            effects.EFFECTS[kind](payload)

    (code,) = world.deliver()
    assert answer("cs_1", "otp", code).outcome == Answer.RIGHT


@pytest.mark.parametrize("late", ["replaced", "passed", "canceled", "over", "unknown"])
def test_nothing_is_sent_for_a_challenge_that_is_over(world: World, late: str) -> None:
    """Decision 38: a relay may come late, or twice."""
    with time_machine.travel(timezone.now(), tick=False) as clock:
        code = world.code()
        message = {"intervention": row().pk, "challenge": 1}
        match late:
            case "replaced":
                clock.shift(timedelta(seconds=31))
                world.again()
            case "passed":
                answer("cs_1", "otp", code)
            case "canceled":
                with transaction.atomic():
                    services.close_all("cs_1", actor="key:demo")
            case "over":
                clock.shift(timedelta(seconds=300))
            case "unknown":
                message["intervention"] = "int_0"
        before = row().code_digest

        effects.send_code(message)

    assert len(mail.outbox) == 1
    assert row().code_digest == before


def test_nothing_is_sent_to_a_contact_that_is_not_the_challenges_own(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """T17: an address changed behind the challenge's back gets no code for it."""
    world.ask()
    world.knows("cs_1", "mallory@example.com")
    assert world.deliver() == []

    world.ask("cs_2")
    del world.people["cs_2"]
    assert world.deliver() == []

    assert mail.outbox == []
    assert row().code_digest == ""
    assert "no code was sent" in caplog.text
    assert "example.com" not in caplog.text


def test_resending_without_anything_open_sends_nothing(world: World) -> None:
    """Decision 15."""
    with pytest.raises(NothingPending):
        world.again()

    answer("cs_1", "otp", world.code())

    assert world.again().limited
    assert world.queued == []

"""How often a code can be tried: caps per challenge, subject and destination (R23)."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from interventions import services, tallies
from interventions.models import Intervention, Tally
from interventions.outcomes import Answer, Answered
from interventions.providers import otp
from interventions.services import answer
from interventions.tallies import Cap
from tests.interventions.conftest import World, moves_of, other_than, row

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def comparisons(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The interventions whose code was compared with something, one entry for each time."""
    seen: list[str] = []
    compare = otp.compare

    def watched(compared: Intervention, code: str) -> bool:
        seen.append(compared.pk)
        return compare(compared, code)

    monkeypatch.setattr(otp, "compare", watched)
    return seen


@pytest.mark.requirement("ACP-157")
def test_the_fifth_wrong_code_is_the_last(world: World, comparisons: list[str]) -> None:
    """T13, decision 19: then even the right one is refused."""
    code = world.code()

    left = [answer("cs_1", "otp", other_than(code, n)).attempts_left for n in range(1, 6)]

    assert left == [4, 3, 2, 1, 0]
    assert row().state == "failed"
    assert moves_of(row())[-1] == ("pending", "failed", "no attempt left")
    assert services.open_of("cs_1") is None
    assert answer("cs_1", "otp", code).outcome == Answer.NONE
    assert len(comparisons) == 5


def test_a_thousand_guesses_are_five_comparisons(world: World, comparisons: list[str]) -> None:
    """R23 (a)."""
    world.code()

    outcomes = {answer("cs_1", "otp", f"{guess:06d}").outcome for guess in range(1_000)}

    assert len(comparisons) <= 5
    assert outcomes <= {Answer.WRONG, Answer.NONE, Answer.RIGHT}


def test_after_failing_a_new_code_waits_for_a_cool_down(world: World) -> None:
    """T13."""
    with time_machine.travel(timezone.now(), tick=False) as clock:
        code = world.code()
        for n in range(1, 6):
            answer("cs_1", "otp", other_than(code, n))

        barred = world.ask()
        other_cart = world.ask(binding="cart B")
        assert (barred.state, barred.limited, barred.attempts_left) == ("failed", True, 0)
        assert other_cart.limited
        assert world.queued == []

        clock.shift(timedelta(seconds=60))
        fresh = world.ask()
        assert (fresh.state, fresh.limited, fresh.attempts_left) == ("pending", False, 5)


def test_a_subject_has_ten_attempts_for_ever(world: World, comparisons: list[str]) -> None:
    """T13, T14: whatever is changed, resent, expired or voided in between."""
    world.sends_freely()
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for cart in map(str, range(12)):
            world.ask(binding=cart)
            sent = world.deliver()
            for n in (1, 2, 3):
                answer("cs_1", "otp", other_than(sent[0] if sent else "000000", n))
            clock.shift(timedelta(seconds=400))

        assert services.exhausted("cs_1")
        assert not services.exhausted("cs_2")
        assert len(comparisons) == 10
        before = Intervention.objects.count()
        barred = world.ask(binding="one more")
        assert (barred.limited, barred.attempts_left) == (True, 0)
        assert Intervention.objects.count() == before
        assert world.queued == []


def test_neither_resending_nor_expiry_gives_new_attempts(world: World) -> None:
    """T14: a new code must not reset the count (NIST)."""
    with time_machine.travel(timezone.now(), tick=False) as clock:
        code = world.code()
        for n in (1, 2):
            answer("cs_1", "otp", other_than(code, n))
        clock.shift(timedelta(seconds=31))
        assert world.again().attempts_left == 3
        code = world.deliver()[-1]
        answer("cs_1", "otp", other_than(code))
        clock.shift(timedelta(seconds=301))

        assert world.ask().attempts_left == 2


def test_a_destination_has_twenty_failures_a_day_over_all_subjects(
    world: World, comparisons: list[str]
) -> None:
    """T14, R23 (c), (d): then the right code is refused too, and the answers do not tell."""
    world.sends_freely()
    spellings = ("ada@example.com", "ADA@example.com", "ada+1@example.com", " ada+x+y@Example.com")
    numbers = count()
    with time_machine.travel(timezone.now(), tick=False) as clock:

        def play(address: str) -> list[Answered]:
            subject = f"cs_{next(numbers)}"
            code = world.code(subject, address=address)
            return [answer(subject, "otp", other_than(code, n)) for n in range(1, 6)]

        before = [play(address) for address in spellings]
        after = play("ada@example.com")

        assert after == before[0]
        assert len(comparisons) == 20
        right = world.code("cs_right", address="ada@example.com")
        assert answer("cs_right", "otp", right) == Answered(Answer.WRONG, 4)
        assert len(comparisons) == 20

        someone_else = world.code("cs_ben", address="ben@example.com")
        assert answer("cs_ben", "otp", someone_else).outcome == Answer.RIGHT

        clock.shift(timedelta(hours=24))
        later = world.code("cs_later", address="ada@example.com")
        assert answer("cs_later", "otp", later).outcome == Answer.RIGHT


@pytest.mark.requirement("T12", "T14")
def test_the_dots_of_a_gmail_address_make_no_other_mailbox() -> None:
    """They are as many spellings as places for a dot; elsewhere a dot is somebody else."""
    spellings = ("adalovelace@gmail.com", "ada.lovelace@gmail.com", "A.D.A.lovelace+1@googlemail.com")

    assert len({otp.digest_of(address) for address in spellings}) == 1
    assert otp.digest_of("a.da@example.com") != otp.digest_of("ada@example.com")


def test_what_was_right_is_no_failure(world: World) -> None:
    """The count of the success is given back, and only that."""
    world.sends_freely()
    for number in range(25):
        subject = f"cs_{number}"
        assert answer(subject, "otp", world.code(subject)).outcome == Answer.RIGHT
    code = world.code("cs_last")
    answer("cs_last", "otp", other_than(code))
    answer("cs_last", "otp", code)

    (failures,) = Tally.objects.filter(key__startswith="failures:")
    assert sum(number for _, number in failures.moments) == 1


def test_operators_can_lift_the_caps_of_a_destination(world: World) -> None:
    """T15."""
    world.rules(attempts_per_destination=1)
    code = world.code()
    answer("cs_1", "otp", other_than(code))
    assert answer("cs_1", "otp", code).outcome == Answer.WRONG

    assert services.clear_caps(row())

    assert answer("cs_1", "otp", code).outcome == Answer.RIGHT
    assert services.clear_caps(row())
    assert not services.clear_caps(row())


def test_an_attempt_counts_even_when_its_process_dies_before_comparing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R23: the counters survive a kill. Killed at the last one, it ends with its challenge."""
    with time_machine.travel(timezone.now(), tick=False) as clock:
        code = world.code()

        def killed(compared: Intervention, said: str) -> bool:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(otp, "compare", killed)
            for _ in range(5):
                with pytest.raises(KeyboardInterrupt):
                    answer("cs_1", "otp", code)

        assert row().attempts == 5
        assert answer("cs_1", "otp", code) == Answered(Answer.WRONG, 0)
        assert world.ask().limited
        assert row().state == "pending"

        clock.shift(timedelta(seconds=301))
        assert world.ask().state == "failed"
        assert row().state == "failed"


@pytest.mark.requirement("T16", "ACP-162")
def test_the_retry_of_a_request_pays_no_second_attempt(world: World, comparisons: list[str]) -> None:
    """The request died after its attempt was counted; under its claim comes the same code again."""
    code = world.code()

    outcomes = [answer("cs_1", "otp", other_than(code), claim="first") for _ in range(3)]
    other = answer("cs_1", "otp", other_than(code), claim="second")

    assert outcomes == [Answered(Answer.WRONG, 4)] * 3
    assert other == Answered(Answer.WRONG, 3)
    (failures,) = Tally.objects.filter(key__startswith="failures:")
    assert sum(number for _, number in failures.moments) == 2
    assert answer("cs_1", "otp", code, claim="third").outcome == Answer.RIGHT
    failures.refresh_from_db()
    assert sum(number for _, number in failures.moments) == 2


@pytest.mark.requirement("T16")
def test_the_retry_of_a_killed_request_compares_what_is_paid_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted and killed before it was compared: the retry passes, and its count is given back."""
    code = world.code()
    with monkeypatch.context() as patched:
        patched.setattr(otp, "judge", _killed)
        with pytest.raises(KeyboardInterrupt):
            answer("cs_1", "otp", code, claim="first")
    assert row().attempts == 1

    assert answer("cs_1", "otp", code, claim="first").outcome == Answer.RIGHT

    (failures,) = Tally.objects.filter(key__startswith="failures:")
    assert failures.moments == []


@pytest.mark.requirement("T14", "T16")
def test_a_retry_is_not_compared_when_its_destination_was_locked(
    world: World, comparisons: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A claim is no way around the cap: what was counted for nothing stays so."""
    world.rules(attempts_per_destination=1)
    code = world.code()
    answer("cs_1", "otp", other_than(code), claim="first")

    answers = [answer("cs_1", "otp", code, claim="second") for _ in range(2)]

    assert answers == [Answered(Answer.WRONG, 3)] * 2
    assert len(comparisons) == 1


def _killed(*_: object, **__: object) -> Answered:
    raise KeyboardInterrupt


def test_a_tally_holds_no_more_than_its_longest_window(world: World) -> None:
    caps = (Cap(2, 60), Cap(3, 600))
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _ in range(50):
            with transaction.atomic():
                tallies.take("sends:someone", caps, timezone.now())
            clock.shift(timedelta(seconds=100))

    assert len(Tally.objects.get(pk="sends:someone").moments) <= 3


def test_tallies_that_say_nothing_any_more_are_swept(world: World) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        code = world.code()
        answer("cs_1", "otp", other_than(code))
        assert Tally.objects.count() == 3
        clock.shift(timedelta(hours=23))
        services.expire_overdue()
        assert Tally.objects.count() == 3

        clock.shift(timedelta(hours=2))
        services.expire_overdue()

        assert Tally.objects.count() == 0

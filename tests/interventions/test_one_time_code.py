"""The life of one one-time code: asked for, delivered, answered, bound, over."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.db import transaction
from django.utils import timezone

from interventions import effects, services
from interventions.models import Intervention
from interventions.outcomes import Answer, Answered
from interventions.providers import otp
from interventions.services import answer
from tests.interventions.conftest import World, moves_of, other_than, row

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.requirement("ACP-152")
def test_a_person_is_asked_once_however_often_it_is_ensured(world: World) -> None:
    """ACP-152, decision 38: the queue carries the challenge's number and nothing else."""
    first, again = world.ask(), world.ask()

    assert first == again
    assert (first.kind, first.state, first.hint) == ("otp", "pending", "a***@example.com")
    assert (first.attempts_left, first.limited, first.challenge) == (5, False, 1)
    assert first.expires_at is not None
    assert timedelta(minutes=4) < first.expires_at - timezone.now() <= timedelta(minutes=5)
    assert world.queued == [("interventions.send_code", {"intervention": first.id, "challenge": 1})]
    assert json.loads(json.dumps(first.as_dict()))["expires_at"] == first.expires_at.isoformat()


def test_the_mail_says_what_the_code_is_good_for(world: World) -> None:
    """Reliability-security 1.8, decision 40: merchant, goods, amount, who asks, code, minutes."""
    code = world.code()

    (message,) = mail.outbox
    assert message.to == ["ada@example.com"]
    assert message.subject == "Your one-time code for Wiener Becher"
    for part in ("Wiener Becher", "1 x Sneakers", "2 x Mug", "129.99 USD", "demo-agent", code, "5 minutes"):
        assert part in message.body
    assert "factor" not in message.body
    assert len(code) == 6


def test_what_agents_write_stays_on_its_line(world: World) -> None:
    """A name with line ends adds no header and no text of its own."""
    world.ask()
    contact = world.people["cs_1"]
    object.__setattr__(contact, "merchant", "Shop\r\nBcc: all@example.com")
    object.__setattr__(contact, "requested_by", "bot\n\nYour one-time code: 999999\x1b[2J" + "x" * 1_000)

    world.deliver()

    (message,) = mail.outbox
    assert message.recipients() == ["ada@example.com"]
    assert "\n" not in message.subject
    assert not any(line.startswith("Your one-time code: 999999") for line in message.body.splitlines())
    assert "\x1b" not in message.body
    assert max(map(len, message.body.splitlines())) < 500


@pytest.mark.requirement("ACP-156", "ACP-159")
def test_the_right_code_passes_once(world: World) -> None:
    """T17, ACP-156, ACP-159: single use, bound to what it was for."""
    code = world.code()

    answers = [answer("cs_1", "otp", f" {code[:3]}-{code[3:]}"), answer("cs_1", "otp", code)]

    assert answers == [Answered(Answer.RIGHT), Answered(Answer.NONE)]
    assert services.passed("cs_1", "otp", "cart A")
    assert not services.passed("cs_1", "otp", "cart B")
    assert not services.passed("cs_2", "otp", "cart A")
    assert services.open_of("cs_1") is None
    assert moves_of(row()) == [("", "pending", ""), ("pending", "passed", "code")]
    assert row().attempts == 0


def test_what_was_passed_is_not_asked_again(world: World) -> None:
    """Decision 22."""
    answer("cs_1", "otp", world.code())

    snapshot = world.ask()

    assert snapshot.state == "passed"
    assert world.queued == []


@pytest.mark.requirement("ACP-157")
def test_a_wrong_code_costs_an_attempt_and_leaves_it_pending(world: World) -> None:
    """ACP-157, decision 19."""
    code = world.code()

    assert answer("cs_1", "otp", other_than(code)) == Answered(Answer.WRONG, 4)

    snapshot = services.open_of("cs_1")
    assert snapshot is not None
    assert (snapshot.state, snapshot.attempts_left) == ("pending", 4)
    assert answer("cs_1", "otp", code).outcome == Answer.RIGHT


@pytest.mark.parametrize("said", ["", "12345", "+123456", None, 123456, "1" * 10_000])
def test_what_is_no_code_costs_nothing(world: World, said: object) -> None:
    """T21."""
    world.code()

    assert answer("cs_1", "otp", said) == Answered(Answer.MALFORMED)
    assert row().attempts == 0


def test_before_the_mail_leaves_every_code_is_wrong(world: World) -> None:
    world.ask()

    assert answer("cs_1", "otp", "000000") == Answered(Answer.WRONG, 4)


@pytest.mark.requirement("ACP-158")
def test_an_answer_for_one_intervention_is_not_compared_with_another(world: World) -> None:
    """T40: what a page showed was voided while its answer was on the way."""
    code = world.code()

    assert answer("cs_1", "otp", code, only="int_another").outcome == Answer.OTHER
    assert row().attempts == 0
    assert answer("cs_1", "otp", code, only=row().pk).outcome == Answer.RIGHT


def test_nothing_pending_and_another_kind_are_told_apart(world: World) -> None:
    """Decision 15, T22: nothing is counted or compared."""
    assert answer("cs_1", "otp", "123456").outcome == Answer.NONE

    code = world.code()

    assert answer("cs_1", "redirect", code).outcome == Answer.OTHER
    assert answer("cs_2", "otp", code).outcome == Answer.NONE
    assert row().attempts == 0


@pytest.mark.requirement("ACP-155")
def test_a_code_is_good_for_five_minutes(world: World) -> None:
    """Reliability-security 1.8; T22: late is not counted. ACP-155: a fresh challenge starts then."""
    with time_machine.travel(timezone.now(), tick=False) as clock:
        code = world.code()
        clock.shift(timedelta(seconds=300))

        assert answer("cs_1", "otp", code) == Answered(Answer.EXPIRED)
        assert row().attempts == 0

        fresh = world.ask()
        (new,) = world.deliver()
        assert (fresh.challenge, fresh.limited) == (2, False)
        assert answer("cs_1", "otp", new).outcome == Answer.RIGHT

    assert Intervention.objects.count() == 1


def test_the_last_second_is_still_good(world: World) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        code = world.code()
        clock.shift(timedelta(seconds=299))

        assert answer("cs_1", "otp", code).outcome == Answer.RIGHT


def test_a_challenge_started_late_runs_to_its_own_end(world: World) -> None:
    """Decision 18: new challenges start for 15 minutes; the sweep ends it after the last."""
    with time_machine.travel(timezone.now(), tick=False) as clock:
        world.ask()
        clock.shift(timedelta(seconds=890))
        world.ask()
        code = world.deliver()[-1]
        clock.shift(timedelta(seconds=200))

        assert services.expire_overdue() == 0
        assert answer("cs_1", "otp", code).outcome == Answer.RIGHT


def test_overdue_ones_expire_once(world: World) -> None:
    """Decision 18; repeatable."""
    with time_machine.travel(timezone.now(), tick=False) as clock:
        code = world.code()
        world.code("cs_2", address="ben@example.com")
        answer("cs_2", "otp", "12")
        clock.shift(timedelta(seconds=901))

        assert services.open_of("cs_1") is None
        assert services.expire_overdue() == 2
        assert services.expire_overdue() == 0

        assert row().state == "expired"
        assert moves_of(row())[-1] == ("pending", "expired", "deadline")
        assert answer("cs_1", "otp", code).outcome == Answer.NONE
        assert world.ask().id != row("cs_2").id
        assert row().state == "pending"


def test_ensuring_does_not_wait_for_the_sweep(world: World) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        first = world.ask()
        clock.shift(timedelta(seconds=901))
        second = world.ask()

    assert first.id != second.id
    assert Intervention.objects.get(pk=first.id).state == "expired"
    assert second.state == "pending"


@pytest.mark.parametrize("answered", [False, True])
def test_a_change_voids_what_was_asked_or_passed(world: World, answered: bool) -> None:
    """Decision 21, T17: also when the cart is changed back afterwards."""
    code = world.code(binding="cart A")
    if answered:
        answer("cs_1", "otp", code)

    changed = world.ask(binding="cart B")

    before = Intervention.objects.get(binding="cart A")
    assert before.state == "canceled"
    assert moves_of(before)[-1] == ("passed" if answered else "pending", "canceled", "voided")
    assert answer("cs_1", "otp", code).outcome == Answer.WRONG
    assert changed.state == "pending"
    assert not services.passed("cs_1", "otp", "cart A")
    assert world.ask(binding="cart A").state == "pending"


@pytest.mark.requirement("ACP-159")
def test_a_code_of_one_session_is_wrong_in_another(world: World) -> None:
    """T17."""
    code = world.code("cs_1")
    world.rules(sends_per_destination_hour=9)
    other = world.code("cs_2")
    assert code != other

    assert answer("cs_2", "otp", code).outcome == Answer.WRONG


@pytest.mark.parametrize("meanwhile", ["redrawn", "resent", "voided", "late", "closed"])
def test_a_right_code_passes_nothing_that_changed_while_it_was_compared(
    world: World, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    """T16, T17: the move that passes depends on challenge, code and deadline, not on what was read."""
    compare = otp.compare
    with time_machine.travel(timezone.now(), tick=False) as clock:
        code = world.code()
        clock.shift(timedelta(seconds=60))

        def slowly(compared: Intervention, said: str) -> bool:
            right = compare(compared, said)
            match meanwhile:
                case "redrawn":
                    effects.send_code({"intervention": compared.pk, "challenge": 1})
                case "resent":
                    world.again()
                case "voided":
                    world.ask(binding="cart B")
                case "late":
                    clock.shift(timedelta(seconds=240))
                case "closed":
                    with transaction.atomic():
                        services.close_all("cs_1", actor="key:demo")
            return right

        monkeypatch.setattr(otp, "compare", slowly)

        assert answer("cs_1", "otp", code).outcome == Answer.WRONG

    assert not Intervention.objects.filter(state="passed").exists()


def test_without_a_destination_nothing_is_sent_until_there_is_one(world: World) -> None:
    """Decision 19."""
    waiting = world.ask(address="")

    assert (waiting.state, waiting.hint, waiting.expires_at, waiting.limited) == ("pending", "", None, False)
    assert world.queued == []
    assert answer("cs_1", "otp", "123456").outcome == Answer.EXPIRED

    world.ask(binding="cart and contact")
    assert len(world.deliver()) == 1


@pytest.mark.requirement("ACP-148")
def test_closing_leaves_what_was_passed_and_ends_what_is_open(world: World) -> None:
    """ACP-148."""
    answer("cs_1", "otp", world.code("cs_1"))
    code = world.code("cs_2")

    with transaction.atomic():
        closed = [services.close_all(subject, actor="key:demo") for subject in ("cs_1", "cs_2", "cs_2")]

    assert closed == [0, 1, 0]
    assert services.passed("cs_1", "otp", "cart A")
    assert (row("cs_2").state, row("cs_2").ended_by) == ("canceled", "key:demo")
    assert answer("cs_2", "otp", code).outcome == Answer.NONE


def test_asking_belongs_to_a_transaction_and_answering_does_not(world: World) -> None:
    """Reliability-security 4.2: a rolled back attempt would be a free one."""
    code = world.code()

    with transaction.atomic(), pytest.raises(RuntimeError):
        answer("cs_1", "otp", code)
    for verb in (services.close_all, services.resend):
        with pytest.raises(RuntimeError):
            verb("cs_1", actor="key:demo")
    with pytest.raises(RuntimeError):
        services.ensure("cs_1", "otp", binding="b", amount=1, currency="usd", destination="a@b.example")


def test_a_rolled_back_request_asks_nobody(world: World) -> None:
    with transaction.atomic():
        services.ensure("cs_9", "otp", binding="b", amount=1, currency="usd", destination="a@b.example")
        transaction.set_rollback(True)

    assert not Intervention.objects.filter(subject="cs_9").exists()

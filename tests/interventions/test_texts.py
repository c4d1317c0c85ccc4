"""Codes by text message: how numbers are read, what the text says, and that the caps are the same."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from interventions import effects, masking
from interventions.channels import sms
from interventions.channels.by_name import NoChannel
from interventions.outcomes import Answer
from interventions.phones import e164
from interventions.ports import Contact
from interventions.providers import otp
from interventions.services import answer
from tests.interventions.conftest import World, other_than, row

PHONE = "+436641234567"


@pytest.mark.parametrize(
    "written",
    ["+436641234567", "+43 664 123 45 67", "0043-664-1234567", "+43 (0)664/1234567", "(+43) 664.123.4567"],
)
def test_a_number_has_one_spelling(written: str) -> None:
    assert e164(written) == PHONE


@pytest.mark.parametrize(
    "written",
    [
        "",
        "0664 1234567",
        "6641234567",
        "+0664123456",
        "+43 12",
        "+43 664 1234567 ext 5",
        "+4366412345678901",
        "call me",
        "ada@example.com",
        "+43\u06666\u06666\u06644444444",
        "+" + "1" * 100,
        "++436641234567",
    ],
)
def test_what_cannot_be_dialled_from_anywhere_is_no_number(written: str) -> None:
    """A guess would text a stranger."""
    assert e164(written) == ""


def contact(**changed: str) -> Contact:
    known = {"merchant": "Wiener Becher", "amount_text": "129.99 USD", "requested_by": "Demo agent"}
    return Contact(address="", items_text="1 x Mug", phone=PHONE, **{**known, **changed})


def test_a_text_says_what_the_code_is_good_for() -> None:
    """Decision 40: a one-time code, and nothing grander."""
    text = sms.composed(contact(), "123456")

    assert text == "123456 is your one-time code for 129.99 USD at Wiener Becher, wanted by Demo agent."
    assert sms.composed(contact(locale="de"), "123456").startswith("123456 ist Ihr Einmalcode für 129.99 USD")


@pytest.mark.parametrize("locale", ["en", "de"])
@pytest.mark.parametrize("name", ["x" * 1_000, "[" * 1_000, "ä" * 50, "word " * 40])
def test_a_text_is_one_message_however_long_the_names_are(name: str, locale: str) -> None:
    text = sms.composed(contact(merchant=name, requested_by=name, locale=locale), "123456")

    assert sms.fits(text)
    assert len(text) <= 160
    assert text.startswith("123456 ")


def test_names_in_other_alphabets_are_cut_as_far_as_they_make_sense() -> None:
    text = sms.composed(contact(merchant="世" * 100, requested_by="世" * 100), "123456")

    assert "世" * 12 in text
    assert "世" * 13 not in text


@pytest.mark.parametrize(
    "name", ["evil.example/login", "https://evil.example", "shop1.com", "a@evil.example", "evil。example"]
)
def test_a_name_is_no_link_and_no_second_line(name: str) -> None:
    text = sms.composed(contact(requested_by=f"{name}\n@shop.example #999999\u2028"), "123456")

    assert len(text.splitlines()) == 1
    body = text.replace("129.99", "").removesuffix(".")
    assert not set(".:/@\u3002") & set(body)


# --- with a database -------------------------------------------------------------------------

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.requirement("ACP-147", "ACP-152")
def test_a_code_goes_by_text_and_passes(world: World) -> None:
    snapshot = world.ask(address="", phone=PHONE, channel="sms")
    (code,) = world.deliver()

    ((number, _, name),) = world.texts
    assert (number, snapshot.hint) == (PHONE, masking.hint(PHONE)) == (PHONE, "***67")
    assert name.startswith(f"{row().pk}-1-")
    assert mail.outbox == []
    assert answer("cs_1", "otp", code).outcome == Answer.RIGHT


def test_spellings_of_a_number_are_counted_together(world: World) -> None:
    """T12, T14."""
    assert len({otp.digest_of(text) for text in (PHONE, "0043 664 1234567", "+43 (0)664 1234567")}) == 1
    assert otp.digest_of(PHONE) != otp.digest_of("+436641234568")


@pytest.mark.requirement("T12", "T14")
@pytest.mark.parametrize(
    ("number", "spelling"),
    [
        ("+43 664 1234567", "+43 0664 1234567"),
        ("+49 170 1234567", "0049 00170 1234567"),
        ("+353 85 1234567", "+353 085 1234567"),
        ("+1 415 555 0123", "+1 1 415 555 0123"),
        ("+52 55 1234 5678", "+52 1 55 1234 5678"),
        ("+54 11 1234 5678", "+54 9 11 1234 5678"),
    ],
)
def test_a_prefix_that_carriers_forgive_is_no_other_phone(number: str, spelling: str) -> None:
    """Every spelling would have its own five messages an hour, and its own twenty guesses."""
    assert otp.digest_of(spelling) == otp.digest_of(number)
    assert otp.digest_of(number[:-1] + "9") != otp.digest_of(number)


def test_the_code_goes_to_the_number_as_it_was_given(world: World) -> None:
    """Italian numbers begin with their zero."""
    world.ask(address="", phone="+39 06 1234 5678", channel="sms")
    world.deliver()

    assert [number for number, *_ in world.texts] == ["+39 06 1234 5678"]


@pytest.mark.requirement("T12")
def test_another_channel_voids_the_code_before_and_starts_no_counter_anew(world: World) -> None:
    """T14: one Intervention, its attempts and its sends."""
    with time_machine.travel(timezone.now(), tick=False) as clock:
        mailed = world.code(phone=PHONE)
        assert answer("cs_1", "otp", other_than(mailed)).attempts_left == 4
        soon = world.again(channel="sms", destination=PHONE)
        clock.shift(timedelta(seconds=30))

        sent = world.again(channel="sms", destination=PHONE)

        assert (soon.limited, sent.limited) == (True, False)
        assert (soon.hint, sent.hint) == (masking.hint("ada@example.com"), "***67")
        (texted,) = world.deliver()
        assert (row().sends, row().attempts, row().channel) == (2, 1, "sms")
        late = answer("cs_1", "otp", mailed if mailed != texted else other_than(texted))
        assert (late.outcome, late.attempts_left) == (Answer.WRONG, 3)
        assert answer("cs_1", "otp", texted).outcome == Answer.RIGHT


@pytest.mark.requirement("T12")
def test_channels_share_the_sends_of_a_challenge(world: World) -> None:
    """Three in all, however they are spread."""
    with time_machine.travel(timezone.now(), tick=False) as clock:
        world.code(phone=PHONE)
        sent = []
        for channel, destination in (("sms", PHONE), ("email", "ada@example.com"), ("sms", PHONE)):
            clock.shift(timedelta(seconds=120))
            sent.append(not world.again(channel=channel, destination=destination).limited)
            world.deliver()

    assert sent == [True, True, False]
    assert (len(mail.outbox), len(world.texts)) == (2, 1)


@pytest.mark.requirement("T12")
def test_a_number_is_not_bombed_from_many_sessions(world: World) -> None:
    """Five an hour, over subjects and owners, in any spelling."""
    world.rules(destination_gaps_seconds=())
    limited = []
    for number in range(7):
        spelling = (PHONE, "0043 664 1234567")[number % 2]
        limited.append(
            world.ask(f"cs_{number}", owner=f"key:{number}", phone=spelling, channel="sms").limited
        )

    assert limited == [False] * 5 + [True] * 2


@pytest.mark.requirement("T12")
def test_texts_count_against_the_quota_of_an_owner(world: World) -> None:
    world.rules(sends_per_owner_day=1)
    world.ask("cs_1")

    assert world.ask("cs_2", phone=PHONE, channel="sms").limited


def test_a_text_that_was_not_sent_is_tried_again_with_another_code(world: World) -> None:
    """Decision 38: at least once, and only the last code counts."""
    world.ask(phone=PHONE, channel="sms")
    ((kind, payload),) = world.queued
    for _ in range(2):
        effects.EFFECTS[kind](payload)

    (_, first, one), (_, second, two) = world.texts
    assert one != two
    earlier, later = first.partition(" ")[0], second.partition(" ")[0]
    assert earlier == later or answer("cs_1", "otp", earlier).outcome == Answer.WRONG
    assert answer("cs_1", "otp", later).outcome == Answer.RIGHT


def test_nobody_is_texted_at_a_number_that_changed(world: World) -> None:
    """T17."""
    world.ask(phone=PHONE, channel="sms")
    world.knows("cs_1", "ada@example.com", "+436649999999")

    assert world.deliver() == []


def test_a_channel_that_was_switched_off_is_told_to_the_operator(world: World) -> None:
    """The effect fails, is tried again, and is seen; no code goes another way."""
    world.ask(phone=PHONE, channel="sms")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("interventions.channels.by_name.ports", lambda: Unplugged)
        with pytest.raises(NoChannel):
            world.deliver()

    assert (mail.outbox, world.texts) == ([], [])


class Unplugged:
    texts = None

"""The person asks the agent before they decide (AA-100, AA-101, AA-110 to AA-114)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from interventions import clarifications
from interventions.models import Clarification
from tests.aauth.agents import SignedAgent
from tests.aauth.persons import (
    Arriving,
    body,
    has_form,
    parked,
    polled,
    shopping,
)
from tests.people import heading
from tests.person.test_every_page import locked_down

QUESTION = "Why this one, and not the cheaper?"


def asking(agent: SignedAgent) -> Arriving:
    """A person who has arrived, and wants to know more first."""
    person = Arriving(parked(agent))
    assert person.go_on(answer="ask").headers["Location"] == f"{person.path}/ask"
    return person


def ask(person: Arriving, question: str = QUESTION) -> Any:
    return person.press(person.open(f"{person.path}/ask"), "ask", question=question)


@pytest.mark.requirement("AA-100", "AA-102", "AA-112")
def test_the_agent_is_asked_and_its_answer_shown_as_its_own(signing: SignedAgent) -> None:
    person = asking(signing)

    sent = ask(person)
    waits = person.open(sent.headers["Location"])
    told = polled(signing, person.pending)
    clarifications.answer(person.pending.subject, "<b>It lasts</b>\u202e, says Demo Shop")
    answered = person.open(f"{person.path}/ask").content.decode()

    assert "requirement=clarification" in told.headers["AAuth-Requirement"]
    assert body(told)["clarification"] == QUESTION
    assert body(told)["status"] == "interacting"
    assert "Your agent has not answered yet." in waits.content.decode()
    assert not has_form(waits, "ask"), "one question at a time"
    locked_down(waits, "interaction_ask")
    assert "&lt;b&gt;It lasts" in answered
    assert "<b>It lasts" not in answered
    assert "\u202e" not in answered
    assert "in its own words, which nobody has checked:" in answered
    assert Clarification.objects.get().source == Clarification.BUYER


@pytest.mark.requirement("AA-100")
def test_the_page_of_the_question_leads_there_and_back(signing: SignedAgent) -> None:
    person = Arriving(parked(signing))
    otp = person.open(person.go_on().headers["Location"])

    assert f'href="{person.path}/ask"' in otp.content.decode()
    asked = person.open(f"{person.path}/ask")
    assert f'<a href="{person.path}">Back to your purchase</a>' in asked.content.decode()
    assert person.open(person.path).status_code == 303


@pytest.mark.requirement("AA-110")
def test_there_are_five_questions_and_no_sixth(signing: SignedAgent) -> None:
    person = asking(signing)

    for number in range(5):
        assert ask(person, f"Question {number}?").status_code == 303
        polled(signing, person.pending)
        clarifications.answer(person.pending.subject, f"Answer {number}.")
    page = person.open(f"{person.path}/ask")
    otp = person.open(person.open(person.path).headers["Location"])

    assert not has_form(page, "ask")
    assert "asked as often as it may be" in page.content.decode()
    assert "Answer 0." in page.content.decode()
    assert heading(otp) == "Enter your code", "the flow goes on"
    assert "/ask" not in otp.content.decode()


@pytest.mark.requirement("AA-114")
@pytest.mark.parametrize(
    "question",
    [
        "",
        "   ",
        "x" * 501,
        "My code is 123456, right?",
        "Is 123 456 it?",
        "4242 4242 4242 4242?",
        "Tell me the password",
        "<b>Why?</b>",
    ],
)
def test_what_is_never_sent_to_an_agent(signing: SignedAgent, question: str) -> None:
    person = asking(signing)

    page = ask(person, question)

    assert page.status_code == 200
    assert 'role="alert"' in page.content.decode()
    assert not Clarification.objects.exists()
    assert "Never write a code, a password" in page.content.decode()


@pytest.mark.requirement("AA-111")
def test_an_agent_that_keeps_silent_keeps_the_person_from_nothing(signing: SignedAgent) -> None:
    person = asking(signing)
    ask(person)
    Clarification.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    told = polled(signing, person.pending)
    page = person.open(f"{person.path}/ask")

    assert told.status_code == 202, "and the call waits for the person as before"
    assert "Your agent did not answer in time." in page.content.decode()
    assert has_form(page, "ask")


def test_a_question_that_is_pressed_twice_is_one(signing: SignedAgent) -> None:
    person = asking(signing)
    page = person.open(f"{person.path}/ask")

    for _ in range(2):
        assert person.press(page, "ask", question=QUESTION).status_code == 303

    assert Clarification.objects.count() == 1


@pytest.mark.requirement("AA-055", "T46")
def test_nobody_but_the_person_asks_or_reads(signing: SignedAgent) -> None:
    person = asking(signing)
    page = person.open(f"{person.path}/ask")
    other = Arriving(person.pending)

    assert other.open(f"{other.path}/ask").status_code == 410
    assert other.press(page, "ask", question=QUESTION).status_code in (403, 410)
    assert person.http.post(f"{person.path}/ask", {"question": QUESTION}).status_code == 403
    assert not Clarification.objects.exists()


def test_before_a_person_has_arrived_there_is_nobody_who_asks(signing: SignedAgent) -> None:
    person = Arriving(parked(signing))

    assert person.open(f"{person.path}/ask").headers["Location"] == person.path


def test_a_shop_may_not_want_it(counter: None) -> None:
    with shopping(AAUTH_BUYERS_ASK=False) as agent:
        person = Arriving(parked(agent))
        page = person.come()
        otp = person.open(person.press(page, "continue").headers["Location"])

        assert not has_form(page, "ask")
        assert "/ask" not in otp.content.decode()

"""What a person decides is what they saw, and every end says what happened (T40, pages)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from checkout import services
from checkout.models import CheckoutSession
from gateway.person import ends
from gateway.person.ends import End
from interventions.models import Intervention
from tests.agents import PlayedAgent
from tests.people import Person, form, heading
from tests.person.conftest import code_in_mail

CHANGED = "The purchase has changed"
ENDS = [(name, end) for name, end in vars(ends).items() if isinstance(end, End)]


@pytest.mark.requirement("T40")
@pytest.mark.parametrize("answer", ["code", "stop", "again"])
def test_a_purchase_that_changed_is_shown_before_anything_is_decided(
    agent: PlayedAgent, person: Person, sneakers: dict[str, Any], answer: str
) -> None:
    """The agent doubles the cart while the person looks; the right code of the new mail does not help."""
    page = person.open(sneakers["continue_url"])
    changed = agent.update(sneakers, {"line_items": [{"id": "item_sneakers", "quantity": 2}]})
    code = code_in_mail()

    again = person.press(page, answer, code=code)

    html = again.content.decode()
    assert (again.status_code, heading(again)) == (409, "Enter your code")
    assert CHANGED in html
    assert "264.90 USD" not in page.content.decode()
    assert "Nothing was confirmed and nothing was charged." in html
    fresh = Intervention.objects.get(state="pending")
    assert (fresh.attempts, fresh.sends, fresh.browser_digest) == (0, 1, "")
    assert agent.retrieve(sneakers)["status"] == "authentication_required"
    assert changed["continue_url"].endswith(form(again, "code")[0])
    done = person.press(again, "code", code=code)
    assert heading(done) == "You have confirmed the purchase"


@pytest.mark.requirement("T40")
def test_a_code_that_now_goes_elsewhere_is_asked_for_anew(
    agent: PlayedAgent, person: Person, sneakers: dict[str, Any]
) -> None:
    """The same goods for the same total, and another mailbox."""
    page = person.open(sneakers["continue_url"])
    agent.update(sneakers, {"buyer": {"email": "grace@example.org"}})

    again = person.press(page, "code", code=code_in_mail())

    assert again.status_code == 409
    assert CHANGED in again.content.decode()
    assert "g***@example.org" in again.content.decode()
    assert Intervention.objects.get(state="pending").attempts == 0


@pytest.mark.requirement("T40")
def test_the_same_intervention_with_other_words_is_shown_again_too(
    person: Person, sneakers: dict[str, Any]
) -> None:
    """Whatever is shown above the question counts, not only what an intervention is bound to."""
    code = code_in_mail()
    page = person.open(sneakers["continue_url"])
    session = CheckoutSession.objects.get()
    session.quote["lines"][0]["title"] = "Something else"
    session.save()

    again = person.press(page, "code", code=code)

    assert again.status_code == 409
    assert CHANGED in again.content.decode()
    assert "Something else" in again.content.decode()
    assert Intervention.objects.get().state == "pending"
    assert heading(person.press(again, "code", code=code)) == "You have confirmed the purchase"


@pytest.mark.requirement("T40")
@pytest.mark.parametrize("seen", ["", "0" * 32, "é"])
def test_a_form_that_shows_nothing_decides_nothing(
    person: Person, sneakers: dict[str, Any], seen: str
) -> None:
    code = code_in_mail()

    refused = person.press(person.open(sneakers["continue_url"]), "code", code=code, seen=seen)

    assert refused.status_code == 409
    assert Intervention.objects.get().state == "pending"


def test_an_earlier_link_leads_to_the_purchase_as_it_is(
    agent: PlayedAgent, person: Person, sneakers: dict[str, Any]
) -> None:
    agent.update(sneakers, {"line_items": [{"id": "item_sneakers", "quantity": 2}]})

    page = person.open(sneakers["continue_url"])

    assert page.status_code == 200
    assert CHANGED in page.content.decode()


def test_what_an_operator_ended_is_not_found_by_an_earlier_link(
    agent: PlayedAgent, person: Person, sneakers: dict[str, Any]
) -> None:
    services.end_challenge(sneakers["id"], actor="operator")
    agent.update(sneakers, {"line_items": [{"id": "item_sneakers", "quantity": 2}]})

    page = person.open(sneakers["continue_url"])

    assert (page.status_code, heading(page)) == (410, "There is nothing to confirm any more")


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ("cancel", "There is nothing to confirm any more"),
        ("unasked", "There is nothing to confirm any more"),
        ("time", "This page is out of time"),
        ("agent", "This purchase is confirmed already"),
        ("paid", "This purchase is confirmed already"),
    ],
)
def test_an_end_that_comes_while_the_person_looks_is_what_they_read(
    agent: PlayedAgent, person: Person, sneakers: dict[str, Any], end: str, said: str
) -> None:
    code = code_in_mail()
    page = person.open(sneakers["continue_url"])
    match end:
        case "cancel":
            agent.cancel(sneakers)
        case "unasked":
            agent.update(sneakers, {"line_items": [{"id": "item_mug"}]})
        case "agent" | "paid":
            agent.update(sneakers, {"intervention_response": {"type": "otp", "code": code}})
            if end == "paid":
                assert agent.complete(sneakers).json()["status"] == "completed"
    with time_machine.travel(timezone.now() + timedelta(seconds=901 if end == "time" else 0), tick=True):
        answer = person.press(page, "code", code=code)
        stopped = person.press(page, "stop")

    assert heading(answer) == heading(stopped) == said
    assert "agent" in answer.content.decode()


@pytest.mark.parametrize(("name", "end"), ENDS)
def test_every_end_says_what_happened_to_the_money_and_what_to_do_now(name: str, end: End) -> None:
    told = " ".join(end.told)

    assert "charged" in told
    assert end.again or "agent" in told
    assert end.last != (end.again or name in ("UNKNOWN", "ELSEWHERE", "TOO_MANY_MISSES", "BROKEN"))

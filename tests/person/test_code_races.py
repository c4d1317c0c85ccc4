"""The page and the agent at the same moment: whoever is first decides, and the caps hold (T13, T16)."""

from __future__ import annotations

from typing import Any

import pytest

from gateway import delivery
from interventions.models import Intervention, InterventionMove
from tests.agents import PlayedAgent
from tests.crowd import at_once
from tests.people import Person, heading
from tests.person.conftest import code_in_mail, wrong

pytestmark = pytest.mark.services


@pytest.mark.requirement("T16")
def test_a_form_that_is_pressed_often_at_once_costs_one_attempt(
    person: Person, sneakers: dict[str, Any]
) -> None:
    code = code_in_mail()
    page = person.press(person.open(sneakers["continue_url"]), "code", code="")

    answers = at_once(8, lambda _: person.press(page, "code", code=wrong(code)))

    assert {answer.status_code for answer in answers} == {200}
    assert Intervention.objects.get().attempts == 1


@pytest.mark.requirement("T13", "T16")
def test_page_and_agent_together_have_five_attempts(
    agent: PlayedAgent, person: Person, sneakers: dict[str, Any]
) -> None:
    code = code_in_mail()
    page = person.press(person.open(sneakers["continue_url"]), "code", code="")

    def told(by: int) -> Any:
        answer = {"intervention_response": {"type": "otp", "code": wrong(code, by)}}
        return agent.post(f"/checkout_sessions/{sneakers['id']}", answer)

    def entered(by: int) -> Any:
        return person.press(page, "code", code=wrong(code, by))

    at_once(12, lambda by: told(by + 1) if by % 2 else entered(by + 1))

    row = Intervention.objects.get()
    assert (row.state, row.attempts) == ("failed", 5)
    assert heading(person.press(page, "code", code=code)) == "Too many attempts"
    assert "intervention_context" not in agent.retrieve(sneakers)


@pytest.mark.requirement("ACP-156")
@pytest.mark.parametrize("entered", [False, True])
def test_the_right_code_counts_once_whoever_brings_it(
    agent: PlayedAgent, person: Person, sneakers: dict[str, Any], entered: bool
) -> None:
    code = code_in_mail()
    page = person.open(sneakers["continue_url"])
    if entered:
        page = person.press(page, "code", code="")
    answer = {"intervention_response": {"type": "otp", "code": code}}

    def bring(number: int) -> Any:
        if number:
            return agent.post(f"/checkout_sessions/{sneakers['id']}", answer)
        return person.press(page, "code", code=code)

    shown, told = at_once(2, bring)
    delivery.deliver_due()

    assert told.status_code in (200, 400)
    assert heading(shown) in ("You have confirmed the purchase", "This purchase is confirmed already")
    row = Intervention.objects.get()
    assert row.state == "passed"
    assert row.attempts <= 1, "who came second has paid, and need not know"
    assert InterventionMove.objects.filter(to_state="passed").count() == 1
    assert agent.retrieve(sneakers)["status"] == "ready_for_payment"
    assert heading(person.open(sneakers["continue_url"])) == "This purchase is confirmed already"

"""Two persons at the same moment: an agent becomes one person's (AA-213), and a grant is decided once."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from gateway import bindings
from gateway.person_models import AgentBinding, Grant
from tests.aauth.person_server.consents import Account, Asker, problem
from tests.crowd import at_once
from tests.people import form

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]

PEOPLE = 6


def crowd(asker: Asker) -> list[Any]:
    """So many people were sent the requests of one new agent, and all allow at once."""
    people = [Account(asker.ask(request_id=str(number)), f"person{number}") for number in range(PEOPLE)]
    forms = [form(person.consent_page(), "allow") for person in people]

    def allow(number: int) -> Any:
        path, fields = forms[number]
        return people[number].send(path, {**fields, "answer": "allow"})

    return at_once(PEOPLE, allow)


@pytest.mark.requirement("AA-213")
def test_of_many_who_allow_a_new_agent_at_once_one_has_it(asker: Asker) -> None:
    answers = crowd(asker)

    assert sorted(answer.status_code for answer in answers) == [303, *[403] * (PEOPLE - 1)]
    theirs = AgentBinding.objects.get().person
    assert list(Grant.objects.filter(state="granted").values_list("person", flat=True)) == [theirs]
    assert Grant.objects.filter(state="denied", person="").count() == PEOPLE - 1


@pytest.mark.requirement("AA-213")
def test_without_the_constraint_several_would_have_it(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: the same crowd, and an agent that is nobody's by looking first."""
    gate = threading.Barrier(PEOPLE)

    def looked_at(owner: str, person: str) -> None:
        bound = bindings.of(owner)
        gate.wait(60)
        if bound is not None and bound.person != person:
            raise bindings.BoundElsewhere

    monkeypatch.setattr(bindings, "bind", looked_at)

    answers = crowd(asker)

    assert [answer.status_code for answer in answers] == [303] * PEOPLE
    assert len(set(Grant.objects.filter(state="granted").values_list("person", flat=True))) == PEOPLE


def test_a_yes_a_no_and_a_withdrawal_at_once_are_one(asker: Asker) -> None:
    pending = asker.ask()
    ada = Account(pending, "ada")
    page = ada.consent_page()
    path, allows = form(page, "allow")
    verbs = [
        lambda: ada.send(path, {**allows, "answer": "allow"}),
        lambda: ada.send(path, {**allows, "answer": "stop"}),
        lambda: asker.withdraw(pending),
    ]

    at_once(len(verbs), lambda number: verbs[number]())

    state = Grant.objects.get().state
    answer = asker.poll(pending)
    told = (200, "") if answer.status_code == 200 else problem(answer)
    assert (state, told) in (
        ("granted", (200, "")),
        ("granted", (410, "gone")),  # it was withdrawn when it had been allowed
        ("denied", (403, "denied")),
        ("denied", (410, "gone")),
        ("ended", (410, "gone")),
    )
    assert AgentBinding.objects.exists() is (state == "granted")


def test_the_same_request_at_once_is_one_call(asker: Asker) -> None:
    calls = at_once(PEOPLE, lambda number: asker.ask().pk)

    assert len(set(calls)) == 1
    assert Grant.objects.count() == 1

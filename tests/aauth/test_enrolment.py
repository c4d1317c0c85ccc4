"""The first contact of an agent, also when it comes many times at once."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import IntegrityError, connections

from gateway.aauth import enrolment
from gateway.models import Agent

ISSUER = "https://agents.example"


def crowd(works: list[Callable[[], Agent]]) -> list[str]:
    """All at once; whom each found, or what stopped it."""
    start, found = threading.Barrier(len(works)), []

    def run(work: Callable[[], Agent]) -> None:
        try:
            start.wait()
            try:
                found.append(work().pk)
            except IntegrityError as problem:
                found.append(type(problem).__name__)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.mark.services
def test_a_crowd_of_first_contacts_enrols_one_agent(transactional_db: None) -> None:
    found = crowd([lambda: enrolment.agent_of(ISSUER, "aauth:shopper@agents.example")] * 10)

    assert len(found) == 10
    assert set(found) == {Agent.objects.get(issuer=ISSUER).pk}


@pytest.mark.services
def test_agents_that_could_have_one_name_are_told_apart(transactional_db: None) -> None:
    """Their names read the same once they are cut."""
    long = "aauth:" + "a" * 95
    found = crowd(
        [
            (lambda n=number: enrolment.agent_of(ISSUER, f"{long}{n}@agents.example"))  # type: ignore[misc]
            for number in range(8)
        ]
    )

    assert len(set(found)) == 8
    assert len(set(Agent.objects.values_list("name", flat=True))) == 8


@pytest.mark.services
def test_looking_first_and_creating_then_would_fail(transactional_db: None) -> None:
    """Negative control."""
    looked = threading.Barrier(6)

    def naive() -> Agent:
        there = Agent.objects.filter(issuer=ISSUER, identity="x").first()
        looked.wait()
        return there or Agent.objects.create(name="x", issuer=ISSUER, identity="x")

    assert sorted(crowd([naive] * 6)).count("IntegrityError") == 5

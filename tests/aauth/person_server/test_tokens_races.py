"""An agent that comes for its token several times at once gets one, and its person has one name (AA-217)."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import IntegrityError

from gateway.aauth.person_server import issuing
from gateway.person_models import DirectedSubject, Grant, IssuedToken
from tests.aauth.person_server.desk import Desk
from tests.crowd import at_once

pytestmark = [pytest.mark.services, pytest.mark.requirement("AA-217")]

AT_ONCE = 8


def crowd(grant: Grant) -> list[Any]:
    return at_once(AT_ONCE, lambda _: outcome(grant))


def outcome(grant: Grant) -> Any:
    try:
        return issuing.body_of(grant)["person_token"]
    except IntegrityError as lost:
        return type(lost)


def test_of_many_who_come_for_a_token_all_get_the_same(desk: Desk) -> None:
    came = crowd(desk.granted())

    assert len(set(came)) == 1
    assert came[0].count(".") == 2
    assert IssuedToken.objects.count() == DirectedSubject.objects.count() == 1


def test_without_the_second_look_most_would_get_an_error(desk: Desk, monkeypatch: Any) -> None:
    """The negative control: the same crowd, and a record that is made after looking alone."""
    gate = threading.Barrier(AT_ONCE)

    def made(pk: str, defaults: Any) -> Any:
        gate.wait(60)
        return IssuedToken.objects.create(pk=pk, **defaults), True

    monkeypatch.setattr(IssuedToken.objects, "get_or_create", made)
    monkeypatch.setattr(issuing, "_held", lambda grant: grant)  # which would let one in at a time

    assert crowd(desk.granted()).count(IntegrityError) == AT_ONCE - 1

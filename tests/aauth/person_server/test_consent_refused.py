"""Whoever said no is left alone for a while: nobody agrees because they are tired of being asked (AA-218)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from gateway import earlier_grants, grants
from gateway.aauth.problems import Problem
from gateway.person_models import Grant
from gateway.reach_checks import settings as check
from tests.aauth.person_server.consents import Account, Asker, bound, serving

pytestmark = pytest.mark.django_db


def refused(asker: Asker) -> None:
    Account(asker.ask(request_id="first"), "ada").decides("stop")


@pytest.mark.requirement("AA-218")
def test_what_was_refused_is_not_asked_again_at_once(asker: Asker) -> None:
    refused(asker)

    with pytest.raises(Problem) as told:
        asker.ask(request_id="second")

    assert (told.value.status, told.value.code) == (429, "slow_down")
    assert 290 < int(told.value.headers["Retry-After"]) <= 300
    assert Grant.objects.count() == 1
    with time_machine.travel(timezone.now() + timedelta(seconds=301), tick=False):
        asker.signer.token = ""
        assert asker.ask(request_id="second").state == "pending"


@pytest.mark.requirement("AA-218")
@pytest.mark.parametrize(
    "other", [{"scope": "less"}, {"audience": "https://other.example"}, {"account": "another"}]
)
def test_something_else_may_be_asked(asker: Asker, other: dict[str, str]) -> None:
    refused(asker)

    assert asker.ask(request_id="second", **other).state == "pending"


@pytest.mark.requirement("AA-218")
def test_another_agent_may_ask_for_itself(asker: Asker) -> None:
    refused(asker)

    assert earlier_grants.rest_seconds(asker.wanted()) > 0
    assert earlier_grants.rest_seconds(replace(asker.wanted(), owner="aauth:https://ap.example|other")) == 0


@pytest.mark.requirement("AA-218")
def test_only_a_persons_or_an_operators_no_counts(asker: Asker) -> None:
    bound(asker, "ada")
    asker.ask(request_id="first")
    row = Grant.objects.get()
    grants.end(row.pk, actor=asker.owner)
    Grant.objects.update(state="denied", decided_at=timezone.now())  # by a rule, before anybody was asked
    assert asker.ask(request_id="second").state == "pending"

    grants.refuse(Grant.objects.get(state="asked").pk, actor="staff:1", note="not here")
    with pytest.raises(Problem):
        asker.ask(request_id="third")


def test_it_can_be_switched_off() -> None:
    with serving(AAUTH_REFUSED_SECONDS=0) as asker:
        refused(asker)

        assert asker.ask(request_id="second").state == "pending"


@pytest.mark.parametrize("seconds", [-1, 100_000, "5", None])
def test_its_setting_is_checked(seconds: object) -> None:
    with serving(AAUTH_REFUSED_SECONDS=seconds):
        assert [problem.id for problem in check(None)] == ["agentic.E276"]

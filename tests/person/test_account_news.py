"""What the banner of an open page hears, and that whoever has it open can be reached there (AA-210)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from gateway import windows
from gateway.person import account_waiting
from gateway.person.account_waiting import PRESENCE
from gateway.person_models import Summons
from interventions import reaching
from interventions.reach_models import ReachChannel
from tests.person.accounts import HOME, NEWS, Shopper, address, granted, summoned

WRITES = ("INSERT", "UPDATE", "DELETE")


@pytest.fixture(autouse=True)
def _server(settings: Any, transactional_db: None) -> None:
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "AAUTH": True, "AAUTH_PERSON_SERVER": True}


@pytest.fixture
def alex() -> Shopper:
    return Shopper()


@pytest.mark.requirement("AA-210")
def test_an_open_page_is_a_way_to_its_person_until_it_is_closed(alex: Shopper) -> None:
    before = reaching.ready(alex.id)
    answer = alex.poll()

    (way,) = reaching.ready(alex.id)
    cookie = answer.cookies[PRESENCE]
    assert before == []
    assert answer.json()["waiting"] == 0
    assert answer.headers["Cache-Control"] == "no-store"
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    assert len(cookie.value) >= 43
    assert cookie.value not in str(vars(way))
    with time_machine.travel(timezone.now() + timedelta(seconds=31), tick=False):
        assert reaching.ready(alex.id) == []


def test_it_says_how_much_waits_and_leads_there(alex: Shopper) -> None:
    nothing = alex.poll().json()
    row = summoned(alex)
    one = alex.poll(nothing["version"]).json()
    same = alex.poll(one["version"]).json()
    granted(alex, state="asked")
    two = alex.poll(one["version"]).json()

    assert (nothing["waiting"], nothing["url"]) == (0, HOME)
    assert (one["waiting"], one["url"]) == (1, address(row))
    assert one["title"] == "Shopper (agents.example) asks you to open a page"
    assert one["told"] == "One request of your agents waits for you."
    assert same == {"version": one["version"], "same": True}
    assert (two["waiting"], two["url"]) == (2, HOME)
    assert two["title"] == "Shopper (agents.example) asks for access"


@pytest.mark.requirement("T46")
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://localhost:8001"},
        None,
    ],
    ids=["foreign", "null", "none", "port", "plain form"],
)
def test_only_our_own_pages_may_ask(alex: Shopper, headers: dict[str, str] | None) -> None:
    if headers is None:
        refused = alex.http.post(NEWS, headers={"Origin": "http://localhost:8000"})
    else:
        refused = alex.poll(**headers)

    assert (refused.status_code, refused.json()) == (403, {"signed_in": False})
    assert PRESENCE not in refused.cookies
    assert not ReachChannel.objects.exists()
    assert alex.http.get(NEWS).status_code == 405


@pytest.mark.requirement("AA-212")
def test_a_visitor_hears_nothing(alex: Shopper) -> None:
    summoned(alex)
    alex.http.logout()

    refused = alex.poll()

    assert (refused.status_code, refused.json()) == (403, {"signed_in": False})
    assert ReachChannel.objects.count() == 1, "that of before"
    assert Client().post(NEWS).status_code == 403


@pytest.mark.requirement("AA-210")
def test_fifty_open_pages_are_cheap(alex: Shopper) -> None:
    """Beside the merchant's session and user: two reads when nothing has changed; a browser is written down
    every ten seconds."""
    Summons.objects.all().delete()
    summoned(alex, max_wait=600)
    known = alex.poll().json()["version"]

    with CaptureQueriesContext(connection) as at_once:
        for _ in range(3):
            assert alex.poll(known).json()["same"]
    with (
        time_machine.travel(timezone.now() + timedelta(seconds=11), tick=False),
        CaptureQueriesContext(connection) as later,
    ):
        alex.poll(known)

    assert len(at_once) == 3 * 4
    assert [query["sql"] for query in at_once if query["sql"].startswith(WRITES)] == []
    assert len([query for query in later if query["sql"].startswith(WRITES)]) == 1
    assert len(later) == 5


def test_nobody_asks_all_the_time(alex: Shopper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_waiting, "NEWS_PER_MINUTE", 2)
    windows.forget()

    told = [alex.poll() for _ in range(3)]

    windows.forget()
    assert [answer.status_code for answer in told] == [200, 200, 429]
    assert 0 < int(told[-1].headers["Retry-After"]) <= 60


def test_what_no_browser_of_ours_keeps_is_not_taken_over(alex: Shopper) -> None:
    alex.http.cookies[PRESENCE] = "short"
    answer = alex.poll()

    assert len(answer.cookies[PRESENCE].value) >= 43

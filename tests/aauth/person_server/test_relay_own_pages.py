"""The address is a page of ours, where the same agent's call waits: one row, two views (AA-206, AA-214)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.http import HttpResponse
from django.utils import timezone

from gateway import summonses
from gateway.aauth import arrivals, codes, moves
from gateway.pending_models import PendingRequest
from gateway.person_models import Summons
from tests.aauth.person_server.relayed import Asker, account, only, present, problem, speaking, theirs
from tests.aauth.waiting.played import NamedAgent


@pytest.fixture
def person(db: None) -> Iterator[str]:
    with speaking():
        found = account()
        present(found)
        yield found


@pytest.fixture
def asker(person: str) -> Asker:
    return theirs(person)


def parked(agent: NamedAgent) -> PendingRequest:
    """A call of the agent that waits for its person."""
    return PendingRequest.objects.create(
        owner=agent.owner,
        subject="cs_1",
        operation="acp.complete",
        method="POST",
        path="/",
        wording="dual",
        expires_at=timezone.now() + timedelta(minutes=10),
    )


def relayed(asker: Asker, row: PendingRequest) -> HttpResponse:
    return asker.ask(url=codes.page_url(row), code=codes.code_of(row))


@pytest.mark.requirement("AA-206", "AA-214")
def test_the_person_is_led_to_the_page_and_the_one_row_says_that_they_came(person: str, asker: Asker) -> None:
    row = parked(asker)
    waiting = relayed(asker, row)
    assert waiting.status_code == 202
    assert (only().pending, only().url, only().code) == (row.pk, "", ""), "nothing is stored twice"

    address = summonses.engage(only().pk, person).address
    assert address.startswith(codes.page_url(row))
    assert asker.poll(waiting).status_code == 202, "opened is not arrived"

    (code,) = parse_qs(urlsplit(address).query)["code"]
    arrivals.DESK.arrive(codes.slug(row), "a browser", code, "")
    assert summonses.open_of(person) == []
    Summons.objects.update(last_polled_at=None)
    ended = asker.poll(waiting)
    assert (ended.status_code, ended.json()["engaged"]) == (200, True)
    row.refresh_from_db()
    assert row.state == "interacting"


@pytest.mark.requirement("AA-206")
def test_where_they_have_come_already_nobody_is_asked_again(person: str, asker: Asker) -> None:
    row = parked(asker)
    moves.move(row, "interacting", code_used_round=0)
    response = relayed(asker, row)
    assert (response.status_code, response.json()) == (200, {"status": "relayed", "engaged": True})
    assert summonses.open_of(person) == []


@pytest.mark.requirement("AA-206")
@pytest.mark.parametrize(("end", "engaged"), [("expired", False), ("canceled", False), ("denied", True)])
def test_the_call_ends_elsewhere_and_so_does_this(person: str, asker: Asker, end: str, engaged: bool) -> None:
    row = parked(asker)
    waiting = relayed(asker, row)
    moves.move(row, end)
    assert summonses.open_of(person) == []
    with pytest.raises(summonses.Ended):
        summonses.engage(only().pk, person)
    Summons.objects.update(last_polled_at=None)
    ended = asker.poll(waiting)
    assert (ended.status_code, ended.json()["engaged"]) == (200, engaged)


@pytest.mark.requirement("AA-206")
def test_who_is_needed_once_more_has_not_come_for_that(person: str, asker: Asker) -> None:
    row = parked(asker)
    moves.move(row, "interacting", code_used_round=0)
    moves.again(row)
    assert relayed(asker, row).status_code == 202
    assert len(summonses.open_of(person)) == 1
    assert codes.bare(codes.code_of(row))[:4] in summonses.engage(only().pk, person).address


@pytest.mark.requirement("AA-206")
def test_a_no_is_a_no_to_the_call(person: str, asker: Asker) -> None:
    row = parked(asker)
    waiting = relayed(asker, row)
    summonses.decline(only().pk, person)
    row.refresh_from_db()
    assert row.state == "denied"
    assert problem(asker.poll(waiting)) == (403, "denied")


@pytest.mark.requirement("AA-206")
def test_what_is_carried_out_cannot_be_stopped(person: str, asker: Asker) -> None:
    row = parked(asker)
    relayed(asker, row)
    PendingRequest.objects.update(lease_until=timezone.now() + timedelta(seconds=30))
    with pytest.raises(summonses.Busy):
        summonses.decline(only().pk, person)
    assert only().state == "waiting"


@pytest.mark.requirement("AA-203")
def test_another_agent_s_call_is_as_unknown_as_none(person: str, asker: Asker) -> None:
    foreign = parked(NamedAgent("stranger"))
    answers = [
        relayed(asker, foreign),
        asker.ask(url=codes.page_url(PendingRequest(owner=asker.owner))),
        asker.ask(url=codes.pages() + "0" * 64),
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {(400, answers[0].content)}
    assert "url" in answers[0].json()["detail"]
    assert not Summons.objects.exists()


def test_other_pages_of_ours_are_addresses_like_any_other(person: str, asker: Asker) -> None:
    assert asker.ask(url="http://localhost:8000/agentic/checkout/7").status_code == 202
    assert only().pending == ""

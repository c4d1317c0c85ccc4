"""Agents that want more than their person's attention (AA-203, AA-218; T03, T27, T51)."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from gateway import bindings, summonses, windows
from gateway.person_models import Summons
from tests.aauth.person_server.relayed import Asker, account, only, present, problem, speaking, theirs


class Fetched(AssertionError):
    """Somebody followed an address."""


def fetched(*args: Any, **options: Any) -> Any:
    raise Fetched


@pytest.fixture
def person(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Somebody whose page is open, where nothing is ever fetched."""
    monkeypatch.setattr(socket.socket, "connect", fetched)
    monkeypatch.setattr(socket, "getaddrinfo", fetched)
    with speaking():
        windows.forget()
        found = account()
        present(found)
        yield found
    windows.forget()


@pytest.fixture
def asker(person: str) -> Asker:
    return theirs(person)


@pytest.mark.requirement("AA-203")
def test_no_address_is_ever_fetched(person: str, asker: Asker) -> None:
    hosts = ["bank.example", "169.254.169.254", "127.0.0.1", "[::1]", "10.0.0.1"]
    for number, host in enumerate(hosts):
        windows.forget()
        waiting = asker.ask(url=f"https://{host}/i/{number}")
        row = Summons.objects.order_by("-created_at").first()
        assert row is not None
        assert waiting.status_code == 202
        summonses.open_of(person)
        summonses.engage(row.pk, person)
        assert asker.poll(waiting).status_code == 200


@pytest.mark.requirement("AA-207")
def test_strangers_reach_nobody(person: str) -> None:
    """The same for an agent of nobody, of somebody else whose page is closed, and of one that was stopped."""
    other = account("bob")
    stopped = theirs(other, "stopped")
    bindings.revoke(stopped.owner, other)
    answers = [agent.ask() for agent in (Asker("stranger"), theirs(other, "absent"), stopped)]
    assert {(answer.status_code, answer.content) for answer in answers} == {(424, answers[0].content)}
    assert summonses.open_of(person) == []
    assert summonses.open_of(other) == []


@pytest.mark.requirement("AA-206")
def test_another_agent_learns_nothing_by_polling(person: str, asker: Asker) -> None:
    waiting = asker.ask()
    stranger = theirs(person, "second")
    nothing = stranger.send("GET", waiting.headers["Location"][:-4] + "0000")
    for method in ("GET", "DELETE"):
        answer = stranger.send(method, waiting.headers["Location"])
        assert (answer.status_code, answer.content) == (404, nothing.content)
    assert only().state == "waiting"
    assert only().last_polled_at is None


def test_somebody_else_s_summons_is_unknown(person: str, asker: Asker) -> None:
    other = account("bob")
    asker.question()
    for whose in (other, ""):
        for act in (summonses.engage, summonses.decline):
            with pytest.raises(summonses.Unknown):
                act(only().pk, whose)
        with pytest.raises(summonses.Unknown):
            summonses.answer(only().pk, whose, "42")
    assert only().state == "waiting"
    assert list(summonses.of_person(other)) == []


@pytest.mark.requirement("AA-218")
def test_an_agent_asks_so_often_a_minute(person: str, asker: Asker) -> None:
    answers = [asker.ask(code=f"ABCD-000{number}") for number in range(8)]
    assert [answer.status_code for answer in answers] == [202] * 6 + [429] * 2
    assert problem(answers[-1]) == (429, "slow_down")
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    assert Summons.objects.count() == 6


@pytest.mark.requirement("AA-218")
def test_a_person_is_asked_so_often_whoever_asks(person: str) -> None:
    """Twice as often as one agent may: none of them alone keeps the others from it."""
    agents = [theirs(person, f"agent-{number}") for number in range(3)]
    answers = [agent.ask(code=f"A{number}").status_code for agent in agents for number in range(5)]
    assert answers == [202] * 12 + [429] * 3
    other = account("bob")
    present(other)
    assert theirs(other, "bob-agent").ask().status_code == 202, "somebody else is still reached"


@pytest.mark.requirement("AA-218")
def test_nobody_is_asked_without_end_by_one_agent(person: str, asker: Asker) -> None:
    for number in range(11):
        windows.forget()
        last = asker.ask(url=f"https://bank.example/i/{number}")
    assert problem(last) == (429, "slow_down")
    assert len(summonses.open_of(person)) == 10


@pytest.mark.requirement("AA-218")
def test_strangers_are_limited_as_well(person: str) -> None:
    stranger = Asker("stranger")
    assert [stranger.ask().status_code for _ in range(8)] == [424] * 6 + [429] * 2


@pytest.mark.requirement("AA-203")
def test_markup_is_kept_as_it_came_and_told_to_nobody(person: str, asker: Asker) -> None:
    """Whoever shows it makes it harmless; no notice and no answer to the agent repeats it."""
    text = "<img src=x onerror=alert(1)> [click](javascript:alert(1)) \u202egnp.exe"
    waiting = asker.ask(description=text)
    assert only().description == text
    assert "onerror" not in waiting.content.decode()

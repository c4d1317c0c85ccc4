"""What an agent asks its person, their server brings to them, and the answer back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gateway.aauth.agent import (
    Agent,
    AgentError,
    BadAnswer,
    GaveUp,
    Habits,
    NoAnswer,
    NotAnswered,
    UserUnreachable,
)
from tests.aauth.stand_ins import Reply, Said, Server, Time, claims_of, identity, problem, serving, waits

ENDPOINT = "/interaction"
ANSWER = Said(200, {"answer": "Yes, the **red** one."})


@pytest.fixture
def person() -> Iterator[Server]:
    with serving() as server:
        document = {"issuer": server.origin, "interaction_endpoint": server.origin + ENDPOINT}
        server.on("GET", "/.well-known/aauth-person.json", Said(200, document))
        server.on("POST", ENDPOINT, asked(server))
        server.on("GET", "/asked/1", asked(server), asked(server, location=""), ANSWER)
        server.on("DELETE", "/asked/1", Said(204, b""))
        yield server


def asked(person: Server, location: str = "/asked/1") -> Said:
    return waits(person, location=location)


def agent_of(person: Server, **given: Any) -> Agent:
    time = Time()
    given.setdefault("on_interaction", lambda url, code: None)
    habits = Habits(loopback_http=True, patience_seconds=60)
    return Agent(
        identity(),
        resource="https://shop.example",
        person_server=person.origin,
        habits=habits,
        clock=time.clock,
        sleep=time.sleep,
        **given,
    )


@pytest.mark.requirement("AA-209", "AA-309")
@pytest.mark.parametrize("at_once", [True, False])
def test_the_answer_comes_at_once_or_later(person: Server, at_once: bool) -> None:
    if at_once:
        person.on("POST", ENDPOINT, ANSWER)

    said = agent_of(person).ask_person("Red or **blue**?", description="For your lamp.")

    assert said == "Yes, the **red** one."
    _, posted, *polls = person.asked
    assert posted.json == {
        "type": "question",
        "question": "Red or **blue**?",
        "description": "For your lamp.",
        "capabilities": ["interaction"],
    }
    assert len(polls) == (0 if at_once else 3)
    for request in (posted, *polls):
        claims_of(request, person)
        assert "aauth-capabilities" not in request.headers


@pytest.mark.requirement("AA-209", "AA-305")
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (problem(403, "user_unreachable"), UserUnreachable),
        (problem(403, "interaction_required"), UserUnreachable),
        (problem(403, "denied"), NotAnswered),
        (problem(408, "expired"), NotAnswered),
        (problem(424, "interaction_unavailable"), NotAnswered),
        (Said(302, {}, {"Location": "https://evil.example/"}), NotAnswered),
        (Said(200, {"status": "declined"}), BadAnswer),
        (Said(200, {"answer": ["yes"]}), BadAnswer),
        (Said(200, b"[" * 100_000), BadAnswer),
        (Said(202, {"status": "pending"}, {"Location": "https://evil.example/"}), BadAnswer),
        (None, NoAnswer),
    ],
    ids=lambda value: None if isinstance(value, type) else (str(value.status) if value else "silence"),
)
def test_whatever_is_no_answer(person: Server, reply: Reply, error: type[AgentError], late: bool) -> None:
    person.on("GET" if late else "POST", "/asked/1" if late else ENDPOINT, reply)

    with pytest.raises(error):
        agent_of(person).ask_person("Red?")


@pytest.mark.requirement("AA-209")
def test_a_person_who_takes_too_long_is_asked_no_more(person: Server) -> None:
    person.on("GET", "/asked/1", asked(person))

    with pytest.raises(GaveUp) as raised:
        agent_of(person).ask_person("Red?")

    assert raised.value.pending == f"{person.origin}/asked/1"
    assert person.lines()[-1] == "DELETE /asked/1"


def test_an_agent_without_a_person_server_asks_nobody() -> None:
    with pytest.raises(NotAnswered):
        Agent(identity(), resource="https://shop.example").ask_person("Red?")


@pytest.mark.requirement("AA-208")
@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"on_interaction": None}, []),
        ({"on_clarification": lambda *_: "yes"}, ["interaction", "clarification"]),
        ({"capabilities": ("clarification",)}, ["clarification"]),
    ],
    ids=["none", "both", "named"],
)
def test_it_is_told_what_the_agent_can_do_itself(
    person: Server, given: dict[str, Callable[..., Any]], told: list[str]
) -> None:
    """An agent that has nobody but that server to bring its person in is not able to do it itself."""
    agent_of(person, **given).ask_person("Red?")

    assert person.asked[1].json["capabilities"] == told

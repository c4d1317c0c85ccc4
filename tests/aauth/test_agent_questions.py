"""The agent is asked something while its call waits: it answers, changes the call, or takes it back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.aauth.agent import Agent, Answer, Changed, Habits, Notice, Withdraw, Withdrawn
from tests.aauth.stand_ins import Said, Server, Time, claims_of, identity, problem, serving, waits

PAGE = "https://shop.example/aauth/i/a1"
INTERACTION = f'requirement=interaction; url="{PAGE}"; code="K7QX-42MB"'
QUESTION = "Why **five** lamps?"
DONE = Said(200, {"id": "cs_1"})
BUY = "/checkout_sessions/cs_1/complete"


@pytest.fixture
def shop() -> Iterator[Server]:
    with serving() as server:
        server.on("POST", BUY, waits(server))
        server.on("GET", "/pending/1", asking(server), DONE)
        server.on("POST", "/pending/1", waits(server))
        server.on("DELETE", "/pending/1", Said(204, b""))
        yield server


def asking(shop: Server, text: Any = QUESTION, *, header: bool = True, **more: Any) -> Said:
    return waits(shop, requires="requirement=clarification" if header else "", clarification=text, **more)


class Played:
    def __init__(
        self, shop: Server, *replies: Any, habits: dict[str, Any] | None = None, **given: Any
    ) -> None:
        self.time = Time()
        self.asked: list[tuple[str, tuple[str, ...], float | None]] = []
        self.prompts: list[tuple[str, str]] = []
        self.notices: list[Notice] = []
        self.replies = list(replies)
        if replies:
            given.setdefault("on_clarification", self.answer)
        self.agent = Agent(
            identity(),
            resource=shop.origin,
            on_interaction=lambda url, code: self.prompts.append((url, code)),
            on_status=self.notices.append,
            habits=Habits(loopback_http=True, **(habits or {})),
            clock=self.time.clock,
            sleep=self.time.sleep,
            **given,
        )

    def answer(self, question: str, options: tuple[str, ...], timeout: float | None) -> Any:
        self.asked.append((question, options, timeout))
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    def buy(self) -> Answer:
        return self.agent.request("POST", BUY, json={"a": 1})

    def told(self) -> list[str]:
        return [notice.what for notice in self.notices]


def posted(shop: Server) -> list[Any]:
    return [asked.json for asked in shop.asked if asked.method == "POST" and asked.path == "/pending/1"]


@pytest.mark.requirement("AA-102", "AA-104", "AA-105", "AA-106", "AA-115")
def test_a_question_is_answered_at_the_pending_address(shop: Server) -> None:
    shop.on("GET", "/pending/1", asking(shop, options=["A gift", "A shop"], timeout=120), DONE)
    played = Played(shop, "A **gift** for five friends.")

    assert played.buy().status == 200
    assert played.asked == [(QUESTION, ("A gift", "A shop"), 120.0)]
    assert posted(shop) == [
        {"action": "clarification_response", "clarification_response": "A **gift** for five friends."}
    ]
    answered = next(asked for asked in shop.asked if asked.method == "POST" and asked.path == "/pending/1")
    claims_of(answered, shop)
    assert played.told() == ["waiting", "asked", "answered"]
    assert played.prompts == []


@pytest.mark.requirement("AA-105")
def test_an_older_server_is_answered_in_its_wording(shop: Server) -> None:
    """Before the header named it, the body alone asked; before -09, an answer named no action."""
    shop.on("GET", "/pending/1", asking(shop, header=False), DONE)
    played = Played(shop, "Because.", habits={"older_answers": True})

    assert played.buy().status == 200
    assert posted(shop) == [{"clarification_response": "Because."}]


@pytest.mark.requirement("AA-102")
def test_the_call_itself_may_be_answered_by_a_question(shop: Server) -> None:
    shop.on("POST", BUY, asking(shop))
    shop.on("GET", "/pending/1", DONE)

    assert Played(shop, "Because.").buy().status == 200
    assert shop.lines() == [f"POST {BUY}", "POST /pending/1", "GET /pending/1"]


@pytest.mark.requirement("AA-103")
def test_after_the_answer_the_person_is_asked(shop: Server) -> None:
    """What the answer is answered counts like a poll; nobody is prompted twice."""
    shop.on("POST", BUY, waits(shop, requires=INTERACTION))
    shop.on("POST", "/pending/1", waits(shop, requires=INTERACTION))
    shop.on("GET", "/pending/1", asking(shop, status="interacting"), waits(shop, requires=INTERACTION), DONE)
    played = Played(shop, "Because.")

    assert played.buy().status == 200
    assert len(played.prompts) == 1


@pytest.mark.requirement("AA-108")
def test_the_answer_may_be_answered_by_the_end(shop: Server) -> None:
    shop.on("POST", "/pending/1", problem(403, "denied"))

    answer = Played(shop, "Because.").buy()

    assert answer.error == "denied"
    assert shop.lines() == [f"POST {BUY}", "GET /pending/1", "POST /pending/1"]


@pytest.mark.requirement("AA-108", "AA-110")
def test_the_answer_may_be_answered_by_the_next_question(shop: Server) -> None:
    shop.on("POST", "/pending/1", asking(shop, "And why now?"), waits(shop))
    played = Played(shop, "Because.", "It is late.")

    assert played.buy().status == 200
    assert [entry[0] for entry in played.asked] == [QUESTION, "And why now?"]
    assert [body["clarification_response"] for body in posted(shop)] == ["Because.", "It is late."]


@pytest.mark.requirement("AA-104", "AA-107")
def test_the_call_may_be_changed_instead(shop: Server) -> None:
    body = {"line_items": [{"id": "item_lamp", "quantity": 1}]}
    played = Played(shop, Changed(body, "One is enough."))

    assert played.buy().status == 200
    assert posted(shop) == [{"action": "updated_request", "request": body, "justification": "One is enough."}]


@pytest.mark.requirement("AA-031", "AA-104")
def test_the_call_may_be_taken_back_instead(shop: Server) -> None:
    with pytest.raises(Withdrawn) as raised:
        Played(shop, Withdraw()).buy()

    assert raised.value.pending == f"{shop.origin}/pending/1"
    assert shop.lines() == [f"POST {BUY}", "GET /pending/1", "DELETE /pending/1"]


@pytest.mark.requirement("AA-101")
def test_an_agent_that_declared_nothing_answers_nothing(shop: Server) -> None:
    """A server must not ask it; one that does is told nothing, and polled on."""
    played = Played(shop)

    assert played.buy().status == 200
    assert posted(shop) == []
    assert played.told() == ["waiting", "unknown"]
    assert "clarification" not in shop.asked[0].headers["aauth-capabilities"]


def test_a_question_may_be_left_open(shop: Server) -> None:
    shop.on("GET", "/pending/1", *[asking(shop)] * 3, problem(408, "expired"))
    played = Played(shop, None)

    assert played.buy().may_start_over
    assert len(played.asked) == 1
    assert posted(shop) == []


@pytest.mark.parametrize("text", ["", "  ", 7, None, ["a"], {"a": "b"}])
def test_a_question_that_cannot_be_read_is_none(shop: Server, text: Any) -> None:
    shop.on("GET", "/pending/1", asking(shop, text), DONE)
    played = Played(shop, "Because.")

    assert played.buy().status == 200
    assert played.asked == []


@pytest.mark.parametrize(
    ("more", "options", "timeout"),
    [
        ({"options": "a", "timeout": "soon"}, (), None),
        ({"options": ["a", 1, None, "b"], "timeout": True}, ("a", "b"), None),
        ({"options": [], "timeout": 1.5}, (), 1.5),
    ],
)
def test_odd_options_and_times_are_left_out(
    shop: Server, more: dict[str, Any], options: tuple[str, ...], timeout: float | None
) -> None:
    shop.on("GET", "/pending/1", asking(shop, **more), DONE)
    played = Played(shop, "Because.")

    played.buy()

    assert played.asked[0][1:] == (options, timeout)


@pytest.mark.requirement("AA-109")
@pytest.mark.parametrize(("status", "error"), [(400, "invalid_request"), (409, "invalid_request")])
def test_an_answer_that_is_not_taken_is_no_end(shop: Server, status: int, error: str) -> None:
    shop.on("POST", "/pending/1", problem(status, error))
    played = Played(shop, "Because.")

    assert played.buy().status == 200
    assert [(n.what, n.detail) for n in played.notices][-1] == ("not_taken", error)


@pytest.mark.requirement("AA-109")
def test_an_answer_that_got_lost_is_sent_again(shop: Server) -> None:
    """Repeating the same one changes nothing."""
    shop.on("POST", "/pending/1", None, problem(503, "server_error"), waits(shop))
    played = Played(shop, "Because.")

    assert played.buy().status == 200
    assert len(posted(shop)) == 3
    assert len(played.asked) == 1


def test_an_answer_that_nobody_takes_is_given_up_and_the_call_is_not(shop: Server) -> None:
    shop.on("POST", "/pending/1", None)
    played = Played(shop, "Because.")

    assert played.buy().status == 200
    assert len(posted(shop)) == 4
    assert played.told()[-1] == "not_taken"


@pytest.mark.requirement("AA-110")
def test_questions_without_end_are_not_answered_without_end(shop: Server) -> None:
    shop.on("POST", "/pending/1", asking(shop))
    shop.on("GET", "/pending/1", *[asking(shop)] * 30, DONE)
    played = Played(shop, "Because.")

    assert played.buy().status == 200
    assert len(posted(shop)) == 10


def test_a_question_of_endless_length_is_cut(shop: Server) -> None:
    shop.on("GET", "/pending/1", asking(shop, "why? " * 10_000), DONE)
    played = Played(shop, "Because.")

    played.buy()

    assert len(played.asked[0][0]) == 8000

"""Questions to the agent, while its call waits (AA-102 to AA-107)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gateway.aauth.agent.exchange import Answer, NoAnswer, Withdrawn
from gateway.aauth.agent.pending import CLARIFICATION, Question, question_in

if TYPE_CHECKING:
    from gateway.aauth.agent.client import Agent
    from gateway.aauth.agent.waiting import Waiting

MOST_QUESTIONS = 10
"""Nobody asks us without end; a server stops at five (AA-110)."""
MOST_TRIES = 4
"""How often an answer to a question is sent when nobody takes it."""
REFUSED = frozenset({400, 409, 413, 415, 422})
"""The answer to a question was not taken; the call waits all the same."""


@dataclass(frozen=True, slots=True)
class Changed:
    """Answers a question by another body of the call that waits."""

    request: Mapping[str, Any] = field(repr=False)
    justification: str = ""


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Answers a question by taking the call back."""


Reply = str | Changed | Withdraw | None
"""None leaves the question open; the server asks until its time is over."""
Ask = Callable[[str, tuple[str, ...], float | None], Reply]


class Replying:
    """Asks whoever answers for the agent, and posts what they say to the call that waits."""

    def __init__(self, agent: Agent, waiting: Waiting) -> None:
        self._agent = agent
        self._waiting = waiting
        self._questions = 0
        self._left_open = ""

    def answered(self, answer: Answer) -> Answer | None:
        """The question in this 202 was answered; the terminal answer when that brought one."""
        agent, waiting = self._agent, self._waiting
        question = question_in(answer)
        if question is None or agent.on_clarification is None or CLARIFICATION not in agent.capabilities:
            waiting.cannot(CLARIFICATION)
            return None
        if question.text == self._left_open:
            return None
        if self._questions >= MOST_QUESTIONS:
            waiting.cannot("clarification without end")
            return None
        self._questions += 1
        waiting.notify("asked", question.text)
        reply = agent.on_clarification(question.text, question.options, question.timeout)
        return self._reply(question, reply)

    def _reply(self, question: Question, reply: Reply) -> Answer | None:
        agent, waiting = self._agent, self._waiting
        if reply is None:
            self._left_open = question.text
            return None
        if isinstance(reply, Withdraw):
            agent.cancel(waiting.pending)
            waiting.person_is_not_needed()
            raise Withdrawn("The call was taken back instead of an answer.", pending=waiting.pending)
        got = self._post(answering(reply, older=agent.habits.older_answers))
        if got is None:
            waiting.notify("not_taken", "nobody took the answer")
            return None
        if got.status in REFUSED:
            waiting.notify("not_taken", (got.error or str(got.status))[:100])
            waiting.refused(got)
            return None
        waiting.notify("answered")
        return waiting.judged(got)

    def _post(self, body: Mapping[str, Any]) -> Answer | None:
        """The answer to our answer; sent again when nobody took it, which changes nothing (AA-109)."""
        for _ in range(MOST_TRIES):
            try:
                got = self._waiting.send("POST", body)
            except NoAnswer:
                got = None
            if got is not None and got.status not in (429, 503):
                return got
            self._agent.sleep(self._waiting.pause(got))
            self._waiting.unless_withdrawn()
        return None


def answering(reply: str | Changed, *, older: bool = False) -> dict[str, Any]:
    """The body that answers a question (AA-105 to AA-107); `older`: as before it named its action."""
    if isinstance(reply, Changed):
        body: dict[str, Any] = {"request": dict(reply.request)}
        if reply.justification:
            body["justification"] = reply.justification
        return {"action": "updated_request", **body}
    body = {"clarification_response": reply}
    return body if older else {"action": "clarification_response", **body}

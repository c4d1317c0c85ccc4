"""Questions to the person, which their server brings to them and whose answer it brings back (AA-209)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.aauth.agent.exchange import Answer, BadAnswer, GaveUp, NoAnswer, NotAnswered, Unsafe
from gateway.aauth.agent.pending import Pace
from gateway.aauth.agent.person_server import INTERACTIONS, unless_unreachable

if TYPE_CHECKING:
    from gateway.aauth.agent.client import Agent

MOST_STUMBLES = 3
"""So often in a row no usable answer may come before we give up."""


def answer_to(agent: Agent, question: str, *, description: str = "") -> str:
    """What the person answers, in their own words. Raises AgentError: UserUnreachable when nobody reaches
    them, NotAnswered when they do not answer, GaveUp when they take longer than we wait."""
    endpoint = agent.person_server.endpoint(INTERACTIONS)
    if not endpoint:
        raise NotAnswered("The agent has no person server that takes questions.")
    body: dict[str, Any] = {
        "type": "question",
        "question": question,
        "capabilities": list(agent.own_capabilities),
        **({"description": description} if description else {}),
    }
    answer = agent.patiently(lambda: agent.to_person_server("POST", endpoint, body))
    if answer.status != 202:
        return _said(answer)
    return _waited_for(agent, _pending(agent, endpoint, answer), answer)


def _waited_for(agent: Agent, pending: str, first: Answer) -> str:
    pace, answer = Pace(), first
    ends_at = agent.clock() + agent.habits.patience_seconds
    agent.notify("asking_person", "", pending)
    seconds = pace.after(first)
    while agent.clock() + seconds <= ends_at:
        agent.sleep(seconds)
        try:
            answer = agent.to_person_server("GET", pending, None)
        except NoAnswer:
            seconds = pace.after(None)
            if pace.stumbles >= MOST_STUMBLES:
                raise
            continue
        seconds = pace.after(answer)
        if answer.status == 202:
            pending = _pending(agent, pending, answer) if "location" in answer.headers else pending
        elif answer.status not in (429, 503) or pace.stumbles >= MOST_STUMBLES:
            return _said(answer)
    _take_back(agent, pending)
    raise GaveUp("The person has not answered, and the time we have for it is over.", pending=pending)


def _take_back(agent: Agent, pending: str) -> None:
    """Nobody shall answer what nobody waits for."""
    try:
        agent.to_person_server("DELETE", pending, None)
    except NoAnswer:
        return


def _pending(agent: Agent, asked: str, answer: Answer) -> str:
    try:
        return agent.addresses.beside(asked, answer.headers.get("location", ""))
    except Unsafe as problem:
        raise BadAnswer(f"The person server answered 202 with {problem}.") from None


def _said(answer: Answer) -> str:
    unless_unreachable(answer)
    if answer.status != 200:
        named = answer.error or str(answer.status)
        raise NotAnswered(f"The person gives no answer: {named[:60]}")
    said = answer.body.get("answer")
    if not isinstance(said, str):
        raise BadAnswer("The person server brought an answer without its text.")
    return said

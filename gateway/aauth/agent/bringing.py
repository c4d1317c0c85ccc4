"""Bringing the person to a page: their own server is asked first, and the agent shows it otherwise
(AA-300 to AA-306)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.aauth.agent.exchange import Answer, BadAnswer, NoAnswer, Unsafe, UserUnreachable
from gateway.aauth.agent.pending import INTERACTION, Pace, Requirement
from gateway.aauth.agent.person_server import asking

if TYPE_CHECKING:
    from gateway.aauth.agent.client import Agent
    from gateway.aauth.agent.waiting import Waiting

MOST_PLACES = 10
"""Nobody has the person sent about without end: so often a call may want them at a place of its own."""
MOST_STUMBLES = 3
"""So often in a row the person server may fail before we go on without it."""
GRACE_SECONDS = 5.0
"""The person server has so much longer than it was given to say that it failed."""


@dataclass(slots=True)
class _Relay:
    """What the person server does about one place the person must go to."""

    pending: str
    due: float
    deadline: float | None
    pace: Pace = field(default_factory=Pace)
    engaged: bool = False


class Bringing:
    """Everything about the person of one call that waits. `payment`: they are to pay there."""

    def __init__(self, agent: Agent, waiting: Waiting, *, payment: bool = False) -> None:
        self._agent = agent
        self._waiting = waiting
        self._payment = payment
        self._place: tuple[str, str] | None = None
        self._places = 0
        self._wanted = Requirement(INTERACTION)
        self._relay: _Relay | None = None

    @property
    def is_under_way(self) -> bool:
        """The person server is at it."""
        return self._relay is not None

    def due_or(self, other: float) -> float:
        """When something is to be polled next; `other` is when the call itself is."""
        return other if self._relay is None else min(other, self._relay.due)

    def is_due_before(self, other: float) -> bool:
        """The person server is to be polled, and before the call itself."""
        return self._relay is not None and self._relay.due < other

    def required(self, needed: Requirement) -> None:
        """The person is wanted at that place; they were asked to go there, once. Raises AgentError."""
        place = (needed.url, needed.code.replace("-", "").upper())
        if self._place == place or self._waiting.arrived:
            return
        if not needed.url or not needed.code:
            self._waiting.cannot(INTERACTION)
            return
        try:
            self._agent.addresses.judged(needed.url)
        except Unsafe as problem:
            raise BadAnswer(
                f"The person is to go to {problem}; nobody is sent there.", pending=self._waiting.pending
            ) from None
        self._place = place
        if self._places >= MOST_PLACES:
            self._waiting.cannot("interaction without end")
            return
        self._places += 1
        self.end()
        self._bring(needed)

    def poll(self) -> None:
        """How it stands at the person server, and what follows from that. Raises UserUnreachable."""
        if self._relay is not None:
            self._poll(self._relay)

    def end(self) -> None:
        """What the person server does is about a place that nobody needs to go to any more."""
        if self._relay is not None and not self._relay.engaged:
            self._take_back(self._relay)
        self._relay = None

    def _bring(self, needed: Requirement) -> None:
        agent, habits, waiting = self._agent, self._agent.habits, self._waiting
        self._wanted = needed
        if not agent.person_server:
            self._prompt("")
            return
        body = asking(
            needed.url,
            needed.code,
            payment=self._payment,
            capabilities=agent.own_capabilities,
            description=habits.description,
            max_wait=habits.relay_seconds,
        )
        try:
            relayed = agent.person_server.relay(body)
        except UserUnreachable as problem:
            raise UserUnreachable(str(problem), pending=waiting.pending) from None
        if relayed.pending:
            now = agent.clock()
            given = habits.relay_seconds
            self._relay = _Relay(relayed.pending, now, None if given is None else now + given + GRACE_SECONDS)
            self._relay.due = now + self._relay.pace.after(relayed.answer)
            waiting.notify("relaying", needed.url)
        if relayed.engaged:
            self._reached()
        elif relayed.declined:
            waiting.notify("declined")
        elif not relayed.pending:
            self._prompt(relayed.why)

    def _reached(self) -> None:
        if self._relay is not None:
            if self._relay.engaged:
                return
            self._relay.engaged = True
        self._waiting.notify("reached")

    def _poll(self, relay: _Relay) -> None:
        agent, waiting = self._agent, self._waiting
        answer: Answer | None
        try:
            answer = agent.to_person_server("GET", relay.pending, None)
        except NoAnswer:
            answer = None
        relay.due = agent.clock() + relay.pace.after(answer)
        over = relay.deadline is not None and agent.clock() > relay.deadline
        if answer is None or answer.status in (429, 503):
            if relay.pace.stumbles >= MOST_STUMBLES or over:
                self._relay_over(relay, "the person server stopped answering")
            return
        if answer.status == 202 and "location" not in answer.headers:
            # Every 202 names it again; one that does not is about the same.
            answer = Answer(
                202, {**answer.headers, "location": relay.pending}, answer.content, answer.body, answer.url
            )
        try:
            judged = agent.person_server.judged(answer, relay.pending)
        except UserUnreachable as problem:
            if waiting.arrived or relay.engaged:
                self._relay = None
                return
            raise UserUnreachable(str(problem), pending=waiting.pending) from None
        if judged.declined:
            # A no of the person's own: asking them once more, by ourselves, would be no respect of it.
            self._relay = None
            waiting.notify("declined")
            return
        if judged.engaged:
            self._reached()
        if not judged.pending:
            self._relay_over(relay, judged.why, tries=False)
            return
        relay.pending = judged.pending
        if over and not relay.engaged:
            self._relay_over(relay, "the person server did not reach the person in time")

    def _relay_over(self, relay: _Relay, why: str, *, tries: bool = True) -> None:
        """The person server does no more about it; we do, unless the person came (AA-304). `tries`: it may
        be at it still."""
        self._relay = None
        if not relay.engaged and not self._waiting.arrived:
            if tries:
                self._take_back(relay)
            self._prompt(why)

    def _take_back(self, relay: _Relay) -> None:
        """The person server stops, if it still tries: nobody shall be asked twice."""
        try:
            self._agent.to_person_server("DELETE", relay.pending, None)
        except NoAnswer:
            return

    def _prompt(self, why: str) -> None:
        agent, needed, waiting = self._agent, self._wanted, self._waiting
        if why:
            waiting.notify("not_relayed", why)
        if agent.on_interaction is None:
            raise UserUnreachable(
                "Neither a person server nor we can bring the person in.", pending=waiting.pending
            )
        waiting.notify("prompted", needed.url)
        agent.on_interaction(needed.url, needed.code)

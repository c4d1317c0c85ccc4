"""One call that waits for a person, from the first 202 to its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from gateway.aauth.agent.bringing import Bringing
from gateway.aauth.agent.exchange import Answer, BadAnswer, GaveUp, NoAnswer, Unsafe, Withdrawn
from gateway.aauth.agent.pending import APPROVAL, Pace, Requirement, has_arrived, requirement_in
from gateway.aauth.agent.replying import Replying

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.aauth.agent.client import Agent


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that happened while a call waits. `what` is one of:

    waiting, approval, interacting: how it stands; asked, answered, not_taken: a question;
    relaying, reached, not_relayed, declined, prompted: bringing the person in;
    granted, asking_person: at the person server; unknown: something is
    required that this client cannot do; busy, no_answer: a poll came to nothing and is repeated.
    """

    what: str
    detail: str = ""
    pending: str = ""


class Send(Protocol):
    """Sends a request as whoever asked first, because nobody else is answered at a pending address."""

    def __call__(self, method: str, url: str, body: Mapping[str, Any] | None, *, hold: int = 0) -> Answer:
        """Raises AgentError."""
        ...


class Waiting:
    """Polls the pending address, and the person server's beside it, each at its own pace. The end at the
    pending address is the end (AA-302), whoever hosts it: a resource, or the person server for what it
    was asked itself (AA-206).

    `page` is where the person goes when nobody says it, as in texts older than `url`.
    """

    def __init__(
        self, agent: Agent, asked: str, send: Send, *, payment: bool = False, page: str = ""
    ) -> None:
        self.pending = asked
        self.arrived = False
        self._agent = agent
        self._send = send
        self._page = page
        self._known = False
        self._pace = Pace()
        self._due = agent.clock()
        self._ends_at = agent.clock() + agent.habits.patience_seconds
        self._told = ""
        self._unknown: set[str] = set()
        self._bringing = Bringing(agent, self, payment=payment)
        self._replying = Replying(agent, self)

    def ended(self, first: Answer | None) -> Answer:
        """The terminal answer. `first` is the 202 to the call; None: the address is a pending one already.

        Raises AgentError.
        """
        try:
            if first is None:
                self._found(self.pending)
            else:
                end = self._heed(first)
                if end is not None:
                    return end
            while True:
                self._wait()
                if self._bringing.is_due_before(self._due):
                    self._bringing.poll()
                    continue
                end = self._poll()
                if end is not None:
                    return end
        finally:
            self._agent.waits.pop(self.pending, None)

    # What bringing the person in and answering questions need of a call that waits.

    def send(self, method: str, body: Mapping[str, Any] | None, *, hold: int = 0) -> Answer:
        """The answer of the pending address. Raises AgentError."""
        return self._send(method, self.pending, body, hold=hold)

    def unless_withdrawn(self) -> None:
        """Raises Withdrawn when the call was taken back."""
        if self.pending in self._agent.withdrawn:
            raise Withdrawn("The call was taken back.", pending=self.pending)

    def notify(self, what: str, detail: str = "") -> None:
        """Whoever watches is told."""
        self._agent.notify(what, detail, self.pending)

    def cannot(self, kind: str) -> None:
        """Something is required that this client cannot do; it is told once, and polled on (AA-308)."""
        if kind not in self._unknown:
            self._unknown.add(kind)
            self.notify("unknown", kind[:100])

    def pause(self, answer: Answer | None) -> float:
        """The seconds until the pending address may be asked again."""
        return self._pace.after(answer)

    def judged(self, answer: Answer) -> Answer | None:
        """The answer when it is the end, else None, and what it asks was done."""
        if answer.status == 202:
            return self._heed(answer)
        if answer.status in (429, 503):
            self._due = self._agent.clock() + self._pace.after(answer)
            self.notify("busy", f"{answer.status} {answer.error}".rstrip())
            return None
        return answer

    def refused(self, answer: Answer) -> None:
        """It waits all the same, and is asked again later."""
        self._due = self._agent.clock() + self._pace.after(answer)

    def person_is_not_needed(self) -> None:
        """Nobody has to be brought anywhere any more."""
        self._bringing.end()

    def _wait(self) -> None:
        agent = self._agent
        due = self._bringing.due_or(self._due)
        now = agent.clock()
        if due > self._ends_at or now > self._ends_at:
            raise GaveUp("The call still waits, and the time we have for it is over.", pending=self.pending)
        if due > now:
            agent.sleep(due - now)
        self.unless_withdrawn()

    def _poll(self) -> Answer | None:
        agent = self._agent
        hold = 0 if self._bringing.is_under_way else agent.habits.hold_seconds
        try:
            answer = self.send("GET", None, hold=hold)
        except NoAnswer as problem:
            self.unless_withdrawn()
            self._due = agent.clock() + self._pace.after(None)
            self.notify("no_answer", str(problem))
            return None
        self.unless_withdrawn()
        return self.judged(answer)

    def _heed(self, answer: Answer) -> Answer | None:
        """What this 202 asks was done; the terminal answer when doing it brought one."""
        self._locate(answer)
        self._due = self._agent.clock() + self._pace.after(answer)
        self.arrived = has_arrived(answer)
        needed = requirement_in(answer)
        if self.arrived:
            self._tell("interacting")
        match needed:
            case None:
                self._tell("interacting" if self.arrived else "waiting")
            case Requirement(kind="interaction"):
                self._bringing.required(Requirement(needed.kind, needed.url or self._page, needed.code))
            case Requirement(kind="clarification"):
                return self._replying.answered(answer)
            case Requirement(kind="approval"):
                self._tell(APPROVAL)
            case _:
                self.cannot(needed.kind)
        return None

    def _locate(self, answer: Answer) -> None:
        location = answer.headers.get("location", "")
        if not location and self._known:
            return
        try:
            self._found(self._agent.addresses.beside(answer.url, location))
        except Unsafe as problem:
            raise BadAnswer(f"202 was answered with {problem}.") from None

    def _found(self, pending: str) -> None:
        self._agent.waits.pop(self.pending, None)
        self.pending = pending
        self._agent.waits[pending] = self._send
        self._known = True

    def _tell(self, what: str) -> None:
        """How it stands, once until it changes."""
        if self._told != what:
            self._told = what
            self.notify(what)

"""One call that waits for a person, from the first 202 to its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gateway.aauth.agent.exchange import (
    Answer,
    BadAnswer,
    GaveUp,
    NoAnswer,
    Unsafe,
    UserUnreachable,
    Withdrawn,
)
from gateway.aauth.agent.pending import (
    APPROVAL,
    CLARIFICATION,
    INTERACTION,
    Pace,
    Question,
    Requirement,
    has_arrived,
    question_in,
    requirement_in,
)
from gateway.aauth.agent.person_server import asking

if TYPE_CHECKING:
    from gateway.aauth.agent.client import Agent

MOST_QUESTIONS = 10
"""Nobody asks us without end; a server stops at five (AA-110)."""
MOST_TRIES = 4
"""How often an answer to a question is sent when nobody takes it."""
MOST_STUMBLES = 3
"""So often in a row the person server may fail before we go on without it."""
GRACE_SECONDS = 5.0
"""The person server has so much longer than it was given to say that it failed."""
REFUSED = frozenset({400, 409, 413, 415, 422})
"""The answer to a question was not taken; the call waits all the same."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that happened while a call waits. `what` is one of:

    waiting, approval, interacting: how it stands; asked, answered, not_taken: a question;
    relaying, reached, not_relayed, prompted: bringing the person in; unknown: something is required that
    this client cannot do; busy, no_answer: a poll came to nothing and is repeated.
    """

    what: str
    detail: str = ""
    pending: str = ""


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


@dataclass(slots=True)
class _Relay:
    """What the person server does about one place the person must go to."""

    pending: str
    due: float
    deadline: float | None
    pace: Pace = field(default_factory=Pace)
    engaged: bool = False


class Waiting:
    """Polls both pending addresses, each at its own pace; the resource's end is the end (AA-302)."""

    def __init__(self, agent: Agent, asked: str) -> None:
        self._agent = agent
        self._pending = asked
        self._known = False
        self._pace = Pace()
        self._due = agent.clock()
        self._ends_at = agent.clock() + agent.habits.patience_seconds
        self._arrived = False
        self._told = ""
        self._place: tuple[str, str] | None = None
        self._wanted = Requirement(INTERACTION)
        self._unknown: set[str] = set()
        self._questions = 0
        self._left_open = ""
        self._relay: _Relay | None = None

    def ended(self, first: Answer | None) -> Answer:
        """The terminal answer. `first` is the 202 to the call; None: the address is a pending one already.

        Raises AgentError.
        """
        if first is None:
            self._known = True
        else:
            end = self._heed(first)
            if end is not None:
                return end
        while True:
            self._wait()
            if self._relay is not None and self._relay.due < self._due:
                self._poll_person_server(self._relay)
                continue
            end = self._poll()
            if end is not None:
                return end

    def _wait(self) -> None:
        agent = self._agent
        due = self._due if self._relay is None else min(self._due, self._relay.due)
        now = agent.clock()
        if due > self._ends_at or now > self._ends_at:
            raise GaveUp("The call still waits, and the time we have for it is over.", pending=self._pending)
        if due > now:
            agent.sleep(due - now)
        self._unless_withdrawn()

    def _unless_withdrawn(self) -> None:
        if self._pending in self._agent.withdrawn:
            raise Withdrawn("The call was taken back.", pending=self._pending)

    def _poll(self) -> Answer | None:
        agent = self._agent
        hold = agent.habits.hold_seconds if self._relay is None else 0
        try:
            answer = agent.to_resource("GET", self._pending, None, hold=hold)
        except NoAnswer as problem:
            self._unless_withdrawn()
            self._due = agent.clock() + self._pace.after(None)
            agent.notify("no_answer", str(problem), self._pending)
            return None
        self._unless_withdrawn()
        return self._judged(answer)

    def _judged(self, answer: Answer) -> Answer | None:
        """The answer when it is the end, else None, and what it asks was done."""
        if answer.status == 202:
            return self._heed(answer)
        if answer.status in (429, 503):
            self._due = self._agent.clock() + self._pace.after(answer)
            self._agent.notify("busy", f"{answer.status} {answer.error}".rstrip(), self._pending)
            return None
        return answer

    def _heed(self, answer: Answer) -> Answer | None:
        """What this 202 asks was done; the terminal answer when doing it brought one."""
        agent = self._agent
        self._locate(answer)
        self._due = agent.clock() + self._pace.after(answer)
        self._arrived = has_arrived(answer)
        needed = requirement_in(answer)
        if self._arrived:
            self._tell("interacting")
        match needed:
            case None:
                self._tell("interacting" if self._arrived else "waiting")
            case Requirement(kind="interaction"):
                self._interaction(needed)
            case Requirement(kind="clarification"):
                return self._clarification(answer)
            case Requirement(kind="approval"):
                self._tell(APPROVAL)
            case _:
                self._cannot(needed.kind)
        return None

    def _locate(self, answer: Answer) -> None:
        location = answer.headers.get("location", "")
        if not location and self._known:
            return
        try:
            self._pending = self._agent.addresses.beside(answer.url, location)
        except Unsafe as problem:
            raise BadAnswer(f"The resource answered 202 with {problem}.") from None
        self._known = True

    def _tell(self, what: str, detail: str = "") -> None:
        """How it stands, once until it changes."""
        if self._told != what:
            self._told = what
            self._agent.notify(what, detail, self._pending)

    def _cannot(self, kind: str) -> None:
        """Something is required that this client cannot do; it is told once, and polled on (AA-308)."""
        if kind not in self._unknown:
            self._unknown.add(kind)
            self._agent.notify("unknown", kind[:100], self._pending)

    # The person.

    def _interaction(self, needed: Requirement) -> None:
        place = (needed.url, needed.code.replace("-", "").upper())
        if self._place == place or self._arrived:
            return
        if not needed.url or not needed.code:
            self._cannot(INTERACTION)
            return
        try:
            self._agent.addresses.judged(needed.url)
        except Unsafe as problem:
            raise BadAnswer(
                f"The person is to go to {problem}; nobody is sent there.", pending=self._pending
            ) from None
        self._place = place
        self._end_relay()
        self._bring(needed)

    def _bring(self, needed: Requirement) -> None:
        agent, habits = self._agent, self._agent.habits
        self._wanted = needed
        if not agent.person_server:
            self._prompt("")
            return
        body = asking(
            needed.url,
            needed.code,
            capabilities=agent.capabilities,
            description=habits.description,
            max_wait=habits.relay_seconds,
        )
        try:
            relayed = agent.person_server.relay(body)
        except UserUnreachable as problem:
            raise UserUnreachable(str(problem), pending=self._pending) from None
        if relayed.pending:
            now = agent.clock()
            given = habits.relay_seconds
            self._relay = _Relay(relayed.pending, now, None if given is None else now + given + GRACE_SECONDS)
            self._relay.due = now + self._relay.pace.after(relayed.answer)
            agent.notify("relaying", needed.url, self._pending)
        if relayed.engaged:
            self._reached()
        elif not relayed.pending:
            self._prompt(relayed.why)

    def _reached(self) -> None:
        if self._relay is not None:
            if self._relay.engaged:
                return
            self._relay.engaged = True
        self._agent.notify("reached", "", self._pending)

    def _poll_person_server(self, relay: _Relay) -> None:
        agent = self._agent
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
            if self._arrived or relay.engaged:
                self._relay = None
                return
            raise UserUnreachable(str(problem), pending=self._pending) from None
        if judged.engaged:
            self._reached()
        if not judged.pending:
            self._relay_over(relay, judged.why)
            return
        relay.pending = judged.pending
        if over and not relay.engaged:
            self._relay_over(relay, "the person server did not reach the person in time")

    def _relay_over(self, relay: _Relay, why: str) -> None:
        """The person server does no more about it; we do, unless the person came (AA-304)."""
        self._relay = None
        if not relay.engaged and not self._arrived:
            self._take_back(relay)
            self._prompt(why)

    def _end_relay(self) -> None:
        """What the person server does is about a place that nobody needs to go to any more."""
        if self._relay is not None and not self._relay.engaged:
            self._take_back(self._relay)
        self._relay = None

    def _take_back(self, relay: _Relay) -> None:
        """The person server stops, if it still tries: nobody shall be asked twice."""
        try:
            self._agent.to_person_server("DELETE", relay.pending, None)
        except NoAnswer:
            return

    def _prompt(self, why: str) -> None:
        agent, needed = self._agent, self._wanted
        if why:
            agent.notify("not_relayed", why, self._pending)
        if agent.on_interaction is None:
            raise UserUnreachable(
                "Neither a person server nor we can bring the person in.", pending=self._pending
            )
        agent.notify("prompted", needed.url, self._pending)
        agent.on_interaction(needed.url, needed.code)

    # Questions.

    def _clarification(self, answer: Answer) -> Answer | None:
        """The question was answered; the terminal answer when that brought one."""
        agent = self._agent
        question = question_in(answer)
        if question is None or agent.on_clarification is None or CLARIFICATION not in agent.capabilities:
            self._cannot(CLARIFICATION)
            return None
        if question.text == self._left_open:
            return None
        if self._questions >= MOST_QUESTIONS:
            self._cannot("clarification without end")
            return None
        self._questions += 1
        agent.notify("asked", question.text, self._pending)
        reply = agent.on_clarification(question.text, question.options, question.timeout)
        return self._answer(question, reply)

    def _answer(self, question: Question, reply: Reply) -> Answer | None:
        agent = self._agent
        if reply is None:
            self._left_open = question.text
            return None
        if isinstance(reply, Withdraw):
            agent.cancel(self._pending)
            self._end_relay()
            raise Withdrawn("The call was taken back instead of an answer.", pending=self._pending)
        got = self._post(answering(reply, older=agent.habits.older_answers))
        if got is None:
            agent.notify("not_taken", "nobody took the answer", self._pending)
            return None
        if got.status in REFUSED:
            agent.notify("not_taken", (got.error or str(got.status))[:100], self._pending)
            self._due = agent.clock() + self._pace.after(got)
            return None
        agent.notify("answered", "", self._pending)
        return self._judged(got)

    def _post(self, body: Mapping[str, Any]) -> Answer | None:
        """The answer to our answer; sent again when nobody took it, which changes nothing (AA-109)."""
        agent = self._agent
        for _ in range(MOST_TRIES):
            try:
                got = agent.to_resource("POST", self._pending, body)
            except NoAnswer:
                got = None
            if got is not None and got.status not in (429, 503):
                return got
            agent.sleep(self._pace.after(got))
            self._unless_withdrawn()
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

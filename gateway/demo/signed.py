"""An agent with an identity of its own in a scenario: what it sends and what it is told are shown.

It waits faster than its clock says: whoever watches has no minutes to spare. Where the story goes on while
the agent waits, the next thing happens instead of a pause.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import httpx

from gateway.aauth.agent import Agent, AgentError, Habits, Notice, Withdraw
from gateway.aauth.agent import Answer as Told
from gateway.demo import describing
from gateway.demo.answers import Answer, BrokenPromise
from gateway.demo.identity import provider
from gateway.demo.printing import Printer, Row

PACE = 0.4
"""Of each pause; a shop minds who asks more than three times too often."""
LONGEST_SECONDS = 4.0
LONG = re.compile(r"[0-9A-Za-z_-]{32,}")
TOKEN = re.compile(r"eyJ[0-9A-Za-z_.-]+")
PATIENCE_SECONDS = 600.0

SAID = {
    "waiting": "It waits. Nothing is asked of the agent.",
    "approval": "It waits for the merchant. Nobody has to go anywhere.",
    "interacting": "The person is at the page; the agent stops showing the link.",
    "reached": "The person server says that the person has come.",
    "not_taken": "The answer is not taken: {detail}",
    "relaying": "The person server tries to reach them.",
    "declined": "The person server says that they do not want to; nobody is asked again.",
    "granted": "The person server gives the agent a token; it is bound to the agent's key.",
    "asking_person": "The person server brings them the question.",
    "not_relayed": "The agent goes on without it: {detail}",
    "unknown": "The agent cannot do what is required: {detail}. It goes on asking.",
}


class SignedAgent:
    """Signs every request. `meanwhile` are things that happen, one for each time it would pause.

    `named_server` is the server of its person that its own token names; `person_server` one that only the
    agent knows of. `shows=False`: it has no way to show its person anything.
    """

    def __init__(
        self,
        printer: Printer,
        base: str,
        version: str,
        *,
        transport: httpx.BaseTransport | None = None,
        name: str = "",
        answers: Iterable[str | Withdraw] = (),
        person_server: str = "",
        named_server: str = "",
        shows: bool = True,
        relay_seconds: int = 60,
        description: str = "Somebody has to confirm your purchase.",
    ) -> None:
        self._print = printer
        self._base = base
        self._version = version
        self._now = 0.0
        self.meanwhile: list[Callable[[], object]] = []
        self.answers = list(answers)
        self.prompted: list[tuple[str, str]] = []
        self.notices: list[str] = []
        self.pending = ""
        self.draws = False
        """It shows the page as a square as well, where somebody looks at a terminal."""
        self.when_prompted: Callable[[str, str], object] = lambda url, code: None
        self._made = provider(name, person_server=named_server)
        self.name = self._made.subject
        self._shown = _Shown(printer, transport or httpx.HTTPTransport(), base)
        try:
            self._agent = Agent(
                self._made.identity(),
                resource=base,
                person_server=person_server,
                on_interaction=self._prompt if shows else None,
                on_status=self._hear,
                on_clarification=self._answer if self.answers else None,
                habits=Habits(
                    loopback_http=True,
                    relay_seconds=relay_seconds,
                    patience_seconds=PATIENCE_SECONDS,
                    description=description,
                ),
                clock=lambda: self._now,
                sleep=self._pause,
                transport=self._shown,
            )
        except AgentError as problem:
            raise BrokenPromise(f"An agent can sign for this shop: {problem}.") from None

    def close(self) -> None:
        self._agent.close()

    def get(self, path: str) -> Answer:
        return self._ask("GET", path, None)

    def post(self, path: str, body: Mapping[str, Any]) -> Answer:
        """The last answer to the call, however long it waits. Raises BrokenPromise when none came."""
        return self._ask("POST", path, body)

    def get_pending(self) -> Answer:
        """What the pending address of the last call that waited says now. Raises BrokenPromise."""
        try:
            return answer(self._agent.to_resource("GET", self.pending, None))
        except AgentError as problem:
            raise BrokenPromise(f"the pending address answers: {problem}") from None

    @property
    def session(self) -> str:
        """The checkout session that the last call that waited was about, as its 202 said."""
        return self._shown.session

    def withdraw(self) -> None:
        """The call that waits is taken back; whoever waits for it raises Withdrawn."""
        self._agent.cancel(self.pending)

    def link(self, url: str, code: str) -> str:
        """Where the person goes."""
        return self._agent.link(url, code)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> Answer:
        headers = {"API-Version": self._version}
        try:
            url = path if "://" in path else self._base + path
            payment = path.endswith("/complete")
            told = self._agent.request(method, url, json=body, headers=headers, payment=payment)
        except AgentError as problem:
            self.pending = problem.pending or self.pending
            if type(problem).__name__ in ("Withdrawn", "UserUnreachable", "NotGranted"):
                raise
            raise BrokenPromise(f"the call comes to an end: {problem}") from None
        return answer(told)

    def _pause(self, seconds: float) -> None:
        self._now += seconds
        if self.meanwhile:
            self.meanwhile.pop(0)()
            return
        time.sleep(min(seconds, LONGEST_SECONDS) * PACE)

    def name_person(self) -> None:
        """The agent has a token that names its person to the merchant. Raises BrokenPromise."""
        try:
            self._agent.name_person()
        except AgentError as problem:
            raise BrokenPromise(f"the person says that the agent is theirs: {problem}") from None

    def ask_person(self, question: str) -> str:
        """What the agent's person answers, brought by their server. Raises BrokenPromise when they do not."""
        try:
            return self._agent.ask_person(question)
        except AgentError as problem:
            raise BrokenPromise(f"the person answers: {problem}") from None

    def _prompt(self, url: str, code: str) -> None:
        self.prompted.append((url, code))
        self._print.happens(f"The agent shows its person a page of {url.split('/')[2]}, and the code {code}.")
        if self.draws:
            self._print.draw(self.link(url, code))
        self.when_prompted(url, code)

    def _answer(self, question: str, options: tuple[str, ...], timeout: float | None) -> str | Withdraw:
        self._print.happens(f"The agent is asked: {question}")
        if options:
            self._print.happens(f"It can choose: {', '.join(options)}")
        said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        told = "it takes the call back" if isinstance(said, Withdraw) else said
        self._print.happens(f"Its answer: {told}")
        return said

    def _hear(self, notice: Notice) -> None:
        self.notices.append(notice.what)
        self.pending = notice.pending or self.pending
        if text := SAID.get(notice.what):
            self._print.happens(text.format(detail=notice.detail))


def answer(told: Told) -> Answer:
    """An answer of the client, as scenarios read them."""
    return Answer(told.status, "", httpx.Headers(dict(told.headers)), told.content, told.body)


class _Shown(httpx.BaseTransport):
    """Shows each exchange. What is long and nobody's business is shortened."""

    def __init__(self, printer: Printer, real: httpx.BaseTransport, base: str) -> None:
        self._print = printer
        self._real = real
        self._home = httpx.URL(base).netloc
        self.session = ""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        where = "" if request.url.netloc == self._home else f"{request.url.scheme}://{request.url.host}"
        line = f"{request.method} {where}{LONG.sub(_shortened, request.url.path)}"
        body = _object(request.content)
        self._print.request(line, list(_sent(request.headers)) + describing.sent_body(body), body or None)
        got = self._real.handle_request(request)
        content = got.read()
        got.close()
        told = Answer(got.status_code, "", got.headers, content, _object(content))
        self.session = str(told.body.get("checkout_session_id") or self.session)
        rows = list(_heard(told)) + describing.answered(told)
        self._print.answer(told.status, httpx.codes.get_reason_phrase(told.status), rows, told.body or None)
        headers = [(name, value) for name, value in got.headers.raw if name.lower() != b"transfer-encoding"]
        return httpx.Response(got.status_code, headers=headers, stream=httpx.ByteStream(content))

    def close(self) -> None:
        self._real.close()


def _sent(headers: httpx.Headers) -> Iterable[Row]:
    told = ["signed with the agent's key"] if "signature" in headers else []
    if able := headers.get("aauth-capabilities"):
        told.append(f"AAuth-Capabilities {able}")
    if key := headers.get("idempotency-key"):
        told.append(f"Idempotency-Key {describing.shortened(key)}")
    yield Row("with", [", ".join(told)] if told else [], header=True)


def _heard(told: Answer) -> Iterable[Row]:
    if told.status == 202:
        yield Row("asks", [_asked(told) or "nothing"], header=True)
        yield Row("status", [told.session_status])
    elif told.status == 200 and (profile := told.body.get("profile")) is not None:
        yield Row("allowed", [str(told.body.get("scope", ""))])
        yield Row("profile", [", ".join(map(str, profile.values()))] if isinstance(profile, dict) else [])
    elif told.status == 401 and (asked := _asked(told)):
        yield Row("asks", [asked], header=True)
    elif told.status >= 400 and (error := told.body.get("error")):
        yield Row("error", [str(error)])
        yield Row("says", [str(told.body.get("detail", ""))])


def _asked(told: Answer) -> str:
    """What is required, without what is nobody's business."""
    return LONG.sub(_shortened, TOKEN.sub("(a token)", told.headers.get("aauth-requirement", "")))


def _shortened(found: re.Match[str]) -> str:
    return found[0][:6] + "..."


def _object(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

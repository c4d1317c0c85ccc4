"""An agent that speaks AAuth: it signs, waits where it is told to, and brings its person in."""

from __future__ import annotations

import json as jsons
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urljoin

import httpx

from gateway.aauth import signatures
from gateway.aauth.agent.access import Access, Opening
from gateway.aauth.agent.exchange import (
    MOST_BYTES,
    SECONDS,
    Addresses,
    Answer,
    BadAnswer,
    Exchange,
    NoAnswer,
    Unsafe,
)
from gateway.aauth.agent.identity import Key, Signer
from gateway.aauth.agent.pending import CLARIFICATION, INTERACTION, Pace
from gateway.aauth.agent.person_questions import answer_to
from gateway.aauth.agent.person_server import PersonServer
from gateway.aauth.agent.replying import Ask
from gateway.aauth.agent.waiting import Notice, Send, Waiting

FIRST_TRIES = 4
"""How often a request is sent that is answered 429 or 503, the first time included."""
PATIENCE_SECONDS = 60 * 60.0
RELAY_SECONDS = 60
PERSON_SERVER_SECONDS = 10.0
WRITING = frozenset({"POST", "PUT", "PATCH"})

CALLBACK_ERRORS: Final[Mapping[str, str]] = {
    "access_denied": "denied",
    "user_abandoned": "abandoned",
    "server_error": "server_error",
    "temporarily_unavailable": "server_error",
    "interaction_expired": "expired",
}
"""What a page says to a callback, and what the pending address will say (AA-075)."""


@dataclass(frozen=True, slots=True)
class Habits:
    """How an agent behaves unless told otherwise."""

    callback: str = ""
    """Where a browser goes when the person is done; `link` appends it."""
    description: str = ""
    """What the person server may tell the person, as Markdown: why they are wanted, and why a token is."""
    relay_seconds: int | None = RELAY_SECONDS
    """How long the person server may try to reach the person before we do; None: as long as it likes."""
    patience_seconds: float = PATIENCE_SECONDS
    """How long a call is waited for, all in all."""
    hold_seconds: int = 0
    """How long a resource is asked to hold a poll (`Prefer: wait`); 0: not at all."""
    person_server_seconds: float = PERSON_SERVER_SECONDS
    """How long one answer of the person server is waited for."""
    older_answers: bool = False
    """Questions are answered without the member `action`, as before draft -09."""
    auth_servers: frozenset[str] = frozenset()
    """The auth servers that a resource may name, as older texts let it. Empty: the person server alone."""
    loopback_http: bool = False
    """Addresses of this machine may be http. For trying it, never for real."""
    most_bytes: int = MOST_BYTES
    seconds: float = SECONDS


class Agent:
    """Sends requests as one agent to one resource. Several may share an `Identity`.

    `request` returns the last answer to a call, however long a person takes. In between, `on_interaction`
    is told where the person must go, `on_clarification` answers questions, and `on_status` hears the rest.
    What the agent can do (`capabilities`) follows from what it was given, unless it is named. The person
    server is the one that the identity names, unless it is given.
    """

    def __init__(
        self,
        identity: Signer,
        *,
        resource: str,
        person_server: str = "",
        interaction_endpoint: str = "",
        capabilities: Sequence[str] | None = None,
        on_interaction: Callable[[str, str], object] | None = None,
        on_status: Callable[[Notice], object] | None = None,
        on_clarification: Ask | None = None,
        habits: Habits | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.habits = habits or Habits()
        self.addresses = Addresses(self.habits.loopback_http)
        self.resource = resource.rstrip("/") + "/"
        self.addresses.judged(self.resource)
        self.clock, self.sleep = clock, sleep
        self.on_interaction, self.on_clarification = on_interaction, on_clarification
        self._on_status = on_status
        self._identity = identity
        self._exchange = Exchange(
            transport=transport, most_bytes=self.habits.most_bytes, seconds=self.habits.seconds
        )
        self.person_server = PersonServer(
            person_server or identity.person_server,
            interaction_endpoint,
            addresses=self.addresses,
            plain=self.plain,
            signed=self.to_person_server,
            clock=clock,
        )
        own = [INTERACTION] if on_interaction else []
        own += [CLARIFICATION] if on_clarification else []
        able = [INTERACTION, *own] if self.person_server and not on_interaction else own
        self.capabilities: tuple[str, ...] = tuple(able if capabilities is None else capabilities)
        self.own_capabilities: tuple[str, ...] = tuple(own if capabilities is None else capabilities)
        """Without the person server: what it is told itself that we can do (AA-208)."""
        self.withdrawn: set[str] = set()
        self._signing = threading.Lock()
        self._seconds: dict[int, int] = {}
        self.waits: dict[str, Send] = {}
        """How to ask at each address where a call waits now: as whoever has asked first."""
        self._access = Access(self)

    def __enter__(self) -> Agent:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """No connection is open any more."""
        self._exchange.close()

    def request(
        self,
        method: str,
        url: str,
        *,
        json: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        payment: bool = False,
    ) -> Answer:
        """The last answer, whatever its status. `url` counts from the resource. `payment`: it is about
        money, and so is what the person server is asked to bring the person to (AA-202).

        An `Idempotency-Key` is made for a request that writes and has none, so that sending it again is
        safe. Where the resource asks for a token of the person's, it is got, and the request sent again.
        Raises AgentError; the call may wait still where its `pending` names an address.
        """
        address = urljoin(self.resource, url)
        if self.addresses.origin(address) != self.addresses.origin(self.resource):
            raise Unsafe("an address of another origin than the resource's")
        given = {name.lower(): value for name, value in (headers or {}).items()}
        if method in WRITING:
            given.setdefault("idempotency-key", uuid.uuid4().hex)
        opening = Opening(self, self._access, address)
        answer = self._first(method, address, json, given, opening.token)
        while opening.goes_on(answer):
            answer = self._first(method, address, json, given, opening.token)
        if answer.status != 202:
            return answer
        token = opening.token

        def send(method: str, url: str, body: Mapping[str, Any] | None, *, hold: int = 0) -> Answer:
            return self.to_resource(method, url, body, hold=hold, token=token)

        return Waiting(self, address, send, payment=payment).ended(answer)

    def follow(self, pending: str) -> Answer:
        """The last answer of a call that waits there already, as `request`."""
        return Waiting(self, urljoin(self.resource, pending), self.to_resource).ended(None)

    def name_person(self) -> None:
        """The person server gave us a token that names our person to the resource, which is kept; at our
        first contact they take us on. Repeatable. Raises AgentError: NotGranted, UserUnreachable, GaveUp."""
        self._access.person_token(self.addresses.server(self.resource))

    def ask_person(self, question: str, *, description: str = "") -> str:
        """What the agent's person answers, brought by their server; both texts are Markdown. Their words
        may be anything, and confirm nothing that a shop asks for.

        Raises AgentError: UserUnreachable, NotAnswered, GaveUp among them.
        """
        return answer_to(self, question, description=description)

    def cancel(self, pending: str) -> Answer:
        """The call that waits there is taken back; whoever follows it raises Withdrawn. Repeatable.

        Raises NoAnswer when nobody confirms it; it is not followed any more in any case.
        """
        self.withdrawn.add(pending)
        return self.waits.get(pending, self.to_resource)("DELETE", pending, None)

    def link(self, url: str, code: str) -> str:
        """Where the person goes, the code included. Raises Unsafe (AA-306)."""
        return link(url, code, callback=self.habits.callback, addresses=self.addresses)

    def to_resource(
        self,
        method: str,
        url: str,
        body: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None = None,
        *,
        hold: int = 0,
        token: str = "",
    ) -> Answer:
        """The answer to a signed request that says what we are capable of (AA-309), signed with that token
        or with the agent's own. Raises AgentError."""
        told = dict(headers or {})
        if self.capabilities:
            told["aauth-capabilities"] = ", ".join(self.capabilities)
        answer = self._renewed(method, url, body, told, self.habits.seconds, hold, token)
        if 300 <= answer.status < 400:
            raise BadAnswer(f"The resource answered {answer.status}; a signed request follows no redirect.")
        return answer

    def to_person_server(
        self, method: str, url: str, body: Mapping[str, Any] | None, *, hold: int = 0
    ) -> Answer:
        """The answer to a signed request. Raises AgentError."""
        return self._renewed(method, url, body, {}, self.habits.person_server_seconds, hold, "")

    @property
    def key(self) -> Key:
        """What every request is signed with; tokens are bound to it."""
        return self._identity.key

    def notify(self, what: str, detail: str = "", pending: str = "") -> None:
        """Whoever watches is told."""
        if self._on_status is not None:
            self._on_status(Notice(what, detail, pending))

    def patiently(self, send: Callable[[], Answer]) -> Answer:
        """The answer, asked for again a few times while the server is busy. Raises AgentError."""
        pace = Pace()
        for tried in range(1, FIRST_TRIES + 1):
            answer = send()
            if answer.status not in (429, 503) or tried == FIRST_TRIES:
                break
            seconds = pace.after(answer)
            if seconds > self.habits.patience_seconds:
                break
            self.notify("busy", f"{answer.status}, again in {seconds:.0f} s")
            self.sleep(seconds)
        return answer

    def plain(self, url: str) -> Answer:
        """A public document. Raises AgentError."""
        return self._exchange.send("GET", url, {}, b"", seconds=self.habits.person_server_seconds)

    def _first(
        self, method: str, url: str, body: Mapping[str, Any] | None, headers: Mapping[str, str], token: str
    ) -> Answer:
        return self.patiently(lambda: self.to_resource(method, url, body, headers, token=token))

    def _renewed(
        self,
        method: str,
        url: str,
        body: Mapping[str, Any] | None,
        headers: Mapping[str, str],
        seconds: float,
        hold: int,
        token: str,
    ) -> Answer:
        """The answer; the agent's own token is renewed when it has just ended."""
        told = {**headers, "prefer": f"wait={hold}"} if hold else headers
        answer = self._signed(method, url, body, told, seconds + hold, token)
        refused = answer.headers.get("signature-error", "")
        if answer.status == 401 and not token and "expired_jwt" in refused:
            self._identity.renew()
            answer = self._signed(method, url, body, told, seconds + hold, token)
        return answer

    def _signed(
        self,
        method: str,
        url: str,
        body: Mapping[str, Any] | None,
        headers: Mapping[str, str],
        seconds: float,
        token: str,
    ) -> Answer:
        self.addresses.judged(url, query=True)
        try:
            address = httpx.URL(url)  # as it will be on the wire
        except httpx.InvalidURL:
            raise NoAnswer("not an address") from None
        path, _, query = address.raw_path.decode("ascii").partition("?")
        content = b"" if body is None else jsons.dumps(body).encode()
        sent = dict(headers) | ({} if body is None else {"content-type": "application/json"})
        message = signatures.Message(
            method, address.netloc.decode("ascii"), path, query=query, headers=sent, body=content
        )
        also = ["@query"] if query else []
        # Else equal bodies of two calls in one second would be one signature, and the second a replay.
        also += [name for name in sent if name.lower() == "idempotency-key"]
        whose = signatures.by_jwt(token) if token else self._identity.signature_key
        signed = signatures.sign(
            message,
            self._identity.key,
            signature_key=whose,
            created=self._second(method, url, content) if content else None,
            also=also,
        )
        return self._exchange.send(method, url, {**sent, **signed}, content, seconds=seconds)

    def _second(self, method: str, url: str, content: bytes) -> int:
        """When it says that it was signed: never in the second of the same request before, because an equal
        signature is a replay (AA-404)."""
        now, what = int(time.time()), hash((method, url, content))
        with self._signing:
            second = max(now, self._seconds.get(what, 0) + 1)
            self._seconds = {one: at for one, at in self._seconds.items() if at >= now} | {what: second}
        return second


def link(url: str, code: str, *, callback: str = "", addresses: Addresses | None = None) -> str:
    """`url` with the code, for a browser or a QR code. Raises Unsafe (AA-303, AA-306)."""
    (addresses or Addresses()).judged(url)
    return f"{url}?code={quote(code, safe='')}" + (
        f"&callback={quote(callback, safe='')}" if callback else ""
    )


def error_in(callback: str) -> str:
    """The error with which a person's browser came back, in the words of the pending address; "" for none.

    Neither is an end: only the pending address says how a call ended (AA-310).
    """
    try:
        given = httpx.URL(callback).params.get("error")
    except httpx.InvalidURL:
        return "server_error"
    if given is None:
        return ""
    return CALLBACK_ERRORS.get(given, "server_error")

"""An agent that speaks AAuth: it signs, waits where it is told to, and brings its person in."""

from __future__ import annotations

import json as jsons
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urljoin

import httpx

from gateway.aauth import signatures
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
from gateway.aauth.agent.identity import Identity
from gateway.aauth.agent.pending import CLARIFICATION, INTERACTION, Pace
from gateway.aauth.agent.person_server import PersonServer
from gateway.aauth.agent.waiting import Ask, Notice, Waiting

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
    """What the person server may tell the person, as Markdown."""
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
    loopback_http: bool = False
    """Addresses of this machine may be http. For trying it, never for real."""
    most_bytes: int = MOST_BYTES
    seconds: float = SECONDS


class Agent:
    """Sends requests as one agent to one resource. Several may share an `Identity`.

    `request` returns the last answer to a call, however long a person takes. In between, `on_interaction`
    is told where the person must go, `on_clarification` answers questions, and `on_status` hears the rest.
    What the agent can do (`capabilities`) follows from what it was given, unless it is named.
    """

    def __init__(
        self,
        identity: Identity,
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
            person_server,
            interaction_endpoint,
            addresses=self.addresses,
            plain=self._plain,
            signed=self.to_person_server,
            clock=clock,
        )
        able = [INTERACTION] if on_interaction or self.person_server else []
        able += [CLARIFICATION] if on_clarification else []
        self.capabilities: tuple[str, ...] = tuple(able if capabilities is None else capabilities)
        self.withdrawn: set[str] = set()

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
    ) -> Answer:
        """The last answer, whatever its status. `url` counts from the resource.

        An `Idempotency-Key` is made for a request that writes and has none, so that sending it again is
        safe. Raises AgentError; the call may wait still where its `pending` names an address.
        """
        address = urljoin(self.resource, url)
        if self.addresses.origin(address) != self.addresses.origin(self.resource):
            raise Unsafe("an address of another origin than the resource's")
        given = {name.lower(): value for name, value in (headers or {}).items()}
        if method in WRITING:
            given.setdefault("idempotency-key", uuid.uuid4().hex)
        answer = self._first(method, address, json, given)
        return Waiting(self, address).ended(answer) if answer.status == 202 else answer

    def follow(self, pending: str) -> Answer:
        """The last answer of a call that waits there already, as `request`."""
        return Waiting(self, urljoin(self.resource, pending)).ended(None)

    def cancel(self, pending: str) -> Answer:
        """The call that waits there is taken back; whoever follows it raises Withdrawn. Repeatable.

        Raises NoAnswer when nobody confirms it; it is not followed any more in any case.
        """
        self.withdrawn.add(pending)
        return self.to_resource("DELETE", pending, None)

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
    ) -> Answer:
        """The answer to a signed request that says what we are capable of (AA-309). Raises AgentError."""
        told = dict(headers or {})
        if self.capabilities:
            told["aauth-capabilities"] = ", ".join(self.capabilities)
        if hold:
            told["prefer"] = f"wait={hold}"
        answer = self._signed(method, url, body, told, self.habits.seconds + hold)
        if answer.status == 401 and "expired_jwt" in answer.headers.get("signature-error", ""):
            self._identity.renew()
            answer = self._signed(method, url, body, told, self.habits.seconds + hold)
        if 300 <= answer.status < 400:
            raise BadAnswer(f"The resource answered {answer.status}; a signed request follows no redirect.")
        return answer

    def to_person_server(self, method: str, url: str, body: Mapping[str, Any] | None) -> Answer:
        """The answer to a signed request. Raises AgentError."""
        return self._signed(method, url, body, {}, self.habits.person_server_seconds)

    def notify(self, what: str, detail: str = "", pending: str = "") -> None:
        """Whoever watches is told."""
        if self._on_status is not None:
            self._on_status(Notice(what, detail, pending))

    def _first(
        self, method: str, url: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]
    ) -> Answer:
        pace = Pace()
        for tried in range(1, FIRST_TRIES + 1):
            answer = self.to_resource(method, url, body, headers)
            if answer.status not in (429, 503) or tried == FIRST_TRIES:
                break
            seconds = pace.after(answer)
            if seconds > self.habits.patience_seconds:
                break
            self.notify("busy", f"{answer.status}, again in {seconds:.0f} s")
            self.sleep(seconds)
        return answer

    def _plain(self, url: str) -> Answer:
        return self._exchange.send("GET", url, {}, b"", seconds=self.habits.person_server_seconds)

    def _signed(
        self,
        method: str,
        url: str,
        body: Mapping[str, Any] | None,
        headers: Mapping[str, str],
        seconds: float,
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
        signed = signatures.sign(
            message, self._identity.key, signature_key=self._identity.signature_key, also=also
        )
        return self._exchange.send(method, url, {**sent, **signed}, content, seconds=seconds)


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

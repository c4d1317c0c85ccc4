"""Somebody else's server, at which the buyer can be reached: it brings them in for their agents.

It is no part of the shop, and the shop never hears of it. It believes the demo's agents alone.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from gateway.aauth.agent import NotSigned, who_signed
from gateway.demo.identity import ISSUER, KEY

DOCUMENT = "/.well-known/aauth-person.json"
ENDPOINT = "/interaction"
RELAY = "/relay/"
MOST_BYTES = 64 * 1024
REACHES, CANNOT, SILENT = "reaches", "cannot", "silent"
"""What it makes of a request: it shows the person the link; it has no way to them (424); it says that it
tries, and nothing ever happens."""


@dataclass(frozen=True, slots=True)
class Answered:
    status: int
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Asked:
    """One person to bring somewhere."""

    url: str
    code: str
    engaged: bool = False
    told: bool = False
    withdrawn: bool = False


@dataclass
class PersonServer:
    """`shown` is where the person is to go, once an agent has asked for it."""

    origin: str
    manner: str
    relays: dict[str, Asked] = field(default_factory=dict)

    @property
    def shown(self) -> Asked | None:
        return next(reversed(self.relays.values()), None)

    def has_come(self) -> None:
        """The person has opened what they were shown."""
        if self.shown is not None:
            self.shown.engaged = True

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answered:
        """The answer to one request."""
        if (method, target) == ("GET", DOCUMENT):
            # The real thing publishes its token endpoints as well, or no document at all.
            return Answered(200, {"issuer": self.origin, "interaction_endpoint": self.origin + ENDPOINT})
        authority = self.origin.partition("://")[2]
        key = {name: value for name, value in KEY.items() if name != "d"}
        try:
            who_signed(method, authority, target, headers, body, issuers={ISSUER: key})
        except NotSigned:
            return _problem(401, "invalid_signature", **{"Signature-Error": "error=invalid_signature"})
        if (method, target) == ("POST", ENDPOINT):
            return self._asked(body)
        relay = self.relays.get(target.removeprefix(RELAY)) if target.startswith(RELAY) else None
        if relay is None or relay.told or relay.withdrawn:
            return _problem(404 if relay is None else 410, "not_found" if relay is None else "gone")
        if method == "DELETE":
            relay.withdrawn = True
            return Answered(204)
        return self._standing(target, relay)

    def _asked(self, body: bytes) -> Answered:
        try:
            wanted = json.loads(body)
            url, code = str(wanted["url"]), str(wanted["code"])
        except (ValueError, KeyError, TypeError):
            return _problem(400, "invalid_request")
        if self.manner == CANNOT:
            return _problem(424, "interaction_unavailable")
        number = secrets.token_hex(16)
        self.relays[number] = Asked(url, code)
        return self._standing(RELAY + number, self.relays[number])

    def _standing(self, target: str, relay: Asked) -> Answered:
        if relay.engaged:
            relay.told = True
            return Answered(200, {"status": "relayed", "engaged": True})
        headers = {
            "Location": self.origin + target,
            "Retry-After": "2",
            "Cache-Control": "no-store",
            "AAuth-Requirement": "requirement=approval",
        }
        return Answered(202, {"status": "pending"}, headers)


def _problem(status: int, error: str, **headers: str) -> Answered:
    return Answered(status, {"error": error}, {"Content-Type": "application/problem+json", **headers})


@contextmanager
def serving(manner: str) -> Iterator[PersonServer]:
    """A person server on this machine, at a port that is free, until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def answer(self) -> None:
            length = self.headers.get("Content-Length", "0")
            sound = length.isascii() and length.isdigit() and int(length[:8]) <= MOST_BYTES
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(length)) if sound else b""
            said = person_server.answer(self.command, self.path, headers, body)
            content = json.dumps(said.body).encode() if said.body else b""
            self.send_response(said.status)
            told = {"Content-Type": "application/json", **said.headers, "Content-Length": str(len(content))}
            for name, value in told.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = answer

        def log_message(self, *_: Any) -> None:
            """The story is told elsewhere."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    person_server = PersonServer(f"http://127.0.0.1:{server.server_port}", manner)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield person_server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)

"""Servers on this machine that say what a test tells them to, and clocks that pass at once."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jwt
from joserfc.jwk import OKPKey

from gateway.aauth import signatures
from gateway.aauth.agent import Identity, Provider, new_provider_key, public_part
from tests.tcp_ports import free_port

PROVIDER = Provider("https://agents.example", "aauth:shopper@agents.example", new_provider_key("one"))


def identity() -> Identity:
    return PROVIDER.identity()


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def is_signed(self) -> bool:
        return "signature" in self.headers


@dataclass(frozen=True)
class Said:
    """What is answered. `body` is JSON unless it is bytes."""

    status: int
    body: Any = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


Reply = Said | Callable[[Asked], Said] | None
"""None: the connection ends without an answer."""


class Server:
    """Answers by a script: for each method and path its replies in turn, the last one for ever."""

    def __init__(self, port: int) -> None:
        self.origin = f"http://127.0.0.1:{port}"
        self.authority = f"127.0.0.1:{port}"
        self.asked: list[Asked] = []
        self._script: dict[tuple[str, str], list[Reply]] = {}
        self._lock = threading.Lock()

    def on(self, method: str, path: str, *replies: Reply) -> None:
        self._script[method, path] = list(replies)

    def reply(self, asked: Asked) -> Said | None:
        with self._lock:
            self.asked.append(asked)
            queue = self._script.get((asked.method, asked.path))
            if not queue:
                return Said(404, {"error": "not_found"})
            found = queue.pop(0) if len(queue) > 1 else queue[0]
        return found(asked) if callable(found) else found

    def lines(self) -> list[str]:
        return [f"{asked.method} {asked.path}" for asked in self.asked]


@contextmanager
def serving() -> Iterator[Server]:
    port = free_port()
    server = Server(port)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            path, _, query = self.path.partition("?")
            headers = {name.lower(): value for name, value in self.headers.items()}
            said = server.reply(Asked(self.command, path, query, headers, self.rfile.read(length)))
            self.close_connection = True
            if said is None:
                return
            content = said.body if isinstance(said.body, bytes) else json.dumps(said.body).encode()
            self.send_response_only(said.status)  # no Date of its own
            told = {"Content-Type": "application/json", "Content-Length": str(len(content)), **said.headers}
            for name, value in told.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = do_PUT = handle_any

        def log_message(self, *_: Any) -> None:
            """Tests look at what was asked."""

    listening = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    listening.daemon_threads = True
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join(10)


class Time:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))
        self.now += seconds


def waits(
    server: Server,
    *,
    status: str = "pending",
    requires: str = "",
    retry_after: str = "2",
    location: str = "/pending/1",
    **body: Any,
) -> Said:
    """A 202 of that server."""
    headers = {"Cache-Control": "no-store"}
    if location:
        headers["Location"] = location if "://" in location else server.origin + location
    if retry_after:
        headers["Retry-After"] = retry_after
    if requires:
        headers["AAuth-Requirement"] = requires
    return Said(202, {"status": status, **body}, headers)


def problem(status: int, error: str, detail: str = "", **headers: str) -> Said:
    told = {"Content-Type": "application/problem+json", **headers}
    return Said(status, {"error": error, "detail": detail}, told)


def claims_of(asked: Asked, server: Server) -> Mapping[str, Any]:
    """What the token says by which the request was signed, once all of it was verified as a resource does.

    Raises what says otherwise.
    """
    message = signatures.Message(
        asked.method, server.authority, asked.path, query=asked.query, headers=asked.headers, body=asked.body
    )
    signed = signatures.read(message)
    assert signed.scheme == "jwt"
    provider = OKPKey.import_key(public_part(PROVIDER.jwk))
    token = jwt.decode(str(signed.parameters["jwt"]), provider, algorithms=["Ed25519"])
    signatures.verify(signed, message, token.claims["cnf"]["jwk"])
    assert {"@method", "@authority", "@path", "signature-key"} <= set(signed.covered)
    if asked.body:
        assert {"content-digest", "content-type"} <= set(signed.covered)
    if asked.query:
        assert "@query" in signed.covered
    assert token.header["typ"] == "aa-agent+jwt"
    claims: Mapping[str, Any] = token.claims
    return claims

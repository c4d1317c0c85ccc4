"""Bytes on a socket, and the answers that come back: no HTTP library stands in between."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

DEADLINE_SECONDS = 60.0
QUIET_SECONDS = 0.06
"""After the last answer that was waited for: one too many would come at once."""


class Act(Enum):
    """What a client does besides sending."""

    HALF_CLOSE = "says that nothing more comes, and listens"
    PAUSE = "waits a moment"
    HANG_UP = "closes without listening"


Step = bytes | Act


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """The header's value, "" when it is not there."""
        return next((value for key, value in self.headers if key == name.lower()), "")

    @property
    def by_the_server(self) -> bool:
        """The HTTP server refused it itself; the application, which it names, was never asked."""
        return 400 <= self.status < 500 and not self.body and not self.header("server")


@dataclass(slots=True)
class Exchange:
    """All that came back on one connection. `ended`: the server closed it."""

    answers: list[Answer] = field(default_factory=list)
    ended: bool = False
    rest: bytes = b""
    """What came and is no whole answer."""


def exchange(port: int, steps: Iterable[Step], *, answers: int, until_closed: bool = False) -> Exchange:
    """Takes the steps and listens for that many answers, or until the server closes."""
    found = Exchange()
    raw = b""
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_SECONDS) as connection:
        if not _take(connection, steps):
            return found
        until = time.monotonic() + DEADLINE_SECONDS
        while (left := until - time.monotonic()) > 0:
            complete = len(found.answers) >= answers and not until_closed
            connection.settimeout(QUIET_SECONDS if complete else left)
            try:
                piece = connection.recv(65_536)
            except TimeoutError:
                break
            except ConnectionError:
                found.ended = True
                break
            raw += piece
            found.ended = not piece
            found.answers, found.rest = parse(raw, ended=found.ended)
            if found.ended:
                break
    return found


def _take(connection: socket.socket, steps: Iterable[Step]) -> bool:
    """False when nobody listens any more. A server that hung up in the middle has answered."""
    for step in steps:
        if step is Act.PAUSE:
            time.sleep(0.4)
        elif step is Act.HANG_UP:
            return False
        else:
            try:
                if step is Act.HALF_CLOSE:
                    connection.shutdown(socket.SHUT_WR)
                else:
                    connection.sendall(step)
            except OSError:
                return True
    return True


def parse(raw: bytes, *, ended: bool) -> tuple[list[Answer], bytes]:
    """The whole answers at the start of `raw`, interim ones left out, and the rest."""
    found = []
    while raw:
        head, separator, rest = raw.partition(b"\r\n\r\n")
        if not separator:
            break
        first, *lines = head.decode("latin-1").split("\r\n")
        status = int(first.split(" ")[1])
        headers = tuple(
            (name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)
        )
        body = _body(status, dict(headers), rest, ended)
        if body is None:
            break
        raw = rest[body[1] :]
        if status >= 200:
            found.append(Answer(status, headers, body[0]))
    return found, raw


def _body(status: int, headers: dict[str, str], rest: bytes, ended: bool) -> tuple[bytes, int] | None:
    """The body and how many bytes it takes, None while it is not whole."""
    if status < 200 or status in (204, 304):
        return b"", 0
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return _chunks(rest)
    if "content-length" in headers:
        length = int(headers["content-length"])
        return (rest[:length], length) if len(rest) >= length else None
    return (rest, len(rest)) if ended else None


def _chunks(rest: bytes) -> tuple[bytes, int] | None:
    body, at = b"", 0
    while True:
        line = rest.find(b"\r\n", at)
        if line < 0:
            return None
        size = int(rest[at:line].split(b";")[0], 16)
        at = line + 2
        if len(rest) < at + size + 2:
            return None
        body += rest[at : at + size]
        at += size + 2
        if not size:
            return body, at

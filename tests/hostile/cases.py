"""How the byte-level requests of the table are written, and what a row of it says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from urllib.parse import unquote

from tests.hostile.sockets import Act, Step

SESSIONS = "/agentic/acp/checkout_sessions"
BODY = b'{"line_items":[{"id":"item_pens"}],"currency":"usd","capabilities":{}}'

BY_SERVER = 0
"""Among the statuses of an answer: the HTTP server may refuse this by itself, or hang up."""

_keys = count(1)


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    steps: tuple[Step, ...]
    answers: tuple[tuple[int, ...], ...]
    """For each answer that may come, its possible statuses. One answer too many is smuggling."""
    path: str = SESSIONS
    """What the first request asks for, decoded."""
    ends: bool = False
    """The connection must be closed afterwards: where it stands in the stream is not certain."""


def case(
    name: str,
    *steps: Step,
    may: tuple[int, ...],
    then: tuple[int, ...] = (),
    path: str = SESSIONS,
    ends: bool = False,
) -> Case:
    return Case(name, steps, (may, then) if then else (may,), unquote(path), ends)


def post(
    body: bytes = BODY,
    *lines: bytes,
    path: str | bytes = SESSIONS,
    method: bytes = b"POST",
    version: bytes = b"HTTP/1.1",
    length: bytes | None = b"",
    without: tuple[str, ...] = (),
) -> bytes:
    """A good request with these header lines added. `length`: b"" is the true one, None sends none.

    `without` leaves out what the request normally has: host, type, key, bearer, version.
    """
    target = path.encode() if isinstance(path, str) else path
    normal = {
        "host": b"Host: localhost",
        "bearer": b"Authorization: Bearer demo-agent-key",
        "version": b"API-Version: 2026-04-17",
        "type": b"Content-Type: application/json",
        "key": b"Idempotency-Key: key-%d" % next(_keys),
    }
    head = [b" ".join((method, target, version))]
    head += [line for name, line in normal.items() if name not in without]
    if length is not None:
        head.append(b"Content-Length: " + (length or b"%d" % len(body)))
    return b"\r\n".join([*head, *lines, b"", body])


def get(
    path: str | bytes, *lines: bytes, method: bytes = b"GET", without: tuple[str, ...] = ("type", "key")
) -> bytes:
    return post(b"", *lines, path=path, method=method, length=None, without=without)


def chunked(*pieces: bytes, end: bytes = b"0\r\n\r\n", extension: bytes = b"") -> bytes:
    """The pieces as chunks, without the header that announces them."""
    return b"".join(b"%x%s\r\n%s\r\n" % (len(piece), extension, piece) for piece in pieces) + end


def post_chunked(coded: bytes, *lines: bytes, coding: bytes = b"chunked") -> bytes:
    return post(coded, b"Transfer-Encoding: " + coding, *lines, length=None)


def bodies(named: dict[str, bytes], *, may: tuple[int, ...]) -> Iterator[Case]:
    """One case for each body, sent with its true length."""
    for name, body in named.items():
        yield case(name, post(body), may=may)


HALF_CLOSE, PAUSE, HANG_UP = Act.HALF_CLOSE, Act.PAUSE, Act.HANG_UP

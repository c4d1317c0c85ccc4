"""One request and its answer, as a careful agent sends it: nothing is followed, nothing grows without end."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

import httpx

SECONDS = 30.0
MOST_BYTES = 1024 * 1024
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
DEFAULT_PORTS = {"https": 443, "http": 80}


class AgentError(Exception):
    """What this client raises. The text says what happened, and holds no secret of ours.

    AgentError
      NoAnswer           nobody answered, or nothing that may be read
      Unsafe             an address that is neither opened nor asked
      BadAnswer          an answer that breaks the protocol, so that nobody can go on
      UserUnreachable    nobody can bring the person in, and that is the end
      NotAnswered        the person was asked something, and gives no answer
      NotGranted         the person server gives out no token for that
      GaveUp             the call still waits, and we do not any more
      Withdrawn          the call was taken back by us
    """

    def __init__(self, text: str, *, pending: str = "") -> None:
        super().__init__(text)
        self.pending = pending
        """Where the call waits, if it does; it can be followed on or taken back there."""


class NoAnswer(AgentError):
    """Nothing came, or nothing that may be read: too long, too slow, not as it was said to be."""


class Unsafe(AgentError):
    """That address is neither opened nor asked."""


class BadAnswer(AgentError):
    """The answer breaks the protocol, so that nobody can go on from it."""


class UserUnreachable(AgentError):
    """The person cannot be brought in, by the person server or by us, and that is the end (AA-305)."""


class NotAnswered(AgentError):
    """The person was asked something, and gives no answer."""


class NotGranted(AgentError):
    """There is no token for that; `error` says why in the protocol's words, such as `denied`."""

    def __init__(self, text: str, *, error: str = "") -> None:
        super().__init__(text)
        self.error = error


class GaveUp(AgentError):
    """The call still waits, and we do not any more. It can be followed on at `pending`."""


class Withdrawn(AgentError):
    """The call was taken back by us."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `body` is its JSON object, empty when it was none; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)
    body: Mapping[str, Any] = field(repr=False)
    url: str = ""
    """What was asked."""

    @property
    def error(self) -> str:
        """The problem's `error`, or "" when the answer names none (AA-029)."""
        return self.text("error") if self.status >= 400 else ""

    @property
    def may_start_over(self) -> bool:
        """It timed out: the same may be asked anew, as another request (AA-307)."""
        return self.status == 408

    def text(self, name: str) -> str:
        """The text of that member, or ""."""
        found = self.body.get(name)
        return found if isinstance(found, str) else ""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Which addresses are asked and opened. `loopback_http` also takes http of this machine, to try it."""

    loopback_http: bool = False

    def judged(self, url: str, *, query: bool = False) -> SplitResult:
        """The parts of an absolute https address with nothing hidden in it. Raises Unsafe.

        Without `query`, it has neither query nor fragment (AA-306).
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise Unsafe("not an address") from None
        if not url.isascii() or not url.isprintable() or any(sign in url for sign in ' \\"<>^`{|}'):
            raise Unsafe("an address with signs in it that have no place there")
        if not host or "@" in parts.netloc or port == 0 or parts.netloc.endswith(":"):
            raise Unsafe("an address whose host is not plain")
        here = self.loopback_http and parts.scheme == "http" and host in LOOPBACK
        if parts.scheme != "https" and not here:
            raise Unsafe("an address that is not https")
        if "#" in url or ("?" in url and not query):
            raise Unsafe("an address with a query or a fragment")
        return parts

    def origin(self, url: str) -> str:
        """Scheme, host and port, so that two of the same origin are equal texts. Raises Unsafe."""
        parts = self.judged(url, query=True)
        return f"{parts.scheme}://{parts.hostname}:{parts.port or DEFAULT_PORTS[parts.scheme]}"

    def server(self, url: str) -> str:
        """The name of the server at that address: as `origin`, the port only where it is no default one.
        Raises Unsafe."""
        parts = self.judged(url, query=True)
        named = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        plain = parts.port in (None, DEFAULT_PORTS[parts.scheme])
        return f"{parts.scheme}://{named}" + ("" if plain else f":{parts.port}")

    def beside(self, asked: str, location: str) -> str:
        """`location` as it was answered to `asked`: absolute, and of the same origin. Raises Unsafe."""
        try:
            url = urljoin(asked, location)
        except ValueError:
            raise Unsafe("not an address") from None
        if not location or self.origin(url) != self.origin(asked):
            raise Unsafe("a pending address of another origin than the one that was asked")
        return url


class Exchange:
    """Sends one request and reads one answer. May be used by several threads."""

    def __init__(
        self,
        *,
        transport: httpx.BaseTransport | None = None,
        most_bytes: int = MOST_BYTES,
        seconds: float = SECONDS,
    ) -> None:
        self._most_bytes = most_bytes
        self._seconds = seconds
        # What the environment says about proxies does not decide who reads signed requests.
        # Nothing is kept open between polls, which are seconds apart: the server may have closed it by then.
        self._http = httpx.Client(
            transport=transport,
            follow_redirects=False,
            trust_env=False,
            verify=_authorities(),
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    def close(self) -> None:
        self._http.close()

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, seconds: float | None = None
    ) -> Answer:
        """The answer, whatever its status; redirects are answers. Raises NoAnswer."""
        most = seconds or self._seconds
        ends_at = time.monotonic() + most
        sent = {"accept": "application/json, application/problem+json", "accept-encoding": "identity"}
        try:
            with self._http.stream(
                method, url, headers={**sent, **headers}, content=body or None, timeout=most
            ) as got:
                content = self._read(got, ends_at)
                told = {name.lower(): value for name, value in got.headers.items()}
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as problem:
            raise NoAnswer(f"{_place(url)} gave no answer ({type(problem).__name__})") from None
        return Answer(got.status_code, told, content, _object(content), url)

    def _read(self, got: httpx.Response, ends_at: float) -> bytes:
        if got.headers.get("content-encoding", "identity").lower() != "identity":
            raise NoAnswer("the answer is packed, although nobody asked for that")
        content = bytearray()
        for piece in got.iter_raw():
            content += piece
            if len(content) > self._most_bytes:
                raise NoAnswer(f"the answer is longer than {self._most_bytes} bytes")
            if time.monotonic() > ends_at:
                raise NoAnswer("the answer took too long")
        return bytes(content)


@lru_cache(maxsize=1)
def _authorities() -> ssl.SSLContext:
    """Whose certificates are believed; read once, because that takes long."""
    return httpx.create_ssl_context(trust_env=False)


def _place(url: str) -> str:
    return "/".join(url.split("/", 3)[:3])


def _object(content: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

"""The one outbound HTTP client: public https only, with an end to everything (T23 to T26, T60).

A name is looked up once, every address found is judged, and the connection goes to one of those
addresses; TLS and the Host header speak of the name. A name that changes its mind afterwards
changes nothing. httpcore is used directly, httpx's own engine: it takes our sockets.
"""

from __future__ import annotations

import json as plain_json
import logging
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

import httpcore
import httpx

from gateway import reachable
from gateway.conf import conf
from gateway.reachable import Address, Resolver
from interventions import transactions
from interventions.http import LONGEST_SECONDS, MOST_BYTES, NoReply, Reply
from interventions.weblinks import WebLink, parse

log = logging.getLogger("agentic.egress")

PORTS = frozenset({443})
CONNECT_SECONDS = 2.0
MOST_ADDRESSES = 3
"""Tried one after the other while nobody answers."""
PIECE_BYTES = 64 * 1024
USER_AGENT = "agentic-checkout-gateway"
WITHOUT_BODY = frozenset({"GET", "HEAD"})
OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding"})
"""Headers that no caller may set."""


class Refused(Exception):
    """We do not send there. Stays inside: callers see NoReply."""


@lru_cache(maxsize=1)
def public_tls() -> ssl.SSLContext:
    """The certificate authorities of the web; nothing of the environment changes them."""
    return httpx.create_ssl_context(trust_env=False)


@dataclass(frozen=True, slots=True)
class Egress:
    """Implements `interventions.http.Http`. Without state; may be used by several threads."""

    loopback: frozenset[str] = frozenset()
    """`host:port` of servers on this machine that may be asked, by http too. For the demo."""
    ports: frozenset[int] = PORTS
    resolver: Resolver = reachable.resolve
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    sockets: httpcore.NetworkBackend = field(default_factory=httpcore.SyncBackend, repr=False)

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        timeout_seconds: float = LONGEST_SECONDS,
        most_bytes: int = MOST_BYTES,
    ) -> Reply:
        """See the port. Raises NoReply, or RuntimeError inside a transaction."""
        transactions.refuse_inside("Another server is not asked with a transaction open.")
        ends_at = time.monotonic() + min(timeout_seconds, LONGEST_SECONDS)
        content, content_type = _content(body, json, form)
        sent = {
            "user-agent": USER_AGENT,
            "accept": "application/json",
            **({"content-type": content_type} if content_type else {}),
            **{name.lower(): value for name, value in (headers or {}).items()},
        }
        if OURS & set(sent):
            raise ValueError("a header that only the client itself may set")
        try:
            link, addresses = self._judge(url, ends_at)
            sent |= {"host": link.netloc, "accept-encoding": "identity", "connection": "close"}
            return self._send(method, link, addresses, sent, content, ends_at, min(most_bytes, MOST_BYTES))
        except Refused as reason:
            log.info("Nothing was sent: %s", reason)
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError) as problem:
            log.info("No usable answer from %s: %s", link.authority, type(problem).__name__)
        # Outside of the handlers: the cause would tell what the text does not.
        raise NoReply

    def permits(self, url: str) -> bool:
        """Whether we would send there now, judged when an address is saved. Nothing is sent
        except the question to the resolver. A name that is not known yet is not permitted."""
        try:
            self._judge(url, time.monotonic() + CONNECT_SECONDS)
        except Refused:
            return False
        return True

    def _judge(self, url: str, ends_at: float) -> tuple[WebLink, list[Address]]:
        """The address and where it leads now. Raises Refused; its text names no address."""
        try:
            link = parse(url)
        except ValueError:
            raise Refused("not a plain web address") from None
        here = link.authority in self.loopback
        if not here and (link.scheme != "https" or link.port not in self.ports):
            raise Refused("not https on its own port")
        seconds = min(CONNECT_SECONDS, ends_at - time.monotonic())
        try:
            found = reachable.resolve_within(seconds, self.resolver, link.host, link.port)
        except (OSError, ValueError):
            raise Refused("the name is not known") from None
        # One bad address among good ones is enough: it may be the one that is connected to.
        if not all(address.is_loopback if here else reachable.public(address) for address in found):
            raise Refused("the name leads where we do not send")
        return link, found

    def _send(
        self,
        method: str,
        link: WebLink,
        addresses: list[Address],
        headers: Mapping[str, str],
        content: bytes,
        ends_at: float,
        most_bytes: int,
    ) -> Reply:
        # Not the name: nothing below this line could look it up.
        url = httpcore.URL(
            scheme=link.scheme.encode(), host=link.host.encode(), port=link.port, target=link.target.encode()
        )
        if content or method not in WITHOUT_BODY:
            headers = {**headers, "content-length": str(len(content))}
        request = httpcore.Request(method, url, headers=list(headers.items()), content=content)
        backend = _Checked(addresses, ends_at, self.sockets)
        pool = httpcore.ConnectionPool(
            ssl_context=self.tls or public_tls(), network_backend=backend, max_keepalive_connections=0
        )
        with pool:
            answer = pool.handle_request(request)
            try:
                return _read(answer, most_bytes)
            finally:
                answer.close()


class _Checked(httpcore.NetworkBackend):
    """Sockets to the judged addresses only, and to none of them after the deadline."""

    def __init__(self, addresses: list[Address], ends_at: float, sockets: httpcore.NetworkBackend) -> None:
        self._addresses = addresses[:MOST_ADDRESSES]
        self._ends_at = ends_at
        self._sockets = sockets

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        for address in self._addresses[:-1]:
            try:
                return self._connect(address, port)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return self._connect(self._addresses[-1], port)

    def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.NetworkStream:
        raise httpcore.ConnectError

    def sleep(self, seconds: float) -> None:
        raise httpcore.ConnectError

    def _connect(self, address: Address, port: int) -> httpcore.NetworkStream:
        timeout = min(CONNECT_SECONDS, _left(self._ends_at, httpcore.ConnectTimeout))
        return _Timed(self._sockets.connect_tcp(str(address), port, timeout=timeout), self._ends_at)


class _Timed(httpcore.NetworkStream):
    """A socket whose every step ends at one deadline: a timeout for each read permits drips."""

    def __init__(self, inner: httpcore.NetworkStream, ends_at: float) -> None:
        self._inner = inner
        self._ends_at = ends_at

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, timeout=_left(self._ends_at, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), PIECE_BYTES):
            left = _left(self._ends_at, httpcore.WriteTimeout)
            self._inner.write(buffer[start : start + PIECE_BYTES], timeout=left)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _left(self._ends_at, httpcore.ConnectTimeout)
        return _Timed(self._inner.start_tls(ssl_context, server_hostname, timeout=left), self._ends_at)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _left(ends_at: float, late: type[Exception]) -> float:
    left = ends_at - time.monotonic()
    if left <= 0:
        raise late
    return left


def _read(answer: httpcore.Response, most_bytes: int) -> Reply:
    headers: dict[str, str] = {}
    for raw_name, raw_value in answer.headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        # We asked for none; unpacking what somebody chose to pack is how memory fills.
        raise httpcore.RemoteProtocolError("packed")
    body = bytearray()
    for piece in answer.iter_stream():
        body += piece
        if len(body) > most_bytes:
            raise httpcore.RemoteProtocolError("too large")
    return Reply(answer.status, headers, bytes(body))


def _content(body: bytes | None, json: Any, form: Mapping[str, str] | None) -> tuple[bytes, str]:
    if sum(given is not None for given in (body, json, form)) > 1:
        raise ValueError("more than one of body, json and form")
    if json is not None:
        return plain_json.dumps(json, separators=(",", ":")).encode(), "application/json"
    if form is not None:
        return urlencode(form).encode(), "application/x-www-form-urlencoded"
    return body or b"", ""


def egress() -> Egress:
    """The client under the settings in force; servers on this machine under demo settings only."""
    settings = conf()
    return Egress(loopback=frozenset(settings.EGRESS_LOOPBACK) if settings.DEMO else frozenset())

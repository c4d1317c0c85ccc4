"""Servers on this machine that play one part each, and count who comes."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Part = Callable[[socket.socket], None]


@dataclass
class Listener:
    """What a listener has seen. `heard` holds the first bytes of each connection."""

    port: int
    heard: list[bytes] = field(default_factory=list)
    connections: int = 0


@contextmanager
def listening(
    part: Part, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> Iterator[Listener]:
    """A server on a free port; `part` is played on every connection, one after the other."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as server:
        seen = Listener(server.getsockname()[1])

        def serve() -> None:
            while True:
                try:
                    plain, _ = server.accept()
                except OSError:
                    return
                seen.connections += 1
                # The other side may hang up at any moment; that is its part.
                with suppress(OSError), plain, _over(plain, tls) as connection:
                    connection.settimeout(10)
                    seen.heard.append(_request(connection))
                    part(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield seen
        finally:
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            server.close()
            thread.join(10)


def _over(plain: socket.socket, tls: ssl.SSLContext | None) -> socket.socket:
    plain.settimeout(10)
    return tls.wrap_socket(plain, server_side=True) if tls else plain


def _request(connection: socket.socket) -> bytes:
    """One request, as far as its announced length goes."""
    heard = b""
    while b"\r\n\r\n" not in heard:
        piece = connection.recv(65536)
        if not piece:
            return heard
        heard += piece
    head, _, body = heard.partition(b"\r\n\r\n")
    announced = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    length = int(announced[0].partition(b":")[2]) if announced else 0
    while len(body) < length:
        piece = connection.recv(65536)
        if not piece:
            break
        body += piece
    return head + b"\r\n\r\n" + body


def saying(answer: bytes) -> Part:
    """The part of a server that always says this."""
    return lambda connection: connection.sendall(answer)


def answer(body: bytes = b"{}", status: bytes = b"200 OK", *headers: bytes) -> bytes:
    lines = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body

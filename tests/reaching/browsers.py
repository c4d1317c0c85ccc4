"""A browser that was subscribed, and the push service that it is subscribed at, as the tests play them.

The service is a server on this machine: it believes nobody's word of who sends, and keeps what comes. Only
the browser can read that.
"""

from __future__ import annotations

import json
import os
import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import http_ece
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02


def text(raw: bytes) -> str:
    """base64url without padding."""
    return urlsafe_b64encode(raw).decode().rstrip("=")


def raw(given: str) -> bytes:
    return urlsafe_b64decode(given + "=" * (-len(given) % 4))


@dataclass
class Pushed:
    """One message, as the push service got it."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def sender(self) -> dict[str, Any]:
        """Who sent it, by the signature in its header: claims, and the public key as `key`."""
        scheme, _, told = self.headers["authorization"].partition(" ")
        assert scheme == "vapid"
        assert Vapid02.verify(self.headers["authorization"])
        parts = dict(part.split("=", 1) for part in told.split(","))
        claims: dict[str, Any] = json.loads(raw(parts["t"].split(".")[1]))
        return {**claims, "key": parts["k"]}


@dataclass
class PushService:
    """What came, and what is answered."""

    port: int
    status: int = 201
    pushed: list[Pushed] = field(default_factory=list)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def authority(self) -> str:
        return f"127.0.0.1:{self.port}"


class Browser:
    """One browser on one device."""

    def __init__(self, service: PushService, name: str = "device") -> None:
        self._key: EllipticCurvePrivateKey = generate_private_key(SECP256R1())
        self._auth = os.urandom(16)
        self.endpoint = f"{service.origin}/push/{name}"
        self._service = service

    @property
    def subscription(self) -> dict[str, Any]:
        """As `PushSubscription.toJSON` gives it out."""
        point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {
            "endpoint": self.endpoint,
            "expirationTime": None,
            "keys": {"p256dh": text(point), "auth": text(self._auth)},
        }

    @property
    def shown(self) -> list[dict[str, Any]]:
        """What it was sent, opened with its own key."""
        path = self.endpoint.removeprefix(self._service.origin)
        return [self.opened(one.body) for one in self._service.pushed if one.path == path]

    def opened(self, body: bytes) -> dict[str, Any]:
        plain = http_ece.decrypt(body, private_key=self._key, auth_secret=self._auth, version="aes128gcm")
        told: dict[str, Any] = json.loads(plain)
        return told


@contextmanager
def serving() -> Iterator[PushService]:
    """A push service on a free port."""
    played: list[PushService] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            played[0].pushed.append(Pushed(self.path, headers, body))
            self.send_response(played[0].status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        played.append(PushService(server.server_address[1]))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield played[0]
        finally:
            server.shutdown()
            thread.join(10)

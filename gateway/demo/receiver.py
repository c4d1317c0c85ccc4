"""The agent's platform, where a merchant's order events arrive. It believes nothing that is not signed."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATH = "/agentic_checkout/webhooks/order_events"
WINDOW_SECONDS = 300
WAIT_SECONDS = 20.0
MOST_BYTES = 1024 * 1024
SIGNATURE = re.compile(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})")


class NoReceiver(Exception):
    """Nothing can arrive. The text says why, and what to do about it."""


@dataclass(frozen=True, slots=True)
class Event:
    """One that arrived and was signed with our secret."""

    id: str
    body: dict[str, Any]


def is_genuine(secret: str, header: str, body: bytes, now: float) -> bool:
    """The body was signed with the secret, at most five minutes from `now`, either way."""
    found = SIGNATURE.fullmatch(header)
    if found is None or abs(now - int(found[1])) > WINDOW_SECONDS:
        return False
    expected = hmac.new(secret.encode(), found[1].encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, found[2])


@dataclass
class Receiver:
    """`url` is for the merchant; `secret` is what the merchant gave for it."""

    url: str
    secret: str = field(default="", repr=False)
    _events: list[Event] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def event(
        self, order: str, seconds: float = WAIT_SECONDS, *, when: Callable[[dict[str, Any]], bool] = bool
    ) -> Event | None:
        """The first event of that order whose order is as `when` says, waited for; None when none came."""
        ends_at = time.monotonic() + seconds
        with self._changed:
            while True:
                for event in self._events:
                    data = event.body.get("data")
                    if isinstance(data, dict) and data.get("id") == order and when(data):
                        return event
                if not self._changed.wait(max(ends_at - time.monotonic(), 0.0)):
                    return None

    def take(self, path: str, headers: Any, body: bytes) -> int:
        """The status that the merchant is answered."""
        signatures = headers.get_all("Merchant-Signature", [])
        if not self.url.endswith(path) or len(signatures) != 1:
            return 401
        if not is_genuine(self.secret, signatures[0], body, time.time()):
            return 401
        try:
            event = json.loads(body)
        except ValueError:
            return 400
        with self._changed:
            self._events.append(Event(headers.get("Request-Id", ""), event))
            self._changed.notify_all()
        return 200


@contextmanager
def receiving(port: int) -> Iterator[Receiver]:
    """A server for order events on this machine. Raises NoReceiver when somebody has the port."""
    receiver = Receiver(f"http://127.0.0.1:{port}/{secrets.token_hex(4)}{PATH}")

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            sound = length.isascii() and length.isdigit() and len(length) < 8 and int(length) <= MOST_BYTES
            status = receiver.take(self.path, self.headers, self.rfile.read(int(length))) if sound else 413
            answer = json.dumps({"received": status == 200}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            """The story is told elsewhere."""

    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except OSError:
        raise NoReceiver(
            f"Port {port} is taken. Choose another for the server and the demo alike: DEMO_RECEIVER_PORT"
        ) from None
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()

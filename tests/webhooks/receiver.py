"""An agent's platform as the tests play it: a server with a log of its own that believes no one.

It verifies with the very lines that docs/webhooks.md gives to receivers.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "webhooks.md"


def documented() -> Callable[..., bool]:
    """`is_genuine`, as the guide prints it."""
    code = GUIDE.read_text().split("```python\n")[1].split("```")[0]
    names: dict[str, Any] = {}
    exec(compile(code, str(GUIDE), "exec"), names)
    found: Callable[..., bool] = names["is_genuine"]
    return found


is_genuine = documented()


@dataclass
class Heard:
    """One request as it came."""

    at: float
    headers: dict[str, list[str]]
    body: bytes
    path: str
    status: int
    genuine: bool

    @property
    def event(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def id(self) -> str:
        return self.headers["request-id"][0]


@dataclass
class Receiver:
    """What was heard, and what is answered. `says` gets how many were heard before."""

    port: int
    secret: str = ""
    heard: list[Heard] = field(default_factory=list)
    says: Callable[[int], int] = lambda number: 200
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/agentic_checkout/webhooks/order_events"

    @property
    def taken(self) -> list[Heard]:
        return [one for one in self.heard if one.status < 300]

    def hear(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        headers: dict[str, list[str]] = {}
        for name, value in handler.headers.items():
            headers.setdefault(name.lower(), []).append(value)
        signatures = headers.get("merchant-signature", [])
        genuine = len(signatures) == 1 and is_genuine(self.secret, signatures[0], body)
        time.sleep(self.seconds)
        with self.lock:
            status = self.says(len(self.heard)) if genuine else 401
            self.heard.append(Heard(time.time(), headers, body, handler.path, status, genuine))
        answer = json.dumps({"received": status < 300}).encode()
        handler.send_response(status)
        for name, value in {**self.headers, "Content-Length": str(len(answer))}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(answer)


@contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    """A receiver on this machine until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.hear(self)

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

        def handle_error(self, *_: Any) -> None:
            """Whoever asked was killed, or did not wait; that is its part."""

    server = Server(("127.0.0.1", port), Handler)
    receiver = Receiver(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)

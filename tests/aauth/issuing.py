"""An issuer's server on this machine, which answers as it is told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.aauth.agents import Provider

METADATA = "/.well-known/aauth-agent.json"
JWKS = "/jwks.json"

Answer = tuple[int, dict[str, str], bytes]


def as_json(document: Any, status: int = 200) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(document).encode()


class IssuerServer:
    """Serves the documents of a provider. `answers` replaces one, by its path; `asked` counts.

    with IssuerServer(provider) as server: ...
    """

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.answers: dict[str, Callable[[], Answer]] = {
            METADATA: lambda: as_json(provider.metadata),
            JWKS: lambda: as_json(provider.jwks),
        }
        self.asked: list[str] = []
        self.slow = threading.Event()
        """Waited for before each answer, once it is in `held`."""
        self.held = False
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # the name that http.server looks for
                server.asked.append(self.path)
                if server.held:
                    server.slow.wait(30)
                status, headers, body = server.answers.get(self.path, lambda: as_json({}, 404))()
                try:
                    self.send_response(status)
                    for name, value in {**headers, "Content-Length": str(len(body))}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass  # whoever asked is gone

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def mapped(self) -> dict[str, Any]:
        """Its entry in AAUTH_ISSUERS: the name stays, and what is sent goes here."""
        return {self.provider.issuer: {"base_url": self.origin}}

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.slow.set()
        self._server.shutdown()
        self._server.server_close()

"""The acquirer over HTTP: who asks, what they ask, and how the answer gets lost on its way."""

from __future__ import annotations

import hmac
import json
import logging
import os
import select
import socket
import struct
import sys
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from gateway.acquirer import charges, pages
from gateway.acquirer.asking import Refused
from gateway.acquirer.charges import Answer
from gateway.acquirer.endpoints import Endpoints, route
from gateway.acquirer.faults import Fault

log = logging.getLogger("acquirer.server")

LONGEST_BODY = 64 * 1024
IDLE_SECONDS = 30
PAGES = "/challenges/"


@dataclass(frozen=True, slots=True)
class Service:
    """What a connection needs to know."""

    endpoints: Endpoints
    key: str = field(repr=False)
    programmable: bool = False
    return_origins: frozenset[str] = frozenset()


class Server(ThreadingHTTPServer):
    """One thread for each connection: a slow answer holds up nobody else."""

    daemon_threads = True
    request_queue_size = 256
    service: Service

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that left, mostly."""
        log.info("A connection broke: %s", type(sys.exc_info()[1]).__name__)


class Connection(BaseHTTPRequestHandler):
    """Speaks HTTP/1.1 with one client."""

    protocol_version = "HTTP/1.1"
    server_version = "sandbox-acquirer"
    sys_version = ""
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:
        """Addresses hold challenges; none is written down."""

    def _serve(self) -> None:
        body = self._body()
        if body is None:
            self._json(Answer(400, Refused(400, "bad_request", "Content-Length is wrong.").content))
            self.close_connection = True
            return
        address = urlsplit(self.path)
        query = dict(parse_qsl(address.query, keep_blank_values=True))
        if address.path == "/healthz":
            self._json(Answer(200, {}))
        elif address.path.startswith(PAGES):
            self._page(address.path.removeprefix(PAGES), query, body)
        else:
            try:
                self._merchant(address.path, query, body)
            except Refused as refusal:
                self._json(Answer(refusal.status, refusal.content))
            except Exception:
                log.exception("A request failed")
                self._json(Answer(500, {"error": {"code": "internal", "message": "Try again."}}))

    def _merchant(self, path: str, query: dict[str, str], body: bytes) -> None:
        """Raises Refused."""
        service = self.server.service
        given = self.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {service.key}".encode()):
            raise Refused(401, "unauthorized", "The key is wrong.")
        if path == "/control" or path.startswith("/control/"):
            if not service.programmable:
                raise Refused(404, "no_route", "There is nothing at this address.")
            self._json(service.endpoints.control(self.command, path, body))
            return
        asked = route(self.command, path, query, self.headers.get("Idempotency-Key"), body)
        fault = service.endpoints.programme.fault(self.command, asked.path) or Fault("")
        match fault.what:
            case "delay":
                time.sleep(fault.seconds)
            case "reset_before":
                self._reset()
                return
            case "error_before":
                raise Refused(500, "internal", "Try again.")
        answer = service.endpoints.answer(asked, decline=fault.what == "decline")
        match fault.what:
            case "error_after":
                raise Refused(500, "internal", "Try again.")
            case "silent_after":
                self._hold(fault.seconds)
                return
            case "delay_after":
                time.sleep(fault.seconds)
        self._json(answer)

    def _page(self, challenge: str, query: dict[str, str], body: bytes) -> None:
        endpoints, origins = self.server.service.endpoints, self.server.service.return_origins
        given = dict(parse_qsl(body.decode("utf-8", "replace"))) if self.command == "POST" else query
        back = pages.way_back(given, origins)
        if self.headers.get("Origin", endpoints.origin) != endpoints.origin or back is None:
            self._html(400, *pages.told("This page cannot be shown", "The address is not registered."))
            return
        try:
            with endpoints.ledger.reading() as books:
                row = charges.challenged(books, challenge)
            decision = given.get("decision", "") if self.command == "POST" else ""
            if decision in ("approve", "deny"):
                announce, approved = endpoints.sender.announce, decision == "approve"
                endpoints.ledger.write(lambda books: charges.decide(books, challenge, approved, announce))
        except Refused:
            self._html(404, *pages.told("Not known", "This payment is not known here."))
            return
        if decision not in ("approve", "deny"):
            if row["status"] != "requires_action":
                self._html(200, *pages.told("Already decided", "You can close this page."))
                return
            self._html(200, *pages.question(row["amount"], row["currency"], row["key"], back))
        elif back.url:
            self._send(303, b"", {"Location": back.url})
        else:
            self._html(200, *pages.told("Thank you", "You can close this page."))

    def _body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > LONGEST_BODY or "Transfer-Encoding" in self.headers:
            return None
        return self.rfile.read(int(length))

    def _json(self, answer: Answer) -> None:
        headers = {"Content-Type": "application/json"}
        if answer.replayed:
            headers["Idempotent-Replayed"] = "true"
        self._send(answer.status, json.dumps(answer.content).encode(), headers)

    def _html(self, status: int, text: str, policy: str) -> None:
        headers = {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Security-Policy": policy,
            # "no-referrer" would hide from us where a POST came from.
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
            "X-Robots-Tag": "noindex",
        }
        self._send(status, text.encode(), headers)

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Cache-Control": "no-store"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _hold(self, seconds: float) -> None:
        """Nothing is ever answered; over when the client leaves, or after so long."""
        self.close_connection = True
        ends_at = time.monotonic() + seconds
        while (left := ends_at - time.monotonic()) > 0:
            readable, _, _ = select.select([self.connection], [], [], left)
            if readable and not self.connection.recv(4096):
                return

    def _reset(self) -> None:
        """The client's machine is told that nobody was ever here."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # Closed under the server's feet, which would say goodbye first.
        os.close(self.connection.detach())

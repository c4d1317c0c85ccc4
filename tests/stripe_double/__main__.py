"""A server that plays the part of Stripe's API that the project needs, as a process of its own.

    python -m tests.stripe_double     prints its origin, and answers until it is killed

Strict where Stripe is: form-encoded, a version, keys, idempotency keys that replay and conflict, no
unknown parameters. Pages ask it with the publishable key and the secret of an intent; a bank's page is
one that a person can press buttons on. Below `/test` the tests say how it behaves, and read what it was
asked and what it did.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable
from email.utils import formatdate
from socketserver import ThreadingMixIn
from typing import Any
from urllib.parse import parse_qsl
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from tests.stripe_double.account import SECRET_KEY, Account
from tests.stripe_double.answers import Answer
from tests.stripe_double.setup_intents import DECLINED, PUBLISHABLE_KEY, QUESTIONED
from tests.stripe_double.telling import told

__all__ = ["DECLINED", "PUBLISHABLE_KEY", "QUESTIONED", "SECRET_KEY"]

account = Account()
asked: list[dict[str, Any]] = []
trouble: dict[str, Any] = {}
"""What everything below is answered with, whatever it is; `troubles` are finer."""

Said = list[tuple[str, str]]


def application(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    if path.startswith("/3d_secure_2/hosted/"):
        return at_the_bank(method, path.rpartition("/")[2], body, start)
    said = [
        ("Content-Type", "application/json"),
        ("Access-Control-Allow-Origin", "*"),
        ("Date", formatdate()),
    ]
    status, text = 200, ""
    if path.startswith("/test/"):
        text = from_the_tests(path, json.loads(body or b"{}"))
    elif trouble and method in trouble.get("methods", [method]) and len(trouble) > ("methods" in trouble):
        status, text = trouble.get("status", 200), trouble.get("body", "")
        time.sleep(trouble.get("seconds", 0))
    else:
        status, text = from_the_api(environ, method, path, body, said)
    start(f"{status} Said", said)
    return [text.encode()]


def from_the_api(environ: dict[str, Any], method: str, path: str, body: bytes, said: Said) -> tuple[int, str]:
    headers = {
        "authorization": environ.get("HTTP_AUTHORIZATION", ""),
        "version": environ.get("HTTP_STRIPE_VERSION", ""),
        "idempotency_key": environ.get("HTTP_IDEMPOTENCY_KEY", ""),
        "content_type": environ.get("CONTENT_TYPE", ""),
    }
    written = environ.get("QUERY_STRING", "") if method == "GET" else body.decode()
    form = parse_qsl(written, keep_blank_values=True)
    others = {name: value for name, value in environ.items() if name.startswith("HTTP_")}
    asked.append({"method": method, "path": path, "form": form, "headers": others, **headers})
    try:
        status, text, replayed = account.answer(method, path, headers, form)
    except Answer as other:
        return other.status, json.dumps({"error": other.error})
    said += [("Idempotent-Replayed", "true")] if replayed else []
    return status, text


def from_the_tests(path: str, said: dict[str, Any]) -> str:
    with account.lock:
        if path == "/test/trouble":
            account.setup_intents.failures = said.pop("failures", 0)
            trouble.clear()
            trouble.update(said)
            return "{}"
        return json.dumps(told(account, asked, path, said))


def at_the_bank(method: str, ticket: str, body: bytes, start: Callable[..., Any]) -> Iterable[bytes]:
    """The page on which a card's holder is asked, and what they press."""
    html = [("Content-Type", "text/html; charset=utf-8")]
    intent = account.bank.pages.get(ticket)
    if intent is None:
        start("404 Said", html)
        return [b"Nothing is asked here."]
    if method == "GET":
        start("200 Said", html)
        return [account.bank.shown(ticket).encode()]
    decision = dict(parse_qsl(body.decode())).get("decision", "")
    try:
        with account.lock:
            back = account.payments.asked_at_the_bank(intent, decision)
    except Answer:
        start("410 Said", html)
        return [b"It is over."]
    start("303 Said", [*html, ("Location", back)])
    return [b""]


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Nothing is written."""


class Threaded(ThreadingMixIn, WSGIServer):
    daemon_threads = True


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    with make_server("127.0.0.1", port, application, Threaded, Quiet) as server:
        account.bank.origin = f"http://127.0.0.1:{server.server_port}"
        print(account.bank.origin, flush=True)
        server.serve_forever()

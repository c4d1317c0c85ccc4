"""Every ACP answer that the suite gets is held against its schema, and kept where that is asked for.

Errors too: what leaves a view by way of an exception is judged here. With AGENTIC_RECORD_RESPONSES
set to a folder, each answer is a line of JSON in a file of that folder, for judges outside.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from schemas import facade

BASE = "/agentic/acp"
VERSION = "2026-04-17"
EXTENSION = "intervention_types"
SHOWS_IT = frozenset({"otp", "redirect", "webview"})

_asked: dict[str, bool] = {}
"""Sessions by id: whether their agent asked for the extension when it opened them."""


def pytest_configure(config: pytest.Config) -> None:
    """Django's client answers as before, after its answer was judged."""
    plain = Client.request

    def judged(self: Client, **request: Any) -> Any:
        answer = plain(self, **request)
        path = str(request.get("PATH_INFO", ""))
        if path.startswith(BASE) and not getattr(answer, "streaming", False):
            brings = "interaction" in str(request.get("HTTP_AAUTH_CAPABILITIES", ""))
            judge(str(request.get("REQUEST_METHOD", "GET")), path, _sent(request), answer, brings=brings)
        return answer

    Client.request = judged  # type: ignore[method-assign]
    config.add_cleanup(lambda: setattr(Client, "request", plain))


def judge(method: str, path: str, sent: Any, answer: Any, *, brings: bool = False) -> None:
    """The answer is what its schema allows. Raises AssertionError. An agent that `brings` its person sees
    the extension; that its call waits, and how it ended without being carried out, is said by AAuth."""
    if method == "HEAD" or not answer.content or _of_aauth(answer):
        return
    assert answer["Content-Type"] == "application/json", (path, answer["Content-Type"])
    body = json.loads(answer.content)
    extended = False
    if (delegated := _of_a_card(method, path, answer.status_code)) is not None:
        _record(method, path, answer, extended)
        _held(method, path, delegated, VERSION, body)
        return
    of_a_cart = path == f"{BASE}/carts" or path.startswith(f"{BASE}/carts/")
    if answer.status_code < 400 and not of_a_cart:
        if answer.status_code == 201 and isinstance(sent, dict):
            _asked[body["id"]] = brings or _asks(sent.get("capabilities"))
        extended = _asked.get(body["id"], True)
    if answer.status_code >= 400:
        schema = "Error"
    elif of_a_cart:
        schema = "Cart"
    else:
        schema = "Order" if path.startswith(f"{BASE}/orders/") else "CheckoutSession"
    version = VERSION + (f"+{EXTENSION}" if extended else "")
    _record(method, path, answer, extended)
    _held(method, path, schema, version, body)


def _of_aauth(answer: Any) -> bool:
    return answer.status_code == 202 or answer["Content-Type"] == "application/problem+json"


def _held(method: str, path: str, schema: str, version: str, body: Any) -> None:
    wrong = facade.validator(schema, version).violations(body)
    assert not wrong, f"{method} {path}: {schema} {[(found.path, found.message) for found in wrong[:3]]}"


def _of_a_card(method: str, path: str, status: int) -> str | None:
    """The schema of an answer about a card that was handed over; None for every other."""
    place = path.removeprefix(BASE)
    if place != "/agentic_commerce/delegate_payment" and not place.startswith("/delegate_authentication"):
        return None
    if status >= 400:
        return "DelegationError"
    if place == "/agentic_commerce/delegate_payment":
        return "DelegatePaymentResponse"
    return f"DelegateAuthenticationSession{'WithResult' if method == 'GET' else ''}"


def _asks(capabilities: Any) -> bool:
    told = capabilities if isinstance(capabilities, dict) else {}
    supported = (told.get("interventions") or {}).get("supported") or ()
    named = [
        entry if isinstance(entry, str) else entry.get("name", "") for entry in told.get("extensions") or ()
    ]
    return bool(SHOWS_IT.intersection(supported)) or any(
        name.partition("@")[0] == EXTENSION for name in named
    )


def _sent(request: dict[str, Any]) -> Any:
    """The body of the request, which stays readable; None when it is no JSON."""
    stream = request.get("wsgi.input")
    content = getattr(stream, "_FakePayload__content", None)
    try:
        return json.loads(content.getvalue()) if content is not None else None
    except ValueError:
        return None


def _record(method: str, path: str, answer: Any, extended: bool) -> None:
    folder = os.environ.get("AGENTIC_RECORD_RESPONSES")
    if not folder:
        return
    line = {
        "test": os.environ.get("PYTEST_CURRENT_TEST", ""),
        "request": f"{method} {path}",
        "extended": extended,
        "status": answer.status_code,
        "headers": dict(answer.items()),
        "body": json.loads(answer.content),
    }
    with (Path(folder) / f"{os.getpid()}.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")

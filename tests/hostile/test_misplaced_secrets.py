"""Secrets where they do not belong: each route, header, member and query (R22, T19, T71, T94)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from gateway import delivery
from gateway.models import IdempotentRequest
from tests.agents import ADDRESS, BASE, BUYER, MINIMAL, paying
from tests.bank import Wire, authenticator
from tests.cards import AUTHENTICATE, DELEGATE, authenticating, delegating
from tests.hostile import evidence
from tests.hostile.canaries import Scanner, word
from tests.hostile.played import Played, report, scan
from tests.parts import plugged

TEXT = frozenset(
    "full_name name line_one line_two city state postal_code country email order_notes locale".split()
)
"""Members that hold whatever the agent writes."""

HEADERS = (
    *("API-Version", "User-Agent", "Referer", "X-Forwarded-For", "Accept-Language", "Signature", "Timestamp"),
    *("Content-Type", "Accept", "Origin", "Prefer", "If-None-Match"),
)

REFUSED = ("card number", "security code")
NO_KEYS = ("card number", "key", "unknown key")
OTHERS = ("code", "key", "unknown key", "token")


@pytest.mark.requirement("ACP-005")
def test_secrets_in_wrong_places_are_kept_nowhere(agent: Played, scanner: Scanner) -> None:
    """Every route, header, member and query, one secret at a time."""
    running = plugged(authenticator=authenticator(Wire()))
    with evidence.monitored() as commands, evidence.diary() as diary, running:
        session = agent.session()
        delivery.deliver_due()
        for method, path, body in _requests(session):
            told = " ".join(agent.secret.values())
            for header in HEADERS:
                agent.ask(method, path, body, **{header: told})
            agent.ask(method, path, body, Authorization=f"Basic {told}")
            agent.ask(method, path, body, Cookie=f"sessionid={quote(told)}; csrftoken={quote(told)}")
            for name in NO_KEYS:
                agent.ask(method, path, body, Idempotency_Key=agent.secret[name])
            agent.ask(method, f"{path}?token={quote(told)}&{quote(told)}=1", body)
            for raw in (f'{{"code": "{told}"', told, f'"{told}"', f"code={told}", f'{{"a":"{told}\n"}}'):
                agent.ask(method, path, raw=raw.encode())
            for name, value in agent.secret.items():
                if name != "key":
                    agent.ask(method, path, body, Authorization=f"Bearer {value}")
            for names in REFUSED, OTHERS:
                for damaged in _with(body, " ".join(agent.secret[name] for name in names), names is REFUSED):
                    agent.ask(method, path, damaged)
        for name, value in agent.secret.items():
            if name in REFUSED:
                agent.ask("POST", f"{BASE}/checkout_sessions/{value}/complete", paying())
            agent.ask("GET", f"{BASE}/checkout_sessions/{value}")
            agent.ask("POST", f"{BASE}/checkout_sessions/{value}", {})
            agent.ask("POST", f"{BASE}/checkout_sessions/{value}/cancel")
            agent.ask("GET", f"/agentic/orders/{value}")
            agent.ask("GET", f"/agentic/{value}")
        agent.ask("POST", "/admin/login/", raw=f"username=olga&password={quote(told)}".encode())

    scan(agent, diary, commands)

    assert agent.statuses >= {200, 201, 400, 401, 404, 415}
    assert scanner.found == [], report(scanner)


@pytest.mark.requirement("ACP-085")
@pytest.mark.parametrize("name", NO_KEYS)
def test_a_secret_is_no_idempotency_key(agent: Played, name: str) -> None:
    """T94: keys are stored and echoed; these are neither."""
    answer = agent.ask("POST", f"{BASE}/checkout_sessions", MINIMAL, Idempotency_Key=agent.secret[name])

    assert answer.status_code == 400
    assert answer.json()["code"] == ("invalid_header" if "key" in name else "raw_card_data_not_accepted")
    assert "Idempotency-Key" not in answer.headers
    assert agent.secret[name] not in answer.content.decode()
    assert not IdempotentRequest.objects.exists()


def test_a_key_of_another_shape_is_refused_too(agent: Played) -> None:
    """The demo's bearer keys, say."""
    agent.key = "demo-agent-key"

    refused = agent.ask("POST", f"{BASE}/checkout_sessions", MINIMAL, Idempotency_Key="demo-agent-key")
    taken = agent.ask("POST", f"{BASE}/checkout_sessions", MINIMAL, Idempotency_Key="agent-key")

    assert (refused.status_code, taken.status_code) == (400, 201)


def _requests(session: str) -> list[tuple[str, str, Any]]:
    """One request for each route, as it should be."""
    one = f"{BASE}/checkout_sessions/{session}"
    full = {**MINIMAL, "line_items": [{"id": "item_mug", "quantity": 1}], "buyer": BUYER, "locale": "en-US"}
    full |= {"fulfillment_details": {"address": ADDRESS}, "order_notes": "Ring twice."}
    return [
        ("POST", f"{BASE}/checkout_sessions", full),
        ("GET", one, None),
        ("POST", one, {"order_notes": "Ring once.", "intervention_response": {"type": "later"}}),
        ("POST", f"{one}/complete", paying()),
        ("POST", f"{BASE}/checkout_sessions/cs_0/cancel", {"intent_trace": {"reason_code": "other"}}),
        # Its metadata are returned as they came, to whoever wrote them (ACP-203).
        ("POST", BASE + DELEGATE, delegating(session, card={"metadata": {}}, metadata={})),
        ("POST", BASE + AUTHENTICATE, authenticating()),
        ("POST", f"{BASE}{AUTHENTICATE}/das_0/authenticate", {"fingerprint_completion": "Y"}),
        ("GET", f"{BASE}{AUTHENTICATE}/das_0", None),
        ("GET", "/.well-known/acp.json", None),
        ("GET", "/healthz", None),
        ("GET", "/readyz", None),
        ("GET", "/agentic/nothing", None),
        ("GET", "/api/schema/", None),
        ("GET", "/agentic/orders/ord_0", None),
        ("POST", f"/agentic/confirm/{'0' * 96}", None),
        ("POST", f"/agentic/confirm/{'0' * 96}/return", None),
        ("POST", f"/agentic/confirm/{'0' * 96}/embed", None),
    ]


def _with(body: Any, value: str, everywhere: bool) -> Iterator[Any]:
    """The body with the value in place of each member, and beside all of them; `everywhere`, in the
    agent's own texts too."""
    if body is None:
        return
    yield {**body, word("member_"): value}
    yield {**body, "number": value, "cvc": value}
    yield {**body, "intervention_response": {"type": "otp", "code": value, "state": value}}
    yield {**body, "intervention_response": {"type": value, "code": value, "callback_data": value}}
    yield {**body, "payment_data": {"instrument": {"type": "card", "number": value, "cvc": value}}}
    yield from _replaced(body, value, everywhere)


def _replaced(body: Any, value: str, everywhere: bool, member: str = "") -> Iterator[Any]:
    if isinstance(body, dict):
        for name, child in body.items():
            for changed in _replaced(child, value, everywhere, name):
                yield {**body, name: changed}
    elif isinstance(body, list):
        for index, child in enumerate(body):
            for changed in _replaced(child, value, everywhere, member):
                yield [*body[:index], changed, *body[index + 1 :]]
    elif everywhere or member not in TEXT:
        yield value
        yield [value]

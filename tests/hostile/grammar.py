"""Requests made up from good ones: a seed gives the same list for ever."""

from __future__ import annotations

import copy
import json
import random
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote_to_bytes, urlencode

from tests.agents import ADDRESS, BASE, BUYER, VERSION, paying
from tests.hostile.vocabulary import (
    CANARY,
    FORM_VALUES,
    FORMS,
    HEADER_NAMES,
    HEADER_VALUES,
    METHODS,
    NAMES,
    NUMBERS,
    PLACES,
    QUERIES,
    RAW,
    SEGMENTS,
    STRINGS,
)


@dataclass(slots=True)
class Sent:
    """A request as a server would hand it over: `target` is the raw path and query."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    chunked: bool = False

    @property
    def path(self) -> bytes:
        return unquote_to_bytes(self.target.partition("?")[0])

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]


@dataclass(frozen=True, slots=True)
class Known:
    """What exists in the shop: ids to ask for."""

    sessions: tuple[str, ...]
    orders: tuple[str, ...]
    tickets: tuple[str, ...] = ("0" * 96,)
    runs: tuple[str, ...] = ("das_0",)


def create_body(rng: random.Random) -> dict[str, Any]:
    body: dict[str, Any] = {
        "line_items": [
            {"id": rng.choice(("item_pens", "item_mug", "item_sofa")), "quantity": rng.randint(1, 3)}
            for _ in range(rng.randint(1, 2))
        ],
        "currency": "usd",
        "capabilities": {},
    }
    optional: dict[str, Any] = {
        "buyer": dict(BUYER),
        "fulfillment_details": {"name": "Ada Lovelace", "email": "ada@example.com", "address": dict(ADDRESS)},
        "locale": "en-US",
        "timezone": "America/Los_Angeles",
        "order_notes": "Ring twice.",
        "metadata": {"client_reference_id": "ref-1", "nested": {"list": [1, 2.5, None, True]}},
    }
    return body | {name: value for name, value in optional.items() if rng.random() < 0.5}


def update_body(rng: random.Random) -> dict[str, Any]:
    whole = create_body(rng)
    del whole["capabilities"], whole["currency"]
    whole["selected_fulfillment_options"] = [
        {"type": "shipping", "option_id": "standard", "item_ids": ["item_pens"]}
    ]
    names = rng.sample(sorted(whole), rng.randint(0, len(whole)))
    return {name: whole[name] for name in names}


def complete_body(rng: random.Random) -> dict[str, Any]:
    token = rng.choice(("spt_sandbox_ok", "spt_sandbox_declined", "tok_1"))
    body = paying(token, credential=rng.choice(("spt", "spt", "token")))
    return body | ({"buyer": dict(BUYER)} if rng.random() < 0.4 else {})


def cancel_body(rng: random.Random) -> dict[str, Any]:
    return rng.choice(
        ({}, {"intent_trace": {"reason_code": "price_sensitivity", "trace_summary": "Too dear."}})
    )


CARDS = ("4242424242424242", "4000000000000002", "4000000000003220", "378282246310005", "4111111111111111")


def delegate_body(rng: random.Random) -> dict[str, Any]:
    card = {
        "type": "card",
        "card_number_type": "fpan",
        "number": rng.choice(CARDS),
        "exp_month": "11",
        "exp_year": "2034",
        "cvc": "223",
        "display_card_funding_type": "credit",
        "metadata": {},
    }
    allowance = {
        "reason": "one_time",
        "max_amount": 5_000,
        "currency": "usd",
        "checkout_session_id": "cs_0",
        "merchant_id": "sandbox-merchant",
        "expires_at": "2034-01-01T00:00:00Z",
    }
    body = {"payment_method": card, "allowance": allowance, "risk_signals": [], "metadata": {"a": "b"}}
    return body | ({"billing_address": dict(ADDRESS)} if rng.random() < 0.5 else {})


def begin_body(rng: random.Random) -> dict[str, Any]:
    card = {"type": "card", "number": rng.choice(CARDS), "exp_month": "11", "exp_year": "2034", "name": "Ada"}
    body = {
        "merchant_id": "sandbox-merchant",
        "payment_method": card,
        "amount": {"value": rng.randint(1, 5_000), "currency": "USD"},
    }
    return body | (_place() if rng.random() < 0.5 else {})


def go_on_body(rng: random.Random) -> dict[str, Any]:
    return {"fingerprint_completion": rng.choice("YNU")} | (_place() if rng.random() < 0.5 else {})


def _place() -> dict[str, Any]:
    browser = {
        "accept_header": "text/html",
        "ip_address": "203.0.113.7",
        "javascript_enabled": False,
        "language": "en-US",
        "user_agent": "Mozilla/5.0",
    }
    return {
        "channel": {"type": "browser", "browser": browser},
        "challenge_notification_url": "https://agent.example/back",
        "shopper_details": {"name": "Ada Lovelace", "email": "ada@example.com"},
    }


def request(rng: random.Random, known: Known) -> Sent:
    """The next request: a good one for some route, with none to four things wrong."""
    sent, body = _good(rng, known)
    for _ in range(rng.choice((0, 0, 1, 1, 1, 2, 2, 3, 4))):
        if body is not None and rng.random() < 0.6:
            _spoil_body(rng, body)
        else:
            _spoil_request(rng, sent)
    if body is not None:
        sent.body = _write(rng, body)
    if rng.random() < 0.05:
        sent.body = _spoil_bytes(rng, sent.body)
    return sent


def form(rng: random.Random, known: Known) -> Sent:
    """A form as a browser would send it, with the token that its cookie asks for, or its page."""
    path = rng.choice(sorted(FORMS))
    values = {
        name: rng.choice((*FORM_VALUES, *STRINGS))
        for name in FORMS[path]
        if rng.random() < 0.8  # a field may be missing
    }
    token = f"{rng.getrandbits(64):032x}"
    headers = {
        "Host": "localhost",
        "Cookie": f"csrftoken={token}; agentic_person={rng.choice(SEGMENTS)[:60]}",
    }
    target = path.replace("{ticket}", rng.choice(known.tickets))
    said = urlencode(values, errors="surrogatepass")
    if rng.random() < 0.3:
        return Sent("GET", f"{target}?{said}", headers, b"")
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    if "token" in path or "confirmations" in path:
        headers["Authorization"] = rng.choice(("Basic Og==", "Basic x", f"Bearer {CANARY}", "Basic w6k6w6k="))
    return Sent("POST", target, headers, f"csrfmiddlewaretoken={token}&{said}".encode())


def _good(rng: random.Random, known: Known) -> tuple[Sent, dict[str, Any] | None]:
    if rng.random() < 0.15:
        return form(rng, known), None
    session = f"{BASE}/checkout_sessions/{rng.choice(known.sessions)}"
    run = f"{BASE}/delegate_authentication/{rng.choice(known.runs)}"
    make, path = rng.choice(
        (
            (create_body, f"{BASE}/checkout_sessions"),
            (create_body, f"{BASE}/checkout_sessions"),
            (update_body, session),
            (update_body, session),
            (complete_body, f"{session}/complete"),
            (cancel_body, f"{session}/cancel"),
            (delegate_body, f"{BASE}/agentic_commerce/delegate_payment"),
            (begin_body, f"{BASE}/delegate_authentication"),
            (go_on_body, f"{run}/authenticate"),
            (None, run),
            (None, session),
            (None, rng.choice((*PLACES, f"/agentic/orders/{rng.choice(known.orders)}"))),
        )
    )
    headers = {"Authorization": "Bearer demo-agent-key", "API-Version": VERSION, "Host": "localhost"}
    if rng.random() < 0.1:
        headers["Authorization"] = rng.choice(("Bearer other-agent-key", "Bearer nobody", f"Bearer {CANARY}"))
    if make is None:
        return Sent("GET", path + rng.choice(QUERIES), headers, b""), None
    few = rng.random() < 0.1
    headers["Idempotency-Key"] = f"k{rng.randrange(4)}" if few else f"k-{rng.getrandbits(64):x}"
    headers["Content-Type"] = "application/json"
    body: dict[str, Any] = make(rng)
    return Sent("POST", path + rng.choice(QUERIES), headers, b"", chunked=rng.random() < 0.1), body


def _spoil_request(rng: random.Random, sent: Sent) -> None:
    match rng.randrange(6):
        case 0:
            sent.method = rng.choice(METHODS) or "POST"
        case 1:
            path, _, query = sent.target.partition("?")
            parts = path.split("/")
            parts[rng.randrange(1, len(parts))] = rng.choice((*SEGMENTS, quote(rng.choice(STRINGS)[:80])))
            sent.target = "/".join(parts) + (f"?{query}" if query else "")
        case 2:
            sent.target += rng.choice(("/", "//", "?", "/" + rng.choice(SEGMENTS), rng.choice(QUERIES)))
        case 3 if sent.headers:
            sent.headers.pop(rng.choice(sorted(sent.headers)), None)
        case _:
            sent.headers[rng.choice(HEADER_NAMES)] = rng.choice(HEADER_VALUES)


def _spoil_body(rng: random.Random, body: dict[str, Any]) -> None:
    """One value, somewhere, is another one, gone, or has company."""
    holder: Any = body
    place = _somewhere(rng, holder)
    while (
        place is not None and isinstance(holder[place], dict | list) and holder[place] and rng.random() < 0.7
    ):
        holder = holder[place]
        place = _somewhere(rng, holder)
    if place is None or rng.random() < 0.2:
        if isinstance(holder, dict):
            holder[rng.choice(NAMES)] = _value(rng)
        else:
            holder.extend([_value(rng)] * rng.choice((1, 2, 120)))
    elif rng.random() < 0.15:
        del holder[place]
    elif rng.random() < 0.1:
        holder[place] = [copy.deepcopy(holder[place])] * rng.choice((1, 2))
    else:
        holder[place] = _value(rng)


def _somewhere(rng: random.Random, holder: Any) -> Any:
    if not holder:
        return None
    return rng.choice(sorted(holder)) if isinstance(holder, dict) else rng.randrange(len(holder))


@dataclass(frozen=True, slots=True)
class _Raw:
    """Text that stands in the body as it is, whether that is JSON or not."""

    number: int


def _value(rng: random.Random) -> Any:
    match rng.randrange(8):
        case 0:
            return None
        case 1:
            return rng.choice((True, False))
        case 2:
            return rng.choice(NUMBERS)
        case 3:
            return rng.choice(([], {}, [[]], [{}], [None], {"id": CANARY}, [CANARY] * 3))
        case 4:
            return _Raw(rng.randrange(len(RAW)))
        case _:
            return rng.choice(STRINGS)


def _write(rng: random.Random, body: Any) -> bytes:
    text = json.dumps(body, ensure_ascii=rng.random() < 0.5, default=lambda raw: f"raw<{raw.number}>")
    for number, literal in enumerate(RAW):
        text = text.replace(f'"raw<{number}>"', literal)
    return text.encode("utf-8", errors="surrogatepass")


def _spoil_bytes(rng: random.Random, body: bytes) -> bytes:
    at = rng.randrange(len(body) + 1)
    return rng.choice(
        (
            body[:at],
            body[:at] + bytes([rng.randrange(256)]) + body[at:],
            b"\xef\xbb\xbf" + body,
            body + body,
            body.decode("utf-8", "replace").encode("utf-16"),
            b" " * 262_145 + body,
            b"",
        )
    )

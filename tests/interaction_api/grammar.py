"""Requests made up from good ones, for every capability that is registered: a seed gives the same list
for ever."""

from __future__ import annotations

import copy
import json
import random
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from gateway.interaction_api import legality, registry
from gateway.interaction_api.capabilities import Param
from tests.hostile.grammar import Sent
from tests.hostile.vocabulary import (
    HEADER_NAMES,
    HEADER_VALUES,
    METHODS,
    NAMES,
    NUMBERS,
    QUERIES,
    RAW,
    SEGMENTS,
    STRINGS,
)

ITEMS = ("prod_9f8e7d", "item_mug", "item_pens", "item_none", "nothing")
BROUGHT = ("X-Agent-Session", "Authorization", "X-Session-Token")
PARAM_NAMES = (
    "item_id",
    "quantity",
    "q",
    "id",
    "limit",
    "page",
    "sort",
    "category",
    "email",
    "message",
    "name",
)


@dataclass(frozen=True, slots=True)
class Target:
    """A method and a path below the base, with what it takes."""

    method: str
    path: str
    params: tuple[tuple[str, Param], ...] = ()


def targets() -> list[Target]:
    """Every address of every capability, and what is no capability."""
    found = [
        Target(method, path, tuple(capability.params.items()))
        for capability in registry.all()
        for method, path in legality.addresses(capability)
    ]
    told = tuple((name, Param("string")) for name in ("agent_name", "agent_version", "purpose"))
    return [
        *found,
        Target("POST", "/session", told),
        Target("GET", "/audit/:session_id"),
        Target("GET", "/nothing"),
    ]


def request(rng: random.Random, base: str, tokens: tuple[str, ...], known: list[Target]) -> Sent:
    """One request: now and then as it should be, mostly with something about it that should not."""
    target = rng.choice(known)
    given = {name: _value(rng, name, param) for name, param in target.params if rng.random() < 0.9}
    method, path = target.method, target.path
    headers = {"Content-Type": "application/json"}
    if rng.random() < 0.7:
        name, token = rng.choice(BROUGHT), rng.choice(tokens)
        headers[name] = f"Bearer {token}" if name == "Authorization" else token
    if rng.random() < 0.2:
        headers["Idempotency-Key"] = rng.choice(("k1", "k2", *STRINGS[:20]))
    stem, colon, slot = path.partition("/:")
    if colon:
        value = given.pop(slot, rng.choice((*tokens, *ITEMS)))
        path = f"{stem}/{quote(str(value), safe=rng.choice(('', '/', ':')))}"
    typed = method in ("POST", "PUT", "PATCH", "DELETE")
    query = "" if typed and rng.random() < 0.8 else _query(rng, given)
    body = json.dumps(given).encode() if typed else b""
    sent = Sent(method, base + path + (f"?{query}" if query else ""), headers, body)
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
        _spoil(rng, sent, given, base)
    return sent


def _value(rng: random.Random, name: str, param: Param) -> Any:
    if name in ("item_id", "id"):
        return rng.choice(ITEMS)
    if name == "email":
        return rng.choice(("ada@example.com", "ada@example", "a\nb@example.com"))
    if param.enum:
        return rng.choice(param.enum)
    if param.type == "integer":
        return rng.randint(0, 5)
    return rng.choice(("mug", "blue mugs", "Kitchen", "Hello there.", "z" * 600))


def _query(rng: random.Random, given: dict[str, Any]) -> str:
    return urlencode({name: str(value) for name, value in given.items()}, quote_via=quote)


def _spoil(rng: random.Random, sent: Sent, given: dict[str, Any], base: str) -> None:
    """One thing about the request is changed for the worse."""
    match rng.randrange(11):
        case 0:
            sent.method = rng.choice((*METHODS, "OPTIONS", "HEAD"))
        case 1:
            sent.body = rng.choice(RAW).encode("utf-8", "surrogatepass")
        case 2:
            sent.headers[rng.choice(HEADER_NAMES)] = rng.choice(HEADER_VALUES)
        case 3:
            sent.target = base + "/" + "/".join(rng.choice(SEGMENTS) for _ in range(rng.randint(0, 3)))
        case 4:
            sent.target = sent.target.partition("?")[0] + "?" + rng.choice(QUERIES)
        case 5:
            sent.headers[rng.choice(BROUGHT)] = rng.choice(HEADER_VALUES)
        case 6:
            sent.chunked = not sent.chunked
        case 7:
            name = rng.choice((*PARAM_NAMES, *NAMES))
            value: Any = rng.choice((*STRINGS, *NUMBERS, None, True, [], {}, [[]], {"a": "b"}))
            wrong = {**copy.deepcopy(given), name: value}
            sent.body = json.dumps(wrong).encode("utf-8", "surrogatepass")
            if sent.method in ("GET", "HEAD", "DELETE"):
                sent.target = f"{sent.target.partition('?')[0]}?{_text_query(wrong)}"
        case 8:
            sent.target += rng.choice(
                ("/", "//", "?", "&a=1&a=2", "%00", "%ff", "%0a", ";a", "/:id", "%2f", "#")
            )
        case 9:
            cut = rng.randint(0, len(sent.body))
            sent.body = (
                sent.body[:cut] + rng.choice((b"", b"\x00", b"}", b'"', b"\xf0\x9f")) + sent.body[cut:]
            )
        case 10:
            sent.headers["Content-Type"] = rng.choice(
                ("", "text/plain", "application/json; charset=utf-16", "a/b")
            )


def _text_query(given: dict[str, Any]) -> str:
    return "&".join(
        f"{quote(name, safe='', errors='surrogatepass')}={quote(str(value), safe='', errors='surrogatepass')}"
        for name, value in given.items()
    )

"""Damage to a valid document in a few places, as a careless or hostile agent does it."""

import copy
from collections.abc import Iterator
from random import Random
from typing import Any

from tests.schemas.documents import Document

Place = tuple[str | int, ...]

VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2.0, 2.5, 2**53 - 1, 2**53, -(2**53), 10**30,
    "", "x", "usd", "usd\n", "2026-04-17", "2026-04-17\n", "٢٠٢٦-04-17", "telepathy", "shipping", "info",
    "05", "https://a.example/b", "/relative", "http://[", "https://a.example/\n",
    "2026-04-17T12:00:00Z",
    "2026-04-17T12:00:00", "2026-02-30T12:00:00Z", "2016-12-31T23:59:60Z", "+026-04-17T12:00:00Z",
    "jane@shop.example", "Jane <jane@shop.example>", "@", '"a b"@shop.example', "x" * 12,
    "x" * 5001, "🦊" * 5000,
    [], ["a"], ["a", "a"], ["a"] * 65, [{}], [["a"]],
    {}, {"id": "a"}, {"type": "pickup"}, {"name": "discount"},
]  # fmt: skip
NAMES = [
    "quantity",
    "item",
    "items",
    "type",
    "id",
    "token",
    "order",
    "metadata",
    "no such",
    "4111111111111111",
    "007",
    "",
    "\0",
]


def places(node: Any, here: Place = ()) -> Iterator[Place]:
    """Every place in a document, the document itself first."""
    yield here
    entries = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, inner in entries:
        yield from places(inner, (*here, key))


def at(node: Any, place: Place) -> Any:
    for key in place:
        node = node[key]
    return node


def damaged(document: Document, chance: Random) -> Any:
    """`document` after one to three changes: a value replaced, a member lost, one added, a list longer."""
    result: Any = copy.deepcopy(document)
    for _ in range(chance.randint(1, 3)):
        place = chance.choice(list(places(result)))
        target = at(result, place)
        value = copy.deepcopy(chance.choice(VALUES))
        way = chance.choice(["replace", "lose", "add"])
        if way == "lose" and isinstance(target, (dict, list)) and target:
            target.pop(chance.choice(sorted(target)) if isinstance(target, dict) else -1)
        elif way == "add" and isinstance(target, dict):
            target[chance.choice(NAMES)] = value
        elif way == "add" and isinstance(target, list):
            target.append(value)
        elif place:
            at(result, place[:-1])[place[-1]] = value
        else:
            result = value
    return result

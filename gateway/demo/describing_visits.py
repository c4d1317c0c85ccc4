"""What an agent sends and is told that knows the domain alone, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.demo.answers import objects_in
from gateway.demo.printing import Row, masked

MOST_RESULTS = 5


def sent(body: Mapping[str, Any]) -> Iterator[Row]:
    """The members of a request body."""
    if "item_id" in body:
        yield Row("item", [f"{body.get('quantity', 'all')} x {body['item_id']}"])
    if "agent_name" in body:
        yield Row("says it is", [f"{body['agent_name']} {body.get('agent_version', '')}"])
        yield Row("purpose", [str(body.get("purpose", ""))])


def answered(body: Mapping[str, Any]) -> Iterator[Row]:
    """agents.json, or the data or the error in an envelope."""
    if "schema_version" in body:
        yield from _document(body)
        return
    if body.get("ok") is not True:
        yield Row("says", [str(body.get("error", ""))])
        return
    data = body.get("data")
    if isinstance(data, Mapping):
        yield from _data(data)


def _document(body: Mapping[str, Any]) -> Iterator[Row]:
    site, session = body.get("site"), body.get("session")
    if isinstance(site, Mapping):
        yield Row("site", [f"{site.get('name')}, {site.get('url')}"])
    yield Row("offers", [", ".join(str(entry.get("name")) for entry in objects_in(body, "capabilities"))])
    if isinstance(session, Mapping):
        yield Row("sessions", [f"{session.get('create')}, for {session.get('ttl_seconds')} seconds"])


def _data(data: Mapping[str, Any]) -> Iterator[Row]:
    results = objects_in(data, "results")
    yield Row("found", [_item(entry) for entry in results[:MOST_RESULTS]])
    if "id" in data and "price" in data:
        yield Row("item", [_item(data)])
    if "session_token" in data:
        yield Row("token", [masked(str(data["session_token"]))])
        allowed = data.get("capabilities")
        yield Row("good for", [", ".join(map(str, allowed))] if isinstance(allowed, list) else [])
    cart = data.get("cart") if isinstance(data.get("cart"), Mapping) else data
    assert isinstance(cart, Mapping)
    lines = objects_in(cart, "items")
    if lines:
        yield Row("lines", [f"{line.get('quantity')} x {line.get('name')}" for line in lines], lasting=True)
        currency = cart.get("currency", data.get("currency", ""))
        yield Row("total", [f"{_price(cart.get('total'))} {currency}".rstrip()], lasting=True)
    if isinstance(standing := data.get("checkout"), Mapping):
        yield Row("checkout", [str(standing.get("status"))])
        yield Row("order", [str(standing["order_id"])] if "order_id" in standing else [])
        yield Row("page", [str(standing["permalink_url"])] if "permalink_url" in standing else [])
    if "handoff_url" in data:
        yield Row("message", [str(data.get("message"))])
        yield Row("link", [str(data["handoff_url"])])
    yield Row("until", [str(data["expires_at"])] if "expires_at" in data else [])
    yield Row("ended", [str(data["ended_at"])] if "ended_at" in data else [])


def _item(entry: Mapping[str, Any]) -> str:
    gone = "" if entry.get("available", True) else " (not available)"
    currency = entry.get("currency", "")
    return (
        f"{entry.get('id')}, {entry.get('name')} at {_price(entry.get('price'))} {currency}".rstrip() + gone
    )


def _price(price: Any) -> str:
    """As people write it; the shop's own number, of which nothing is computed."""
    return f"{price:.2f}" if isinstance(price, int | float) else str(price)

"""The few facts of a request or an answer that somebody new wants to see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.demo import describing_visits
from gateway.demo.answers import Answer, amount_of, objects_in
from gateway.demo.money import display, number
from gateway.demo.printing import Row, masked, masked_code

SAYING = ("Idempotent-Replayed", "Allow", "Retry-After", "WWW-Authenticate")

SUMS = (
    ("items_base_amount", "items", 1),
    ("items_discount", "item discounts", -1),
    ("discount", "discount", -1),
    ("fulfillment", "delivery", 1),
    ("tax", "tax", 1),
    ("fee", "fee", 1),
)


def sent_headers(headers: Mapping[str, str]) -> list[Row]:
    """The headers that decide what happens; the bearer key masked, the idempotency key shortened."""
    told = []
    if bearer := headers.get("Authorization", "").removeprefix("Bearer "):
        told.append(f"Bearer {masked(bearer)}")
    if token := headers.get("X-Agent-Session"):
        told.append(f"X-Agent-Session {masked(token)}")
    if version := headers.get("API-Version"):
        told.append(f"API-Version {version}")
    if key := headers.get("Idempotency-Key"):
        told.append(f"Idempotency-Key {shortened(key)}")
    return [Row("with", [", ".join(told)], header=True)] if told else []


def shortened(key: str) -> str:
    """Enough of an idempotency key to see whether two are the same one."""
    return key[:8]


def sent_body(body: Mapping[str, Any]) -> list[Row]:
    """The members of a request body, in words."""
    return [row for row in (*_sent(body), *describing_visits.sent(body)) if row.lines]


def answered(answer: Answer) -> list[Row]:
    """What the answer says: a session, a refusal or the discovery document."""
    told = [f"{name}: {answer.headers[name]}" for name in SAYING if name in answer.headers]
    rows = [Row("header", told, header=True)]
    if "api_base_url" in answer.body:
        rows += _discovery(answer.body)
    elif "ok" in answer.body or "schema_version" in answer.body:
        rows += describing_visits.answered(answer.body)
    elif answer.status >= 400:
        rows += _refusal(answer.body)
    elif str(answer.body.get("id", "")).startswith("vt_"):
        rows.append(Row("token", [masked(str(answer.body.get("id", "")))]))
    elif "line_items" in answer.body:
        rows += _session(answer.body)
    return rows


def _sent(body: Mapping[str, Any]) -> Iterator[Row]:
    yield Row(
        "items",
        [f"{line.get('quantity', 1)} x {line.get('id', '?')}" for line in objects_in(body, "line_items")],
    )
    if isinstance(buyer := body.get("buyer"), Mapping):
        yield Row("buyer", [", ".join(_texts(buyer, "full_name", "email"))])
    details = body.get("fulfillment_details")
    if isinstance(details, Mapping) and isinstance(address := details.get("address"), Mapping):
        parts = _texts(address, "name", "line_one", "city", "state", "postal_code", "country")
        yield Row("deliver to", [", ".join(parts)])
    chosen = objects_in(body, "selected_fulfillment_options")
    yield Row("delivery", [str(option.get("option_id")) for option in chosen])
    payment = body.get("payment_data")
    if isinstance(payment, Mapping) and isinstance(instrument := payment.get("instrument"), Mapping):
        credential = instrument.get("credential")
        token = credential.get("token", "") if isinstance(credential, Mapping) else ""
        yield Row("pay with", [f"{instrument.get('type')}, token {masked(str(token))}"])
    card, allowance = body.get("payment_method"), body.get("allowance")
    if isinstance(card, Mapping) and isinstance(allowance, Mapping):
        most = display(int(allowance.get("max_amount", 0)), str(allowance.get("currency", "")))
        number_told = masked(str(card.get("number", "")))
        yield Row("hands over", [f"card {number_told}, for at most {most}, once, for this session"])
    if isinstance(result := body.get("authentication_result"), Mapping):
        yield Row("3-D Secure", _texts(result, "outcome"))
    if isinstance(response := body.get("intervention_response"), Mapping):
        code = masked_code(str(response.get("code", "")))
        told = [str(response.get("type")), "resend" if response.get("resend") else code]
        told.append(str(response.get("channel", "")))
        yield Row("answer", [", ".join(part for part in told if part)])


def _discovery(body: Mapping[str, Any]) -> Iterator[Row]:
    protocol = body.get("protocol")
    if isinstance(protocol, Mapping):
        spoken = protocol.get("supported_versions")
        dates = ", ".join(map(str, spoken)) if isinstance(spoken, list) else "?"
        yield Row("protocol", [f"{protocol.get('name')}, versions {dates}"], lasting=True)
    yield Row("API at", [str(body["api_base_url"])], lasting=True)
    capabilities = body.get("capabilities")
    if isinstance(capabilities, Mapping) and isinstance(services := capabilities.get("services"), list):
        yield Row("services", [", ".join(map(str, services))], lasting=True)


def _refusal(body: Mapping[str, Any]) -> Iterator[Row]:
    if "code" in body:
        yield Row("error", [str(body["code"])])
    if "message" in body:
        yield Row("says", [str(body["message"])])
    if "param" in body:
        yield Row("at", [str(body["param"])])
    if isinstance(versions := body.get("supported_versions"), list):
        yield Row("supported", [", ".join(map(str, versions))])


def _session(body: Mapping[str, Any]) -> Iterator[Row]:
    currency = str(body.get("currency", ""))
    yield Row("session", [str(body.get("id"))], lasting=True)
    yield Row("status", [str(body.get("status"))])
    yield Row("lines", [_line(entry, currency) for entry in objects_in(body, "line_items")], lasting=True)
    yield Row("delivery", list(_options(body, currency)), lasting=True)
    yield Row("total", list(_sum(body, currency)), lasting=True)
    if isinstance(context := body.get("intervention_context"), Mapping):
        yield Row("asks for", [", ".join(_texts(context, "intervention_type", "provider", "challenge_hint"))])
        yield Row("page", _texts(context, "redirect_url"))
        yield Row("until", _texts(context, "expires_at"))
    yield Row("message", [line for entry in objects_in(body, "messages") for line in _message(entry)])
    if isinstance(order := body.get("order"), Mapping):
        yield Row("order", [str(order.get("id"))])
        yield Row("page", [str(order.get("permalink_url"))], lasting=True)


def _line(entry: Mapping[str, Any], currency: str) -> str:
    price, total = entry.get("unit_amount"), amount_of(entry, "subtotal")
    text = f"{entry.get('quantity')} x {entry.get('name')}"
    if isinstance(price, int):
        text += f" at {display(price, currency)}"
    if total is not None and entry.get("quantity") != 1:
        text += f" = {display(total, currency)}"
    if entry.get("availability_status") == "out_of_stock":
        text += " (out of stock)"
    return text


def _options(body: Mapping[str, Any], currency: str) -> Iterator[str]:
    selected = {entry.get("option_id") for entry in objects_in(body, "selected_fulfillment_options")}
    for option in objects_in(body, "fulfillment_options"):
        mark = "[x]" if option.get("id") in selected else "[ ]"
        price = amount_of(option, "fulfillment")
        yield f"{mark} {option.get('title')}" + (f", {display(price, currency)}" if price is not None else "")


def _sum(body: Mapping[str, Any], currency: str) -> Iterator[str]:
    total = amount_of(body, "total")
    if total is None:
        return
    text = ""
    for kind, word, sign in SUMS:
        amount = amount_of(body, kind)
        if amount is not None:
            joint = (" - " if sign < 0 else " + ") if text else ""
            text += f"{joint}{word} {number(amount, currency)}"
    yield f"{display(total, currency)}" + (f" = {text}" if text else "")


def _message(entry: Mapping[str, Any]) -> Iterator[str]:
    text = ", ".join(_texts(entry, "type", "code"))
    yield text + (f" at {entry['param']}" if "param" in entry else "")
    if "content" in entry:
        yield str(entry["content"])


def _texts(source: Mapping[str, Any], *names: str) -> list[str]:
    return [str(source[name]) for name in names if source.get(name)]

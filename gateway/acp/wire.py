"""A checkout session as ACP 2026-04-17 speaks it: statuses derived, empty members left out.

Pure: no query, no write. Amounts pass through as the integers they are (ACP-016). What buyers
read is in the session's language (ACP-014): `words` knows our own texts, English by default.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from checkout import asked, pricing
from checkout.asked import PAGES
from checkout.models import CheckoutSession
from checkout.progress import NOTHING, Progress
from checkout.states import CLOSED, SessionState
from gateway import languages, links, markdown
from gateway.acp import order_wire
from gateway.acp.capabilities import capabilities
from gateway.acp.members import instant, present, present_totals, total_of, totals
from gateway.acp.standing import Standing
from gateway.conf import conf
from interventions import translation
from interventions.negotiation import Kind
from interventions.translation import Words

LOW_STOCK = 5

_SEVERITY = {"error": "high", "warning": "medium", "info": "info"}

_MEMBERS: Mapping[str, Mapping[str, str]] = {
    "shipping": {
        "carrier": "carrier",
        "earliest_delivery_time": "earliest",
        "latest_delivery_time": "latest",
    },
    "digital": {},
    "pickup": {name: name for name in ("location", "pickup_type", "ready_by", "pickup_by")},
    "local_delivery": {name: name for name in ("delivery_window", "service_area")},
}
"""What each kind of delivery option has beyond the others, and its name in a quote."""

_CONTENT = (
    "custom_attributes",
    "variant_options",
    "product_id",
    "variant_id",
    "marketplace_seller_details",
    "weight",
    "dimensions",
    "fulfillable_on",
)

_PASSED_ON = ("locale", "timezone", "quote_id", "metadata")


def checkout_session(session: CheckoutSession, stands: Standing, came: Progress = NOTHING) -> dict[str, Any]:
    """The whole authoritative session (ACP-026); what has no value is absent (ACP-051). `came` is what
    became of its order."""
    quote = session.quote
    language = languages.of_session(session)
    words = translation.words(language)
    body: dict[str, Any] = {
        "id": session.id,
        "protocol": {"version": session.protocol_version},
        "capabilities": capabilities(session, stands),
        "status": stands.status,
        "currency": session.currency,
        "line_items": [line_item(line, words) for line in quote["lines"]],
        "fulfillment_options": [option(entry, words) for entry in quote["options"]],
        "totals": totals(quote, words) if quote["lines"] else [],
        "messages": _messages(session, stands, words),
        "links": [link(entry, language) for entry in conf().LINKS],
        "created_at": instant(session.created_at),
        "updated_at": instant(session.updated_at),
        "expires_at": instant(session.expires_at),
    }
    body |= present(
        {
            "buyer": session.buyer,
            "fulfillment_details": session.fulfillment_details,
            "fulfillment_groups": session.fulfillment_groups,
            "selected_fulfillment_options": [selected(entry) for entry in quote["selected"]],
            **{name: session.extras.get(name) for name in _PASSED_ON},
        }
    )
    if stands.asked is not None:
        body |= present({"continue_url": links.person_page(stands.asked["kind"], stands.asked["id"])})
        if stands.extended:
            body["intervention_context"] = intervention_context(stands.asked)
    if stands.handed is not None:
        body["continue_url"] = links.handoff_page(stands.handed["id"])
    if stands.authenticating is not None:
        body |= authenticating(stands.authenticating, extended=stands.extended)
    if session.state == SessionState.COMPLETED:
        body["order"] = order_wire.order(session.order, words, came)
    return body


def intervention_context(pending: Mapping[str, Any]) -> dict[str, Any]:
    """What a person is asked to do now (ACP-144 to ACP-147); `channels` are ours, and say how else a
    code could be sent."""
    ends_at = datetime.fromisoformat(pending["expires_at"])
    body = {
        "intervention_type": pending["kind"],
        "challenge_hint": pending["hint"],
        # Biometric has no end in the matrix of the extension (ACP-146).
        "expires_at": instant(ends_at) if pending["kind"] != Kind.BIOMETRIC else "",
        "provider": pending.get("provider"),
    }
    if len(channels := pending.get("channels", ())) > 1:
        body["channels"] = channels
    if pending["kind"] in PAGES:
        body |= links.confirmation(pending["kind"], pending["id"])
    return present(body)


def authenticating(found: Mapping[str, Any], *, extended: bool) -> dict[str, Any]:
    """What the card's issuer wants of its holder (ACP-071, ACP-150, decision 17).

    An agent that runs 3-D Secure is given what it needs for that, and nothing to open but our own
    page; any other is sent there as by a redirect.
    """
    page = links.confirmation(found["kind"], found["id"])
    body: dict[str, Any] = {}
    if extended:
        context = {
            "intervention_type": found["road"],
            "expires_at": instant(datetime.fromisoformat(found["expires_at"])),
            "provider": found["provider"],
        }
        body["intervention_context"] = present(context | (page if found["road"] in PAGES else {}))
    if found["metadata"]:
        body["authentication_metadata"] = found["metadata"]
    if found["hosted"]:
        body["continue_url"] = page["redirect_url"]
    return body


def _messages(session: CheckoutSession, stands: Standing, words: Words) -> list[dict[str, Any]]:
    if session.state in CLOSED:
        return []
    quote = session.quote
    problems = quote["problems"]
    if stands.lapsed:
        over = [entry for entry in problems if entry["code"] != "intervention_required"]
        problems = [*over, asked.lapsed(quote["pending"]["kind"])]
    if stands.authenticating is not None:
        wanted = asked.authenticating(stands.authenticating["road"], hosted=stands.authenticating["hosted"])
        problems = [wanted, *problems]
    if stands.handed is not None or stands.unfinished:
        others = [entry for entry in problems if entry["code"] != "intervention_required"]
        wanted = asked.handed_over(quote["agreement"]["required"]) if stands.handed else asked.not_finished()
        problems = [wanted, *others]
    if stands.awaited:
        problems = [*problems, asked.approving()]
    if stands.unanswered:
        problems = [*problems, asked.unanswered()]
    return [message(entry, words) for entry in problems]


def line_item(line: Mapping[str, Any], words: Words = str) -> dict[str, Any]:
    """One line with its own totals (ACP-052, ACP-053)."""
    body: dict[str, Any] = {
        "id": line["id"],
        "item": {"id": line["item_id"], "name": line["title"], "unit_amount": line["unit_price"]},
        "quantity": line["quantity"],
        "name": line["title"],
        "unit_amount": line["unit_price"],
        "product_id": line["item_id"],
        "availability_status": availability(line["available"], line.get("content", {})),
        "totals": present_totals(
            total_of("items_base_amount", "Item price", line["base"]),
            total_of("items_discount", "Discount", line["discount"], optional=True),
            total_of("subtotal", "Subtotal", line["base"] - line["discount"]),
            total_of("tax", "Tax", line["tax"], parts=line["tax_parts"]),
            total_of("total", "Total", line["total"]),
            words=words,
        ),
    }
    optional = {name: line[name] for name in ("description", "images", "tags", "category", "sku")}
    body |= present({**optional, "max_quantity_per_order": line["max_quantity"]})
    return body | content(line) if "content" in line else body


def content(line: Mapping[str, Any]) -> dict[str, Any]:
    """What else the merchant tells about the product (ACP-068, ACP-069).

    Markdown that holds raw HTML goes out as the plain text that it is (ACP-289).
    """
    given = line["content"]
    body = {name: given[name] for name in _CONTENT if given.get(name)}
    if told := given.get("disclosures"):
        body["disclosures"] = [
            {
                "type": "disclaimer",
                "content_type": markdown.is_shown_as(entry["content_type"], entry["content"]),
                "content": entry["content"],
            }
            for entry in told
        ]
    if given.get("quantity_shown") and line["available"] is not None:
        body["available_quantity"] = max(0, line["available"])
    if given.get("tax_exempt") and not line["tax"]:
        body |= {"tax_exempt": True} | present({"tax_exemption_reason": given.get("tax_exemption_reason")})
    return body


def availability(available: int | None, told: Mapping[str, Any]) -> str:
    """Sold out is sold out; else what the merchant says, else what the stock says."""
    if said := told.get("availability_status"):
        return "out_of_stock" if available is not None and available <= 0 else str(said)
    if available is None or available > LOW_STOCK:
        return "in_stock"
    return "low_stock" if available > 0 else "out_of_stock"


def option(entry: Mapping[str, Any], words: Words = str) -> dict[str, Any]:
    """One delivery option, of the kind it says it is (ACP-057)."""
    body: dict[str, Any] = {
        "type": entry["type"],
        "id": entry["id"],
        "title": entry["title"],
        "totals": present_totals(
            total_of("fulfillment", "Delivery", entry["price"]),
            total_of("tax", "Tax", entry["tax"], optional=True),
            total_of("total", "Total", entry["price"] + entry["tax"]),
            words=words,
        ),
    }
    optional = {"description": entry["description"]}
    optional |= {name: entry[known] for name, known in _MEMBERS[entry["type"]].items()}
    return body | present(optional)


def selected(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An option in force, its lines named as the agent named them (ACP-058, C-28)."""
    return {name: entry[name] for name in ("type", "option_id", "item_ids")}


def message(entry: Mapping[str, Any], words: Words = str) -> dict[str, Any]:
    """A problem as MessageInfo, MessageWarning or MessageError (ACP-063 to ACP-066)."""
    body = {
        "type": entry["level"],
        "severity": entry.get("severity") or _SEVERITY[entry["level"]],
        "content_type": "plain",
        "content": pricing.wording(entry, words),
        "resolution": entry["resolution"],
    }
    if entry["level"] != "info":
        body["code"] = entry["code"]
    return body | present({"param": entry["param"]})


def link(entry: Mapping[str, Any], language: str = "") -> dict[str, Any]:
    """One of the merchant's own pages (ACP-067), its title in the buyer's language if it has one."""
    title = entry.get("title", "")
    if isinstance(title, Mapping):
        title = title.get(language) or title.get(languages.default(), "")
    return present({"type": entry["type"], "title": title, "url": entry["url"]})

"""What a basket costs: composes the merchant's catalog, delivery and tax answers into a quote.

A quote is plain data, stored with the session and frozen with the order:

    lines     priced lines, each with base, discount, tax and total
    options   delivery options offered for this basket
    selected  the options in force, chosen by the agent or preselected
    totals    items, items_discount, discount, fulfillment, tax, total
    problems  what keeps the session from being paid, or what the buyer should know (see `problem`)
    ready     nothing keeps it from being paid

All amounts are integers of minor units, and they add up (ACP-056):
total = items - items_discount - discount + fulfillment + tax.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext_noop

from checkout import money
from checkout.errors import Invalid, UnknownItem
from checkout.ports import Basket, BasketLine, Option, Prices, Product, TaxPart, Wanted, ports

LARGEST_QUANTITY = 9_999
ADDRESS = "$.fulfillment_details.address"
COUNTRY = re.compile(r"[A-Za-z]{2}")
ADDRESS_PARTS = ("name", "line_one", "city", "state", "country", "postal_code")

Quote = dict[str, Any]
Problem = dict[str, Any]


def complete_address(details: Mapping[str, Any] | None) -> Mapping[str, str] | None:
    """The delivery address when every required part of it is there (ACP-059)."""
    address = (details or {}).get("address")
    if isinstance(address, Mapping) and all(str(address.get(part, "")).strip() for part in ADDRESS_PARTS):
        return address
    return None


def price(
    lines: Sequence[Mapping[str, Any]],
    *,
    currency: str,
    fulfillment_details: Mapping[str, Any] | None,
    buyer: Mapping[str, Any] | None = None,
    chosen: Sequence[Mapping[str, Any]] | None = None,
    locale: str = "",
    before: Quote | None = None,
) -> Quote:
    """The quote for these lines, as the merchant's parts answer now.

    Raises UnknownItem for an id the catalog does not sell in `currency`, unless it was in the
    quote `before`: what went off the shelf meanwhile is out of stock. Everything else that is
    wrong is a problem in the quote, because the agent or the buyer can mend it (ACP-020).
    """
    basket, problems = _basket(lines, currency, fulfillment_details, buyer, locale, before or {})
    if not basket.lines:
        text = gettext_noop("There is nothing in this session. Send what is to be bought.")
        problems.append(problem("error", "missing", text, param="$.line_items"))
    offered = list(ports().fulfillment.options(basket))
    option, selected = _select(basket, offered, chosen, problems) if basket.lines else (None, [])
    prices = ports().pricing.quote(basket, chosen=option, offered=offered)
    return _compose(basket, offered, option, selected, prices, problems)


def wanted(quote: Quote) -> list[Wanted]:
    """The pieces to hold before this quote is paid."""
    pieces: dict[str, int] = {}
    for line in quote["lines"]:
        pieces[line["item_id"]] = pieces.get(line["item_id"], 0) + line["quantity"]
    return [Wanted(item, count) for item, count in sorted(pieces.items())]


def problem(
    level: str,
    code: str,
    content: str,
    *,
    param: str = "",
    resolution: str = "recoverable",
    blocking: bool = True,
    values: Mapping[str, object] | None = None,
) -> Problem:
    """Something the agent or buyer should know, in the words of ACP's messages.

    `content` is English, and with `values` a template that names them: "%(title)s is out of
    stock.". It is stored as it is, so that every reader can have it in another language; `wording`
    fills it in. What an agent, buyer or merchant wrote belongs into `values`, never into a
    template. A blocking error keeps the session from being paid; a declined payment, say, does not.
    """
    found: Problem = {
        "level": level,
        "code": code,
        "content": content,
        "param": param,
        "resolution": resolution,
        "blocking": blocking and level == "error",
    }
    return found | {"values": dict(values)} if values else found


def wording(entry: Mapping[str, Any], translated: Callable[[str], str] = str) -> str:
    """The text of a problem for people: its template translated, its values put in as they are."""
    template: str = entry["content"]
    values = entry.get("values")
    return translated(template) % values if values else translated(template)


def short_of(product_ids: Sequence[str], quote: Quote) -> list[Problem]:
    """The problems of a quote whose stock went between pricing and payment."""
    return [
        _out_of_stock(index, line["title"])
        for index, line in enumerate(quote["lines"])
        if line["item_id"] in product_ids
    ]


def _basket(
    lines: Sequence[Mapping[str, Any]],
    currency: str,
    details: Mapping[str, Any] | None,
    buyer: Mapping[str, Any] | None,
    locale: str,
    before: Quote,
) -> tuple[Basket, list[Problem]]:
    products = ports().catalog.find([line["item_id"] for line in lines], currency=currency)
    gone = {line["item_id"]: line for line in before.get("lines", ())}
    problems: list[Problem] = []
    priced = []
    for index, line in enumerate(lines):
        product = products.get(line["item_id"])
        if product is None and line["item_id"] in gone:
            product = _off_the_shelf(gone[line["item_id"]], currency)
        if product is None:
            raise UnknownItem(param=line.get("param") or f"$.line_items[{index}].id")
        priced.append(BasketLine(line["id"], product, line["quantity"]))
        problems += _stock_problems(index, product, line["quantity"])
    if sum(line.base for line in priced) > money.LARGEST_AMOUNT:
        raise Invalid("The total is larger than this merchant can charge.", param="$.line_items")
    address = complete_address(details)
    if address is not None and not COUNTRY.fullmatch(address["country"]):
        text = gettext_noop("The country must be its two-letter code (ISO 3166-1), such as US.")
        problems.append(
            problem("error", "invalid", text, param=f"{ADDRESS}.country", resolution="requires_buyer_input")
        )
    return Basket(tuple(priced), currency, address, buyer, locale), problems


def _off_the_shelf(line: Mapping[str, Any], currency: str) -> Product:
    """What the catalog knew of a product that it sells no more."""
    return Product(
        id=line["item_id"],
        title=line["title"],
        unit_price=line["unit_price"],
        currency=currency,
        description=line["description"],
        available=0,
        physical=line["physical"],
    )


def _stock_problems(index: int, product: Product, quantity: int) -> list[Problem]:
    where = f"$.line_items[{index}].quantity"
    if product.max_quantity is not None and quantity > product.max_quantity:
        text = gettext_noop("At most %(most)s of %(title)s can be bought at once.")
        values = {"most": product.max_quantity, "title": product.title}
        return [problem("error", "quantity_exceeded", text, param=where, values=values)]
    if product.available is None or quantity <= product.available:
        return []
    if product.available <= 0:
        return [_out_of_stock(index, product.title)]
    text = gettext_noop("Only %(left)s of %(title)s can be bought.")
    values = {"left": product.available, "title": product.title}
    return [problem("error", "low_stock", text, param=where, values=values)]


def _out_of_stock(index: int, title: str) -> Problem:
    text = gettext_noop("%(title)s is out of stock.")
    return problem("error", "out_of_stock", text, param=f"$.line_items[{index}]", values={"title": title})


def _select(
    basket: Basket,
    offered: Sequence[Option],
    chosen: Sequence[Mapping[str, Any]] | None,
    problems: list[Problem],
) -> tuple[Option | None, list[dict[str, Any]]]:
    by_id = {option.id: option for option in offered}
    named = {name for line in basket.lines for name in (line.id, line.product.id)}
    known = []
    for index, choice in enumerate(chosen or ()):
        option = by_id.get(choice["option_id"])
        if not named.issuperset(choice.get("item_ids") or ()):
            text = gettext_noop("item_ids takes the ids of this session's line items.")
            where = f"$.selected_fulfillment_options[{index}].item_ids"
            problems.append(problem("error", "invalid", text, param=where))
            continue
        if option is not None and option.type == choice["type"] and _carries(option, basket):
            known.append((option, choice))
        else:
            text = gettext_noop(
                "This delivery option is not offered for this order. Choose one of the offered options."
            )
            where = f"$.selected_fulfillment_options[{index}].option_id"
            problems.append(problem("error", "invalid", text, param=where))
    if known:
        option, choice = known[0]
        return option, [_selected(option, choice.get("item_ids") or _line_ids(basket))]
    if not any(line.product.physical for line in basket.lines):
        option = next((o for o in offered if o.type == "digital"), None)
        return option, [_selected(option, _line_ids(basket))] if option else []
    if basket.address is None:
        text = gettext_noop(
            "A complete delivery address is needed: name, line_one, city, state, country, postal_code."
        )
        problems.append(
            problem(
                "error",
                "missing",
                text,
                param=ADDRESS,
                resolution="requires_buyer_input",
            )
        )
        return None, []
    carriers = [entry for entry in offered if _carries(entry, basket)]
    if not carriers:
        text = gettext_noop("Nothing here can be delivered to this address.")
        problems.append(problem("error", "region_restricted", text, param=ADDRESS))
        return None, []
    option = None if chosen else _preselected(carriers)
    if option is None:
        if not chosen:
            text = gettext_noop("Choose one of the offered delivery options.")
            problems.append(problem("error", "missing", text, param="$.selected_fulfillment_options"))
        return None, []
    return option, [_selected(option, _line_ids(basket))]


def _carries(option: Option, basket: Basket) -> bool:
    """Nothing physical is left behind: it cannot be mailed, nor go with an option for other lines."""
    physical = [line.id for line in basket.lines if line.product.physical]
    if option.type == "digital":
        return not physical
    return not option.line_ids or set(physical) <= set(option.line_ids)


def _preselected(offered: Sequence[Option]) -> Option | None:
    match ports().rules.preselect:
        case "cheapest":
            return min(offered, key=lambda option: option.price)
        case "first":
            return offered[0]
    return None


def _line_ids(basket: Basket) -> list[str]:
    return [line.id for line in basket.lines]


def _selected(option: Option, item_ids: Sequence[str]) -> dict[str, Any]:
    return {"type": option.type, "option_id": option.id, "item_ids": list(item_ids)}


def _compose(
    basket: Basket,
    offered: Sequence[Option],
    option: Option | None,
    selected: list[dict[str, Any]],
    prices: Prices,
    problems: list[Problem],
) -> Quote:
    of_line = {entry.line_id: entry for entry in prices.lines}
    lines: list[dict[str, Any]] = []
    for line in basket.lines:
        entry = of_line[line.id]
        lines.append(
            {
                "id": line.id,
                "item_id": line.product.id,
                "quantity": line.quantity,
                "title": line.product.title,
                "description": line.product.description,
                "unit_price": line.product.unit_price,
                "images": list(line.product.images),
                "tags": list(line.product.tags),
                "category": line.product.category,
                "sku": line.product.sku,
                "available": line.product.available,
                "max_quantity": line.product.max_quantity,
                "physical": line.product.physical,
                "base": line.base,
                "discount": entry.discount,
                "tax": entry.tax,
                "tax_parts": _parts(entry.tax_parts),
                "total": line.base - entry.discount + entry.tax,
            }
        )
    items = sum(line["base"] for line in lines)
    items_discount = sum(line["discount"] for line in lines)
    delivery = option.price if option else 0
    tax = sum(line["tax"] for line in lines) + prices.fulfillment_tax
    totals = {
        "items": items,
        "items_discount": items_discount,
        "discount": prices.discount,
        "fulfillment": delivery,
        "tax": tax,
        "total": items - items_discount - prices.discount + delivery + tax,
    }
    if min(totals.values()) < 0:
        raise ValueError(f"The pricing part answered amounts that do not add up: {totals}")
    return {
        "lines": lines,
        "options": [_option(entry, prices.option_tax.get(entry.id, 0)) for entry in offered],
        "selected": selected,
        "totals": totals,
        "tax_parts": _parts(_merged(prices)),
        "problems": problems,
        "ready": not any(entry["blocking"] for entry in problems),
    }


def _option(option: Option, tax: int) -> dict[str, Any]:
    return {
        "id": option.id,
        "type": option.type,
        "title": option.title,
        "description": option.description,
        "carrier": option.carrier,
        "earliest": _instant(option.earliest),
        "latest": _instant(option.latest),
        "location": dict(option.location) if option.location else None,
        "price": option.price,
        "tax": tax,
    }


def _instant(moment: datetime | None) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""


def _merged(prices: Prices) -> list[TaxPart]:
    """The tax of all lines and of delivery, one part for each authority and rate."""
    sums: dict[tuple[str, int], int] = {}
    for part in [p for line in prices.lines for p in line.tax_parts] + list(prices.fulfillment_tax_parts):
        sums[part.jurisdiction, part.rate] = sums.get((part.jurisdiction, part.rate), 0) + part.amount
    return [TaxPart(where, rate, amount) for (where, rate), amount in sums.items()]


def _parts(parts: Sequence[TaxPart]) -> list[dict[str, Any]]:
    return [{"jurisdiction": p.jurisdiction, "rate": p.rate, "amount": p.amount} for p in parts]

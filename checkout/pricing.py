"""What a basket costs: composes the merchant's catalog, delivery and tax answers into a quote.

A quote is plain data, stored with the session and frozen with the order:

    lines     priced lines, each with base, discount, tax and total
    options   delivery options offered for this basket (see `quoted_options`)
    selected  the options in force, chosen by the agent or preselected, with the lines they carry
    totals    items, items_discount, discount, fulfillment, tax, total
    problems  what keeps the session from being paid, or what the buyer should know (see `problem`)
    ready     nothing keeps it from being paid

All amounts are integers of minor units, and they add up (ACP-056):
total = items - items_discount - discount + fulfillment + tax.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext_noop

from checkout import destinations, money, quoted_options, selection
from checkout.addresses import complete_address, country_problems
from checkout.destinations import ADDRESS, Offer
from checkout.errors import Invalid, UnknownItem
from checkout.ports import Basket, BasketLine, Prices, Product, TaxPart, Wanted, ports
from checkout.problems import Problem, problem, wording
from checkout.selection import Selected

__all__ = ["Problem", "Quote", "price", "problem", "short_of", "wanted", "wording"]

LARGEST_QUANTITY = 10_000

Quote = dict[str, Any]


def price(
    lines: Sequence[Mapping[str, Any]],
    *,
    currency: str,
    fulfillment_details: Mapping[str, Any] | None,
    buyer: Mapping[str, Any] | None = None,
    groups: Sequence[Mapping[str, Any]] | None = None,
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
        groups, chosen = None, None
    offer = destinations.offer(basket, groups, problems)
    selected = selection.select(offer, chosen, problems)
    basket = _fetched(offer.basket, selected)
    options = selection.distinct(selected)
    prices = ports().pricing.quote(basket, chosen=options, offered=offer.options)
    delivery = sum(option.price for option in options)
    return _compose(basket, offer, selected, delivery, prices, problems)


def wanted(quote: Quote) -> list[Wanted]:
    """The pieces to hold before this quote is paid."""
    pieces: dict[str, int] = {}
    for line in quote["lines"]:
        pieces[line["item_id"]] = pieces.get(line["item_id"], 0) + line["quantity"]
    return [Wanted(item, count) for item, count in sorted(pieces.items())]


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
    if address is not None:
        problems += country_problems(address, ADDRESS)
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
        content=line.get("content", {}),
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


def _fetched(basket: Basket, selected: Sequence[Selected]) -> Basket:
    """The basket whose lines go to where they are fetched, and are taxed there."""
    places = {
        line_id: choice.option.location.address
        for choice in selected
        if choice.option.location
        for line_id in choice.line_ids
    }
    if not places:
        return basket
    lines = (
        replace(line, destination=places[line.id]) if line.id in places else line for line in basket.lines
    )
    return replace(basket, lines=tuple(lines))


def _compose(
    basket: Basket,
    offer: Offer,
    selected: Sequence[Selected],
    delivery: int,
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
        if line.product.content:
            lines[-1]["content"] = line.product.content
    items = sum(line["base"] for line in lines)
    items_discount = sum(line["discount"] for line in lines)
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
        "options": [
            quoted_options.offered(entry, offer, tax=prices.option_tax.get(entry.id, 0))
            for entry in offer.options
        ],
        "selected": [quoted_options.selected(entry) for entry in selected],
        "totals": totals,
        "tax_parts": _parts(_merged(prices)),
        "problems": problems,
        "ready": not any(entry["blocking"] for entry in problems),
    }


def _merged(prices: Prices) -> list[TaxPart]:
    """The tax of all lines and of delivery, one part for each authority and rate."""
    sums: dict[tuple[str, int], int] = {}
    for part in [p for line in prices.lines for p in line.tax_parts] + list(prices.fulfillment_tax_parts):
        sums[part.jurisdiction, part.rate] = sums.get((part.jurisdiction, part.rate), 0) + part.amount
    return [TaxPart(where, rate, amount) for (where, rate), amount in sums.items()]


def _parts(parts: Sequence[TaxPart]) -> list[dict[str, Any]]:
    return [{"jurisdiction": p.jurisdiction, "rate": p.rate, "amount": p.amount} for p in parts]

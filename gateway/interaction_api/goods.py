"""What is for sale: search, browse, detail (agents-json.md section 2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from checkout.ports import SortingCatalog, SortOrder, ports
from gateway.conf import conf
from gateway.interaction_api import wire
from gateway.interaction_api.capabilities import Call, Capability, Param, Seal
from gateway.interaction_api.refusals import Refused

SMALLEST, LARGEST = 1, 100
PAGE = Param("integer", "Which page, from 1.", default=1, least=1, most=1_000_000)
LIMIT = Param("integer", "Results on a page.", default=20, least=SMALLEST, most=LARGEST)


def search(call: Call, seal: Seal) -> None:
    catalog = ports().catalog
    page = catalog.search(call.params["q"], currency=catalog.currencies()[0], **_page(call))
    results = [wire.item(product) for product in page.products]
    if conf().INTERACTION_SEARCH_AS_LIST:
        seal(results)
        return
    seal({"results": results, "total": page.total, "page": page.page, "limit": page.page_size})


def browse(call: Call, seal: Seal) -> None:
    catalog = ports().catalog
    category, currency = call.params.get("category", ""), catalog.currencies()[0]
    if isinstance(catalog, SortingCatalog):
        order = cast(SortOrder, call.params["sort"])
        page = catalog.sorted(category, by=order, currency=currency, **_page(call))
    else:
        page = catalog.browse(category, currency=currency, **_page(call))
    items = [wire.item(product) for product in page.products]
    seal({"items": items, "total": page.total, "page": page.page, "limit": page.page_size})


def detail(call: Call, seal: Seal) -> None:
    catalog = ports().catalog
    product = catalog.find([call.params["id"]], currency=catalog.currencies()[0]).get(call.params["id"])
    if product is None:
        raise Refused("There is no item with that id.", 404)
    seal(wire.item(product))


def sorts() -> bool:
    """The merchant's catalog lists its goods in an order that one can choose."""
    try:
        return isinstance(ports().catalog, SortingCatalog)
    except RuntimeError:  # reported by the system checks
        return False


def _page(call: Call) -> Mapping[str, Any]:
    return {"page": call.params["page"], "page_size": call.params["limit"]}


CATEGORY = Param("string", "One category; all without it.", most=200)
SORT = Param(
    "string", "In which order.", default="newest", enum=("price_asc", "price_desc", "newest"), most=20
)
BROWSE = Capability(
    name="browse",
    method="GET",
    path="/browse",
    handler=browse,
    description="List the items of a category, or all.",
    params={"category": CATEGORY, "sort": SORT, "page": PAGE, "limit": LIMIT},
    enabled=sorts,
)

CAPABILITIES = (
    Capability(
        name="search",
        method="GET",
        path="/search",
        handler=search,
        description="Find items by words.",
        params={
            "q": Param("string", "The words to look for.", required=True, least=1, most=500),
            "page": PAGE,
            "limit": LIMIT,
        },
    ),
    BROWSE,
    # A catalog that does not sort: no order is offered, and one that is asked for is ignored as noise.
    replace(
        BROWSE,
        params={"category": CATEGORY, "page": PAGE, "limit": LIMIT},
        enabled=lambda: not sorts(),
    ),
    Capability(
        name="detail",
        method="GET",
        path="/detail",
        handler=detail,
        description="All about one item.",
        params={"id": Param("string", "The item's id.", required=True, least=1, most=256)},
        also=(("GET", "/detail/:id"),),
        advertised="/detail/:id",
    ),
)

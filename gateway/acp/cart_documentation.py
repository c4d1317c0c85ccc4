"""The operations on carts, as the OpenAPI document describes them (acp.md P).

Worded from what the code raises, as in `documentation`.
"""

from __future__ import annotations

from collections.abc import Mapping

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from checkout import errors as domain
from gateway import errors as door
from gateway.acp import examples_carts as examples
from gateway.acp.documentation import (
    ANY_POST,
    ANY_SESSION_CALL,
    API_VERSION,
    IDEMPOTENCY_KEY,
    KEY_PATTERN,
    MEANING,
    OPTIONAL,
    answered,
    refused,
)
from gateway.openapi.operations import answer, described, sent

CARTS = "Carts"

ABOUT_CARTS: Mapping[int, str] = {
    **MEANING,
    404: "No such cart: unknown, another agent's, expired or canceled; or the shop keeps no carts.",
    422: "All of the items are sold out; or no currency has them all; or the `Idempotency-Key` was used "
    "before with another body.",
}

NOT_THERE = (domain.CartNotFound(), door.UnknownPath())

NEW_ITEMS = (
    domain.UnknownItem(param="$.line_items[0].id"),
    domain.Invalid(param="$.line_items[0].id"),
    domain.NothingInStock(param="$.line_items"),
    domain.NoCommonCurrency(param="$.line_items"),
)

CART_ID = sent(
    "cart_id",
    "Id of the cart, as it was answered on create.",
    {"type": "string", "maxLength": 64},
    required=True,
    location=OpenApiParameter.PATH,
)
OPTIONAL_KEY = sent(
    "Idempotency-Key",
    "The same for a repeat. A replacement may be repeated without one.",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": KEY_PATTERN},
)


def _responses(success: Mapping[int, OpenApiResponse], *problems: Exception) -> dict[int, OpenApiResponse]:
    return {**success, **refused(*problems, meaning=ABOUT_CARTS)}


_created = _responses(
    {
        201: answer(
            "Cart",
            "The new cart.",
            {"two mugs": examples.CREATED, "one item is sold out": examples.SOLD_OUT},
        )
    },
    *ANY_POST,
    door.UnknownPath(),
    *NEW_ITEMS,
)

create = described(
    operation_id="createCart",
    summary="Begin a cart",
    description="Takes items and answers with what they would cost: estimates, without taxes while no "
    "address is known, and nothing is reserved. Prices in the request are hints and decide nothing. The "
    "currency is the first of the shop's in which all of the items are sold. A sold out item stays in the "
    "cart, with a message; when all are sold out, there is no cart (`out_of_stock`). At most 100 different "
    "items. Served where discovery lists the service `carts`. A checkout session is opened with the items "
    "again: no cart is named there.",
    tag=CARTS,
    headers=[API_VERSION, IDEMPOTENCY_KEY, *OPTIONAL, *answered(_created, write=True)],
    requests={"two mugs": examples.CREATE},
    responses=_created,
)

_found = _responses(
    {200: answer("Cart", "The cart.", {"two mugs": examples.CREATED})}, *ANY_SESSION_CALL, *NOT_THERE
)

retrieve = described(
    operation_id="getCart",
    summary="Retrieve a cart",
    description="The cart, priced now. Changes nothing, and does not lengthen its life.",
    tag=CARTS,
    headers=[CART_ID, API_VERSION, *OPTIONAL, *answered(_found, write=False)],
    responses=_found,
)

_replaced = _responses(
    {200: answer("Cart", "The cart after the change.", {"one mug and a tablet": examples.REPLACED})},
    *(problem for problem in ANY_POST if not isinstance(problem, door.KeyRequired)),
    *NOT_THERE,
    *NEW_ITEMS,
)

replace = described(
    operation_id="updateCart",
    summary="Replace what is in a cart",
    description="The cart holds what is sent, and nothing else: items and buyer that are left out go. An "
    "item keeps the id of its line. `expires_at` starts anew.",
    tag=CARTS,
    headers=[CART_ID, API_VERSION, OPTIONAL_KEY, *OPTIONAL, *answered(_replaced, write=True)],
    requests={"one mug and a tablet": examples.REPLACE},
    responses=_replaced,
)

_canceled = _responses(
    {200: answer("Cart", "The cart as it was.", {"canceled": examples.REPLACED})}, *ANY_POST, *NOT_THERE
)

cancel = described(
    operation_id="cancelCart",
    summary="Give a cart up",
    description="Answers with the cart as it was; from then on there is no such cart. The body may be left "
    "out.",
    tag=CARTS,
    headers=[CART_ID, API_VERSION, IDEMPOTENCY_KEY, *OPTIONAL, *answered(_canceled, write=True)],
    requests={"nothing to say": {}},
    responses=_canceled,
)

"""The cart of a visit: add, view, update, remove (agents-json.md section 2).

Whatever else an agent sends with an item, such as a name or a price, is noise: the merchant names and
prices (AJ-078).
"""

from __future__ import annotations

from checkout import carts
from checkout.carts import MOST_LINES
from checkout.pricing import LARGEST_QUANTITY
from gateway.interaction_api import cart_wire
from gateway.interaction_api.capabilities import Call, Capability, Param, Seal

ITEM = Param("string", "The item's id, as search tells it.", required=True, least=1, most=256)


def add(call: Call, seal: Seal) -> None:
    item = call.params["item_id"]
    carts.add(call.owner, item, call.params["quantity"], lambda priced: seal(cart_wire.added(priced, item)))


def view(call: Call, seal: Seal) -> None:
    seal(cart_wire.cart(carts.view(call.owner)))


def update(call: Call, seal: Seal) -> None:
    item = call.params["item_id"]
    carts.set_quantity(
        call.owner, item, call.params["quantity"], lambda priced: seal(cart_wire.updated(priced, item))
    )


def remove(call: Call, seal: Seal) -> None:
    item = call.params["item_id"]
    carts.remove(call.owner, item, lambda priced: seal(cart_wire.updated(priced, item)))


CAPABILITIES: tuple[Capability, ...] = (
    Capability(
        name="cart.add",
        method="POST",
        path="/cart",
        handler=add,
        description=f"Put an item into the cart, or more of it. A cart holds {MOST_LINES} different items.",
        params={
            "item_id": ITEM,
            "quantity": Param("integer", "How many more.", required=True, least=1, most=LARGEST_QUANTITY),
        },
        requires_session=True,
        status=201,
        also=(("POST", "/cart/add"),),
    ),
    Capability(
        name="cart.view",
        method="GET",
        path="/cart",
        handler=view,
        description="What is in the cart and what it costs now, and how its checkout stands.",
        requires_session=True,
        also=(("GET", "/cart/view"),),
    ),
    Capability(
        name="cart.update",
        method="PATCH",
        path="/cart",
        handler=update,
        description="Set how many of an item there are; 0 removes it.",
        params={
            "item_id": ITEM,
            "quantity": Param("integer", "How many.", required=True, least=0, most=LARGEST_QUANTITY),
        },
        requires_session=True,
        also=(("PUT", "/cart"), ("PATCH", "/cart/update"), ("PUT", "/cart/update")),
    ),
    Capability(
        name="cart.remove",
        method="DELETE",
        path="/cart",
        handler=remove,
        description="Take an item out of the cart.",
        params={"item_id": ITEM},
        requires_session=True,
        also=(("DELETE", "/cart/remove"),),
    ),
)

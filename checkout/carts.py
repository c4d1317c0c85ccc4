"""Verbs on a cart. An agent with a key keeps several by id (ACP); a visit of the Interaction API has one.

Each takes the cart's row lock, prices it anew by the merchant's own parts and calls `seal` last inside
its one transaction (decision 6). Whoever locks a cart and a checkout session locks the cart first.
No stock is reserved, and no price is the agent's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from checkout import handoffs
from checkout.errors import CartNotFound, Invalid, NotInCart, StateConflict
from checkout.estimates import Line, estimate, estimate_anyhow, remembering, something_in_stock
from checkout.handoffs import Outcome
from checkout.lines import WantedLine, check_quantity, numbered
from checkout.models import Cart, CheckoutSession
from checkout.ports import ports
from checkout.pricing import Quote
from checkout.states import SessionState
from interventions.prepared import Lookup, change, insert

MOST_LINES = 100

CANCELED = "canceled"
BOUGHT = "bought"
EXPIRED = "expired"

COMPLETED = "completed"
"""How a handoff stands that ended with an order."""

BATCH = 1_000
"""Rows that one statement of a periodic job touches."""

TRIES = 3
"""So often a visit's first cart is looked for, when others begin and end one at the same time."""


@dataclass(frozen=True, slots=True)
class PricedCart:
    """A cart and what it costs now."""

    cart: Cart
    quote: Quote
    handed: Outcome | None = None
    """How its last handoff stands, where that was asked for."""


Seal = Callable[[PricedCart], None]
Change = Callable[[Cart], Sequence[Line]]
"""The lines that a cart is to have."""


@dataclass(frozen=True, slots=True)
class Content:
    """Everything that an agent says of a cart."""

    lines: Sequence[WantedLine]
    buyer: Mapping[str, Any] | None = None
    extras: Mapping[str, Any] | None = None
    """Locale; None leaves what there is."""


# --- An agent's carts, by id -----------------------------------------------------------------


def create(content: Content, *, owner: str, seal: Seal) -> PricedCart:
    """A new cart exists, in the merchant's first currency in which all of its items are sold.

    Raises UnknownItem, Invalid, NoCommonCurrency or NothingInStock, and nothing was stored. Not
    repeatable by itself; `seal` makes it so. No transaction may be open.
    """
    with transaction.atomic(durable=True):
        cart = _new(owner)
        cart.extras = dict(content.extras or {})
        quote = _fill(cart, content)
        insert([cart])
        priced = PricedCart(cart, quote)
        seal(priced)
    return priced


def retrieve(cart_id: str, *, owner: str) -> PricedCart:
    """The cart as it would cost now. Raises CartNotFound, the same for a foreign, an expired and a
    closed one as for an unknown one."""
    cart = _live(_one.one(owner=owner, id=cart_id))
    return _priced(cart)


def replace(cart_id: str, content: Content, *, owner: str, seal: Seal) -> PricedCart:
    """The cart holds `content` and nothing else, and lives on from now (ACP-212, ACP-217).

    Raises CartNotFound, and what `create` does. Repeatable. No transaction may be open.
    """
    with transaction.atomic(durable=True):
        cart = _live(_locked.one(owner=owner, id=cart_id))
        before = _content(cart)
        quote = _fill(cart, content)
        if not _write(cart, before):
            raise CartNotFound
        priced = PricedCart(cart, quote)
        seal(priced)
    return priced


def cancel(cart_id: str, *, owner: str, seal: Seal) -> PricedCart:
    """The cart is closed, and whoever asks for it finds nothing; this is how it was (ACP-212).

    Raises CartNotFound, on a repeat too. No transaction may be open.
    """
    with transaction.atomic(durable=True):
        cart = _live(_locked.one(owner=owner, id=cart_id))
        priced = _priced(cart)
        _let_go(cart)
        close(cart, CANCELED)
        seal(priced)
    return priced


# --- The one cart of a visit -----------------------------------------------------------------


def add(owner: str, item_id: str, quantity: int, seal: Seal) -> PricedCart:
    """So many more of the item are in the owner's cart, which begins with its first item.

    Raises UnknownItem, and Invalid for too many lines or pieces. Not repeatable by itself; `seal`
    makes it so. No transaction may be open.
    """

    def more(cart: Cart) -> Sequence[Line]:
        lines = [dict(line) for line in cart.lines]
        line = _line(lines, item_id)
        if line is None:
            if len(lines) >= MOST_LINES:
                raise Invalid(f"A cart holds at most {MOST_LINES} different items.", param="item_id")
            line = {"id": _next_id(lines), "item_id": item_id, "quantity": 0, "param": "item_id"}
            lines.append(line)
        line["quantity"] += _positive(quantity)
        check_quantity(line["quantity"], param="quantity")
        return lines

    with transaction.atomic(durable=True):
        priced = _changed(owner, more) or _begun(owner, more)
        seal(priced)
    return priced


def set_quantity(owner: str, item_id: str, quantity: int, seal: Seal) -> PricedCart:
    """So many of the item are in the owner's cart; with 0 it is not there any more.

    Raises NotInCart, and Invalid for too many pieces. Repeatable, but for 0. No transaction may be open.
    """
    if quantity == 0:
        return remove(owner, item_id, seal)

    def other(cart: Cart) -> Sequence[Line]:
        lines = [dict(line) for line in cart.lines]
        line = _line(lines, item_id)
        if line is None:
            raise NotInCart(param="item_id")
        line["quantity"] = _positive(quantity)
        check_quantity(quantity, param="quantity")
        return lines

    return _changed_and_sealed(owner, other, seal)


def remove(owner: str, item_id: str, seal: Seal) -> PricedCart:
    """The item is not in the owner's cart any more. Raises NotInCart, on a repeat too. No transaction
    may be open."""

    def without(cart: Cart) -> Sequence[Line]:
        if _line(cart.lines, item_id) is None:
            raise NotInCart(param="item_id")
        return [line for line in cart.lines if line["item_id"] != item_id]

    return _changed_and_sealed(owner, without, seal)


def view(owner: str) -> PricedCart:
    """The owner's cart as it would cost now, with how its handoff stands; an empty one that is not
    stored where there is none, and where it was bought."""
    cart = _only.one(owner=owner)
    if cart is None or _over(cart):
        return _priced(_empty(owner))
    handed = handoffs.outcome(cart) if cart.frozen_revision is not None else None
    if handed is not None and handed.status == COMPLETED:
        cart = _empty(owner)
    return dataclasses.replace(_priced(cart), handed=handed)


# --- For whoever hands a cart over -----------------------------------------------------------


def locked(owner: str) -> Cart | None:
    """The owner's one cart, locked until the transaction ends; None when there is none that lives."""
    cart = _only_locked.one(owner=owner)
    if cart is not None and _over(cart):
        close(cart, EXPIRED)
        return None
    return cart


def close(cart: Cart, because: str) -> None:
    """The locked cart is closed: nobody finds it, and a visit's next one begins empty. Repeatable."""
    now = timezone.now()
    columns = {"closed_at": now, "closed_because": because}
    if Cart.objects.filter(pk=cart.pk, closed_at=None).update(**columns):
        cart.closed_at, cart.closed_because = now, because


# --- What happens by itself ------------------------------------------------------------------


def sweep(now: datetime, *, batch: int) -> int:
    """Carts past their deadline are closed, as bought where a person paid for them; how many were.

    Repeatable, and safe beside itself: a cart that is changed at the same moment lives on.
    """
    overdue = Cart.objects.filter(closed_at=None, expires_at__lte=now)
    ids = list(overdue.order_by("expires_at").values_list("pk", flat=True)[:batch])
    if not ids:
        return 0
    paid = CheckoutSession.objects.filter(state=SessionState.COMPLETED).values("pk")
    mine = overdue.filter(pk__in=ids)
    bought = mine.filter(session__in=paid).update(closed_at=now, closed_because=BOUGHT)
    return bought + mine.update(closed_at=now, closed_because=EXPIRED)


def purge(before: datetime, *, batch: int) -> int:
    """Carts whose deadline was before then are gone; how many were. Repeatable."""
    old = Cart.objects.filter(expires_at__lt=before)
    ids = list(old.order_by("expires_at").values_list("pk", flat=True)[:batch])
    return old.filter(pk__in=ids).delete()[0] if ids else 0


# --- Inside ----------------------------------------------------------------------------------


def _new(owner: str, *, only: bool = False) -> Cart:
    now = timezone.now()
    return Cart(owner=owner, only=only, created_at=now, updated_at=now, expires_at=_deadline(now))


def _empty(owner: str) -> Cart:
    cart = _new(owner, only=True)
    cart.currency = next(iter(ports().catalog.currencies()), "")
    return cart


def _fill(cart: Cart, content: Content) -> Quote:
    """The cart in memory holds `content`, in a currency in which that is sold."""
    lines = numbered(content.lines, cart.lines, most=MOST_LINES)
    cart.buyer = dict(content.buyer) if content.buyer else None
    cart.currency, quote = estimate_anyhow(cart, lines)
    something_in_stock(quote)
    cart.lines = remembering(lines, quote)
    return quote


def _changed(owner: str, lines_of: Change) -> PricedCart | None:
    """The owner's cart has other lines now; None when the owner has none, or has bought it."""
    cart = locked(owner)
    if cart is None or _bought(cart):
        return None
    before = _content(cart)
    quote = _hold(cart, lines_of(cart))
    return PricedCart(cart, quote) if _write(cart, before) else None


def _hold(cart: Cart, lines: Sequence[Line]) -> Quote:
    """A visit's cart in memory has these lines. What it held decides the currency, where it held anything."""
    if cart.lines:
        quote = estimate(cart, lines, cart.currency)
    else:
        cart.currency, quote = estimate_anyhow(cart, lines)
    cart.lines = remembering(lines, quote)
    return quote


def _changed_and_sealed(owner: str, lines_of: Change, seal: Seal) -> PricedCart:
    with transaction.atomic(durable=True):
        priced = _changed(owner, lines_of)
        if priced is None:
            raise NotInCart(param="item_id")
        seal(priced)
    return priced


def _begun(owner: str, lines_of: Change) -> PricedCart:
    """The owner's one cart has begun. The unique constraint decides who was first; whoever was not
    changes the other's."""
    cart = _new(owner, only=True)
    quote = _hold(cart, lines_of(cart))
    for _ in range(TRIES):
        if insert([cart], unless_there=True):
            return PricedCart(cart, quote)
        if priced := _changed(owner, lines_of):
            return priced
    raise StateConflict


def _priced(cart: Cart) -> PricedCart:
    return PricedCart(cart, estimate(cart, cart.lines, cart.currency))


def _content(cart: Cart) -> tuple[Any, ...]:
    """What a person who pays for the cart agrees to."""
    lines = [(line["item_id"], line["quantity"]) for line in cart.lines]
    return lines, cart.currency, cart.buyer


def _write(cart: Cart, before: tuple[Any, ...]) -> bool:
    """The locked cart's content in memory is in the database, and its deadline starts anew. A handoff
    of what it was is void; False when it was bought in the meantime, and is closed."""
    if _content(cart) != before:
        _let_go(cart)
        if cart.closed_at is not None:
            return False
        cart.revision += 1
    cart.updated_at = timezone.now()
    cart.expires_at = _deadline(cart.updated_at)
    columns = ("lines", "currency", "buyer", "revision", "updated_at", "expires_at")
    change(Cart, {"pk": cart.pk}, {name: getattr(cart, name) for name in columns})
    return True


def _bought(cart: Cart) -> bool:
    """The locked cart was handed over and paid for; it is closed now."""
    handed = handoffs.outcome(cart) if cart.frozen_revision is not None else None
    if handed is None or handed.status != COMPLETED:
        return False
    close(cart, BOUGHT)
    return True


def _let_go(cart: Cart) -> None:
    if cart.frozen_revision is not None:
        handoffs.void(cart)


def _deadline(now: datetime) -> datetime:
    return now + timedelta(seconds=ports().rules.cart_seconds)


def _over(cart: Cart) -> bool:
    return cart.expires_at <= timezone.now()


def _live(cart: Cart | None) -> Cart:
    if cart is None or _over(cart):
        raise CartNotFound
    return cart


def _line(lines: Sequence[Line], item_id: str) -> Line | None:
    return next((line for line in lines if line["item_id"] == item_id), None)


def _next_id(lines: Sequence[Line]) -> str:
    return f"li_{max((int(line['id'].removeprefix('li_')) for line in lines), default=0) + 1}"


def _positive(quantity: int) -> int:
    if quantity < 1:
        raise Invalid("A quantity is a whole number from 1.", param="quantity")
    return quantity


_one = Lookup(
    Cart,
    lambda place: Cart.objects.filter(owner=place("owner"), pk=place("id"), closed_at=None).order_by(),
)
_locked = Lookup(
    Cart,
    lambda place: (
        Cart.objects.select_for_update()
        .filter(owner=place("owner"), pk=place("id"), closed_at=None)
        .order_by()
    ),
    locks=True,
)
_only = Lookup(
    Cart,
    lambda place: Cart.objects.filter(owner=place("owner"), only=True, closed_at=None).order_by(),
)
_only_locked = Lookup(
    Cart,
    lambda place: (
        Cart.objects.select_for_update().filter(owner=place("owner"), only=True, closed_at=None).order_by()
    ),
    locks=True,
)

"""What a merchant plugs into the checkout, and what the checkout hands to each part.

Every port is a Protocol with its contract in the docstring: may it be slow, may a
transaction be open, is it repeatable and by which key. Values are frozen; amounts are
integers of minor units. `tests/contracts` holds a reusable test class for each port.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, Protocol, runtime_checkable

from checkout.content import Content
from checkout.options import (
    ChosenOption,
    FulfillmentType,
    Option,
    PickupPlace,
    PickupType,
    ServiceArea,
    Window,
)
from checkout.payments.authenticator import DelegatedAuthenticator
from checkout.payments.guard import guarded
from checkout.payments.outcomes import (
    ActionRequired,
    Attempt,
    Authorized,
    Declined,
    Dispute,
    Handler,
    Instrument,
    LedgerEntry,
    Outcome,
    ProviderEvent,
    Refunded,
    RefundEntry,
    Unknown,
)
from checkout.payments.provider import (
    AuthenticatingProvider,
    DisputesProvider,
    LedgerProvider,
    PaymentProvider,
    RefundsProvider,
)
from checkout.payments.vault import Vault
from interventions.ports import GivenUp, Outbox

__all__ = [
    "ActionRequired",
    "Attempt",
    "AuthenticatingProvider",
    "Authorized",
    "Basket",
    "BasketLine",
    "Catalog",
    "ChosenOption",
    "Declined",
    "Dispute",
    "DisputesProvider",
    "Fulfillment",
    "FulfillmentType",
    "GivenUp",
    "Handler",
    "Held",
    "Instrument",
    "Inventory",
    "LedgerEntry",
    "LedgerProvider",
    "LinePrice",
    "Option",
    "OrderSink",
    "Outbox",
    "Outcome",
    "PaymentProvider",
    "PickupPlace",
    "PickupType",
    "PlacedOrder",
    "Ports",
    "Prices",
    "Pricing",
    "Product",
    "ProductPage",
    "ProviderEvent",
    "RefundEntry",
    "Refunded",
    "RefundsProvider",
    "RestockingInventory",
    "Rules",
    "ServiceArea",
    "Short",
    "SortOrder",
    "SortingCatalog",
    "TaxPart",
    "Unknown",
    "Wanted",
    "Window",
    "plug",
    "ports",
]

# --- Catalog ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Product:
    """One thing for sale, at today's price in one currency."""

    id: str
    title: str
    unit_price: int
    currency: str
    description: str = ""
    url: str = ""
    images: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    category: str = ""
    sku: str = ""
    available: int | None = None
    """Pieces that can be sold now; None when the merchant does not count."""
    max_quantity: int | None = None
    """The most one order may hold; None for no limit of its own."""
    tax_class: str = "standard"
    physical: bool = True
    """Physical goods need an address and a delivery option."""
    content: Content = field(default_factory=Content)
    """What else buyers are told; plain data, see `checkout.content`."""


@dataclass(frozen=True, slots=True)
class ProductPage:
    """One page of a search, `total` counting all pages."""

    products: tuple[Product, ...]
    total: int
    page: int
    page_size: int


@runtime_checkable
class Catalog(Protocol):
    """What is for sale. Read-only; called on every request, so it must answer in a millisecond
    or two from local data. A transaction may be open: no network."""

    def currencies(self) -> Sequence[str]:
        """Lower-case ISO 4217 codes the merchant sells in; the first is the default."""
        ...

    def find(self, ids: Sequence[str], *, currency: str) -> Mapping[str, Product]:
        """The products with these ids that are for sale in `currency`; unknown ids are absent."""
        ...

    def search(self, words: str, *, currency: str, page: int = 1, page_size: int = 20) -> ProductPage:
        """Products that match every word, best first and in a stable order. `page` starts at 1."""
        ...

    def browse(self, category: str, *, currency: str, page: int = 1, page_size: int = 20) -> ProductPage:
        """The products of one category, or all with an empty one, in a stable order."""
        ...


SortOrder = Literal["price_asc", "price_desc", "newest"]


@runtime_checkable
class SortingCatalog(Protocol):
    """What a Catalog has besides, when buyers can choose in which order its goods are listed."""

    def sorted(
        self, category: str, *, by: SortOrder, currency: str, page: int = 1, page_size: int = 20
    ) -> ProductPage:
        """What `browse` lists, cheapest first, dearest first, or newest first; equals in a stable order."""
        ...


# --- Delivery and prices ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BasketLine:
    """A product and how many of it. `id` is the line's own id, unique in the basket."""

    id: str
    product: Product
    quantity: int
    destination: Mapping[str, str] | None = None
    """Where it goes when that is not the basket's address: to a group's own, or to the place
    where it is fetched."""

    @property
    def base(self) -> int:
        return self.product.unit_price * self.quantity


@dataclass(frozen=True, slots=True)
class Basket:
    """Everything a price or a delivery option may depend on."""

    lines: tuple[BasketLine, ...]
    currency: str
    address: Mapping[str, str] | None = None
    """A complete address (ACP-059), or None while there is none."""
    buyer: Mapping[str, Any] | None = None
    locale: str = ""

    def goes_to(self, what: BasketLine | Option) -> Mapping[str, str] | None:
        """The address where a line or an option ends, and is taxed; None while there is none."""
        return what.destination or self.address


@runtime_checkable
class Fulfillment(Protocol):
    """How goods reach the buyer. Read-only, local data, a transaction may be open: no network."""

    def options(self, basket: Basket) -> Sequence[Option]:
        """The options for this basket and address, in the merchant's own order. Without an
        address only those that need none. Ids are unique, and stable while the basket is
        unchanged. Goods that go to several addresses are asked about address by address, each
        time with a basket of the lines that go there."""
        ...


@dataclass(frozen=True, slots=True)
class TaxPart:
    """One authority's share of a tax. `rate` in basis points: 825 is 8.25 %."""

    jurisdiction: str
    rate: int
    amount: int


@dataclass(frozen=True, slots=True)
class LinePrice:
    """What one line costs beyond its base price. `discount` is positive."""

    line_id: str
    discount: int = 0
    tax: int = 0
    tax_parts: tuple[TaxPart, ...] = ()


@dataclass(frozen=True, slots=True)
class Prices:
    """The answer of `Pricing.quote`: one LinePrice for every line of the basket."""

    lines: tuple[LinePrice, ...]
    fulfillment_tax: int = 0
    """On all chosen options together."""
    fulfillment_tax_parts: tuple[TaxPart, ...] = ()
    discount: int = 0
    """A discount on the whole basket, positive, not part of any line."""
    option_tax: Mapping[str, int] = field(default_factory=dict)
    """The tax each offered option would carry, by option id."""


@runtime_checkable
class Pricing(Protocol):
    """Discounts and taxes. Read-only and pure: the same basket gives the same prices. Local
    data, a transaction may be open: no network."""

    def quote(self, basket: Basket, *, chosen: Sequence[Option], offered: Sequence[Option]) -> Prices:
        """Taxes and discounts for the basket delivered by all of `chosen` together, none of them
        twice. `Basket.goes_to` says where each line and each option is taxed; where it knows no
        address, taxes that depend on one are 0. Never negative, and no discount above its base."""
        ...


# --- Stock -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wanted:
    """Pieces of one product to hold."""

    product_id: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Held:
    """Everything asked for is set aside under the key."""


@dataclass(frozen=True, slots=True)
class Short:
    """Nothing was set aside; these products have fewer pieces than asked for."""

    product_ids: tuple[str, ...]


@runtime_checkable
class Inventory(Protocol):
    """Stock that cannot be sold twice. Called inside our transaction, so that stock and session
    move together: local database work only. Each verb is repeatable by its key."""

    def hold(self, key: str, wanted: Sequence[Wanted], *, until: datetime) -> Held | Short:
        """All pieces are set aside under `key` until `until`, or none is. A second call with
        the same key changes nothing and answers Held."""
        ...

    def commit(self, key: str) -> None:
        """What `key` holds is sold. Nothing held, or already sold: nothing happens."""
        ...

    def release(self, key: str) -> None:
        """What `key` holds can be sold again. Nothing held, or already sold: nothing happens."""
        ...

    def release_overdue(self, now: datetime, *, spare: Sequence[str] = ()) -> int:
        """Holds past their deadline are released, except the keys in `spare`; how many were."""
        ...


@runtime_checkable
class RestockingInventory(Protocol):
    """What an Inventory has besides, when what was sold and never sent can be put back."""

    def put_back(self, key: str, pieces: Sequence[Wanted]) -> None:
        """Pieces that were sold under `key` can be sold again. Called inside the transaction that
        cancels them, once for each piece: what that transaction undoes is undone here too. Local
        database work only."""
        ...


# --- Orders and effects ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlacedOrder:
    """What was bought, for the merchant's own order system."""

    id: str
    session_id: str
    amount: int
    currency: str
    lines: tuple[Mapping[str, Any], ...]
    buyer: Mapping[str, Any] | None
    fulfillment_details: Mapping[str, Any] | None
    options: tuple[ChosenOption, ...]
    notes: str
    created_at: datetime
    groups: tuple[Mapping[str, Any], ...] = ()
    """How the agent grouped the lines, with contacts and wishes, as received."""


@runtime_checkable
class OrderSink(Protocol):
    """The merchant's own order system. Called by the relay after the order exists, with no
    transaction open, again until it returns: repeatable by `order.id`. May be slow."""

    def place(self, order: PlacedOrder) -> str:
        """The order is known there; returns the merchant's own reference ("" for none)."""
        ...


@dataclass(frozen=True, slots=True)
class Rules:
    """The merchant's settings that the checkout obeys. Durations end in their unit."""

    session_seconds: int = 6 * 3600
    cart_seconds: int = 72 * 3600
    """A cart that nobody changes is gone after so long."""
    hold_seconds: int = 15 * 60
    handoff_seconds: int = 30 * 60
    """A person can finish what an agent handed over for so long (decision 18)."""
    attempt_seconds: float = 60.0
    """An attempt without an answer for so long is settled by whoever comes next."""
    unauthenticated: Literal["decline", "authorize"] = "decline"
    """What becomes of a payment whose 3-D Secure could not be run, where no policy asks for it."""
    preselect: Literal["cheapest", "first", "none"] = "cheapest"
    capture: Literal["at_once", "on_shipment"] = "at_once"
    reconcile_seconds: float = 86400.0
    """The provider's books are compared with ours so often; 0: only by command."""
    reconcile_days: float = 3.0
    """How far back each time."""
    reconcile_grace_seconds: float = 3600.0
    """What changed since is still on its way, and no difference yet."""
    reconcile_shared_account: bool = False
    """Others take money through the same account: what names no attempt is theirs."""
    payment_seconds: float = 20.0
    """A call to the payment provider is over after so long: its own timeout times its tries."""
    payment_breaker_failures: int = 10
    """After so many calls without an answer, one after the other, the provider is left alone."""
    payment_breaker_seconds: float = 10.0
    """So often it is then asked again."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Every part the checkout works with."""

    catalog: Catalog
    fulfillment: Fulfillment
    pricing: Pricing
    inventory: Inventory
    payments: PaymentProvider
    order_sink: OrderSink
    outbox: Outbox
    rules: Rules = Rules()
    vault: Vault | None = None
    """Who takes cards for tokens; None: nobody does, and no card is let in."""
    authenticator: DelegatedAuthenticator | None = None
    """Who runs 3-D Secure for agents that hold a card; None: nobody."""


_plugged: Ports | None = None


def plug(parts: Ports) -> None:
    """`parts` serve every call from now on, the payment provider behind its guard. Called at start-up,
    and by tests."""
    global _plugged
    payments = guarded(
        parts.payments,
        breaker_failures=parts.rules.payment_breaker_failures,
        breaker_seconds=parts.rules.payment_breaker_seconds,
        longest_seconds=parts.rules.payment_seconds,
    )
    _plugged = replace(parts, payments=payments)


def ports() -> Ports:
    """The parts in use. Raises RuntimeError before anything was plugged in."""
    if _plugged is None:
        raise RuntimeError("No parts are plugged into the checkout; is 'gateway' in INSTALLED_APPS?")
    return _plugged

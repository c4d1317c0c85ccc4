"""Ways in which goods reach a buyer, as the merchant's parts and the checkout tell them to each other.

`checkout.ports` hands these names on; a merchant imports them from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

FulfillmentType = Literal["shipping", "digital", "pickup", "local_delivery"]
PickupType = Literal["in_store", "curbside", "locker"]


@dataclass(frozen=True, slots=True)
class PickupPlace:
    """Where buyers fetch goods. Its address is complete, as a buyer's must be (ACP-059)."""

    name: str
    address: Mapping[str, str]
    phone: str = ""
    instructions: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time; both ends are aware."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class ServiceArea:
    """How far the merchant drives, for people to read: what counts is that the option is offered."""

    center_postal_code: str = ""
    radius_miles: int | None = None


@dataclass(frozen=True, slots=True)
class Option:
    """One way the goods can reach the buyer. `price` is without tax."""

    id: str
    """Without a colon: the checkout puts one in when a session has several addresses."""
    type: FulfillmentType
    title: str
    price: int
    description: str = ""
    carrier: str = ""
    """Shipping only, as are `earliest` and `latest`."""
    earliest: datetime | None = None
    latest: datetime | None = None
    line_ids: tuple[str, ...] = ()
    """The lines it can carry; empty for all of them. Digital ones carry no physical line."""
    location: PickupPlace | None = None
    """Pickup only, and always there; as are the next three, if known."""
    pickup_type: PickupType | None = None
    ready_by: datetime | None = None
    pickup_by: datetime | None = None
    delivery_window: Window | None = None
    """Local delivery only, as is the next."""
    service_area: ServiceArea | None = None
    address: Mapping[str, str] | None = None
    """Set by the checkout: the address it was offered for, when that is not the basket's."""

    @property
    def destination(self) -> Mapping[str, str] | None:
        """Where it ends, when that is not the basket's address."""
        return self.location.address if self.location else self.address


@dataclass(frozen=True, slots=True)
class ChosenOption:
    """One way in which an order reaches its buyer, as it was chosen and paid."""

    type: FulfillmentType
    option_id: str
    """As the Fulfillment port named it."""
    title: str
    price: int
    tax: int
    line_ids: tuple[str, ...]
    address: Mapping[str, str] | None
    """Where these lines go: the buyer's, a group's or the pickup place's. None for digital goods
    of a buyer who gave none."""

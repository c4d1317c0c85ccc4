"""How goods reach the buyer, from the shop's delivery options."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import cast

from django.utils import timezone

from checkout.ports import Basket, FulfillmentType, Option
from gateway.shop import regions, tables, taxes
from gateway.shop.models import DeliveryOption, DeliveryType

_NEEDS_NO_ADDRESS = (DeliveryType.PICKUP, DeliveryType.DIGITAL)


class ShopFulfillment:
    """Implements `ports.Fulfillment`. What an operator changes is offered within five seconds.

    A basket of goods delivered over the network is offered digital options only, any other
    basket the physical ones; they carry all of its lines, a gift card travels with the mug.
    Nothing physical is offered at an address whose taxes cannot be told (`taxes.is_known`), or
    a misspelt state would be a way around its tax.
    """

    def options(self, basket: Basket) -> Sequence[Option]:
        physical = any(line.product.physical for line in basket.lines)
        country: str | None = None
        if basket.address is not None:
            if physical and not taxes.is_known(basket.address):
                return []
            country = regions.country(basket.address["country"])
        return [
            _option(row)
            for row in tables.delivery_options()
            if row.currency == basket.currency
            and (row.type != DeliveryType.DIGITAL) == physical
            and _reaches(row, country)
        ]


def _reaches(row: DeliveryOption, country: str | None) -> bool:
    """`country` is a code, "" for one that is not known, or None while there is no address."""
    if country is None:
        return row.type in _NEEDS_NO_ADDRESS
    return not row.countries or country in row.countries


def _option(row: DeliveryOption) -> Option:
    return Option(
        id=row.id,
        type=cast(FulfillmentType, row.type),
        title=row.title,
        price=row.price,
        description=row.description,
        carrier=row.carrier,
        earliest=_day(row.min_days, time.min),
        latest=_day(row.max_days, time(23, 59, 59)),
        location=row.location if row.type == DeliveryType.PICKUP else None,
    )


def _day(days: int | None, at: time) -> datetime | None:
    """That many days from today, by the clock of UTC; the same all day long."""
    if days is None:
        return None
    return datetime.combine(timezone.now().astimezone(UTC) + timedelta(days=days), at, tzinfo=UTC)

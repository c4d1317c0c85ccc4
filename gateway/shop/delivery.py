"""How goods reach the buyer, from the shop's delivery options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import cast

from django.utils import timezone

from checkout.ports import (
    Basket,
    FulfillmentType,
    Option,
    PickupPlace,
    PickupType,
    ServiceArea,
    Window,
)
from gateway.shop import regions, tables, taxes
from gateway.shop.models import DeliveryOption, DeliveryType

LAST = time(23, 59, 59)


class ShopFulfillment:
    """Implements `ports.Fulfillment`. What an operator changes is offered within five seconds.

    Goods delivered over the network are offered the digital options, all others the physical
    ones; a basket of both is offered both. A parcel may carry a gift card too.
    Nothing is brought to an address whose taxes cannot be told (`taxes.is_known`), or a misspelt
    state would be a way around its tax; what is fetched is taxed at its place.
    """

    def options(self, basket: Basket) -> Sequence[Option]:
        digital = tuple(line.id for line in basket.lines if not line.product.physical)
        physical = len(digital) < len(basket.lines)
        country = regions.country(basket.address["country"]) if basket.address else None
        brought = basket.address is not None and physical and taxes.is_known(basket.address)
        offered = []
        for row in tables.delivery_options():
            if row.currency != basket.currency or not _reaches(row, country):
                continue
            match row.type:
                case DeliveryType.DIGITAL:
                    if digital:
                        offered.append(_option(row, digital if physical else ()))
                case DeliveryType.PICKUP:
                    if physical and row.place and taxes.is_known(row.place.address()):
                        offered.append(_option(row))
                case DeliveryType.LOCAL_DELIVERY:
                    if brought and basket.address and _is_near(row, basket.address):
                        offered.append(_option(row))
                case _:
                    if brought:
                        offered.append(_option(row))
        return offered

    def countries(self, *, currency: str) -> Sequence[str]:
        """Implements `checkout.delivered.NamingFulfillment`, by what brings goods to a door."""
        brought = (DeliveryType.SHIPPING, DeliveryType.LOCAL_DELIVERY)
        rows = [row for row in tables.delivery_options() if row.currency == currency and row.type in brought]
        if any(not row.countries for row in rows):
            return ()
        return sorted({code for row in rows for code in row.countries})


def _reaches(row: DeliveryOption, country: str | None) -> bool:
    """`country` is a code, "" for one that is not known, or None while there is no address."""
    return country is None or not row.countries or country in row.countries


def _is_near(row: DeliveryOption, address: Mapping[str, str]) -> bool:
    code = taxes.squeezed(address["postal_code"])
    return any(code.startswith(taxes.squeezed(near)) for near in row.postal_codes)


def _option(row: DeliveryOption, line_ids: tuple[str, ...] = ()) -> Option:
    option = Option(
        id=row.id,
        type=cast(FulfillmentType, row.type),
        title=row.title,
        price=row.price,
        description=row.description,
        line_ids=line_ids,
    )
    match row.type:
        case DeliveryType.SHIPPING:
            earliest, latest = _day(row.min_days, time.min, UTC), _day(row.max_days, LAST, UTC)
            return replace(option, carrier=row.carrier, earliest=earliest, latest=latest)
        case DeliveryType.PICKUP if row.place:
            hours = timezone.get_default_timezone()
            return replace(
                option,
                location=PickupPlace(
                    row.place.name, row.place.address(), row.place.phone, row.place.instructions
                ),
                pickup_type=cast(PickupType, row.pickup_type) if row.pickup_type else None,
                ready_by=_day(row.min_days, row.day_begins or time.min, hours),
                pickup_by=_day(row.max_days, row.day_ends or LAST, hours),
            )
        case DeliveryType.LOCAL_DELIVERY:
            area = ServiceArea(row.center_postal_code, row.radius_miles)
            return replace(
                option, delivery_window=_window(row), service_area=area if area != ServiceArea() else None
            )
    return option


def _window(row: DeliveryOption) -> Window | None:
    """From the first day to the last, by the hours of the project's TIME_ZONE; one that is over
    today begins tomorrow."""
    hours = timezone.get_default_timezone()
    start = _day(row.min_days, row.day_begins or time.min, hours)
    last = row.min_days if row.max_days is None else row.max_days
    end = _day(last, row.day_ends or LAST, hours)
    if start is None or end is None:
        return None
    over = timedelta(days=1) if end <= timezone.now() else timedelta()
    return Window(start + over, end + over)


def _day(days: int | None, at: time, clock: tzinfo) -> datetime | None:
    """That many days from today, by that clock; the same all day long."""
    if days is None:
        return None
    return datetime.combine(timezone.now().astimezone(clock) + timedelta(days=days), at, tzinfo=clock)

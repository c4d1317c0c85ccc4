"""Taxes from the shop's tax rates. The built-in store gives no discounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from checkout.money import share
from checkout.ports import Basket, LinePrice, Option, Prices, TaxPart
from gateway.shop import regions, tables
from gateway.shop.models import TaxRate


@dataclass(frozen=True, slots=True)
class _Place:
    """An address as the tax rates name places."""

    country: str
    state: str
    postal_code: str


class ShopPricing:
    """Implements `ports.Pricing`. Prices are without tax; each rate that matches the address of a
    line or option adds a part of its own, rounded half up for each. Without an address nothing is
    taxed.
    """

    def quote(self, basket: Basket, *, chosen: Sequence[Option], offered: Sequence[Option]) -> Prices:
        rates = _Rates()
        lines = []
        for line in basket.lines:
            product = line.product
            exempt = product.content.get("tax_exempt", False)
            taxed = [] if exempt else rates.at(basket.goes_to(line))
            parts = _parts(line.base, [rate for rate in taxed if rate.tax_class == product.tax_class])
            lines.append(LinePrice(line.id, tax=_sum(parts), tax_parts=parts))

        def on_delivery(option: Option) -> tuple[TaxPart, ...]:
            found = rates.at(basket.goes_to(option))
            return _parts(option.price, [rate for rate in found if rate.applies_to_delivery])

        delivery = tuple(part for option in chosen for part in on_delivery(option))
        return Prices(
            lines=tuple(lines),
            fulfillment_tax=_sum(delivery),
            fulfillment_tax_parts=delivery,
            option_tax={option.id: _sum(on_delivery(option)) for option in offered},
        )


class _Rates:
    """The rates of each address of one quote, looked up once."""

    def __init__(self) -> None:
        self._known: list[tuple[Mapping[str, str] | None, list[TaxRate]]] = []

    def at(self, address: Mapping[str, str] | None) -> list[TaxRate]:
        for known, rates in self._known:
            if known is address or known == address:
                return rates
        rates = _rates(address)
        self._known.append((address, rates))
        return rates


def is_known(address: Mapping[str, str]) -> bool:
    """Which rates apply at the address can be told: its country is a code or has a known name,
    and so has its state, where states have rates of their own.

    Elsewhere than in the United States a state is known by its rate, which may be 0.
    """
    country = regions.country(address["country"])
    states = _states(country)
    return bool(country) and (not states or bool(regions.subdivision(country, address["state"], states)))


def _rates(address: Mapping[str, str] | None) -> list[TaxRate]:
    if address is None:
        return []
    country = regions.country(address["country"])
    states = _states(country)
    place = _Place(
        country,
        regions.subdivision(country, address["state"], states),
        squeezed(address["postal_code"]),
    )
    return [rate for rate in tables.tax_rates() if _applies(rate, place)]


def _states(country: str) -> list[str]:
    """The states of the country that have rates of their own, as an operator wrote them."""
    return [rate.state for rate in tables.tax_rates() if rate.country == country and rate.state]


def _applies(rate: TaxRate, place: _Place) -> bool:
    return (
        rate.country == place.country
        and (not rate.state or regions.subdivision(rate.country, rate.state, (rate.state,)) == place.state)
        and place.postal_code.startswith(squeezed(rate.postal_prefix))
    )


def squeezed(postal_code: str) -> str:
    """A postal code without its spaces, so that all spellings of one are alike."""
    return "".join(postal_code.split()).upper()


def _parts(amount: int, rates: Sequence[TaxRate]) -> tuple[TaxPart, ...]:
    return tuple(TaxPart(rate.jurisdiction, rate.rate, share(amount, rate.rate)) for rate in rates)


def _sum(parts: Sequence[TaxPart]) -> int:
    return sum(part.amount for part in parts)

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from checkout import ports
from gateway.shop import demo
from gateway.shop.delivery import ShopFulfillment
from gateway.shop.models import DeliveryOption, TaxRate
from gateway.shop.taxes import ShopPricing
from tests.contracts.baskets import ADDRESS, basket

pytestmark = pytest.mark.django_db

MUG = ports.Product("item_mug", "Mug", 2_800, "usd")
CARD = ports.Product("item_gift_card", "Gift Card", 5_000, "usd", physical=False, tax_class="exempt")


def offered(*products: ports.Product, address: Any = ADDRESS) -> list[str]:
    wanted = basket(*((product, 1) for product in products), address=address)
    return [option.id for option in ShopFulfillment().options(wanted)]


def taxed(
    address: dict[str, str], *products: ports.Product, chosen: ports.Option | None = None
) -> ports.Prices:
    wanted = basket(*((product, 1) for product in products), address=address)
    return ShopPricing().quote(wanted, chosen=chosen, offered=[chosen] if chosen else [])


def test_the_demo_offers_the_cheaper_way_first() -> None:
    """The demo store contract of the README: standard 5.00, express 15.00."""
    demo.load()

    options = ShopFulfillment().options(basket((MUG, 1)))

    assert [(option.id, option.price) for option in options] == [
        ("ship_standard", 500),
        ("ship_express", 1_500),
    ]


@pytest.mark.requirement("ACP-057")
def test_goods_over_the_network_are_offered_mail_only() -> None:
    demo.load()

    assert offered(CARD) == offered(CARD, address=None) == ["digital_email"]


def test_a_mixed_basket_travels_together() -> None:
    demo.load()

    assert offered(MUG, CARD) == ["ship_standard", "ship_express"]


def test_an_option_reaches_its_countries_only() -> None:
    for id, countries in (("us", ["US", "CA"]), ("de", ["DE"]), ("all", [])):
        DeliveryOption.objects.create(id=id, title=id, price=1, countries=countries)

    assert offered(MUG) == ["all", "us"]
    assert offered(MUG, address={**ADDRESS, "country": "de "}) == ["all", "de"]
    assert offered(MUG, address=None) == []


def test_an_option_is_for_its_own_currency_and_while_it_is_active() -> None:
    DeliveryOption.objects.create(id="eur", title="eur", price=1, currency="eur")
    DeliveryOption.objects.create(id="off", title="off", price=1, active=False)

    assert offered(MUG) == []


@time_machine.travel(datetime(2026, 3, 30, 22, 59, tzinfo=UTC), tick=False)
def test_days_are_counted_from_today() -> None:
    DeliveryOption.objects.create(id="a", title="a", price=1, min_days=1, max_days=2)

    [option] = ShopFulfillment().options(basket((MUG, 1)))

    assert option.earliest == datetime(2026, 3, 31, tzinfo=UTC)
    assert option.latest == datetime(2026, 4, 1, 23, 59, 59, tzinfo=UTC)


def test_california_taxes_goods_and_no_delivery_in_the_demo() -> None:
    demo.load()
    chosen = ports.Option("ship_standard", "shipping", "Standard", 500)

    prices = taxed(ADDRESS, MUG, chosen=chosen)

    # 7.25 % of 28.00
    assert prices.lines[0].tax_parts == (ports.TaxPart("California", 725, 203),)
    assert (prices.lines[0].tax, prices.fulfillment_tax) == (203, 0)


def test_new_york_taxes_delivery_too_in_the_demo() -> None:
    demo.load()
    chosen = ports.Option("ship_standard", "shipping", "Standard", 500)

    prices = taxed({**ADDRESS, "state": "ny", "postal_code": "10001"}, MUG, chosen=chosen)

    assert (prices.lines[0].tax, prices.fulfillment_tax, dict(prices.option_tax)) == (
        112,
        20,
        {"ship_standard": 20},
    )


@pytest.mark.parametrize("address", [{**ADDRESS, "state": "OR"}, {**ADDRESS, "country": "DE"}])
def test_elsewhere_nothing_is_taxed_in_the_demo(address: dict[str, str]) -> None:
    demo.load()

    assert taxed(address, MUG).lines[0].tax == 0


def test_a_class_without_a_rate_is_not_taxed() -> None:
    demo.load()

    assert [line.tax for line in taxed(ADDRESS, CARD, MUG).lines] == [0, 203]


def test_every_authority_that_matches_takes_its_part() -> None:
    for name, state, prefix, rate in (
        ("Country", "", "", 100),
        ("State", "CA", "", 725),
        ("City", "CA", "941", 138),
        ("Other city", "CA", "900", 500),
        ("Other state", "NY", "", 400),
    ):
        TaxRate.objects.create(jurisdiction=name, country="US", state=state, postal_prefix=prefix, rate=rate)

    [line] = taxed({**ADDRESS, "state": "US-CA", "postal_code": "94 105"}, MUG).lines

    # 28.00 at 1.38 % is 38.64, rounded half up on its own.
    assert [(part.jurisdiction, part.amount) for part in line.tax_parts] == [
        ("Country", 28),
        ("State", 203),
        ("City", 39),
    ]
    assert line.tax == 270

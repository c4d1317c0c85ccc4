from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from checkout import ports
from gateway.shop import demo, tables
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
    options = [chosen] if chosen else []
    return ShopPricing().quote(wanted, chosen=options, offered=options)


def test_the_demo_offers_the_cheaper_way_first() -> None:
    """The demo store contract of the README: standard 5.00, express 15.00."""
    demo.load()

    options = ShopFulfillment().options(basket((MUG, 1)))

    assert [(option.id, option.price) for option in options] == [
        ("ship_standard", 500),
        ("ship_express", 1_500),
        ("local_bike", 900),
        ("pickup_locker", 500),
    ]


@pytest.mark.requirement("ACP-057")
def test_goods_over_the_network_are_offered_mail_only() -> None:
    demo.load()

    assert offered(CARD) == offered(CARD, address=None) == ["digital_email"]


@pytest.mark.requirement("ACP-057")
def test_a_mixed_basket_is_offered_something_for_each_kind() -> None:
    """The digital option for its own lines only; a parcel may carry the card too."""
    demo.load()

    options = ShopFulfillment().options(basket((MUG, 1), (CARD, 1)))

    lines = {option.id: option.line_ids for option in options}
    assert lines == {
        "ship_standard": (),
        "ship_express": (),
        "digital_email": ("li_2",),
        "local_bike": (),
        "pickup_locker": (),
    }


@pytest.mark.requirement("ACP-057")
@pytest.mark.parametrize(
    ("postal_code", "near"), [("94105", True), ("9 41 10", True), ("94301", False), ("10001", False)]
)
def test_local_delivery_goes_to_its_postal_codes_only(postal_code: str, near: bool) -> None:
    demo.load()

    assert ("local_bike" in offered(MUG, address={**ADDRESS, "postal_code": postal_code})) is near


@pytest.mark.requirement("ACP-057")
def test_another_country_has_the_same_postal_codes() -> None:
    demo.load()

    assert "local_bike" not in offered(MUG, address={**ADDRESS, "country": "DE"})


@pytest.mark.requirement("ACP-057")
def test_a_pickup_needs_no_address_and_local_delivery_does() -> None:
    demo.load()

    assert offered(MUG, address=None) == ["pickup_locker"]


@pytest.mark.requirement("ACP-057")
@time_machine.travel(datetime(2026, 3, 30, 22, 59, tzinfo=UTC), tick=False)
def test_each_type_tells_when_and_where() -> None:
    demo.load()

    options = {option.id: option for option in ShopFulfillment().options(basket((MUG, 1)))}

    bike, locker = options["local_bike"], options["pickup_locker"]
    assert bike.delivery_window == ports.Window(
        datetime(2026, 3, 31, 9, tzinfo=UTC), datetime(2026, 3, 31, 18, tzinfo=UTC)
    )
    assert bike.service_area == ports.ServiceArea("94103", 7)
    assert (locker.ready_by, locker.pickup_by) == (
        datetime(2026, 3, 31, tzinfo=UTC),
        datetime(2026, 4, 6, 23, 59, 59, tzinfo=UTC),
    )
    assert locker.location is not None
    assert locker.location.address["postal_code"] == "94103"
    assert locker.pickup_type == "locker"


@time_machine.travel(datetime(2026, 3, 30, 18, 30, tzinfo=UTC), tick=False)
def test_a_window_that_is_over_today_begins_tomorrow() -> None:
    demo.load()
    DeliveryOption.objects.filter(pk="local_bike").update(min_days=0)
    tables.forget()

    [bike] = [option for option in ShopFulfillment().options(basket((MUG, 1))) if option.id == "local_bike"]

    assert bike.delivery_window is not None
    assert bike.delivery_window.start == datetime(2026, 3, 31, 9, tzinfo=UTC)


@pytest.mark.requirement("ACP-047")
def test_a_line_and_an_option_are_taxed_where_they_go() -> None:
    """A mug to California, one to New York, where delivery is taxed too."""
    demo.load()
    new_york = {**ADDRESS, "state": "NY", "postal_code": "10001"}
    wanted = basket((MUG, 1), (MUG, 1))
    wanted = replace(wanted, lines=(wanted.lines[0], replace(wanted.lines[1], destination=new_york)))
    here = ports.Option("ship_standard", "shipping", "Standard", 500)
    there = replace(here, id="ship_standard:1", address=new_york)

    prices = ShopPricing().quote(wanted, chosen=[here, there], offered=[here, there])

    assert [line.tax for line in prices.lines] == [203, 112]
    assert prices.fulfillment_tax == 20
    assert dict(prices.option_tax) == {"ship_standard": 0, "ship_standard:1": 20}


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

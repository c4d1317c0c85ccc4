"""Places as agents spell them: tax must not be avoided by spelling."""

from __future__ import annotations

import pytest

from checkout import ports
from gateway import agents
from gateway.shop import demo, regions
from gateway.shop.delivery import ShopFulfillment
from gateway.shop.models import DeliveryOption, PickupPlace, TaxRate
from gateway.shop.taxes import ShopPricing
from tests.agents import PlayedAgent
from tests.contracts.baskets import ADDRESS, basket

MUG = ports.Product("item_mug", "Mug", 2_800, "usd")


@pytest.mark.parametrize(
    ("written", "code"),
    [
        *((text, "US") for text in ("US", "us ", "U.S.", "USA", "u.s.a.", "United States", "\uff35\uff33")),
        *((text, "US") for text in ("the United States of America", "united  states", "America")),
        *((text, "GB") for text in ("GB", "UK", "United Kingdom", "Great Britain", "England")),
        *((text, "DE") for text in ("de", "Germany", "Deutschland", "DEU")),
        *((text, "") for text in ("", "Nowhere", "U", "U1", "\u0395\u039b", "United", "..")),
    ],
)
def test_a_country_is_two_letters_however_it_is_written(written: str, code: str) -> None:
    assert regions.country(written) == code


@pytest.mark.parametrize(
    ("written", "code"),
    [
        *((text, "CA") for text in ("CA", "ca", "US-CA", "us ca", "California", " CALIFORNIA ", "C.A.")),
        *((text, "NY") for text in ("NY", "N.Y.", "New York", "new-york", "Newyork")),
        *((text, "DC") for text in ("DC", "D.C.", "District of Columbia", "Washington, D.C.")),
        *((text, "PR") for text in ("PR", "Puerto Rico")),
        ("Washington", "WA"),
        ("Hawai\u02bbi", "HI"),
        *((text, "") for text in ("", "Cali", "XX", "Kalifornien", "Ontario", "US", "-")),
    ],
)
def test_a_state_of_the_united_states_is_its_code(written: str, code: str) -> None:
    assert regions.subdivision("US", written, ()) == code


def test_every_state_the_district_and_the_territories_are_known() -> None:
    states = set(regions.US.values()) - regions.TERRITORIES - regions.MILITARY

    assert len(states) == 51
    assert sorted(regions.TERRITORIES) == ["AS", "GU", "MP", "PR", "VI"]
    assert all(regions.subdivision("US", code, ()) == code for code in regions.US.values())


def test_elsewhere_the_states_with_a_rate_are_the_known_ones() -> None:
    known = ("ON", "Qu\u00e9bec")

    assert regions.subdivision("CA", "ca-on", known) == "ON"
    assert regions.subdivision("CA", "QUEBEC", known) == regions.subdivision("CA", "Qu\u00e9bec", known) != ""
    assert regions.subdivision("CA", "Atlantis", known) == ""


SPELLINGS = [
    {"state": "California"},
    {"state": "california."},
    {"country": "USA"},
    {"country": "United States", "state": "U.S.-CA"},
]


@pytest.mark.django_db
@pytest.mark.parametrize("changed", SPELLINGS)
def test_spelling_neither_avoids_tax_nor_delivery(changed: dict[str, str]) -> None:
    demo.load()
    wanted = basket((MUG, 1), address={**ADDRESS, **changed})

    offered = ShopFulfillment().options(wanted)

    assert [option.id for option in offered][:2] == ["ship_standard", "ship_express"]
    assert ShopPricing().quote(wanted, chosen=[], offered=offered).lines[0].tax == 203


@pytest.mark.django_db
@pytest.mark.parametrize(
    "changed",
    [{"state": "Kalifornia"}, {"state": "CAL"}, {"country": "Amerika"}, {"country": "U1"}],
)
def test_where_nobody_knows_the_tax_nothing_physical_is_delivered_or_handed_out(
    changed: dict[str, str],
) -> None:
    """What is fetched is taxed at its place, so that this must be known."""
    demo.load()
    fits = {name: value[: PickupPlace._meta.get_field(name).max_length] for name, value in changed.items()}
    PickupPlace.objects.update(**fits)
    address = {**ADDRESS, **changed}
    card = ports.Product("item_gift_card", "Gift Card", 5_000, "usd", physical=False)

    assert ShopFulfillment().options(basket((MUG, 1), address=address)) == []
    assert [o.id for o in ShopFulfillment().options(basket((card, 1), address=address))] == ["digital_email"]


@pytest.mark.django_db
def test_a_country_without_state_taxes_delivers_whatever_its_state_is_called() -> None:
    demo.load()
    TaxRate.objects.create(jurisdiction="Germany", country="DE", rate=1_900)
    DeliveryOption.objects.create(id="everywhere", title="Everywhere", price=1)
    wanted = basket((MUG, 1), address={**ADDRESS, "country": "Deutschland", "state": "Anywhere"})

    offered = ShopFulfillment().options(wanted)

    assert "everywhere" in [option.id for option in offered]
    assert ShopPricing().quote(wanted, chosen=[], offered=offered).lines[0].tax == 532


@pytest.mark.django_db
def test_a_rate_may_name_its_state_as_people_do() -> None:
    TaxRate.objects.create(jurisdiction="California", country="US", state="California", rate=725)

    wanted = basket((MUG, 1))

    assert ShopPricing().quote(wanted, chosen=[], offered=[]).lines[0].tax == 203


@pytest.mark.django_db(transaction=True)
def test_a_session_to_an_unknown_state_cannot_be_paid_until_it_is_spelt_right() -> None:
    demo.load()
    agents.load_demo()
    agent = PlayedAgent()

    refused = agent.create(fulfillment_details={"address": {**ADDRESS, "state": "Kalifornia"}})
    path = f"/checkout_sessions/{refused['id']}"
    mended = agent.post(path, {"fulfillment_details": {"address": {**ADDRESS, "state": "California"}}}).json()

    assert refused["status"] == "not_ready_for_payment"
    assert [message["code"] for message in refused["messages"]] == ["region_restricted"]
    assert mended["status"] == "ready_for_payment"
    assert [total["amount"] for total in mended["totals"] if total["type"] == "tax"] == [203]

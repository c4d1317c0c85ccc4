"""How goods reach the buyer, over HTTP: four kinds, several options at once, groups (ACP-044 to ACP-082)."""

from __future__ import annotations

from typing import Any

import pytest

from checkout import effects, ports
from checkout.models import Order
from checkout.ports import PlacedOrder
from gateway.shop import tables
from gateway.shop.models import DeliveryOption, PickupPlace
from schemas import facade
from tests.agents import ADDRESS, PlayedAgent, codes, total
from tests.parts import plugged

NEW_YORK = {**ADDRESS, "city": "New York", "state": "NY", "postal_code": "10001"}
SHIP = {"type": "shipping", "option_id": "ship_standard"}
FETCH = {"type": "pickup", "option_id": "pickup_locker"}
BIKE = {"type": "local_delivery", "option_id": "local_bike"}
MAIL = {"type": "digital", "option_id": "digital_email"}


def choosing(*choices: dict[str, Any]) -> dict[str, Any]:
    return {"selected_fulfillment_options": [{"item_ids": [], **choice} for choice in choices]}


def in_force(session: dict[str, Any]) -> dict[str, list[str]]:
    return {
        entry["option_id"]: entry["item_ids"] for entry in session.get("selected_fulfillment_options", ())
    }


def options(session: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {option["id"]: option for option in session["fulfillment_options"]}


def places(session: dict[str, Any]) -> list[tuple[str, str]]:
    """The messages: their codes and what they point at."""
    return [(message["code"], message["param"]) for message in session["messages"]]


# The four kinds --------------------------------------------------------------------------


@pytest.mark.requirement("ACP-053", "ACP-057")
def test_every_kind_has_its_own_members(agent: PlayedAgent) -> None:
    session = agent.create("item_mug", "item_gift_card", fulfillment_details={"address": ADDRESS})

    offered = options(session)
    both = {"type", "id", "title", "description", "totals"}
    assert {option["type"] for option in offered.values()} == {
        "shipping",
        "digital",
        "pickup",
        "local_delivery",
    }
    assert set(offered["ship_standard"]) == both | {
        "carrier",
        "earliest_delivery_time",
        "latest_delivery_time",
    }
    assert set(offered["digital_email"]) == both
    assert set(offered["pickup_locker"]) == both | {"location", "pickup_type", "ready_by", "pickup_by"}
    assert set(offered["local_bike"]) == both | {"delivery_window", "service_area"}
    place = offered["pickup_locker"]["location"]
    assert set(place) == {"name", "address", "phone", "instructions"}
    assert set(place["address"]) == {*ADDRESS}
    assert set(offered["local_bike"]["delivery_window"]) == {"start", "end"}
    assert offered["local_bike"]["service_area"] == {"radius_miles": 7, "center_postal_code": "94103"}
    for option in offered.values():
        assert all(entry["display_text"] for entry in option["totals"])
    assert facade.validator("CheckoutSession").violations(session) == []


@pytest.mark.requirement("ACP-051", "ACP-057")
def test_what_a_merchant_does_not_know_is_left_out(agent: PlayedAgent) -> None:
    PickupPlace.objects.update(phone="", instructions="")
    DeliveryOption.objects.filter(pk="pickup_locker").update(pickup_type="", min_days=None, max_days=None)
    DeliveryOption.objects.filter(pk="local_bike").update(
        min_days=None, radius_miles=None, center_postal_code="", description=""
    )
    tables.forget()

    offered = options(agent.ready())

    assert set(offered["pickup_locker"]) == {"type", "id", "title", "description", "totals", "location"}
    assert set(offered["pickup_locker"]["location"]) == {"name", "address"}
    assert set(offered["local_bike"]) == {"type", "id", "title", "totals"}


@pytest.mark.requirement("ACP-057")
def test_local_delivery_is_for_the_neighbourhood(agent: PlayedAgent) -> None:
    session = agent.ready()

    away = agent.update(session, {"fulfillment_details": {"address": {**ADDRESS, "postal_code": "90001"}}})

    assert "local_bike" in options(session)
    assert "local_bike" not in options(away)


@pytest.mark.requirement("ACP-057", "ACP-059")
def test_a_pickup_is_bought_without_an_address(agent: PlayedAgent) -> None:
    """It is taxed at its place, in California."""
    session = agent.create("item_mug")

    chosen = agent.update(session, choosing({**FETCH, "item_ids": ["li_1"]}))
    paid = agent.complete(chosen).json()

    assert places(session) == [("missing", "$.fulfillment_details.address")]
    assert chosen["status"] == "ready_for_payment"
    assert (total(chosen, "fulfillment"), total(chosen, "tax"), total(chosen)) == (500, 203, 3_503)
    assert paid["status"] == "completed"
    assert paid["order"]["fulfillments"] == []


@pytest.mark.requirement("ACP-057")
def test_a_pickup_is_taxed_at_its_place_and_not_at_home(agent: PlayedAgent) -> None:
    session = agent.create(fulfillment_details={"address": {**ADDRESS, "state": "OR"}})

    fetched = agent.update(session, choosing({**FETCH, "item_ids": ["li_1"]}))

    assert total(session, "tax") == 0
    assert total(fetched, "tax") == 203


# Several options -------------------------------------------------------------------------


@pytest.mark.requirement("ACP-044", "ACP-056", "ACP-058")
def test_two_lines_go_two_ways_and_both_are_paid(agent: PlayedAgent) -> None:
    session = agent.ready("item_mug", "item_sofa")

    chosen = agent.update(
        session, choosing({**SHIP, "item_ids": ["item_mug"]}, {**BIKE, "item_ids": ["li_2"]})
    )

    assert chosen["status"] == "ready_for_payment"
    assert in_force(chosen) == {"ship_standard": ["item_mug"], "local_bike": ["li_2"]}
    assert total(chosen, "fulfillment") == 500 + 900
    assert total(chosen) == total(chosen, "subtotal") + 1_400 + total(chosen, "tax")
    assert set(chosen["selected_fulfillment_options"][0]) == {"type", "option_id", "item_ids"}


@pytest.mark.requirement("ACP-057", "ACP-058")
def test_a_mixed_basket_is_ready_with_an_option_of_each_kind(agent: PlayedAgent) -> None:
    session = agent.ready("item_mug", "item_gift_card")

    assert in_force(session) == {"digital_email": ["li_2"], "ship_standard": ["li_1"]}
    assert total(session, "fulfillment") == 500


@pytest.mark.requirement("ACP-044")
@pytest.mark.parametrize(
    ("choices", "problem"),
    [
        ([{**SHIP, "item_ids": ["li_1"]}], ("missing", "")),
        ([SHIP, {**BIKE, "item_ids": ["li_1", "item_mug"]}], None),
        (
            [{**SHIP, "item_ids": ["li_1", "li_2"]}, {**BIKE, "item_ids": ["item_sofa"]}],
            ("invalid", "[1].item_ids"),
        ),
        ([{**SHIP, "item_ids": ["li_1"]}, {**MAIL, "item_ids": ["li_2"]}], ("invalid", "[1].option_id")),
    ],
)
def test_every_parcel_has_exactly_one_way(
    agent: PlayedAgent, choices: list[dict[str, Any]], problem: tuple[str, str] | None
) -> None:
    session = agent.ready("item_mug", "item_sofa")

    answered = agent.update(session, choosing(*choices))

    wanted = [(problem[0], f"$.selected_fulfillment_options{problem[1]}")] if problem else []
    assert places(answered) == wanted
    assert answered["status"] == ("not_ready_for_payment" if problem else "ready_for_payment")


@pytest.mark.requirement("ACP-044")
def test_a_digital_option_carries_no_parcel(agent: PlayedAgent) -> None:
    session = agent.ready("item_mug", "item_gift_card")

    answered = agent.update(session, choosing({**MAIL, "item_ids": ["li_1", "li_2"]}))

    assert places(answered) == [("invalid", "$.selected_fulfillment_options[0].item_ids")]
    assert answered["status"] == "not_ready_for_payment"


@pytest.mark.requirement("ACP-082")
def test_an_option_that_is_offered_no_more_is_dropped_with_a_message(agent: PlayedAgent) -> None:
    session = agent.update(agent.ready(), choosing({**BIKE, "item_ids": ["li_1"]}))

    moved = agent.update(session, {"fulfillment_details": {"address": {**ADDRESS, "postal_code": "90001"}}})
    refused = agent.complete(moved).json()
    mended = agent.update(moved, choosing({**SHIP, "item_ids": ["li_1"]}))

    assert session["status"] == mended["status"] == "ready_for_payment"
    assert moved["status"] == refused["status"] == "not_ready_for_payment"
    assert places(moved) == [("invalid", "$.selected_fulfillment_options[0].option_id")]
    assert "selected_fulfillment_options" not in moved
    assert total(moved, "fulfillment") is None
    assert "order" not in refused


@pytest.mark.requirement("ACP-081", "ACP-082")
def test_another_cart_needs_another_choice(agent: PlayedAgent) -> None:
    """The array is replaced as a whole; a line that came later has no option yet."""
    session = agent.update(agent.ready(), choosing({**BIKE, "item_ids": ["li_1"]}))

    larger = agent.update(session, {"line_items": [{"id": "item_mug"}, {"id": "item_pens"}]})
    whole = agent.update(larger, choosing(BIKE))

    assert places(larger) == [("missing", "$.selected_fulfillment_options")]
    assert in_force(whole) == {"local_bike": ["li_1", "li_2"]}
    assert whole["status"] == "ready_for_payment"


# Groups ----------------------------------------------------------------------------------


def grouped(session: dict[str, Any], *groups: dict[str, Any]) -> dict[str, Any]:
    return {"fulfillment_groups": [{"destination_type": "shipping", **group} for group in groups]}


@pytest.mark.requirement("ACP-047")
def test_a_present_goes_to_another_address(agent: PlayedAgent) -> None:
    """Priced and taxed there: New York taxes delivery too."""
    session = agent.ready("item_mug", "item_sofa")
    gift = {"id": "gift", "item_ids": ["item_mug"], "instructions": "Wrap it"}
    gift["fulfillment_details"] = {"name": "Charles", "address": NEW_YORK}

    answered = agent.update(session, grouped(session, gift))

    assert answered["status"] == "ready_for_payment"
    assert answered["fulfillment_groups"] == [{"destination_type": "shipping", **gift}]
    assert in_force(answered) == {"ship_standard": ["li_2"], "ship_standard:1": ["li_1"]}
    assert total(answered, "fulfillment") == 1_000
    taxes = [line["totals"][-2]["amount"] for line in answered["line_items"]]
    # 4 % of the mug and of its delivery in New York, 7.25 % of the sofa in California
    assert taxes == [112, 3_263]
    assert total(answered, "tax") == 112 + 3_263 + 20
    assert "local_bike:1" not in options(answered)


@pytest.mark.requirement("ACP-047")
def test_the_merchant_learns_where_everything_goes(agent: PlayedAgent) -> None:
    session = agent.ready("item_mug", "item_sofa")
    gift = {"id": "gift", "item_ids": ["li_1"], "instructions": "Wrap it"}
    gift["fulfillment_details"] = {"address": NEW_YORK}
    seen: list[PlacedOrder] = []

    class Orders:
        def place(self, order: PlacedOrder) -> str:
            seen.append(order)
            return ""

    agent.complete(agent.update(session, grouped(session, gift)))
    with plugged(order_sink=Orders()):
        effects.place_order({"order": Order.objects.get().pk})

    [placed] = seen
    ways = {
        (way.option_id, way.line_ids, way.address["city"], way.tax) for way in placed.options if way.address
    }
    assert ways == {
        ("ship_standard", ("li_1",), "New York", 20),
        ("ship_standard", ("li_2",), "San Francisco", 0),
    }
    assert placed.groups[0]["instructions"] == "Wrap it"
    assert sum(way.price for way in placed.options) == Order.objects.get().quote["totals"]["fulfillment"]


@pytest.mark.requirement("ACP-047")
@pytest.mark.parametrize(
    ("group", "code", "param"),
    [
        ({"item_ids": ["item_ring"]}, "invalid", "[0].item_ids"),
        ({"item_ids": ["li_1"], "destination_type": "digital"}, "invalid", "[0].destination_type"),
        ({"item_ids": ["li_1"], "location_id": "here"}, "unsupported", "[0].location_id"),
    ],
)
def test_a_group_that_cannot_be_is_named(
    agent: PlayedAgent, group: dict[str, Any], code: str, param: str
) -> None:
    session = agent.ready("item_mug")

    answered = agent.update(session, grouped(session, {"id": "g", **group}))
    cleared = agent.update(answered, {"fulfillment_groups": None})

    assert places(answered) == [(code, f"$.fulfillment_groups{param}")]
    assert answered["status"] == "not_ready_for_payment"
    assert cleared["status"] == "ready_for_payment"
    assert "fulfillment_groups" not in cleared


@pytest.mark.requirement("ACP-047")
def test_groups_may_come_with_the_session(agent: PlayedAgent) -> None:
    """Fetched, and nothing is sent: no address is needed."""
    group = {"id": "g", "item_ids": ["item_mug"], "destination_type": "pickup"}

    session = agent.create("item_mug", fulfillment_groups=[{**group, "location_id": "pickup_locker"}])

    assert session["status"] == "ready_for_payment", codes(session)
    assert in_force(session) == {"pickup_locker": ["li_1"]}


def test_the_parts_are_asked_once_where_there_is_one_address(agent: PlayedAgent) -> None:
    """The usual session costs the merchant's part one call."""
    part = ports.ports().fulfillment
    asked = []

    class Counted:
        def options(self, basket: ports.Basket) -> Any:
            asked.append(basket)
            return part.options(basket)

    with plugged(fulfillment=Counted()):
        agent.ready("item_mug", "item_sofa")

    assert len(asked) == 1

"""Several delivery options in one basket, and groups with addresses of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checkout import pricing, quoted_options
from checkout.ports import Basket, LinePrice, Option, PickupPlace, Prices, Product, Rules, TaxPart
from gateway.acp import wire
from tests.agents import ADDRESS
from tests.parts import plugged

ELSEWHERE = {**ADDRESS, "city": "New York", "state": "NY", "postal_code": "10001"}
PLACE = PickupPlace("Shop", {**ADDRESS, "name": "Shop", "line_one": "9 Quay"})

SLOW = Option("slow", "shipping", "Slow", 500)
FAST = Option("fast", "shipping", "Fast", 900)
FETCH = Option("fetch", "pickup", "Fetch", 0, location=PLACE)
MAIL = Option("mail", "digital", "Mail", 0)
BIKE = Option("bike", "local_delivery", "Bike", 700)

GOODS = {
    "mug": Product("mug", "Mug", 1_000, "usd"),
    "sofa": Product("sofa", "Sofa", 2_000, "usd"),
    "card": Product("card", "Gift card", 3_000, "usd", physical=False),
}

SELECTED = "$.selected_fulfillment_options"


class Merchant:
    """Offers what a test says, and taxes each line and option at 10 % where there is an address."""

    def __init__(self, *offered: Option) -> None:
        self.offered = offered
        self.asked: list[Basket] = []
        self.quoted: tuple[Basket, tuple[Option, ...]] | None = None

    def find(self, ids: Sequence[str], *, currency: str) -> Mapping[str, Product]:
        return {item: GOODS[item] for item in ids}

    def options(self, basket: Basket) -> Sequence[Option]:
        self.asked.append(basket)
        needs_none = ("pickup", "digital")
        return [option for option in self.offered if basket.address or option.type in needs_none]

    def quote(self, basket: Basket, *, chosen: Sequence[Option], offered: Sequence[Option]) -> Prices:
        self.quoted = basket, tuple(chosen)
        lines = tuple(
            LinePrice(line.id, tax=tax, tax_parts=(TaxPart("US", 1_000, tax),))
            for line in basket.lines
            for tax in [line.base // 10 if basket.goes_to(line) else 0]
        )
        of_option = {option.id: option.price // 10 if basket.goes_to(option) else 0 for option in offered}
        tax = sum(of_option[option.id] for option in chosen)
        return Prices(lines, tax, (TaxPart("US", 1_000, tax),), option_tax=of_option)


def quoted(
    merchant: Merchant,
    *items: str,
    chosen: Sequence[Mapping[str, Any]] | None = None,
    groups: Sequence[Mapping[str, Any]] | None = None,
    address: Mapping[str, str] | None = ADDRESS,
    preselect: str = "cheapest",
) -> pricing.Quote:
    """The quote for one of each item; their lines are li_1, li_2 and so on."""
    lines = [{"id": f"li_{n}", "item_id": item, "quantity": 1} for n, item in enumerate(items, start=1)]
    rules = Rules(preselect=preselect)  # type: ignore[arg-type]
    with plugged(catalog=merchant, fulfillment=merchant, pricing=merchant, rules=rules):
        return pricing.price(
            lines,
            currency="usd",
            fulfillment_details={"address": address} if address else None,
            chosen=chosen,
            groups=groups,
        )


def choice(option: Option, *item_ids: str, option_id: str = "") -> dict[str, Any]:
    return {"type": option.type, "option_id": option_id or option.id, "item_ids": list(item_ids)}


def group(
    name: str, kind: str, *item_ids: str, address: Mapping[str, str] | None = None, **more: Any
) -> dict[str, Any]:
    details = {"fulfillment_details": {"address": dict(address)}} if address else {}
    return {"id": name, "destination_type": kind, "item_ids": list(item_ids), **details, **more}


def in_force(quote: pricing.Quote) -> dict[str, list[str]]:
    """The lines of each option in force."""
    return {entry["option_id"]: entry["line_ids"] for entry in quote["selected"]}


def told(quote: pricing.Quote) -> list[tuple[str, str]]:
    return [(entry["code"], entry["param"]) for entry in quote["problems"]]


# Several options -------------------------------------------------------------------------


@pytest.mark.requirement("ACP-044", "ACP-056", "ACP-058")
def test_each_option_carries_its_lines_and_the_prices_add_up() -> None:
    merchant = Merchant(SLOW, FETCH)

    quote = quoted(merchant, "mug", "sofa", chosen=[choice(SLOW, "li_1"), choice(FETCH, "sofa")])

    assert in_force(quote) == {"slow": ["li_1"], "fetch": ["li_2"]}
    assert quote["totals"]["fulfillment"] == 500
    assert quote["totals"]["tax"] == 100 + 200 + 50
    assert quote["ready"]


def test_what_is_fetched_is_taxed_at_its_place() -> None:
    merchant = Merchant(SLOW, FETCH)

    quoted(merchant, "mug", "sofa", chosen=[choice(SLOW, "mug"), choice(FETCH, "sofa")])

    assert merchant.quoted is not None
    basket, chosen = merchant.quoted
    assert [basket.goes_to(line) for line in basket.lines] == [ADDRESS, PLACE.address]
    assert [basket.goes_to(option) for option in chosen] == [ADDRESS, PLACE.address]


def test_names_of_lines_are_echoed_as_they_were_sent() -> None:
    """C-28: line ids or catalogue ids; a line that nobody named by its line id."""
    quote = quoted(Merchant(SLOW, FETCH), "mug", "sofa", chosen=[choice(SLOW, "mug"), choice(FETCH, "li_2")])

    assert [entry["item_ids"] for entry in quote["selected"]] == [["mug"], ["li_2"]]


def test_who_names_no_lines_means_what_is_left() -> None:
    chosen = [choice(SLOW), choice(FETCH, "sofa")]

    quote = quoted(Merchant(SLOW, FETCH), "mug", "sofa", chosen=chosen)

    assert [entry["item_ids"] for entry in quote["selected"]] == [["li_1"], ["sofa"]]
    assert quote["ready"]


def test_one_option_chosen_line_by_line_is_paid_once() -> None:
    quote = quoted(Merchant(SLOW), "mug", "sofa", chosen=[choice(SLOW, "li_1"), choice(SLOW, "li_2")])

    assert quote["ready"]
    assert quote["totals"]["fulfillment"] == 500
    [placed] = quoted_options.chosen(quote, {"address": ADDRESS})
    assert (placed.option_id, placed.line_ids, placed.address) == ("slow", ("li_1", "li_2"), ADDRESS)


@pytest.mark.requirement("ACP-044")
@pytest.mark.parametrize(
    ("chosen", "problem"),
    [
        ([choice(SLOW, "li_1")], ("missing", SELECTED)),
        ([choice(SLOW, "li_1", "li_2"), choice(FAST, "li_2")], ("invalid", f"{SELECTED}[1].item_ids")),
        ([choice(SLOW, "li_1", "li_2"), choice(FAST)], ("invalid", f"{SELECTED}[1].item_ids")),
        ([choice(SLOW, "li_1"), choice(MAIL, "li_2")], ("invalid", f"{SELECTED}[1].item_ids")),
        ([choice(SLOW, "li_1"), choice(BIKE, "li_2")], ("invalid", f"{SELECTED}[1].option_id")),
        ([choice(SLOW, "nothing")], ("invalid", f"{SELECTED}[0].item_ids")),
        ([choice(FAST, option_id="slow"), choice(MAIL, option_id="slow")], None),
    ],
)
def test_what_does_not_fit_is_named_by_its_index(
    chosen: list[dict[str, Any]], problem: tuple[str, str] | None
) -> None:
    """A line left over, carried twice, or by what cannot carry it; nothing is preselected instead."""
    quote = quoted(Merchant(SLOW, FAST, MAIL), "mug", "sofa", chosen=chosen)

    assert not quote["ready"]
    assert told(quote) == [problem or ("invalid", f"{SELECTED}[1].option_id")]


@pytest.mark.requirement("ACP-082")
def test_an_option_for_other_lines_cannot_carry_this_one() -> None:
    half = Option("half", "shipping", "Small goods", 100, line_ids=("li_1",))

    quote = quoted(Merchant(SLOW, half), "mug", "sofa", chosen=[choice(half, "li_1", "li_2")])
    both = quoted(Merchant(SLOW, half), "mug", "sofa", chosen=[choice(half), choice(SLOW)])

    assert told(quote) == [("invalid", f"{SELECTED}[0].item_ids")]
    assert in_force(both) == {"half": ["li_1"], "slow": ["li_2"]}
    assert both["totals"]["fulfillment"] == 600


# Nothing chosen --------------------------------------------------------------------------


def test_a_mixed_basket_gets_an_option_of_each_kind() -> None:
    quote = quoted(Merchant(FAST, SLOW, MAIL), "mug", "card")

    assert in_force(quote) == {"mail": ["li_2"], "slow": ["li_1"]}
    assert quote["ready"]


def test_a_card_travels_with_the_mug_where_nothing_is_sent_over_the_network() -> None:
    quote = quoted(Merchant(SLOW), "mug", "card")

    assert in_force(quote) == {"slow": ["li_1", "li_2"]}


def test_the_digital_option_is_added_to_a_choice_that_leaves_it_out() -> None:
    quote = quoted(Merchant(SLOW, FAST, MAIL), "mug", "card", chosen=[choice(FAST, "li_1")])

    assert in_force(quote) == {"fast": ["li_1"], "mail": ["li_2"]}
    assert quote["ready"]


def test_what_is_over_the_network_does_not_decide_for_the_parcel() -> None:
    quote = quoted(Merchant(SLOW, MAIL), "mug", "card", chosen=[choice(MAIL, "li_2")])

    assert told(quote) == [("missing", SELECTED)]


def test_goods_that_no_single_option_carries_get_one_each() -> None:
    small = Option("small", "shipping", "Parcel", 100, line_ids=("li_1",))
    large = Option("large", "shipping", "Truck", 4_000, line_ids=("li_2",))

    quote = quoted(Merchant(small, large), "mug", "sofa")

    assert in_force(quote) == {"small": ["li_1"], "large": ["li_2"]}
    assert quote["totals"]["fulfillment"] == 4_100


def test_a_line_that_nothing_carries_is_named() -> None:
    small = Option("small", "shipping", "Parcel", 100, line_ids=("li_1",))

    quote = quoted(Merchant(small), "mug", "sofa")

    assert told(quote) == [("region_restricted", "$.line_items[1]")]


@pytest.mark.parametrize("rule", ["cheapest", "first", "none"])
def test_nobody_is_sent_to_fetch_goods_unasked(rule: str) -> None:
    """A free pickup is the cheapest, and still not what somebody with an address wants."""
    quote = quoted(Merchant(FETCH, SLOW), "mug", preselect=rule)

    assert in_force(quote) == ({} if rule == "none" else {"slow": ["li_1"]})


def test_a_pickup_needs_no_address_and_is_chosen() -> None:
    unasked = quoted(Merchant(FETCH, SLOW), "mug", address=None)
    asked = quoted(Merchant(FETCH, SLOW), "mug", address=None, chosen=[choice(FETCH, "li_1")])

    assert told(unasked) == [("missing", "$.fulfillment_details.address")]
    assert asked["ready"]
    assert asked["totals"]["tax"] == 100


# Groups ----------------------------------------------------------------------------------


@pytest.mark.requirement("ACP-047")
def test_a_group_with_an_address_of_its_own_is_delivered_there() -> None:
    merchant = Merchant(SLOW, FAST)
    groups = [group("home", "shipping", "mug"), group("office", "shipping", "sofa", address=ELSEWHERE)]

    quote = quoted(merchant, "mug", "sofa", groups=groups)

    asked = [(basket.address, [line.id for line in basket.lines]) for basket in merchant.asked]
    assert asked == [(ADDRESS, ["li_1"]), (ELSEWHERE, ["li_2"])]
    assert [option["id"] for option in quote["options"]] == ["slow", "fast", "slow:2", "fast:2"]
    assert in_force(quote) == {"slow": ["li_1"], "slow:2": ["li_2"]}
    assert quote["totals"]["fulfillment"] == 1_000
    assert merchant.quoted is not None
    basket, chosen = merchant.quoted
    assert [basket.goes_to(line) for line in basket.lines] == [ADDRESS, ELSEWHERE]
    assert [basket.goes_to(option) for option in chosen] == [ADDRESS, ELSEWHERE]
    first, second = quoted_options.chosen(quote, {"address": ADDRESS})
    assert (first.option_id, first.address) == ("slow", ADDRESS)
    assert (second.option_id, second.address, second.line_ids) == ("slow", ELSEWHERE, ("li_2",))
    assert second.title == "Slow (office)"


@pytest.mark.requirement("ACP-047")
def test_an_option_of_one_address_cannot_carry_to_another() -> None:
    groups = [group("office", "shipping", "sofa", address=ELSEWHERE)]

    quote = quoted(Merchant(SLOW), "mug", "sofa", groups=groups, chosen=[choice(SLOW, "li_1", "li_2")])

    assert told(quote) == [("invalid", f"{SELECTED}[0].item_ids")]


@pytest.mark.requirement("ACP-047")
def test_where_every_group_has_an_address_the_session_needs_none() -> None:
    groups = [group("office", "shipping", "mug", address=ELSEWHERE)]

    quote = quoted(Merchant(SLOW), "mug", groups=groups, address=None)

    assert quote["ready"]
    assert in_force(quote) == {"slow:1": ["li_1"]}


@pytest.mark.requirement("ACP-047")
def test_a_group_says_how_its_lines_travel() -> None:
    """A pickup is preselected for whoever asked for one; the rest goes by the rule."""
    merchant = Merchant(SLOW, BIKE, FETCH)
    groups = [group("later", "pickup", "sofa"), group("soon", "local_delivery", "mug")]

    quote = quoted(merchant, "mug", "sofa", groups=groups)

    assert in_force(quote) == {"bike": ["li_1"], "fetch": ["li_2"]}
    assert len(merchant.asked) == 1


@pytest.mark.requirement("ACP-047")
def test_a_choice_against_its_group_is_refused() -> None:
    groups = [group("later", "pickup", "mug")]

    quote = quoted(Merchant(SLOW, FETCH), "mug", groups=groups, chosen=[choice(SLOW, "li_1")])

    assert told(quote) == [("invalid", f"{SELECTED}[0].item_ids")]


@pytest.mark.requirement("ACP-047")
def test_a_location_is_the_id_of_an_option() -> None:
    other = Option("far", "pickup", "Far", 0, location=PLACE)
    merchant = Merchant(SLOW, FETCH, other)

    right = quoted(merchant, "mug", groups=[group("a", "pickup", "mug", location_id="far")])
    wrong = quoted(merchant, "mug", groups=[group("a", "pickup", "mug", location_id="slow")])

    assert in_force(right) == {"far": ["li_1"]}
    assert not wrong["ready"]
    assert ("invalid", "$.fulfillment_groups[0].location_id") in told(wrong)


@pytest.mark.requirement("ACP-047")
@pytest.mark.parametrize(
    ("groups", "code", "param"),
    [
        ([group("a", "shipping", "nothing")], "invalid", "[0].item_ids"),
        ([group("a", "shipping")], "invalid", "[0].item_ids"),
        ([group("a", "shipping", "mug", "li_1")], "invalid", "[0].item_ids"),
        ([group("a", "shipping", "mug"), group("b", "pickup", "li_1")], "invalid", "[1].item_ids"),
        ([group("a", "shipping", "mug"), group("a", "digital", "card")], "invalid", "[1].id"),
        ([group("a", "digital", "mug")], "invalid", "[0].destination_type"),
        ([group("a", "shipping", "card")], "invalid", "[0].destination_type"),
        ([group("a", "shipping", "mug", location_id="x")], "unsupported", "[0].location_id"),
        (
            [group("a", "shipping", "mug", address={**ELSEWHERE, "city": " "})],
            "missing",
            "[0].fulfillment_details.address",
        ),
        (
            [group("a", "shipping", "mug", address={**ELSEWHERE, "country": "Neverland"})],
            "invalid",
            "[0].fulfillment_details.address.country",
        ),
    ],
)
def test_a_wrong_group_is_named_and_keeps_from_paying(
    groups: list[dict[str, Any]], code: str, param: str
) -> None:
    quote = quoted(Merchant(SLOW, FETCH, MAIL), "mug", "card", groups=groups)

    assert told(quote) == [(code, f"$.fulfillment_groups{param}")]
    assert not quote["ready"]


def test_only_so_many_addresses_are_asked_about() -> None:
    """T66: each is a question to the merchant, and options in every answer."""
    lines = [{"id": f"li_{n}", "item_id": "mug", "quantity": 1} for n in range(12)]
    groups = [
        group(str(n), "shipping", f"li_{n}", address={**ADDRESS, "line_one": str(n)}) for n in range(11)
    ]
    merchant = Merchant(SLOW)

    with plugged(catalog=merchant, fulfillment=merchant, pricing=merchant):
        quote = pricing.price(lines, currency="usd", fulfillment_details={"address": ADDRESS}, groups=groups)

    assert told(quote) == [("unsupported", "$.fulfillment_groups[10].fulfillment_details.address")]
    assert len(merchant.asked) == 11


# Whatever is chosen ----------------------------------------------------------------------

ITEMS = st.lists(st.sampled_from(["mug", "sofa", "card"]), min_size=1, max_size=3, unique=True)
NAMES = st.lists(st.sampled_from(["mug", "sofa", "card", "li_1", "li_2", "li_3"]), max_size=3)
CHOICES = st.lists(
    st.builds(
        lambda option, names: choice(option, *names), st.sampled_from([SLOW, FETCH, MAIL, BIKE]), NAMES
    ),
    max_size=3,
)
KINDS = st.sampled_from(["shipping", "pickup", "digital", "local_delivery"])
GROUPS = st.lists(
    st.builds(
        lambda name, kind, names, address: group(name, kind, *names, address=address),
        st.sampled_from("abc"),
        KINDS,
        NAMES,
        st.sampled_from([None, ELSEWHERE]),
    ),
    max_size=3,
)


@pytest.mark.requirement("ACP-044", "ACP-047", "ACP-056")
@settings(max_examples=300, deadline=None)
@given(ITEMS, CHOICES, GROUPS, st.sampled_from([ADDRESS, None]))
def test_a_session_is_ready_only_when_every_parcel_has_its_way_and_the_sums_are_right(
    items: list[str],
    chosen: list[dict[str, Any]],
    groups: list[dict[str, Any]],
    address: Mapping[str, str] | None,
) -> None:
    quote = quoted(Merchant(SLOW, FETCH, MAIL, BIKE), *items, chosen=chosen, groups=groups, address=address)

    carried = [line_id for entry in quote["selected"] for line_id in entry["line_ids"]]
    physical = {line["id"] for line in quote["lines"] if line["physical"]}
    assert len(carried) == len(set(carried))
    assert not quote["ready"] or physical <= set(carried)
    prices = {option["id"]: (option["price"], option["tax"]) for option in quote["options"]}
    assert len(prices) == len(quote["options"])
    paid = [prices[option_id] for option_id in {entry["option_id"] for entry in quote["selected"]}]
    sums = quote["totals"]
    assert sums["fulfillment"] == sum(price for price, _ in paid)
    assert sums["tax"] == sum(line["tax"] for line in quote["lines"]) + sum(tax for _, tax in paid)
    assert sums["total"] == sums["items"] + sums["fulfillment"] + sums["tax"]
    on_wire = {entry["type"]: entry["amount"] for entry in wire.totals(quote)}
    assert on_wire["total"] == on_wire["subtotal"] + on_wire.get("fulfillment", 0) + on_wire["tax"]

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

import pytest

from checkout.addresses import ADDRESS_PARTS
from checkout.ports import Fulfillment, FulfillmentType, Option, Product
from tests.contracts.baskets import ADDRESS, basket


@pytest.mark.django_db
class FulfillmentContract:
    """The contract of `checkout.ports.Fulfillment`. Write `part` and `physical`, and `digital`
    if you sell what needs no parcel. `address` is one you deliver to."""

    def part(self) -> Fulfillment:
        """A new instance of the part."""
        raise NotImplementedError

    def physical(self) -> Product:
        """Something that is sent to `address`."""
        raise NotImplementedError

    def digital(self) -> Product | None:
        """Something that is delivered over the network, or None when you sell no such thing."""
        return None

    def address(self) -> Mapping[str, str]:
        return ADDRESS

    def every_option(self) -> list[Option]:
        """With and without an address."""
        baskets = [basket((self.physical(), 1), address=address) for address in (None, self.address())]
        return [option for wanted in baskets for option in self.part().options(wanted)]

    # --- what it must do -------------------------------------------------------------------

    def test_it_serves_the_port(self) -> None:
        assert isinstance(self.part(), Fulfillment)

    def test_goods_can_be_delivered_to_a_complete_address(self) -> None:
        """ACP-057: tagged options with an id and a title."""
        wanted = basket((self.physical(), 1), address=self.address())

        options = self.part().options(wanted)

        assert any(option.type != "digital" for option in options)
        assert all(option.type in get_args(FulfillmentType) for option in options)
        assert all(option.id and option.title for option in options)
        assert len({option.id for option in options}) == len(options)

    def test_prices_are_integers_and_never_negative(self) -> None:
        options = self.part().options(basket((self.physical(), 3), address=self.address()))

        assert all(type(option.price) is int and option.price >= 0 for option in options)

    def test_times_are_aware_and_in_order(self) -> None:
        options = self.part().options(basket((self.physical(), 1), address=self.address()))

        windows = [(o.delivery_window.start, o.delivery_window.end) for o in options if o.delivery_window]
        pairs = [(o.earliest, o.latest) for o in options] + [(o.ready_by, o.pickup_by) for o in options]
        times = [time for pair in (*pairs, *windows) for time in pair if time]
        spans = [*windows, *((first, last) for first, last in pairs if first and last)]
        assert all(time.utcoffset() is not None for time in times)
        assert all(earliest <= latest for earliest, latest in spans)

    def test_the_same_basket_has_the_same_options(self) -> None:
        wanted = basket((self.physical(), 2), address=self.address())

        first, second = self.part().options(wanted), self.part().options(wanted)

        assert [(o.id, o.type, o.price) for o in first] == [(o.id, o.type, o.price) for o in second]

    def test_without_an_address_only_what_needs_none_is_offered(self) -> None:
        options = self.part().options(basket((self.physical(), 1), address=None))

        assert {option.type for option in options} <= {"pickup", "digital"}

    def test_an_option_carries_lines_of_the_basket_only(self) -> None:
        wanted = basket((self.physical(), 1), address=self.address())

        for option in self.part().options(wanted):
            assert set(option.line_ids) <= {line.id for line in wanted.lines}

    def test_a_place_to_fetch_from_has_a_name_and_a_complete_address(self) -> None:
        """ACP-057, ACP-059: pickup needs a location, and no other type has one."""
        for option in self.every_option():
            assert (option.type == "pickup") == (option.location is not None)
            if option.location is not None:
                assert option.location.name
                assert all(option.location.address[part].strip() for part in ADDRESS_PARTS)

    def test_what_a_type_alone_has_no_other_type_has(self) -> None:
        """ACP-057: on the wire there is no place for it."""
        for option in self.every_option():
            if option.type != "pickup":
                assert (option.pickup_type, option.ready_by, option.pickup_by) == (None, None, None)
            if option.type != "local_delivery":
                assert (option.delivery_window, option.service_area) == (None, None)
            if option.type != "shipping":
                assert (option.carrier, option.earliest, option.latest) == ("", None, None)

    def test_ids_leave_room_for_the_checkout(self) -> None:
        """A colon marks the options of a second address, and no address is the merchant's to set."""
        for option in self.every_option():
            assert ":" not in option.id
            assert option.address is None

    def test_digital_goods_need_no_address(self) -> None:
        product = self.digital()
        if product is None:
            pytest.skip("this merchant sells no digital goods")

        options = self.part().options(basket((product, 1), address=None))

        assert "digital" in {option.type for option in options}

    def test_physical_goods_are_not_delivered_over_the_network(self) -> None:
        """Choosing a digital option must not be a way around the price of a parcel."""
        wanted = basket((self.physical(), 1), address=self.address())

        digital = [option for option in self.part().options(wanted) if option.type == "digital"]

        assert all(option.line_ids and "li_1" not in option.line_ids for option in digital)

from __future__ import annotations

import pytest
from django.utils import timezone

from checkout.ports import ChosenOption, OrderSink, PlacedOrder


@pytest.mark.django_db(transaction=True)
class OrderSinkContract:
    """The contract of `checkout.ports.OrderSink`. Write `part` and `times_known`. No
    transaction is open, as when the relay calls."""

    def part(self) -> OrderSink:
        """A new instance of the part."""
        raise NotImplementedError

    def times_known(self, order: PlacedOrder) -> int:
        """How many orders of your own system stand for `order`."""
        raise NotImplementedError

    def order(self) -> PlacedOrder:
        """An order that your system can take; a new one for each call."""
        return PlacedOrder(
            id="ord_contract",
            session_id="cs_contract",
            amount=3_300,
            currency="usd",
            lines=({"id": "li_1", "item_id": "item_mug", "title": "Mug", "quantity": 1, "total": 2_800},),
            buyer={"first_name": "Ada", "email": "ada@buyer.example"},
            fulfillment_details=None,
            options=(ChosenOption("shipping", "ship_standard", "Standard", 500, 0, ("li_1",), None),),
            notes="",
            created_at=timezone.now(),
        )

    # --- what it must do -------------------------------------------------------------------

    def test_it_serves_the_port(self) -> None:
        assert isinstance(self.part(), OrderSink)

    def test_a_placed_order_is_known_under_a_reference(self) -> None:
        order = self.order()

        reference = self.part().place(order)

        assert isinstance(reference, str)
        assert len(reference) <= 255
        assert self.times_known(order) == 1

    def test_placing_it_again_makes_no_second_order(self) -> None:
        """The relay delivers at least once."""
        order = self.order()

        references = {self.part().place(order) for _ in range(3)}

        assert len(references) == 1
        assert self.times_known(order) == 1

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from checkout.ports import Held, Inventory, RestockingInventory, Short, Wanted


@pytest.mark.django_db
class InventoryContract:
    """The contract of `checkout.ports.Inventory`. Write `part`, `put_in_stock` and `left`.

    Runs inside a transaction, as the checkout does. What it cannot see is a race: run
    `tests/shop/test_stock_races.py` against your part as well, on your real database.
    """

    def part(self) -> Inventory:
        """A new instance of the part."""
        raise NotImplementedError

    def put_in_stock(self, pieces: int) -> str:
        """The id of a new product of which so many can be sold."""
        raise NotImplementedError

    def left(self, product_id: str) -> int:
        """How many can be sold now."""
        raise NotImplementedError

    # --- what it must do -------------------------------------------------------------------

    def later(self, seconds: float = 900) -> datetime:
        return timezone.now() + timedelta(seconds=seconds)

    def hold(self, key: str, *wanted: tuple[str, int], seconds: float = 900) -> Held | Short:
        pieces = [Wanted(product, quantity) for product, quantity in wanted]
        return self.part().hold(key, pieces, until=self.later(seconds))

    def test_it_serves_the_port(self) -> None:
        assert isinstance(self.part(), Inventory)

    def test_held_pieces_cannot_be_sold_again(self) -> None:
        product = self.put_in_stock(5)

        assert self.hold("pay_1", (product, 3)) == Held()

        assert self.left(product) == 2

    def test_the_last_piece_goes_to_one_only(self) -> None:
        """T61."""
        product = self.put_in_stock(1)

        answers = [self.hold("pay_1", (product, 1)), self.hold("pay_2", (product, 1))]

        assert answers == [Held(), Short((product,))]
        assert self.left(product) == 0

    def test_all_is_held_or_nothing_is(self) -> None:
        plenty, few, other = self.put_in_stock(10), self.put_in_stock(1), self.put_in_stock(10)

        answer = self.hold("pay_1", (plenty, 2), (few, 2), (other, 2))

        assert answer == Short((few,))
        assert [self.left(product) for product in (plenty, few, other)] == [10, 1, 10]

    def test_a_shortage_names_every_product_that_is_short(self) -> None:
        plenty, few, none = self.put_in_stock(10), self.put_in_stock(1), self.put_in_stock(0)

        answer = self.hold("pay_1", (none, 1), (plenty, 2), (few, 2))

        assert isinstance(answer, Short)
        assert set(answer.product_ids) == {few, none}

    def test_the_transaction_goes_on_after_a_shortage(self) -> None:
        """The caller stores its answer in the transaction in which the shortage was found."""
        product = self.put_in_stock(1)

        with transaction.atomic():
            assert self.hold("pay_1", (product, 2)) == Short((product,))
            assert self.hold("pay_1", (product, 1)) == Held()

        assert self.left(product) == 0

    def test_an_unknown_product_is_short(self) -> None:
        product = self.put_in_stock(1)

        assert self.hold("pay_1", (product, 1), ("no_such_item", 1)) == Short(("no_such_item",))

        assert self.left(product) == 1

    def test_holding_twice_with_one_key_changes_nothing(self) -> None:
        product, other = self.put_in_stock(5), self.put_in_stock(5)

        answers = [self.hold("pay_1", (product, 3), (other, 1)) for _ in range(3)]

        assert answers == [Held(), Held(), Held()]
        assert (self.left(product), self.left(other)) == (2, 4)

    def test_a_repeat_is_held_although_nothing_is_left(self) -> None:
        product = self.put_in_stock(1)
        self.hold("pay_1", (product, 1))

        assert self.hold("pay_1", (product, 1)) == Held()

    def test_released_pieces_can_be_sold_again_and_only_once(self) -> None:
        product, other = self.put_in_stock(5), self.put_in_stock(1)
        self.hold("pay_1", (product, 3), (other, 1))

        for _ in range(3):
            self.part().release("pay_1")

        assert (self.left(product), self.left(other)) == (5, 1)
        assert self.hold("pay_2", (product, 5)) == Held()

    def test_sold_pieces_stay_sold(self) -> None:
        product = self.put_in_stock(5)
        self.hold("pay_1", (product, 3))

        for _ in range(2):
            self.part().commit("pay_1")
        self.part().release("pay_1")

        assert self.left(product) == 2
        assert self.hold("pay_1", (product, 3)) == Held()
        assert self.left(product) == 2

    def test_what_was_released_cannot_be_committed(self) -> None:
        product = self.put_in_stock(5)
        self.hold("pay_1", (product, 3))
        self.part().release("pay_1")

        self.part().commit("pay_1")

        assert self.left(product) == 5

    def test_a_key_without_a_hold_does_nothing(self) -> None:
        product = self.put_in_stock(5)
        self.hold("pay_1", (product, 1))

        self.part().commit("pay_2")
        self.part().release("pay_2")

        assert self.left(product) == 4

    def test_a_key_moves_its_own_pieces_only(self) -> None:
        product = self.put_in_stock(5)
        self.hold("pay_1", (product, 1))
        self.hold("pay_2", (product, 2))

        self.part().release("pay_1")

        assert self.left(product) == 3

    def test_overdue_holds_are_released(self) -> None:
        product = self.put_in_stock(9)
        self.hold("pay_late", (product, 1), seconds=10)
        self.hold("pay_spared", (product, 2), seconds=10)
        self.hold("pay_in_time", (product, 3), seconds=1_000)
        self.hold("pay_sold", (product, 1), seconds=10)
        self.part().commit("pay_sold")

        released = self.part().release_overdue(self.later(60), spare=["pay_spared", "pay_unknown"])

        assert released == 1
        assert self.left(product) == 3

    def test_releasing_overdue_holds_twice_releases_them_once(self) -> None:
        product = self.put_in_stock(3)
        self.hold("pay_1", (product, 2), seconds=10)

        released = [self.part().release_overdue(self.later(60)) for _ in range(2)]

        assert released == [1, 0]
        assert self.left(product) == 3


class RestockingContract(InventoryContract):
    """For a part that is also a `checkout.ports.RestockingInventory`."""

    def put_back(self, key: str, *pieces: tuple[str, int]) -> None:
        part = self.part()
        assert isinstance(part, RestockingInventory)
        part.put_back(key, [Wanted(product, quantity) for product, quantity in pieces])

    def test_what_was_sold_can_be_put_back_in_parts(self) -> None:
        product, other = self.put_in_stock(5), self.put_in_stock(5)
        self.hold("pay_1", (product, 3), (other, 1))
        self.part().commit("pay_1")

        with transaction.atomic():
            self.put_back("pay_1", (product, 2))

        assert (self.left(product), self.left(other)) == (4, 4)

    def test_what_is_undone_was_not_put_back(self) -> None:
        product = self.put_in_stock(5)
        self.hold("pay_1", (product, 3))
        self.part().commit("pay_1")

        with transaction.atomic():
            self.put_back("pay_1", (product, 3))
            transaction.set_rollback(True)

        assert self.left(product) == 2

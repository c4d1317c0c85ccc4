from __future__ import annotations

import pytest

from gateway.shop import tables
from gateway.shop.models import DeliveryOption, Product, TaxRate


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_table_is_read_again_after_five_seconds() -> None:
    """performance.md: delivery and tax tables are cached for at most 5 s."""
    clock, answers = Clock(), iter("abc")
    kept = tables.Kept(lambda: next(answers), clock=clock)

    first, clock.now = kept(), 104.9
    second, clock.now = kept(), 105.0
    third = kept()

    assert (first, second, third) == ("a", "a", "b")


def test_a_forgotten_table_is_read_at_once() -> None:
    answers = iter("ab")
    kept = tables.Kept(lambda: next(answers))
    kept()

    kept.forget()

    assert kept() == "b"


@pytest.mark.django_db
def test_a_change_is_seen_at_once_in_the_process_that_made_it() -> None:
    option = DeliveryOption.objects.create(id="a", title="a", price=1)
    assert [row.price for row in tables.delivery_options()] == [1]
    assert tables.tax_rates() == ()
    assert tables.currencies() == ()

    option.price = 2
    option.save()
    TaxRate.objects.create(jurisdiction="State", country="US", rate=1)
    Product.objects.create(id="a", title="a", unit_price=1)

    assert [row.price for row in tables.delivery_options()] == [2]
    assert len(tables.tax_rates()) == 1
    assert tables.currencies() == ("usd",)
    option.delete()
    assert tables.delivery_options() == ()

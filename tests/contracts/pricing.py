from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from checkout.ports import Basket, Option, Prices, Pricing, Product
from tests.contracts.baskets import ADDRESS, basket


@pytest.mark.django_db
class PricingContract:
    """The contract of `checkout.ports.Pricing`. Write `part`; override `products` and `address`
    so that your taxes and discounts apply to them."""

    def part(self) -> Pricing:
        """A new instance of the part."""
        raise NotImplementedError

    def products(self) -> Sequence[Product]:
        """Products of different prices and tax classes, all in one currency."""
        return (
            Product("item_a", "A", 1, "usd"),
            Product("item_b", "B", 1_999, "usd"),
            Product("item_c", "C", 50_00, "usd", tax_class="exempt", physical=False),
        )

    def address(self) -> Mapping[str, str]:
        """Where something is taxed, if anything is."""
        return ADDRESS

    def offered(self) -> tuple[Option, ...]:
        return (
            Option("slow", "shipping", "Slow", 500),
            Option("fast", "shipping", "Fast", 1_501),
            Option("free", "shipping", "Free", 0),
        )

    # --- what it must do -------------------------------------------------------------------

    def quoted(self, wanted: Basket, chosen: Option | None) -> Prices:
        return self.part().quote(wanted, chosen=chosen, offered=self.offered())

    def every_case(self) -> list[tuple[Basket, Option | None]]:
        """Baskets of one and of all products, small and large, with and without delivery."""
        baskets = [
            basket(*((product, quantity) for product in chosen), address=address)
            for quantity in (1, 3, 7, 9_999)
            for chosen in (*((product,) for product in self.products()), self.products())
            for address in (None, self.address())
        ]
        return [(wanted, chosen) for wanted in baskets for chosen in (None, *self.offered())]

    def test_it_serves_the_port(self) -> None:
        assert isinstance(self.part(), Pricing)

    def test_every_line_has_one_price(self) -> None:
        for wanted, chosen in self.every_case():
            prices = self.quoted(wanted, chosen)

            assert sorted(line.line_id for line in prices.lines) == sorted(line.id for line in wanted.lines)

    def test_amounts_are_integers_and_never_negative(self) -> None:
        """T62: integers of minor units."""
        for wanted, chosen in self.every_case():
            prices = self.quoted(wanted, chosen)

            amounts = [prices.fulfillment_tax, prices.discount, *prices.option_tax.values()]
            for line in prices.lines:
                amounts += [line.discount, line.tax, *(part.amount for part in line.tax_parts)]
            assert all(type(amount) is int and amount >= 0 for amount in amounts)

    def test_no_discount_is_larger_than_what_it_is_on(self) -> None:
        for wanted, chosen in self.every_case():
            prices = self.quoted(wanted, chosen)

            base = {line.id: line.base for line in wanted.lines}
            assert all(line.discount <= base[line.line_id] for line in prices.lines)
            left = sum(base.values()) - sum(line.discount for line in prices.lines)
            assert prices.discount <= left

    def test_the_parts_of_a_tax_add_up_to_it(self) -> None:
        """ACP-056: amounts that add up."""
        for wanted, chosen in self.every_case():
            prices = self.quoted(wanted, chosen)

            taxed = [(line.tax, line.tax_parts) for line in prices.lines]
            taxed.append((prices.fulfillment_tax, prices.fulfillment_tax_parts))
            assert all(tax == sum(part.amount for part in parts) for tax, parts in taxed if parts)

    def test_the_tax_of_the_chosen_option_is_the_one_shown_before(self) -> None:
        for wanted, chosen in self.every_case():
            prices = self.quoted(wanted, chosen)

            assert set(prices.option_tax) <= {option.id for option in self.offered()}
            expected = prices.option_tax.get(chosen.id, 0) if chosen else 0
            assert prices.fulfillment_tax == expected

    def test_the_same_basket_has_the_same_prices(self) -> None:
        for wanted, chosen in self.every_case():
            assert self.quoted(wanted, chosen) == self.quoted(wanted, chosen)

    def test_delivery_is_not_taxed_before_there_is_an_address(self) -> None:
        wanted = basket((self.products()[0], 1), address=None)

        assert self.quoted(wanted, None).fulfillment_tax == 0

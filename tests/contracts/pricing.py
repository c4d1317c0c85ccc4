from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from checkout.ports import Basket, Option, PickupPlace, Prices, Pricing, Product
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

    def quoted(self, wanted: Basket, chosen: Sequence[Option]) -> Prices:
        return self.part().quote(wanted, chosen=chosen, offered=self.offered())

    def every_case(self) -> list[tuple[Basket, tuple[Option, ...]]]:
        """Baskets of one and of all products, small and large, with no, one and all deliveries."""
        baskets = [
            basket(*((product, quantity) for product in chosen), address=address)
            for quantity in (1, 3, 7, 9_999)
            for chosen in (*((product,) for product in self.products()), self.products())
            for address in (None, self.address())
        ]
        deliveries = [(), *((option,) for option in self.offered()), self.offered()]
        return [(wanted, chosen) for wanted in baskets for chosen in deliveries]

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

    def test_the_tax_of_the_chosen_options_is_the_one_shown_before(self) -> None:
        for wanted, chosen in self.every_case():
            prices = self.quoted(wanted, chosen)

            assert set(prices.option_tax) <= {option.id for option in self.offered()}
            expected = sum(prices.option_tax.get(option.id, 0) for option in chosen)
            assert prices.fulfillment_tax == expected

    def test_the_same_basket_has_the_same_prices(self) -> None:
        for wanted, chosen in self.every_case():
            assert self.quoted(wanted, chosen) == self.quoted(wanted, chosen)

    def test_delivery_is_not_taxed_before_there_is_an_address(self) -> None:
        wanted = basket((self.products()[0], 1), address=None)

        assert self.quoted(wanted, ()).fulfillment_tax == 0

    def test_a_line_is_taxed_where_it_goes(self) -> None:
        """ACP-047: a line that goes elsewhere costs what it would cost if all went there."""
        wanted = basket((self.products()[0], 3), (self.products()[1], 7), address=None)
        there = replace(wanted, address=self.address())
        split = replace(wanted, lines=(wanted.lines[0], replace(wanted.lines[1], destination=self.address())))

        nowhere, all_there, one_there = (self.quoted(each, ()) for each in (wanted, there, split))

        taxes = [
            {line.line_id: line.tax for line in prices.lines} for prices in (nowhere, all_there, one_there)
        ]
        assert taxes[2] == {"li_1": taxes[0]["li_1"], "li_2": taxes[1]["li_2"]}

    def test_an_option_is_taxed_where_it_goes(self) -> None:
        """A pickup at its place, an option of a group at the group's address."""
        wanted = basket((self.products()[0], 1), address=None)
        place = PickupPlace("Shop", self.address())
        [plain] = [option for option in self.offered() if option.id == "fast"]
        fetched = replace(plain, id="fetch", type="pickup", location=place)
        elsewhere = replace(plain, id="fast:1", address=self.address())
        offered = (fetched, elsewhere)

        prices = self.part().quote(wanted, chosen=offered, offered=offered)
        there = self.part().quote(replace(wanted, address=self.address()), chosen=(plain,), offered=(plain,))

        assert prices.fulfillment_tax == 2 * there.fulfillment_tax

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from checkout.ports import Catalog, Product, ProductPage, SortingCatalog
from gateway import markdown
from schemas import facade


@pytest.mark.django_db
class CatalogContract:
    """The contract of `checkout.ports.Catalog`. Write `part` and `on_sale`, and `off_sale` if
    your catalog knows articles that cannot be bought."""

    def part(self) -> Catalog:
        """A new instance of the part."""
        raise NotImplementedError

    def on_sale(self) -> Sequence[str]:
        """Ids of at least three products for sale in the default currency."""
        raise NotImplementedError

    def off_sale(self) -> Sequence[str]:
        """Ids the merchant knows but does not sell now; may be empty."""
        return ()

    # --- what it must do -------------------------------------------------------------------

    def currency(self) -> str:
        return self.part().currencies()[0]

    def products(self) -> dict[str, Product]:
        return dict(self.part().find(self.on_sale(), currency=self.currency()))

    def test_it_serves_the_port(self) -> None:
        assert isinstance(self.part(), Catalog)

    def test_currencies_are_lower_case_codes_without_repetition(self) -> None:
        self.on_sale()

        codes = list(self.part().currencies())

        assert codes
        assert all(re.fullmatch("[a-z]{3}", code) for code in codes)
        assert len(set(codes)) == len(codes)

    def test_what_is_on_sale_is_found_under_its_id(self) -> None:
        ids = self.on_sale()

        found = self.part().find(ids, currency=self.currency())

        assert set(found) == set(ids)
        assert all(product.id == key for key, product in found.items())

    def test_amounts_and_counts_are_bounded_integers(self) -> None:
        """T62: integers of minor units, never a float."""
        products = self.products().values()

        assert all(type(product.unit_price) is int and product.unit_price >= 0 for product in products)
        assert all(product.currency == self.currency() for product in products)
        assert all(product.available is None or product.available >= 0 for product in products)
        assert all(product.max_quantity is None or product.max_quantity >= 1 for product in products)
        assert all(product.title for product in products)

    def test_what_else_buyers_are_told_can_be_shown(self) -> None:
        """ACP-068, ACP-069, ACP-289: plain data in the words of ACP, and no raw HTML in Markdown."""
        judge = facade.validator("LineItem")

        for product in self.products().values():
            told = dict(json.loads(json.dumps(product.content)))
            for disclosure in told.get("disclosures", ()):
                shown_as = markdown.is_shown_as(disclosure["content_type"], disclosure["content"])
                assert shown_as == disclosure["content_type"], markdown.flaw(disclosure["content"])
                disclosure["type"] = "disclaimer"
            assert told.pop("quantity_shown", True) is True
            line = {"id": "li_1", "item": {"id": product.id}, "quantity": 1, "totals": [], **told}
            assert judge.violations(line) == []

    def test_unknown_and_malformed_ids_are_absent(self) -> None:
        known = self.on_sale()[0]
        strange = [
            "",
            " ",
            "no_such_item",
            "x" * 5_000,
            "' OR 1=1 --",
            "\N{PILE OF POO}",
            "../..",
            "%",
            f"{known} ",
        ]

        found = self.part().find([*strange, known], currency=self.currency())

        assert set(found) == {known}

    def test_nothing_asked_nothing_found(self) -> None:
        assert dict(self.part().find([], currency="usd")) == {}

    def test_an_id_asked_twice_is_found_once(self) -> None:
        known = self.on_sale()[0]

        found = self.part().find([known, known], currency=self.currency())

        assert list(found) == [known]

    def test_a_foreign_currency_finds_nothing(self) -> None:
        """One currency per session (T62): no price is ever converted on the way."""
        ids = self.on_sale()

        assert dict(self.part().find(ids, currency="xxx")) == {}

    def test_what_is_not_on_sale_is_neither_found_nor_listed(self) -> None:
        self.on_sale()
        hidden = set(self.off_sale())

        found = self.part().find(list(hidden), currency=self.currency())
        listed = self.every(lambda page: self.part().browse("", currency=self.currency(), page=page))

        assert dict(found) == {}
        assert not hidden & {product.id for product in listed}

    def test_a_product_is_found_by_its_title(self) -> None:
        for product in self.products().values():
            found = self.every(
                lambda page, title=product.title: self.part().search(
                    title, currency=self.currency(), page=page
                )
            )

            assert product.id in {entry.id for entry in found}

    def test_every_word_must_match(self) -> None:
        title = next(iter(self.products().values())).title

        page = self.part().search(f"{title} qqzzxxqq", currency=self.currency())

        assert (page.products, page.total) == ((), 0)

    @pytest.mark.parametrize(
        "text", ["", "   ", "%", "_", "'", '"', "*", "\\", "a" * 10_000, "(((", "\N{PILE OF POO}"]
    )
    def test_no_text_breaks_the_search(self, text: str) -> None:
        self.on_sale()

        page = self.part().search(text, currency=self.currency())

        assert page.total >= len(page.products)

    def test_browsing_everything_shows_everything_once_in_a_stable_order(self) -> None:
        ids = self.on_sale()

        def page_of_two(page: int) -> ProductPage:
            return self.part().browse("", currency=self.currency(), page=page, page_size=2)

        first = [product.id for product in self.every(page_of_two)]
        second = [product.id for product in self.every(page_of_two)]

        assert first == second
        assert len(set(first)) == len(first)
        assert set(ids) <= set(first)

    def test_a_category_holds_its_products_and_no_others(self) -> None:
        product = next(iter(self.products().values()))

        listed = self.every(
            lambda page: self.part().browse(product.category, currency=self.currency(), page=page)
        )

        assert product.id in {entry.id for entry in listed}
        assert not product.category or {entry.category for entry in listed} == {product.category}

    @pytest.mark.parametrize(
        ("by", "largest_first"), [("price_asc", False), ("price_desc", True), ("newest", None)]
    )
    def test_what_can_be_sorted_is_what_can_be_browsed(self, by: Any, largest_first: bool | None) -> None:
        """`SortingCatalog`, which is optional: the same products, each once, in the order asked for."""
        category = next(iter(self.products().values())).category
        part = self.part()
        if not isinstance(part, SortingCatalog):
            return

        def page_of_two(page: int) -> ProductPage:
            return part.sorted(category, by=by, currency=self.currency(), page=page, page_size=2)

        listed = self.every(page_of_two)
        browsed = self.every(lambda page: part.browse(category, currency=self.currency(), page=page))

        assert [product.id for product in listed] == [product.id for product in self.every(page_of_two)]
        assert sorted(product.id for product in listed) == sorted(product.id for product in browsed)
        if largest_first is not None:
            prices = [product.unit_price for product in listed]
            assert prices == sorted(prices, reverse=largest_first)

    def test_a_page_beyond_the_end_is_empty_and_knows_the_total(self) -> None:
        self.on_sale()
        first = self.part().browse("", currency=self.currency(), page=1, page_size=2)

        beyond = self.part().browse("", currency=self.currency(), page=10**12, page_size=2)

        assert beyond.products == ()
        assert beyond.total == first.total
        assert len(first.products) == first.page_size == 2

    def every(self, show: Callable[[int], ProductPage]) -> list[Product]:
        """The products of all pages, read one page after the other."""
        products: list[Product] = []
        for number in range(1, 1_000):
            page = show(number)
            products += page.products
            if not page.products:
                assert len(products) == page.total
                return products
        raise AssertionError("the pages have no end")

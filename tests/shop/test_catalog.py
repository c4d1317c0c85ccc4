from __future__ import annotations

from typing import Any

import pytest

from gateway.shop import demo
from gateway.shop.catalog import LARGEST_PAGE, ShopCatalog
from gateway.shop.models import Product

pytestmark = pytest.mark.django_db


def product(id: str, title: str, **columns: Any) -> Product:
    return Product.objects.create(id=id, title=title, **{"unit_price": 100, **columns})


def found(words: str) -> list[str]:
    return [entry.id for entry in ShopCatalog().search(words, currency="usd").products]


def test_the_demo_finds_the_blue_mug() -> None:
    """The sentence an agent would send: `blue mugs`."""
    demo.load()

    assert found("blue mugs") == ["prod_9f8e7d"]


def test_every_word_must_match_somewhere() -> None:
    product("a", "Ocean Mug", description="For tea.", category="Kitchen", tags=["ceramic"])

    assert found("ceramics kitchen tea ocean") == ["a"]
    assert found("ceramics kitchen coffee") == []


def test_words_match_whole_and_not_in_parts() -> None:
    product("a", "Smuggler's Catalogue")

    assert found("mug") == []
    assert found("cat") == []


def test_a_word_in_the_title_counts_for_more() -> None:
    product("a", "Saucer", description="Goes with a mug.")
    product("b", "Mug")
    product("c", "Blue Mug")

    assert found("mug") == ["b", "c", "a"]


def test_equal_matches_keep_one_order() -> None:
    for id in "cab":
        product(id, "Mug")

    assert found("mug") == ["a", "b", "c"]


@pytest.mark.parametrize("text", ["%", "_", "|", "mug%", " "])
def test_no_letter_is_a_wildcard(text: str) -> None:
    product("a", "Mug Rack")

    assert found(text) == (["a"] if text == "mug%" else [])


def test_an_edited_product_is_found_by_its_new_words() -> None:
    edited = product("a", "Mug")
    edited.title = "Bowl"

    edited.save(update_fields=["title"])

    assert (found("mug"), found("bowls")) == ([], ["a"])


def test_pages_are_bounded() -> None:
    """A page of a million products is nobody's wish (T62)."""
    for number in range(3):
        product(f"item_{number}", "Mug")

    page = ShopCatalog().search("mug", currency="usd", page=-4, page_size=10**9)

    assert (page.page, page.page_size, page.total, len(page.products)) == (1, LARGEST_PAGE, 3, 3)


def test_a_category_is_browsed_in_any_case() -> None:
    product("a", "Mug", category="Kitchen")
    product("b", "Lamp", category="Office")

    page = ShopCatalog().browse("kitchen", currency="usd")

    assert [entry.id for entry in page.products] == ["a"]


def test_products_are_read_in_one_statement_and_never_kept(django_assert_num_queries: Any) -> None:
    """performance.md: read what one request needs in one statement."""
    for number in range(50):
        product(f"item_{number}", "Mug", available=1)
    ids = [f"item_{number}" for number in range(50)]

    with django_assert_num_queries(1):
        ShopCatalog().find(ids, currency="usd")
    Product.objects.update(available=0, unit_price=200)
    with django_assert_num_queries(1):
        after = ShopCatalog().find(ids, currency="usd")

    assert {(entry.available, entry.unit_price) for entry in after.values()} == {(0, 200)}


def test_ids_that_cannot_exist_cost_no_statement(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert dict(ShopCatalog().find(["", "a b", "x" * 65, "a\n"], currency="usd")) == {}


def test_a_search_costs_two_statements(django_assert_num_queries: Any) -> None:
    """performance.md: search within three, one of them for the agent."""
    product("a", "Mug")

    with django_assert_num_queries(2):
        ShopCatalog().search("mug", currency="usd")


def test_the_currency_of_most_products_comes_first() -> None:
    product("a", "Mug", currency="usd")
    product("b", "Mug", currency="eur")
    product("c", "Mug", currency="eur")
    product("d", "Mug", currency="gbp", active=False)

    assert list(ShopCatalog().currencies()) == ["eur", "usd"]


def test_an_empty_shop_still_names_a_currency() -> None:
    assert list(ShopCatalog().currencies()) == ["usd"]

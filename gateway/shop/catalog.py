"""What is for sale, read from the shop's products."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from django.db.models import QuerySet, Value
from django.db.models.functions import StrIndex

from checkout import ports
from gateway.shop import tables
from gateway.shop.models import Product
from gateway.shop.words import words as words_of
from interventions.prepared import Lookup

LARGEST_PAGE = 100
LONGEST_SEARCH = 500
"""Characters of a search that are read."""

_WELL_FORMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")

_COLUMNS = (
    "id",
    "title",
    "description",
    "images",
    "tags",
    "category",
    "sku",
    "available",
    "max_quantity",
    "tax_class",
    "physical",
    "content",
    "unit_price",
    "currency",
)


_SORTED: Mapping[ports.SortOrder, tuple[str, ...]] = {
    "price_asc": ("unit_price", "title", "id"),
    "price_desc": ("-unit_price", "title", "id"),
    "newest": ("-created_at", "title", "id"),
}


class ShopCatalog:
    """Implements `ports.Catalog` and `ports.SortingCatalog`. `find` is one statement and always fresh."""

    def currencies(self) -> Sequence[str]:
        """See the port. At most five seconds old; a shop without products names usd."""
        return tables.currencies() or ("usd",)

    def find(self, ids: Sequence[str], *, currency: str) -> Mapping[str, ports.Product]:
        known = {item for item in ids if _WELL_FORMED.fullmatch(item)}
        if not known:
            return {}
        return {row.pk: _product(row) for row in _by_id(many=sorted(known), currency=currency)}

    def search(self, words: str, *, currency: str, page: int = 1, page_size: int = 20) -> ports.ProductPage:
        """See the port. Words are compared whole, in any case, with or without accents, singular
        or plural, with title, description, category and tags; the nearer they stand to the
        start of the title, the better. Text without any word finds nothing."""
        wanted = _distinct_words(words)
        if not wanted:
            return _page(Product.objects.none(), page, page_size)
        found = _for_sale(currency)
        for word in wanted:
            found = found.filter(search_text__contains=f" {word} ")
        nearness = sum((StrIndex("search_text", Value(f" {word} ")) for word in wanted), Value(0))
        return _page(found.order_by(nearness, "title", "id"), page, page_size)

    def browse(
        self, category: str, *, currency: str, page: int = 1, page_size: int = 20
    ) -> ports.ProductPage:
        return _page(_of(category, currency).order_by("title", "id"), page, page_size)

    def sorted(
        self, category: str, *, by: ports.SortOrder, currency: str, page: int = 1, page_size: int = 20
    ) -> ports.ProductPage:
        return _page(_of(category, currency).order_by(*_SORTED[by]), page, page_size)


def _of(category: str, currency: str) -> QuerySet[Product]:
    products = _for_sale(currency)
    return products.filter(category__iexact=category) if category else products


def _for_sale(currency: str) -> QuerySet[Product]:
    return Product.objects.filter(active=True, currency=currency)


def _distinct_words(text: str) -> list[str]:
    return list(dict.fromkeys(words_of(text[:LONGEST_SEARCH])))


def _page(products: QuerySet[Product], page: int, page_size: int) -> ports.ProductPage:
    """Two statements, and only one where the page would be empty."""
    page = max(page, 1)
    page_size = min(max(page_size, 1), LARGEST_PAGE)
    total = products.count()
    start = (page - 1) * page_size
    rows = _products(products[start : start + page_size]) if start < total else ()
    return ports.ProductPage(tuple(rows), total, page, page_size)


def _products(rows: QuerySet[Product]) -> list[ports.Product]:
    return [_product(row) for row in rows.only(*_COLUMNS)]


def _product(row: Product) -> ports.Product:
    columns = {name: getattr(row, name) for name in _COLUMNS}
    return ports.Product(**{**columns, "images": tuple(row.images), "tags": tuple(row.tags)})


_by_id = Lookup(
    Product,
    lambda place: _for_sale(place("currency")).filter(pk__in=place.many()).only(*_COLUMNS).order_by(),
)

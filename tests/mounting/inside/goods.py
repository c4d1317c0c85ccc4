"""What the merchant has on his shelves, when a test needs him to."""

from __future__ import annotations

from tests.mounting.merchant.store.models import Product, Stock

GOODS = (
    # number, name, cents, group, vat, download, pieces
    ("BOHNEN-500", "Kaffeebohnen", 1_290, "Kaffee", "reduced", False, 20),
    ("MUEHLE-1", "Handmühle", 8_900, "Geräte", "full", False, 3),
    ("KURS-PDF", "Röstkurs", 1_500, "Kurse", "full", True, 1_000),
)


def shelve(number: str, name: str, cents: int, group: str, vat: str, download: bool, pieces: int) -> Product:
    """The product is for sale, so many pieces of it."""
    product = Product.objects.create(
        number=number, name=name, cents=cents, group=group, vat=vat, download=download
    )
    Stock.objects.create(product=product, free=pieces)
    return product


def fill() -> None:
    """The shelves are full."""
    for entry in GOODS:
        shelve(*entry)


def left(number: str) -> int:
    return Stock.objects.get(product__number=number).free

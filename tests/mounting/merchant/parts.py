"""What the gateway may ask the merchant: goods, delivery, prices, and to take an order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from checkout import ports
from tests.mounting.merchant.store.models import Product, SalesOrder, SalesOrderLine

CURRENCY = "eur"
VAT = {"full": 1900, "reduced": 700}
HOME = ("DE", "AT")
MANY = 10
"""From so many pieces on a line costs a tenth less."""


class Catalog:
    """Implements `checkout.ports.Catalog`: a product's number is its id."""

    def currencies(self) -> Sequence[str]:
        return (CURRENCY,)

    def find(self, ids: Sequence[str], *, currency: str) -> Mapping[str, ports.Product]:
        return {product.id: product for product in _told(_listed(currency).filter(number__in=set(ids)))}

    def search(self, words: str, *, currency: str, page: int = 1, page_size: int = 20) -> ports.ProductPage:
        wanted = words[:200].split()[:10]
        found = reduce(
            lambda rows, word: rows.filter(Q(name__icontains=word) | Q(description__icontains=word)),
            wanted,
            _listed(currency) if wanted else Product.objects.none(),
        )
        return _page(found, page, page_size)

    def browse(
        self, category: str, *, currency: str, page: int = 1, page_size: int = 20
    ) -> ports.ProductPage:
        products = _listed(currency)
        return _page(products.filter(group=category) if category else products, page, page_size)


def _listed(currency: str) -> QuerySet[Product]:
    return Product.objects.filter(listed=True) if currency == CURRENCY else Product.objects.none()


def _page(products: QuerySet[Product], page: int, size: int) -> ports.ProductPage:
    start = (page - 1) * size
    shown = _told(products.order_by("name", "pk")[start : start + size])
    return ports.ProductPage(tuple(shown), products.count(), page, size)


def _told(rows: QuerySet[Product]) -> list[ports.Product]:
    return [
        ports.Product(
            id=row.number,
            title=row.name,
            unit_price=row.cents,
            currency=CURRENCY,
            description=row.description,
            category=row.group,
            available=row.stock.free,
            tax_class=row.vat,
            physical=not row.download,
        )
        for row in rows.select_related("stock")
    ]


class Delivery:
    """Implements `checkout.ports.Fulfillment`: a parcel at home, or fetched in Berlin."""

    PARCEL = ports.Option("paket", "shipping", "Paket", 490, carrier="DHL")
    COUNTER = ports.Option(
        "abholung",
        "pickup",
        "Abholung im Laden",
        0,
        location=ports.PickupPlace(
            "Kaffee Kontor",
            {
                "name": "Kaffee Kontor",
                "line_one": "Torstraße 1",
                "city": "Berlin",
                "state": "BE",
                "country": "DE",
                "postal_code": "10119",
            },
        ),
    )
    NETWORK = ports.Option("download", "digital", "Download", 0)

    def options(self, basket: ports.Basket) -> Sequence[ports.Option]:
        if not any(line.product.physical for line in basket.lines):
            return (self.NETWORK,)
        if basket.address and basket.address["country"] in HOME:
            return (self.PARCEL, self.COUNTER)
        return (self.COUNTER,)


class Prices:
    """Implements `checkout.ports.Pricing`: German value added tax, and a discount on many pieces."""

    def quote(
        self, basket: ports.Basket, *, chosen: Sequence[ports.Option], offered: Sequence[ports.Option]
    ) -> ports.Prices:
        lines = []
        for line in basket.lines:
            discount = line.base // 10 if line.quantity >= MANY else 0
            rate = VAT.get(line.product.tax_class, 0) if _taxed(basket.goes_to(line)) else 0
            parts = _parts(line.base - discount, rate)
            lines.append(ports.LinePrice(line.id, discount, sum(part.amount for part in parts), parts))
        of_options = {
            option.id: _parts(option.price, VAT["full"] if _taxed(basket.goes_to(option)) else 0)
            for option in offered
        }
        of_chosen = tuple(part for option in chosen for part in of_options[option.id])
        return ports.Prices(
            lines=tuple(lines),
            fulfillment_tax=sum(part.amount for part in of_chosen),
            fulfillment_tax_parts=of_chosen,
            option_tax={key: sum(part.amount for part in parts) for key, parts in of_options.items()},
        )


def _taxed(address: Mapping[str, str] | None) -> bool:
    return address is not None and address["country"] in HOME


def _parts(cents: int, rate: int) -> tuple[ports.TaxPart, ...]:
    return (ports.TaxPart("DE", rate, (cents * rate + 5_000) // 10_000),) if rate else ()


class Orders:
    """Implements `checkout.ports.OrderSink`: a sales order for the people in the warehouse."""

    def place(self, order: ports.PlacedOrder) -> str:
        if connection.in_atomic_block:
            raise RuntimeError("An order was handed over inside somebody's transaction.")
        address = (order.fulfillment_details or {}).get("address") or {}
        with transaction.atomic():
            sale, new = SalesOrder.objects.get_or_create(
                agentic_order=order.id,
                defaults={
                    "email": (order.buyer or {}).get("email", ""),
                    "city": address.get("city", ""),
                    "cents": order.amount,
                    "currency": order.currency,
                    "notes": order.notes,
                },
            )
            if new:
                numbers = {line["item_id"]: line["quantity"] for line in order.lines}
                SalesOrderLine.objects.bulk_create(
                    SalesOrderLine(order=sale, product=product, pieces=numbers[product.number])
                    for product in Product.objects.filter(number__in=numbers)
                )
        return str(sale)

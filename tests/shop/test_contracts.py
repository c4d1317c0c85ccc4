"""The built-in store passes the contracts that a merchant's own parts must pass."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from django.utils import timezone

from checkout import ports
from checkout.models import CheckoutSession, Order, Payment
from checkout.ports import PlacedOrder
from gateway.shop import demo
from gateway.shop.catalog import ShopCatalog
from gateway.shop.delivery import ShopFulfillment
from gateway.shop.models import Product
from gateway.shop.orders import ShopOrderSink
from gateway.shop.stock import ShopInventory
from gateway.shop.taxes import ShopPricing
from tests.contracts.catalog import CatalogContract
from tests.contracts.fulfillment import FulfillmentContract
from tests.contracts.inventory import RestockingContract
from tests.contracts.order_sink import OrderSinkContract
from tests.contracts.pricing import PricingContract


class TestShopCatalog(CatalogContract):
    def part(self) -> ShopCatalog:
        return ShopCatalog()

    def on_sale(self) -> Sequence[str]:
        demo.load()
        return ["item_mug", "prod_9f8e7d", "item_gift_card", "item_none"]

    def off_sale(self) -> Sequence[str]:
        Product.objects.update_or_create(
            id="item_gone", defaults={"title": "Gone Mug", "unit_price": 100, "active": False}
        )
        return ["item_gone"]


class TestShopFulfillment(FulfillmentContract):
    def part(self) -> ShopFulfillment:
        demo.load()
        return ShopFulfillment()

    def physical(self) -> ports.Product:
        return ports.Product("item_mug", "Mug", 2_800, "usd")

    def digital(self) -> ports.Product:
        return ports.Product("item_gift_card", "Gift Card", 5_000, "usd", physical=False)


class TestShopPricing(PricingContract):
    """Against California of the demo, where goods are taxed, and New York, where delivery is."""

    @pytest.fixture(autouse=True)
    def rates(self, db: None) -> None:
        demo.load()

    def part(self) -> ShopPricing:
        return ShopPricing()


class TestShopPricingWithTaxedDelivery(TestShopPricing):
    def address(self) -> dict[str, str]:
        return {**super().address(), "state": "NY", "postal_code": "10001"}


class TestShopInventory(RestockingContract):
    def part(self) -> ShopInventory:
        return ShopInventory()

    def put_in_stock(self, pieces: int) -> str:
        number = Product.objects.count()
        # Ids in falling order, so that the order in which they are asked is not the order of ids.
        product = Product.objects.create(
            id=f"item_{9 - number}", title="Thing", unit_price=100, available=pieces
        )
        return product.id

    def left(self, product_id: str) -> int:
        left = Product.objects.values_list("available", flat=True).get(pk=product_id)
        assert left is not None
        return left


class TestShopOrderSink(OrderSinkContract):
    """The gateway's own order is the shop's."""

    def part(self) -> ShopOrderSink:
        return ShopOrderSink()

    def times_known(self, order: PlacedOrder) -> int:
        return Order.objects.filter(pk=order.id).count()

    def order(self) -> PlacedOrder:
        placed = super().order()
        session = CheckoutSession.objects.create(owner="key:a", currency="usd", expires_at=timezone.now())
        payment = Payment.objects.create(session=session, amount=placed.amount, currency="usd", claim="c")
        Order.objects.create(
            id=placed.id, session=session, payment=payment, owner="key:a", amount=1, currency="usd", quote={}
        )
        return placed

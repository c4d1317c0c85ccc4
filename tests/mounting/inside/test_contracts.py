"""The merchant runs our contracts on his own parts, as the README says he can (issue 2 "Ports")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from checkout import ports
from tests.contracts.catalog import CatalogContract
from tests.contracts.fulfillment import FulfillmentContract
from tests.contracts.inventory import InventoryContract
from tests.contracts.order_sink import OrderSinkContract
from tests.contracts.payments import PaymentsContract
from tests.contracts.pricing import PricingContract
from tests.mounting.inside import goods
from tests.mounting.inside.assistant import ADDRESS
from tests.mounting.merchant.bank import HANDLER, Bank
from tests.mounting.merchant.parts import Catalog, Delivery, Orders, Prices
from tests.mounting.merchant.store.models import Product, Return, SalesOrder, Transfer
from tests.mounting.merchant.warehouse import Warehouse


class TestCatalog(CatalogContract):
    def part(self) -> Catalog:
        return Catalog()

    def on_sale(self) -> Sequence[str]:
        if not Product.objects.exists():
            goods.fill()
        return [number for number, *_ in goods.GOODS]

    def off_sale(self) -> Sequence[str]:
        Product.objects.filter(number="ALT-1").delete()
        old = goods.shelve("ALT-1", "Alte Mühle", 100, "Geräte", "full", False, 5)
        Product.objects.filter(pk=old.pk).update(listed=False)
        return ["ALT-1"]


class TestDelivery(FulfillmentContract):
    def part(self) -> Delivery:
        return Delivery()

    def physical(self) -> ports.Product:
        return ports.Product("BOHNEN-500", "Kaffeebohnen", 1_290, "eur")

    def digital(self) -> ports.Product:
        return ports.Product("KURS-PDF", "Röstkurs", 1_500, "eur", physical=False)

    def address(self) -> Mapping[str, str]:
        return ADDRESS


class TestPrices(PricingContract):
    def part(self) -> Prices:
        return Prices()

    def products(self) -> Sequence[ports.Product]:
        return (
            ports.Product("A", "A", 1, "eur", tax_class="full"),
            ports.Product("B", "B", 1_999, "eur", tax_class="reduced"),
            ports.Product("C", "C", 5_000, "eur", tax_class="none", physical=False),
        )

    def address(self) -> Mapping[str, str]:
        return ADDRESS


class TestWarehouse(InventoryContract):
    def part(self) -> Warehouse:
        return Warehouse()

    def put_in_stock(self, pieces: int) -> str:
        number = f"D-{9 - Product.objects.count()}"
        return goods.shelve(number, "Ding", 100, "Dinge", "full", False, pieces).number

    def left(self, product_id: str) -> int:
        return goods.left(product_id)


class TestOrders(OrderSinkContract):
    def part(self) -> Orders:
        return Orders()

    def times_known(self, order: ports.PlacedOrder) -> int:
        return SalesOrder.objects.filter(agentic_order=order.id).count()

    def order(self) -> ports.PlacedOrder:
        goods.fill()
        lines = ({"id": "li_1", "item_id": "BOHNEN-500", "quantity": 2},)
        return replace(super().order(), currency="eur", lines=lines)

    @pytest.fixture(autouse=True)
    def packed(self) -> None:
        """Nothing is packed before."""
        assert not SalesOrder.objects.exists()

    def test_the_people_in_the_warehouse_know_what_to_pack(self) -> None:
        order = self.order()

        self.part().place(order)

        assert list(SalesOrder.objects.get().lines.values_list("product__number", "pieces")) == [
            ("BOHNEN-500", 2)
        ]


class TestBank(PaymentsContract):
    CURRENCY = "eur"

    def part(self) -> Bank:
        return Bank()

    def good(self) -> ports.Instrument:
        return ports.Instrument(HANDLER, "card", "spt", "tok_bank_ada")

    def bad(self) -> ports.Instrument:
        return ports.Instrument(HANDLER, "card", "spt", "tok_bank_broke")

    def charges(self, attempt: ports.Attempt) -> int:
        return Transfer.objects.filter(session=attempt.session_id).count()

    def refunded(self, attempt: ports.Attempt) -> int:
        return sum(Return.objects.filter(transfer__attempt=attempt.id).values_list("cents", flat=True))

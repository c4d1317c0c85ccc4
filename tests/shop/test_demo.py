from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from gateway import agents
from gateway.models import Agent
from gateway.shop import demo
from gateway.shop.models import DeliveryOption, PickupPlace, Product, TaxRate
from tests import stocking

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "load", stocking.SHOP.really)
    monkeypatch.setattr(agents, "load_demo", stocking.AGENTS.really)


README = {
    "item_mug": (2_800, 1000),
    "item_sneakers": (12_999, 1000),
    "item_tablet": (49_999, 1000),
    "item_headphones": (29_999, 1000),
    "item_camera": (89_900, 1000),
    "item_ring": (120_000, 1000),
    "item_sofa": (45_000, 1000),
    "item_pens": (400, 1000),
    "item_last": (3_500, 1),
    "item_none": (5_400, 0),
    "prod_9f8e7d": (2_800, 1000),
}


def test_the_demo_holds_what_the_readme_promises() -> None:
    """The demo store contract."""
    demo.load()

    rows = Product.objects.filter(pk__in=README, currency="usd", active=True)
    assert {row.id: (row.unit_price, row.available) for row in rows} == README
    assert Product.objects.get(pk="prod_9f8e7d").title == "Ocean Blue Mug"


def test_there_is_enough_to_search_and_to_page() -> None:
    demo.load()

    assert Product.objects.count() >= 60
    assert 6 <= Product.objects.values("category").distinct().count() <= 12
    assert Product.objects.filter(physical=False).count() == 1


def test_every_demo_row_would_pass_the_operators_form() -> None:
    """bulk_create validates nothing by itself."""
    demo.load()

    for kind in (Product, PickupPlace, DeliveryOption, TaxRate):
        for row in kind.objects.all():
            row.full_clean()


def test_loading_again_keeps_what_was_changed_and_brings_back_what_is_gone() -> None:
    """`make run` a second time keeps its data."""
    demo.load()
    Product.objects.filter(pk="item_mug").update(available=3, unit_price=1_999, title="Our Mug")
    DeliveryOption.objects.filter(pk="ship_standard").update(price=700)
    TaxRate.objects.filter(state="CA").update(rate=800)
    Product.objects.filter(pk="item_pens").delete()

    made = demo.load()

    mug = Product.objects.get(pk="item_mug")
    assert (mug.available, mug.unit_price, mug.title) == (3, 1_999, "Our Mug")
    assert DeliveryOption.objects.get(pk="ship_standard").price == 700
    assert TaxRate.objects.get(state="CA").rate == 800
    assert made == {
        "products": 1,
        "pickup places": 0,
        "delivery options": 0,
        "tax rates": 0,
        "policies": 0,
        "question rules": 0,
    }


def test_the_command_loads_goods_and_agents_twice_without_harm() -> None:
    outputs = []
    for _ in range(2):
        written = StringIO()
        call_command("agentic_demo_load", stdout=written)
        outputs.append(written.getvalue())

    assert Product.objects.filter(pk="item_mug").count() == 1
    assert Agent.objects.count() == 2
    assert "products" in outputs[0]
    assert "products" not in outputs[1]


def test_demo_data_is_refused_outside_the_demo(settings: Any) -> None:
    """Decision 4."""
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "DEMO": False}

    with pytest.raises(CommandError, match="demo settings only"):
        call_command("agentic_demo_load")

    assert not Product.objects.exists()


def test_the_copy_that_other_tests_begin_with_is_the_same() -> None:
    """Whatever the database makes of a type, and that it is of now."""

    def written() -> list[dict[str, Any]]:
        return [row for kind in stocking.SHOP.kinds for row in kind._default_manager.order_by("pk").values()]

    stocking.load()
    stocking.load()
    first = written()
    for kind in reversed(stocking.SHOP.kinds):
        kind._default_manager.all().delete()
    began = timezone.now()
    stocking.load()
    again = written()

    times = ("created_at", "updated_at")
    assert [{name: row[name] for name in row if name not in times} for row in again] == [
        {name: row[name] for name in row if name not in times} for row in first
    ]
    assert all(row[name] >= began for row in again for name in times if name in row)

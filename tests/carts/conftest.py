from __future__ import annotations

import pytest

from gateway.shop import demo
from gateway.shop.models import Product


@pytest.fixture
def shop(transactional_db: None) -> None:
    demo.load()
    Product.objects.bulk_create(
        [
            Product(id="blue_mug", title="Blue Mug", unit_price=2_800, available=1_000),
            Product(id="red_mug", title="Red Mug", unit_price=1_200),
            Product(id="last_mug", title="Last Mug", unit_price=900, available=1),
            Product(id="sold_out", title="Sold Out Mug", unit_price=900, available=0),
        ]
    )

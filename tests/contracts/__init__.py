"""What every part that serves a merchant port must do, as test classes to subclass.

    from tests.contracts.inventory import InventoryContract

    class TestMyWarehouse(InventoryContract):
        def part(self):
            return MyWarehouse()

        def put_in_stock(self, pieces):
            return str(Article.objects.create(pieces=pieces).pk)

        def left(self, product_id):
            return Article.objects.get(pk=product_id).pieces

The methods above the tests are the merchant's to write; each says what it must return.
`python -m pytest` then runs the contract. The built-in parts pass the same classes.
"""

import pytest

_PORTS = (
    "catalog",
    "fulfillment",
    "intervention_provider",
    "inventory",
    "order_sink",
    "outbox",
    "payments",
    "person_channel",
    "pricing",
)

for _name in _PORTS:
    pytest.register_assert_rewrite(f"{__name__}.{_name}")

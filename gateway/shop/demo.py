"""The demo store's goods, delivery options, taxes and policies. Amounts are examples, not advice."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from django.db import transaction

from gateway.shop import tables
from gateway.shop.models import DeliveryOption, PickupPlace, Product, TaxRate
from interventions import policy, question_rules
from interventions.models import ClarificationRule, Policy


def load() -> dict[str, int]:
    """The demo rows exist; how many were missing, by kind.

    Repeatable: a row that exists keeps its stock, its price and whatever else an operator
    changed. Only the demo settings should ask for it (decision 4).
    """
    data: dict[str, list[dict[str, Any]]] = json.loads(
        resources.files("gateway.shop").joinpath("demo.json").read_text(encoding="utf-8")
    )
    with transaction.atomic():
        made = {
            "products": _load_products(data["products"]),
            "pickup places": _load_pickup_places(data["pickup_places"]),
            "delivery options": _load_delivery_options(data["delivery_options"]),
            "tax rates": _load_tax_rates(data["tax_rates"]),
            "policies": _load_policies(data["policies"]),
            "question rules": _load_question_rules(data["question_rules"]),
        }
    tables.forget()
    policy.forget()
    question_rules.forget()
    return made


def _load_products(rows: list[dict[str, Any]]) -> int:
    known = set(Product.objects.values_list("pk", flat=True))
    missing = [Product(**row) for row in rows if row["id"] not in known]
    for product in missing:
        product.index()
    Product.objects.bulk_create(missing, ignore_conflicts=True)
    return len(missing)


def _load_pickup_places(rows: list[dict[str, Any]]) -> int:
    known = set(PickupPlace.objects.values_list("name", flat=True))
    missing = [PickupPlace(**row) for row in rows if row["name"] not in known]
    PickupPlace.objects.bulk_create(missing, ignore_conflicts=True)
    return len(missing)


def _load_delivery_options(rows: list[dict[str, Any]]) -> int:
    """Their rows name their place by its name."""
    known = set(DeliveryOption.objects.values_list("pk", flat=True))
    places: dict[str | None, int] = dict(PickupPlace.objects.values_list("name", "pk"))
    missing = [
        DeliveryOption(
            place_id=places.get(row.get("place")), **{k: v for k, v in row.items() if k != "place"}
        )
        for row in rows
        if row["id"] not in known
    ]
    DeliveryOption.objects.bulk_create(missing, ignore_conflicts=True)
    return len(missing)


def _load_tax_rates(rows: list[dict[str, Any]]) -> int:
    known = set(TaxRate.objects.values_list("country", "state"))
    missing = [TaxRate(**row) for row in rows if (row["country"], row["state"]) not in known]
    TaxRate.objects.bulk_create(missing, ignore_conflicts=True)
    return len(missing)


def _load_policies(rows: list[dict[str, Any]]) -> int:
    known = set(Policy.objects.values_list("name", flat=True))
    missing = [Policy(**row) for row in rows if row["name"] not in known]
    Policy.objects.bulk_create(missing, ignore_conflicts=True)
    return len(missing)


def _load_question_rules(rows: list[dict[str, Any]]) -> int:
    known = set(ClarificationRule.objects.values_list("name", flat=True))
    missing = [ClarificationRule(**row) for row in rows if row["name"] not in known]
    for rule in missing:
        rule.clean()
    ClarificationRule.objects.bulk_create(missing, ignore_conflicts=True)
    return len(missing)

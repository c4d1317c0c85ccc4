"""The part of a product's form that asks what else buyers are told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.dateparse import parse_datetime

from gateway import markdown
from gateway.shop.content import BETWEEN, dimensions, disclosures, pairs, weight
from gateway.shop.fields import LinesField, TextField


class ContentForm(forms.ModelForm):
    """The part of a product's form that writes its `content`; a member left empty is not there."""

    disclosures = TextField(
        required=False,
        max_length=markdown.LONGEST,
        help_text=f"Texts that have to be shown with it. A line {BETWEEN} begins the next one.",
    )
    disclosures_are = forms.ChoiceField(
        choices=[("plain", "plain text"), ("markdown", "Markdown without HTML")],
        initial="plain",
        required=False,
        help_text="How the disclosures are written.",
    )
    custom_attributes = LinesField(required=False, help_text="Such as Material: wool, one a line.")
    variant_options = LinesField(
        required=False, help_text="What makes this variant, such as Size: 42, one a line."
    )
    variant_of = forms.CharField(
        required=False, max_length=64, help_text="Number of the product of which this is a variant."
    )
    variant_id = forms.CharField(
        label="Variant number", required=False, max_length=64, help_text="Its number among the variants."
    )
    seller = forms.CharField(required=False, max_length=150, help_text="Who sells it, where that is not you.")
    weight = forms.CharField(required=False, max_length=20, help_text="Of one piece, such as 350 g.")
    dimensions = forms.CharField(
        required=False,
        max_length=40,
        help_text="Length x width x height of one piece, such as 30 x 20 x 10 cm.",
    )
    fulfillable_on = forms.DateTimeField(
        label="Sent from", required=False, help_text="Such as 2027-01-31 09:00. Empty: at once."
    )
    availability = forms.ChoiceField(
        choices=[("", "by its stock"), ("backorder", "on back order"), ("pre_order", "on pre-order")],
        required=False,
        help_text="What buyers are told while it can be sold.",
    )
    quantity_shown = forms.BooleanField(
        required=False, help_text="Buyers may know how many there are. Otherwise only whether there are few."
    )
    tax_exempt = forms.BooleanField(required=False, help_text="No tax is charged on it.")
    tax_exemption_reason = forms.CharField(required=False, max_length=150, help_text="Shown with it.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.update(_typed(self.instance.content))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        content: dict[str, Any] = {}
        for member, kept in _KEPT.items():
            try:
                content[member] = kept(cleaned)
            except ValidationError as problem:
                self.add_error(FIELDS.get(member, member), problem)
        self.instance.content = {name: value for name, value in content.items() if value}
        return cleaned

    def content_changed(self) -> bool:
        """Whether the operator changed anything of it."""
        return not set(self.changed_data).isdisjoint(ContentForm.base_fields)


FIELDS = {
    "product_id": "variant_of",
    "marketplace_seller_details": "seller",
    "availability_status": "availability",
}

_KEPT: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "disclosures": lambda given: disclosures(
        given.get("disclosures", ""), given.get("disclosures_are") or "plain"
    ),
    "custom_attributes": lambda given: pairs(given.get("custom_attributes", ()), "display_name", "value"),
    "variant_options": lambda given: pairs(given.get("variant_options", ()), "name", "value"),
    "product_id": lambda given: given.get("variant_of"),
    "variant_id": lambda given: given.get("variant_id"),
    "marketplace_seller_details": lambda given: {"name": given["seller"]} if given.get("seller") else None,
    "weight": lambda given: weight(given["weight"]) if given.get("weight") else None,
    "dimensions": lambda given: dimensions(given["dimensions"]) if given.get("dimensions") else None,
    "fulfillable_on": lambda given: _instant(given.get("fulfillable_on")),
    "availability_status": lambda given: given.get("availability"),
    "quantity_shown": lambda given: given.get("quantity_shown"),
    "tax_exempt": lambda given: given.get("tax_exempt"),
    "tax_exemption_reason": lambda given: given.get("tax_exemption_reason"),
}
"""How each member is read from the form's fields."""


def _typed(content: Mapping[str, Any]) -> dict[str, Any]:
    """The text that an operator would type for this content."""
    told = content.get("disclosures") or []
    size, mass = content.get("dimensions"), content.get("weight")
    return {
        "disclosures": f"\n{BETWEEN}\n".join(entry["content"] for entry in told),
        "disclosures_are": told[0]["content_type"] if told else "plain",
        "custom_attributes": _joined(content.get("custom_attributes", ()), "display_name"),
        "variant_options": _joined(content.get("variant_options", ()), "name"),
        "variant_of": content.get("product_id", ""),
        "variant_id": content.get("variant_id", ""),
        "seller": content.get("marketplace_seller_details", {}).get("name", ""),
        "weight": f"{_plain(mass['value'])} {mass['unit']}" if mass else "",
        "dimensions": _sides(size) if size else "",
        "fulfillable_on": parse_datetime(content.get("fulfillable_on", "")),
        "availability": content.get("availability_status", ""),
        "quantity_shown": content.get("quantity_shown", False),
        "tax_exempt": content.get("tax_exempt", False),
        "tax_exemption_reason": content.get("tax_exemption_reason", ""),
    }


def _joined(entries: Iterable[Mapping[str, str]], name: str) -> list[str]:
    return [f"{entry[name]}: {entry['value']}" for entry in entries]


def _sides(size: Mapping[str, Any]) -> str:
    sides = " x ".join(_plain(size[name]) for name in ("length", "width", "height"))
    return f"{sides} {size['unit']}"


def _plain(number: float) -> str:
    """Without a fraction that says nothing, and never with an exponent."""
    return f"{number:.3f}".rstrip("0").rstrip(".")


def _instant(moment: datetime | None) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""

"""What else buyers are told: typed by an operator, judged, and kept (ACP-068, ACP-069, ACP-289)."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from gateway.shop import content
from gateway.shop.models import Product
from tests.shop.test_admin import edit, mug, page, typed

__all__ = ["mug"]

pytestmark = pytest.mark.django_db

TYPED = {
    "disclosures": "**Hot**, see\r\n<https://shop.example/hot>\r\n+++\r\n`<b>`",
    "disclosures_are": "markdown",
    "custom_attributes": "Material: Clay\r\nMade in: Delft: Holland",
    "variant_options": "Colour: Blue",
    "variant_of": "mug",
    "variant_id": "mug-blue",
    "seller": "The Potters",
    "weight": "1234567.5 g",
    "dimensions": "10 x 8.25 x 9 cm",
    "fulfillable_on": "2027-01-31 09:00",
    "availability": "backorder",
    "quantity_shown": "on",
    "tax_exempt": "on",
    "tax_exemption_reason": "A gift.",
}

KEPT = {
    "disclosures": [
        {"content_type": "markdown", "content": "**Hot**, see\n<https://shop.example/hot>"},
        {"content_type": "markdown", "content": "`<b>`"},
    ],
    "custom_attributes": [
        {"display_name": "Material", "value": "Clay"},
        {"display_name": "Made in", "value": "Delft: Holland"},
    ],
    "variant_options": [{"name": "Colour", "value": "Blue"}],
    "product_id": "mug",
    "variant_id": "mug-blue",
    "marketplace_seller_details": {"name": "The Potters"},
    "weight": {"value": 1234567.5, "unit": "g"},
    "dimensions": {"length": 10.0, "width": 8.25, "height": 9.0, "unit": "cm"},
    "fulfillable_on": "2027-01-31T09:00:00Z",
    "availability_status": "backorder",
    "quantity_shown": True,
    "tax_exempt": True,
    "tax_exemption_reason": "A gift.",
}


@pytest.mark.requirement("ACP-068", "ACP-069")
def test_what_is_typed_is_kept_and_shown_again(admin_client: Client, mug: Product) -> None:
    assert edit(admin_client, **TYPED).content == KEPT

    form = admin_client.get(page("product_change", "item_mug")).context_data["adminform"].form
    again = {name: form[name].value() for name in TYPED}
    assert again["weight"] == TYPED["weight"]
    assert again["dimensions"] == TYPED["dimensions"]
    assert again["custom_attributes"].splitlines() == TYPED["custom_attributes"].splitlines()
    assert again["disclosures"].splitlines() == TYPED["disclosures"].splitlines()
    assert edit(admin_client, **TYPED, title="Other mug").content == KEPT


def test_what_is_emptied_is_gone(admin_client: Client, mug: Product) -> None:
    Product.objects.filter(pk=mug.pk).update(content=KEPT)

    assert edit(admin_client).content == {}


@pytest.mark.requirement("ACP-289")
@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("disclosures", "fine\r\n+++\r\nfine\r\n<b>not</b>", "Line 4: raw HTML is not allowed in Markdown."),
        ("custom_attributes", "Material", "Material: wool"),
        ("variant_options", ": Blue", "Material: wool"),
        ("weight", "350", "such as 350 g"),
        ("weight", "-1 g", "such as 350 g"),
        ("dimensions", "10 x 8 cm", "such as 30 x 20 x 10 cm"),
        ("fulfillable_on", "soon", "valid date"),
        ("availability", "perhaps", "valid choice"),
        ("variant_options", "\n".join(f"a{n}: b" for n in range(21)), "At most 20."),
    ],
)
def test_a_mistake_is_named_at_its_field(
    admin_client: Client, mug: Product, field: str, text: str, said: str
) -> None:
    sent = {**typed(), "disclosures_are": "markdown", field: text}

    answer = admin_client.post(page("product_change", "item_mug"), sent)

    assert answer.status_code == 200
    (told,) = answer.context_data["adminform"].form.errors[field]
    assert said in told
    assert Product.objects.get(pk="item_mug").content == {}


@pytest.mark.requirement("ACP-291")
def test_a_plain_disclosure_may_look_like_anything(admin_client: Client, mug: Product) -> None:
    kept = edit(admin_client, disclosures="<b>1 < 2</b>", disclosures_are="plain").content

    assert kept == {"disclosures": [{"content_type": "plain", "content": "<b>1 < 2</b>"}]}


@pytest.mark.requirement("ACP-289")
@pytest.mark.parametrize(
    "wrong", [[], {"disclosures": [{"content_type": "markdown", "content": "ok\n\n<div>"}]}], ids=str
)
def test_a_product_that_comes_another_way_is_judged_too(mug: Product, wrong: Any) -> None:
    mug.content = wrong

    with pytest.raises(ValidationError) as refused:
        mug.full_clean()

    assert list(refused.value.message_dict) == ["content"]


def test_the_place_of_a_stored_flaw_is_named() -> None:
    wrong = {"disclosures": [{"content_type": "markdown", "content": "ok\n\n<div>"}]}

    with pytest.raises(ValidationError, match="Disclosure 1, line 3: raw HTML"):
        content.judge(wrong)

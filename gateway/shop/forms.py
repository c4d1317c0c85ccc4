"""What an operator types, and what is stored: prices, lists, and stock as a change to it."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from checkout.money import LARGEST_AMOUNT, exponent
from gateway.shop import stock, taxes
from gateway.shop.content_form import ContentForm
from gateway.shop.fields import LinesField
from gateway.shop.models import DeliveryOption, PickupPlace, Product

_PLAIN_NUMBER = re.compile(r"(\d{1,13})(?:\.(\d{1,4}))?")


def minor_units(text: str, currency: str) -> int:
    """`28.00` or `28` of USD is 2800. Raises ValidationError; never goes through a fraction."""
    found = _PLAIN_NUMBER.fullmatch(text.strip())
    digits = exponent(currency)
    if found is None:
        raise ValidationError("A number such as 28.00, with a point and without a currency.")
    whole, rest = found.group(1), found.group(2) or ""
    if len(rest) > digits:
        raise ValidationError(f"{currency.upper()} has {digits} digits after the point.")
    amount = int(whole + rest.ljust(digits, "0"))
    if amount > LARGEST_AMOUNT:
        raise ValidationError("More than can be charged.")
    return amount


def plain(amount: int, currency: str) -> str:
    """The text that `minor_units` reads as `amount`."""
    digits = exponent(currency)
    whole, rest = divmod(amount, 10**digits)
    return f"{whole}.{rest:0{digits}d}" if digits else str(whole)


class _Priced(forms.ModelForm):
    """A form whose amount is typed as people write it. `AMOUNT` names the column."""

    AMOUNT = ""

    amount = forms.CharField(
        label="Price", max_length=20, help_text="Without tax, such as 28.00, in the currency below."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            self.initial["amount"] = plain(getattr(self.instance, self.AMOUNT), self.instance.currency)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("amount") and cleaned.get("currency"):
            try:
                setattr(self.instance, self.AMOUNT, minor_units(cleaned["amount"], cleaned["currency"]))
            except ValidationError as problem:
                self.add_error("amount", problem)
        return cleaned


class ProductForm(_Priced, ContentForm):
    AMOUNT = "unit_price"

    tags = LinesField(required=False, help_text="Words to find it by, one a line.")
    images = LinesField(required=False, help_text="Addresses of pictures (https), one a line.")
    counted = forms.BooleanField(
        required=False, initial=True, help_text="Untick when it is never short, such as a download."
    )
    stock_change = forms.IntegerField(
        required=False,
        min_value=-1_000_000,
        max_value=1_000_000,
        help_text="Pieces that came in, or with a minus, pieces that are gone. Safe while others buy.",
    )

    class Meta:
        model = Product
        fields = (
            "id",
            "title",
            "description",
            "category",
            "tags",
            "images",
            "sku",
            "active",
            "currency",
            "max_quantity",
            "tax_class",
            "physical",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            self.initial["counted"] = self.instance.available is not None

    def clean_images(self) -> list[str]:
        images: list[str] = self.cleaned_data["images"]
        if not all(image.startswith("https://") for image in images):
            raise ValidationError("Addresses begin with https://.")
        return images

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        change = cleaned.get("stock_change") or 0
        if change and not cleaned.get("counted"):
            self.add_error("stock_change", "Stock that is not counted cannot be changed.")
        elif change < 0 and (self.instance.available or 0) + change < 0:
            self.add_error("stock_change", f"Only {self.instance.available or 0} are left.")
        return cleaned

    def apply_stock(self) -> bool:
        """The stored product's stock is as asked. False when somebody bought what was to go.

        Called once, after the product was saved; what was sold meanwhile stays sold.
        """
        if not self.cleaned_data["counted"]:
            stock.stop_counting(self.instance.pk)
            return True
        change = self.cleaned_data.get("stock_change") or 0
        if change or self.instance.available is None:
            return stock.adjust(self.instance.pk, change)
        return True


class DeliveryOptionForm(_Priced):
    AMOUNT = "price"

    countries = LinesField(
        required=False, help_text="Country codes it goes to, such as US, one a line. Empty: everywhere."
    )
    postal_codes = LinesField(
        required=False,
        help_text="Local delivery only: postal codes it goes to, or beginnings such as 941, one a line.",
    )

    class Meta:
        model = DeliveryOption
        fields = (
            "id",
            "type",
            "title",
            "description",
            "carrier",
            "currency",
            "countries",
            "min_days",
            "max_days",
            "day_begins",
            "day_ends",
            "place",
            "pickup_type",
            "postal_codes",
            "center_postal_code",
            "radius_miles",
            "position",
            "active",
        )


class PickupPlaceForm(forms.ModelForm):
    class Meta:
        model = PickupPlace
        fields = (
            "name",
            "line_one",
            "line_two",
            "city",
            "state",
            "country",
            "postal_code",
            "phone",
            "instructions",
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        where = {name: str(cleaned.get(name) or "") for name in ("country", "state")}
        if all(where.values()) and not taxes.is_known(where):
            self.add_error("state", "No taxes can be told for this state; nothing could be fetched there.")
        return cleaned

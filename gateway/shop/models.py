"""What the built-in store sells, holds, delivers and taxes: facts and constraints, no workflow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower, Upper
from django.utils import timezone

from checkout.money import LARGEST_AMOUNT
from gateway.shop.content import judge
from gateway.shop.words import search_text

IDENTIFIER = RegexValidator(r"^[A-Za-z0-9][A-Za-z0-9_.-]*\Z", "Letters, digits, and _ . - only.")
CURRENCY = RegexValidator(r"^[a-z]{3}\Z", "Three lower-case letters, such as usd.")
COUNTRY = RegexValidator(r"^[A-Z]{2}\Z", "Two capital letters, such as US.")
TAX_CLASS = RegexValidator(r"^[a-z0-9_]+\Z", "Lower-case letters, digits and _ only.")

_NEVER_NEGATIVE = MinValueValidator(0)
_CHARGEABLE = MaxValueValidator(LARGEST_AMOUNT)


class Product(models.Model):
    """One thing for sale, at one price in one currency."""

    id = models.CharField(
        max_length=64,
        primary_key=True,
        validators=[IDENTIFIER],
        help_text="How agents name it, such as item_mug. It cannot be changed later.",
    )
    title = models.CharField(max_length=150, help_text="Shown to buyers and found by the search.")
    description = models.TextField(blank=True, max_length=2000, help_text="A sentence or two; also searched.")
    category = models.CharField(
        max_length=64, blank=True, db_index=True, help_text="What agents browse by, such as Kitchen."
    )
    tags = models.JSONField(default=list, blank=True, help_text="Words to find it by and to tell it apart.")
    images = models.JSONField(default=list, blank=True, help_text="Addresses of pictures (https).")
    sku = models.CharField("SKU", max_length=64, blank=True, help_text="Your own article number.")
    active = models.BooleanField(default=True, help_text="Only active products can be found and bought.")
    unit_price = models.BigIntegerField(
        validators=[_NEVER_NEGATIVE, _CHARGEABLE],
        help_text="Of one piece, without tax, in minor units: 2800 is 28.00 USD.",
    )
    currency = models.CharField(
        max_length=3, default="usd", validators=[CURRENCY], help_text="ISO 4217, lower case, such as usd."
    )
    available = models.IntegerField(
        null=True,
        blank=True,
        validators=[_NEVER_NEGATIVE],
        help_text="Pieces that can be sold now, without those on hold. Empty: not counted, never short.",
    )
    max_quantity = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="The most one order may hold. Empty for no limit of its own.",
    )
    tax_class = models.CharField(
        max_length=32,
        default="standard",
        validators=[TAX_CLASS],
        help_text="Which tax rates apply to it. A class without a rate is not taxed.",
    )
    physical = models.BooleanField(
        default=True, help_text="It is sent or fetched. Untick for goods delivered over the network."
    )
    content = models.JSONField(
        default=dict, blank=True, help_text="What else buyers are told, in the words of the protocol."
    )
    search_text = models.TextField(editable=False, default="")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "agentic_shop_product"
        ordering = ("title", "id")
        constraints = (
            models.CheckConstraint(condition=Q(available__gte=0), name="agentic_product_stock"),
            models.CheckConstraint(
                condition=Q(unit_price__gte=0, unit_price__lte=LARGEST_AMOUNT), name="agentic_product_price"
            ),
            models.CheckConstraint(condition=Q(max_quantity__gte=1), name="agentic_product_most"),
            models.CheckConstraint(
                condition=Q(currency=Lower(F("currency"))), name="agentic_product_currency"
            ),
        )

    def __str__(self) -> str:
        return self.title

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        """The row is stored and found by its present words."""
        self.index()
        if update_fields is not None:
            update_fields = {*update_fields, "search_text"}
        super().save(*args, update_fields=update_fields, **kwargs)

    def clean(self) -> None:
        for name in ("tags", "images"):
            if not _is_list_of_text(getattr(self, name)):
                raise ValidationError({name: "A list of texts."})
        try:
            judge(self.content)
        except ValidationError as problem:
            raise ValidationError({"content": problem}) from problem

    def index(self) -> None:
        """`search_text` in memory says what the other columns say."""
        self.search_text = search_text(self.title, (self.description, self.category, *self.tags))


class HoldState(models.TextChoices):
    HELD = "held"
    SOLD = "sold"
    RELEASED = "released"


class Hold(models.Model):
    """Pieces taken out of stock under a key: on the way to be sold, sold, or put back."""

    key = models.CharField(max_length=64, help_text="What the pieces are held for.")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="holds")
    quantity = models.PositiveIntegerField()
    until = models.DateTimeField(help_text="Put back afterwards, unless sold.")
    state = models.CharField(max_length=8, choices=HoldState.choices, default=HoldState.HELD)
    counted = models.BooleanField(
        default=True, help_text="The stock was counted: pieces were taken out of it, and can be put back."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "agentic_shop_hold"
        ordering = ("-id",)
        indexes = (models.Index(fields=("until",), condition=Q(state="held"), name="agentic_hold_overdue"),)
        constraints = (
            models.UniqueConstraint(fields=("key", "product"), name="agentic_hold_once"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="agentic_hold_quantity"),
            models.CheckConstraint(condition=Q(state__in=HoldState.values), name="agentic_hold_state"),
        )

    def __str__(self) -> str:
        return f"{self.quantity} of {self.product_id} for {self.key}"


class DeliveryType(models.TextChoices):
    SHIPPING = "shipping", "shipping: sent by a carrier"
    LOCAL_DELIVERY = "local_delivery", "local delivery: brought by us"
    PICKUP = "pickup", "pickup: fetched by the buyer"
    DIGITAL = "digital", "digital: over the network"


class PickupType(models.TextChoices):
    IN_STORE = "in_store", "in the store"
    CURBSIDE = "curbside", "at the curb"
    LOCKER = "locker", "from a locker"


class PickupPlace(models.Model):
    """Where buyers fetch what they bought. What they fetch is taxed there."""

    name = models.CharField(
        max_length=100, unique=True, help_text="Shown to buyers, such as Shop on the Quay."
    )
    line_one = models.CharField("street", max_length=100, help_text="Street and number.")
    line_two = models.CharField("more", max_length=100, blank=True, help_text="Floor, yard and the like.")
    city = models.CharField(max_length=100, help_text="Town or city.")
    state = models.CharField(max_length=64, help_text="Such as CA; taxes are told by it.")
    country = models.CharField(
        max_length=2, validators=[COUNTRY], help_text="Two capital letters, such as US."
    )
    postal_code = models.CharField(max_length=16, help_text="Such as 94105.")
    phone = models.CharField(max_length=32, blank=True, help_text="For buyers who do not find it.")
    instructions = models.CharField(
        max_length=300, blank=True, help_text="What buyers do there, such as: ring at the side door."
    )

    class Meta:
        db_table = "agentic_shop_pickup_place"
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    def address(self) -> dict[str, str]:
        """The address as an agent sends addresses (ACP-059)."""
        parts = ("line_one", "line_two", "city", "state", "country", "postal_code")
        named = {part: getattr(self, part) for part in parts if getattr(self, part)}
        return {"name": self.name, **named}


class DeliveryOption(models.Model):
    """One way goods reach the buyer."""

    id = models.CharField(
        max_length=64,
        primary_key=True,
        validators=[IDENTIFIER],
        help_text="How agents choose it, such as ship_standard. It cannot be changed later.",
    )
    type = models.CharField(max_length=16, choices=DeliveryType.choices, default=DeliveryType.SHIPPING)
    title = models.CharField(max_length=100, help_text="Shown to buyers.")
    description = models.CharField(max_length=300, blank=True, help_text="Shown below the title.")
    carrier = models.CharField(max_length=64, blank=True, help_text="Who carries it; shipping only.")
    price = models.BigIntegerField(
        validators=[_NEVER_NEGATIVE, _CHARGEABLE],
        help_text="Without tax, in minor units: 500 is 5.00 USD.",
    )
    currency = models.CharField(
        max_length=3, default="usd", validators=[CURRENCY], help_text="Offered to orders in this currency."
    )
    countries = models.JSONField(
        default=list, blank=True, help_text="Country codes it goes to, such as US. Empty: everywhere."
    )
    min_days = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        help_text="Arrives, or is ready to be fetched, this many days after the order at the earliest.",
    )
    max_days = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        help_text="Arrives, or must be fetched, this many days after the order at the latest.",
    )
    day_begins = models.TimeField(
        null=True,
        blank=True,
        help_text="Local delivery and pickup: from what time of these days. Empty: midnight.",
    )
    day_ends = models.TimeField(
        null=True,
        blank=True,
        help_text="Local delivery and pickup: until what time of these days. Empty: midnight.",
    )
    place = models.ForeignKey(
        PickupPlace,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        help_text="Pickup only: where it is fetched.",
    )
    pickup_type = models.CharField(
        max_length=16,
        blank=True,
        choices=PickupType.choices,
        help_text="Pickup only: how it is handed over.",
    )
    postal_codes = models.JSONField(
        default=list,
        blank=True,
        help_text="Local delivery only: postal codes it goes to, or their beginnings, such as 941.",
    )
    center_postal_code = models.CharField(
        max_length=16, blank=True, help_text="Local delivery only, for people: the middle of that area."
    )
    radius_miles = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Local delivery only, for people: how far it reaches from there."
    )
    position = models.PositiveSmallIntegerField(default=0, help_text="Lower comes first.")
    active = models.BooleanField(default=True, help_text="Only active options are offered.")

    class Meta:
        db_table = "agentic_shop_delivery_option"
        ordering = ("position", "id")
        constraints = (
            models.CheckConstraint(
                condition=Q(price__gte=0, price__lte=LARGEST_AMOUNT), name="agentic_delivery_price"
            ),
            models.CheckConstraint(condition=Q(max_days__gte=F("min_days")), name="agentic_delivery_days"),
            models.CheckConstraint(condition=Q(type__in=DeliveryType.values), name="agentic_delivery_type"),
            models.CheckConstraint(
                condition=Q(currency=Lower(F("currency"))), name="agentic_delivery_currency"
            ),
        )

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        if not _is_list_of_text(self.countries):
            raise ValidationError({"countries": "A list of country codes."})
        try:
            for country in self.countries:
                COUNTRY(country)
        except ValidationError as problem:
            raise ValidationError({"countries": problem}) from problem
        if not _is_list_of_text(self.postal_codes):
            raise ValidationError({"postal_codes": "A list of postal codes, or of their beginnings."})
        if wrong := {**self._misplaced(), **self._missing()}:
            raise ValidationError(wrong)

    def _misplaced(self) -> dict[str, str]:
        """The columns that another type of delivery has."""
        return {
            name: f"For {' and '.join(types)} only."
            for name, types in _ONLY_FOR.items()
            if getattr(self, name) not in (None, "", []) and self.type not in types
        }

    def _missing(self) -> dict[str, str]:
        """What this type of delivery cannot do without."""
        if self.type == DeliveryType.PICKUP and self.place_id is None:
            return {"place": "A pickup needs its place."}
        if self.type == DeliveryType.LOCAL_DELIVERY and not self.postal_codes:
            return {"postal_codes": "Local delivery needs the postal codes it goes to."}
        if self.type == DeliveryType.LOCAL_DELIVERY and len(self.countries) != 1:
            return {"countries": "Local delivery needs one country: another has the same postal codes."}
        if self.day_begins and self.day_ends and self.day_begins >= self.day_ends:
            return {"day_ends": "Later than the beginning."}
        return {}


_ONLY_FOR: Mapping[str, tuple[str, ...]] = {
    "place": (DeliveryType.PICKUP.value,),
    "pickup_type": (DeliveryType.PICKUP.value,),
    "postal_codes": (DeliveryType.LOCAL_DELIVERY.value,),
    "center_postal_code": (DeliveryType.LOCAL_DELIVERY.value,),
    "radius_miles": (DeliveryType.LOCAL_DELIVERY.value,),
    "day_begins": (DeliveryType.PICKUP.value, DeliveryType.LOCAL_DELIVERY.value),
    "day_ends": (DeliveryType.PICKUP.value, DeliveryType.LOCAL_DELIVERY.value),
}


class TaxRate(models.Model):
    """What one authority charges. Every rate that matches an address is charged, each by itself."""

    jurisdiction = models.CharField(max_length=100, help_text="Whose tax it is, such as California.")
    country = models.CharField(
        max_length=2, validators=[COUNTRY], help_text="Two capital letters, such as US."
    )
    state = models.CharField(max_length=32, blank=True, help_text="Such as CA. Empty: the whole country.")
    postal_prefix = models.CharField(
        max_length=16, blank=True, help_text="Postal codes that begin so, such as 941. Empty: all."
    )
    tax_class = models.CharField(
        max_length=32,
        default="standard",
        validators=[TAX_CLASS],
        help_text="Charged on products of this class.",
    )
    rate = models.PositiveIntegerField(
        validators=[MaxValueValidator(10_000)], help_text="In hundredths of a percent: 725 is 7.25 %."
    )
    applies_to_delivery = models.BooleanField(default=False, help_text="Charged on the delivery price too.")

    class Meta:
        db_table = "agentic_shop_tax_rate"
        ordering = ("country", "state", "postal_prefix", "jurisdiction", "tax_class")
        constraints = (
            models.UniqueConstraint(
                fields=("country", "state", "postal_prefix", "jurisdiction", "tax_class"),
                name="agentic_tax_rate_once",
            ),
            models.UniqueConstraint(
                fields=("country", "state", "postal_prefix", "jurisdiction"),
                condition=Q(applies_to_delivery=True),
                name="agentic_tax_rate_delivery",
                violation_error_message="Another rate of this authority applies to delivery already.",
            ),
            models.CheckConstraint(condition=Q(rate__lte=10_000), name="agentic_tax_rate_most"),
            models.CheckConstraint(condition=Q(country=Upper(F("country"))), name="agentic_tax_rate_country"),
        )

    def __str__(self) -> str:
        return f"{self.jurisdiction} {self.rate // 100}.{self.rate % 100:02d} %"


def _is_list_of_text(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(entry, str) and entry.strip() for entry in value)

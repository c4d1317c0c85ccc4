"""The operator's screens of the built-in store."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest

from checkout.money import display
from gateway.shop.content_form import ContentForm
from gateway.shop.forms import DeliveryOptionForm, PickupPlaceForm, ProductForm
from gateway.shop.models import DeliveryOption, Hold, PickupPlace, Product, TaxRate


class InStock(admin.SimpleListFilter):
    title = "stock"
    parameter_name = "stock"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("none", "sold out"), ("some", "in stock"), ("uncounted", "not counted")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.value():
            case "none":
                return queryset.filter(available=0)
            case "some":
                return queryset.filter(available__gt=0)
            case "uncounted":
                return queryset.filter(available=None)
        return queryset


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):
    """Products. Stock is changed by a difference, so that a sale in between is not undone."""

    form = ProductForm
    list_display = ("title", "id", "price_shown", "stock_shown", "category", "active")
    list_editable = ("active",)
    list_filter = ("active", InStock, "category", "physical", "tax_class")
    search_fields = ("id", "title", "sku", "category")
    search_help_text = "Id, title, article number or category."
    show_full_result_count = False
    list_per_page = 50
    readonly_fields = ("stock_shown", "created_at")
    fieldsets = (
        (None, {"fields": ("id", "title", "description", "active")}),
        ("Price", {"fields": ("amount", "currency", "tax_class")}),
        ("Stock", {"fields": ("stock_shown", "counted", "stock_change", "max_quantity")}),
        ("Shown and found", {"fields": ("category", "tags", "images", "sku", "physical", "created_at")}),
        ("What else buyers are told", {"classes": ("collapse",), "fields": tuple(ContentForm.base_fields)}),
    )

    @admin.display(description="price", ordering="unit_price")
    def price_shown(self, product: Product) -> str:
        return display(product.unit_price, product.currency)

    @admin.display(description="can be sold now", ordering="available")
    def stock_shown(self, product: Product) -> str:
        return "not counted" if product.available is None else f"{product.available}"

    def get_readonly_fields(self, request: HttpRequest, obj: Product | None = None) -> tuple[str, ...]:
        return ("id", *self.readonly_fields) if obj else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: Product, form: Any, change: bool) -> None:
        """What was edited is stored, and nothing else: never the stock as it was on the screen."""
        if not change:
            obj.save(force_insert=True)
        else:
            columns = {field.name for field in Product._meta.concrete_fields}
            edited = set(form.changed_data)
            if "amount" in edited or "currency" in edited:
                edited.add("unit_price")
            if isinstance(form, ProductForm) and form.content_changed():
                edited.add("content")
            obj.save(update_fields=edited & columns)
        if isinstance(form, ProductForm) and not form.apply_stock():
            messages.error(request, "The stock was not changed: some of it was sold meanwhile.")


@admin.register(Hold)
class HoldAdmin(admin.ModelAdmin):
    """Pieces on the way to be sold. Read-only: the checkout moves them."""

    list_display = ("key", "product_id", "quantity", "state", "until", "created_at")
    list_filter = ("state",)
    search_fields = ("=key", "=product__id")
    search_help_text = "The whole key or product id."
    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Hold | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Hold | None = None) -> bool:
        return False


@admin.register(DeliveryOption)
class DeliveryOptionAdmin(admin.ModelAdmin):
    form = DeliveryOptionForm
    list_display = ("title", "id", "type", "price_shown", "days", "position", "active")
    list_editable = ("position", "active")
    list_filter = ("active", "type")
    search_fields = ("id", "title", "carrier")
    fieldsets = (
        (None, {"fields": ("id", "type", "title", "description", "carrier", "active", "position")}),
        ("Price", {"fields": ("amount", "currency")}),
        ("Where and when", {"fields": ("countries", "min_days", "max_days", "day_begins", "day_ends")}),
        ("Pickup", {"fields": ("place", "pickup_type")}),
        ("Local delivery", {"fields": ("postal_codes", "center_postal_code", "radius_miles")}),
    )

    @admin.display(description="price", ordering="price")
    def price_shown(self, option: DeliveryOption) -> str:
        return display(option.price, option.currency)

    @admin.display(description="days")
    def days(self, option: DeliveryOption) -> str:
        return " to ".join(str(day) for day in (option.min_days, option.max_days) if day is not None)

    def get_readonly_fields(self, request: HttpRequest, obj: DeliveryOption | None = None) -> tuple[str, ...]:
        return ("id",) if obj else ()


@admin.register(PickupPlace)
class PickupPlaceAdmin(admin.ModelAdmin):
    form = PickupPlaceForm
    list_display = ("name", "line_one", "city", "state", "country")
    list_filter = ("country",)
    search_fields = ("name", "city", "=postal_code")


@admin.register(TaxRate)
class TaxRateAdmin(admin.ModelAdmin):
    list_display = (
        "jurisdiction",
        "country",
        "state",
        "postal_prefix",
        "tax_class",
        "percent",
        "applies_to_delivery",
    )
    list_filter = ("country", "tax_class", "applies_to_delivery")
    search_fields = ("jurisdiction", "=state")

    @admin.display(description="rate", ordering="rate")
    def percent(self, rate: TaxRate) -> str:
        return f"{rate.rate // 100}.{rate.rate % 100:02d} %"

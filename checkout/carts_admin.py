"""The operator's screen of carts: what agents have put together before anybody pays. To be looked at."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from checkout import carts
from checkout.models import Cart, CheckoutSession
from checkout.money import display
from checkout.screens import NOTHING, ReadOnlyScreen, link, outside, when
from checkout.untrusted import quoted_data, visible

OPEN = "open"


class Ended(admin.SimpleListFilter):
    """How carts ended; an index answers each."""

    title = "state"
    parameter_name = "ended"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in (OPEN, carts.BOUGHT, carts.CANCELED, carts.EXPIRED)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        return queryset.filter(closed_because="" if self.value() == OPEN else self.value())


@admin.register(Cart)
class CartAdmin(ReadOnlyScreen):
    """Carts of agents with a key and of visits, the newest first."""

    owned = True
    empty_list_text = (
        "What agents have put together would be here. A cart appears when an agent puts its first item in."
    )
    ended = staticmethod(when("closed_at", "closed"))
    list_display = ("id", "owner_shown", "state", "currency", "session_link", "created", "expires")
    list_deferred = ("lines", "buyer", "extras")
    list_filter = (Ended, "created_at")
    search_fields = ("id",)
    search_help_text = "The whole id of a cart or checkout session, or an agent's name or owner text."
    fieldsets = (
        (None, {"fields": ("id_in_full", "owner_in_full", "state", "currency")}),
        ("Content", {"fields": ("items", "revision")}),
        ("Handed over", {"fields": ("session_link", "frozen_revision")}),
        (
            "The agent's words",
            {
                "fields": ("buyer_said", "extras_said"),
                "description": "Received as it is. Shown as text only; it decides nothing.",
            },
        ),
        ("Clock", {"fields": ("created", "updated", "expires", "ended")}),
    )

    def search(self, term: str) -> Q:
        if term.startswith("cart_"):
            return Q(pk=term)
        if term.startswith("cs_"):
            return Q(session=term)
        return Q(owner__in=[term, *outside().owners_named(term)])

    @admin.display(description="state")
    def state(self, cart: Cart) -> str:
        if cart.closed_because:
            return cart.closed_because
        return carts.EXPIRED if cart.expires_at <= timezone.now() else OPEN

    @admin.display(description="checkout session")
    def session_link(self, cart: Cart) -> SafeString | str:
        return link(CheckoutSession, cart.session) if cart.session else NOTHING

    @admin.display(description="items, as last priced")
    def items(self, cart: Cart) -> SafeString | str:
        rows = (
            (line["quantity"], visible(line["item_id"]), *_known(line, cart.currency)) for line in cart.lines
        )
        return format_html_join(SafeString("<br>"), "{} x {} {} {}", rows) or NOTHING

    @admin.display(description="buyer")
    def buyer_said(self, cart: Cart) -> SafeString | str:
        return quoted_data(cart.buyer) or NOTHING

    @admin.display(description="locale and the rest")
    def extras_said(self, cart: Cart) -> SafeString | str:
        return quoted_data(cart.extras) or NOTHING


def _known(line: dict[str, Any], currency: str) -> tuple[str, str]:
    known = line.get("known")
    return (visible(known["title"]), display(known["unit_price"], currency)) if known else ("", "")

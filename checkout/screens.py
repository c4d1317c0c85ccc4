"""What every operator's screen shares: lists that stay quick, rows that nobody edits.

A list is one query for its page and one for its count. Looking needs the view permission of
the model. Acting needs its change permission, although nothing can be edited: every action
calls a service.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin import ShowFacets, SimpleListFilter
from django.contrib.admin.utils import quote
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_permission_codename
from django.db import transaction
from django.db.models import CharField, Model, Q, QuerySet, Value
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from checkout.models import CheckoutSession
from checkout.money import display
from checkout.untrusted import visible

NOTHING = "-"

ACT = "act"
"""The permission that actions ask for."""


NAMELESS = Value("", output_field=CharField())


@dataclass(frozen=True, slots=True)
class Outside:
    """What the screens show and only the gateway knows."""

    owner_name: Any = NAMELESS
    """Database expression over a row with `owner`: the agent's name, NULL or "" when unknown."""
    owners_named: Callable[[str], list[str]] = lambda name: []
    """The owners that an agent's name stands for."""
    order_page: Callable[[str], str] = lambda order_id: ""
    """The buyer's permanent page of an order, or "" when there is none."""
    knows_extension: Callable[[Mapping[str, Any]], bool] = bool
    """Whether an agent with these capabilities is shown the intervention extension (decision 16)."""


_outside = Outside()


def connect(known: Outside) -> None:
    """The screens show what `known` answers from now on."""
    global _outside
    _outside = known


def outside() -> Outside:
    return _outside


def moment(at: datetime | None) -> str:
    """The time in the operator's zone, with the offset."""
    return timezone.localtime(at).strftime("%Y-%m-%d %H:%M:%S %z") if at else NOTHING


def when(field: str, description: str = "") -> Callable[[Any], str]:
    """A column or read-only field that shows the time in `field`."""

    @admin.display(description=description or field.removesuffix("_at"), ordering=field)
    def shown(row: Any) -> str:
        return moment(getattr(row, field))

    return shown


def detail(model: type[Model], pk: str) -> str:
    """The address of the page of one row."""
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
    return reverse(name, args=(quote(pk),))


def link(model: type[Model], pk: str, text: str = "") -> SafeString:
    """A link to the page of one row of ours."""
    return format_html('<a href="{}">{}</a>', detail(model, pk), text or pk)


def copyable(text: str) -> SafeString:
    """A long id that one click copies."""
    button = '<button type="button" data-agentic-copy="{0}" hidden>Copy</button>'
    return format_html('<code class="agentic-id">{0}</code> ' + button, text)


def _parameter(entry: Any) -> str | None:
    is_simple = isinstance(entry, type) and issubclass(entry, SimpleListFilter)
    return entry.parameter_name if is_simple else None


class LeanChangeList(ChangeList):
    """Leaves out of its query what a list does not show."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        queryset = super().get_queryset(request, exclude_parameters)
        screen = self.model_admin
        return queryset.defer(*screen.list_deferred) if isinstance(screen, Screen) else queryset


class Screen(admin.ModelAdmin):
    """Lists and pages of one model."""

    list_deferred: ClassVar[tuple[str, ...]] = ()
    """Heavy or private columns that the list neither shows nor reads."""
    empty_list_text: ClassVar[str] = ""
    """What would be in the list and how it gets there."""
    owned: ClassVar[bool] = False
    """Rows have an `owner`, whose name is shown."""

    change_list_template = "admin/agentic_checkout/screen_list.html"
    change_form_template = "admin/agentic_checkout/screen_detail.html"
    created = staticmethod(when("created_at"))
    updated = staticmethod(when("updated_at"))
    expires = staticmethod(when("expires_at"))

    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 200

    class Media:
        css = {"all": ("agentic_checkout/admin.css",)}
        js = ("agentic_checkout/admin.js",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        return rows.annotate(owner_name=outside().owner_name) if self.owned else rows

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return LeanChangeList

    # Services open transactions of their own; the merchant's ATOMIC_REQUESTS must not be around them.
    @transaction.non_atomic_requests
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return super().changelist_view(request, extra_context)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Only the offered filters: Django would let anyone probe every column letter by letter."""
        assert request is not None
        return any(
            lookup.split("__")[0] == entry if isinstance(entry, str) else _parameter(entry) == lookup
            for entry in self.get_list_filter(request)
        )

    def search(self, term: str) -> Q:
        """The rows that `term` finds: whole values, so that an index answers."""
        return Q(pk=term)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        return (queryset.filter(self.search(term)) if term else queryset), False

    def has_act_permission(self, request: HttpRequest) -> bool:
        name = get_permission_codename("change", self.opts)
        return bool(request.user.has_perm(f"{self.opts.app_label}.{name}"))

    def offers(self, action: str, row: Any) -> bool:
        """Whether the page of `row` has a button for the action."""
        return True

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = kwargs.get("obj")
        ours = self.actions or ()
        context["agentic_actions"] = [
            (name, entry[2])
            for name, entry in self.get_actions(request).items()
            if entry and row is not None and name in ours and self.offers(name, row)
        ]
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description="id")
    def id_in_full(self, row: Any) -> SafeString:
        return copyable(row.pk)

    @admin.display(description="owner")
    def owner_shown(self, row: Any) -> str:
        """The agent's name; the owner's text when no agent goes by it."""
        return row.owner_name or visible(row.owner)

    @admin.display(description="owner")
    def owner_in_full(self, row: Any) -> SafeString:
        return format_html("{} {}", row.owner_name or "", copyable(visible(row.owner)))

    def note(self, request: HttpRequest, row: Model, text: str) -> None:
        """The audit line: who did what to `row`, and why."""
        self.log_change(request, row, text)


class ReadOnlyScreen(Screen):
    """Money and state: to be looked at, and moved by services alone (T95)."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class PurchaseScreen(ReadOnlyScreen):
    """Rows with an `amount` in a `currency`, most of them of one session."""

    @admin.display(description="amount")
    def amount_shown(self, row: Any) -> str:
        return display(row.amount, row.currency)

    @admin.display(description="session")
    def session_link(self, row: Any) -> SafeString:
        return link(CheckoutSession, row.session_id)

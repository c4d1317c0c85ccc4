"""The operator's screen of policies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from checkout import simulation_admin
from checkout.money import display
from checkout.screens import NOTHING, Screen
from checkout.untrusted import visible
from interventions import failures
from interventions.models import REQUIRABLE, Policy
from interventions.ports import ports


class PolicyForm(forms.ModelForm):
    kinds = forms.MultipleChoiceField(
        label="types",
        choices=[(kind.value, kind.value) for kind in REQUIRABLE],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )

    class Meta:
        model = Policy
        fields = (
            "name",
            "active",
            "item_tag",
            "minimum_amount",
            "currency",
            "countries",
            "owner",
            "handler",
            "kinds",
            "approval",
            "hand_over",
            "check_address",
            "enforcement",
        )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        parts = ports()
        runnable = ", ".join(kind.value for kind in REQUIRABLE if kind in parts.providers)
        self.fields["kinds"].help_text = f"What the person must do. This installation can run: {runnable}."
        self._choose("owner", "every agent", parts.agents())
        self._choose("handler", "every way to pay", parts.handlers())

    def _choose(self, name: str, everything: str, known: Sequence[tuple[str, str]]) -> None:
        """The field offers what is known, and what the policy says already: a typing error would match
        nothing, and so ask for nothing."""
        said = getattr(self.instance, name)
        gone = [(said, f"{visible(said)} (not there any more)")] if said and said not in dict(known) else []
        self.fields[name] = forms.ChoiceField(
            label=self.fields[name].label,
            choices=[("", everything), *known, *gone],
            required=False,
            help_text=self.fields[name].help_text,
        )


@admin.register(Policy)
class PolicyAdmin(Screen):
    """Changes count at once in this process and within five seconds in the others."""

    form = PolicyForm
    change_list_template = "admin/agentic_checkout/policy_list.html"
    owned = True
    empty_list_text = (
        "When a person must act would be here. Without a policy nobody is asked for anything; add one to "
        "ask for a one-time code, for example, from an amount on."
    )
    list_display = ("name", "active", "when", "asks", "enforcement")
    list_filter = ("active", "enforcement")
    readonly_fields = ("providers",)
    search_fields = ("name",)
    search_help_text = "Part of the name or of the item tag."
    fieldsets = (
        (None, {"fields": ("name", "active")}),
        (
            "When",
            {
                "fields": ("item_tag", "minimum_amount", "currency", "countries", "owner", "handler"),
                "description": "All that is filled in has to hold.",
            },
        ),
        (
            "What the person must do",
            {"fields": ("kinds", "enforcement", "hand_over", "approval", "providers")},
        ),
        ("What the buyer is told", {"fields": ("check_address",)}),
    )

    def get_urls(self) -> list[URLPattern]:
        simulation = self.admin_site.admin_view(self.simulate)
        ours = [path("simulation/", simulation, name="agentic_interventions_policy_simulation")]
        return ours + super().get_urls()

    def simulate(self, request: HttpRequest) -> HttpResponse:
        """What a session would need. Changes nothing."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return simulation_admin.page(self, request)

    def search(self, term: str) -> Q:
        return Q(name__icontains=term) | Q(item_tag__icontains=term)

    @admin.display(description="applies")
    def when(self, policy: Policy) -> str:
        """Its conditions, all of which have to hold."""
        conditions = (
            (policy.item_tag, f"tag {policy.item_tag}"),
            (policy.minimum_amount, f"from {self._amount(policy)} on"),
            (policy.currency, f"in {policy.currency.upper()}"),
            (policy.countries, f"to {policy.countries}"),
            (policy.owner, f"by {self.owner_shown(policy)}"),
            (policy.handler, f"paid with {visible(policy.handler)}"),
        )
        return "; ".join(text for value, text in conditions if value) or "to everything"

    @staticmethod
    def _amount(policy: Policy) -> str:
        if policy.currency:
            return display(policy.minimum_amount, policy.currency)
        return f"{policy.minimum_amount} minor units"

    @admin.display(description="asks for")
    def asks(self, policy: Policy) -> str:
        also = {
            "approval": policy.approval,
            "address check": policy.check_address,
            "may be handed over": policy.hand_over,
        }
        return ", ".join([*policy.kinds, *(name for name, wanted in also.items() if wanted)])

    @admin.display(description="who runs them")
    def providers(self, policy: Policy) -> SafeString | str:
        """Each type of the policy, by whom it is run, and whether that failed lately."""
        failed = failures.recent(policy.kinds)
        rows = ((kind, _health(kind, failed.get(kind))) for kind in policy.kinds)
        return format_html_join(SafeString("<br>"), "{}: {}", rows) or NOTHING


def _health(kind: str, failed: failures.Failures | None) -> str:
    provider = ports().providers.get(kind)
    if provider is None:
        return "nobody here can run it: what the policy matches cannot be sold"
    if failed is None:
        return "no failure in the last hour"
    often = f"{failed.count} times" if failed.count > 1 else "once"
    return f"last failed {timesince(failed.last_at)} ago, {often} in the last hour"

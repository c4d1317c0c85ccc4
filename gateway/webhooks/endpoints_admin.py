"""The operator's screen of webhook endpoints. A secret is shown once, when it is made."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.views.decorators.debug import sensitive_variables

from checkout.confirmation import Decision, ReasonForm, ask, onward
from checkout.screens import ACT, Screen, when
from gateway.models import WebhookEndpoint
from gateway.shown_once import shown_once
from gateway.webhooks import endpoints, trying

KEPT = "it is stored encrypted, to sign with, and nothing shows it again"


class EndpointForm(forms.ModelForm):
    """Where an agent is told, judged as every request to it will be."""

    class Meta:
        model = WebhookEndpoint
        fields = ("agent", "url")
        help_texts = {
            "url": "Public https, for example https://platform.example/agentic_checkout/webhooks/order_events"
        }

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        if problem := endpoints.refusal(url):
            raise ValidationError(problem)
        return url

    @sensitive_variables("secret")
    def clean(self) -> dict[str, Any] | None:
        """The endpoint is there, or the form says why not: who was first is decided with it."""
        given = super().clean()
        if given and not self.errors:
            try:
                self.made = endpoints.add(given["agent"], given["url"])
            except endpoints.EndpointNotTaken as problem:
                raise ValidationError(str(problem)) from None
        return given


class OverlapForm(ReasonForm):
    overlap_hours = forms.FloatField(
        min_value=0,
        max_value=24 * 30,
        required=False,
        help_text="The older secret signs where the new one is refused, so long; empty: as set.",
    )


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(Screen):
    """Where agents are told of their orders. Endpoints stay, because deliveries name them."""

    form = EndpointForm
    empty_list_text = "Where agents are told of their orders would be here. Add one to get its secret."
    list_display = ("id", "agent", "url", "state", "failures", "success", "failure", "created")
    list_select_related = ("agent",)
    list_filter = ("active", "agent")
    search_fields = ("id",)
    search_help_text = "The whole id, or the whole id or name of an agent."
    actions = ("rotate", "disable", "enable", "test")

    success = staticmethod(when("last_success_at", "last success"))
    failure = staticmethod(when("last_failure_at", "last failure"))
    left_alone = staticmethod(when("open_until", "left alone until"))
    older = staticmethod(when("older_until", "older secret signs until"))
    disabled = staticmethod(when("disabled_at"))

    ROTATE: ClassVar = Decision(
        action="rotate",
        title="Make a new secret",
        will="Deliveries are signed with a new secret, shown once on the next page. A receiver that refuses "
        "it is asked once more with the older one, for the hours you give; then the older one is erased.",
        button="Make the secret",
    )
    DISABLE: ClassVar = Decision(
        action="disable",
        title="Disable endpoints",
        will="Nothing is sent there any more. Events that are open, and those that come, are kept as dead "
        "and can be replayed when the endpoint is enabled again.",
        button="Disable",
    )
    ENABLE: ClassVar = Decision(
        action="enable",
        title="Enable endpoints",
        will="Events that come are sent there again. Dead ones wait for a replay in the list of deliveries.",
        button="Enable",
    )
    TEST: ClassVar = Decision(
        action="test",
        title="Send a sample",
        will="A signed event of the type test, of an order that does not exist, is sent there now, and the "
        "answer is shown. It is not tried again.",
        button="Send it",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEndpoint]:
        return super().get_queryset(request).defer("sealed_secret", "sealed_older")

    def search(self, term: str) -> Q:
        return Q(pk=term) | Q(agent=term) | Q(agent__name=term)

    def get_fieldsets(self, request: HttpRequest, obj: WebhookEndpoint | None = None) -> Any:
        if obj is None:
            return ((None, {"fields": ("agent", "url")}),)
        return ((None, {"fields": self.get_readonly_fields(request, obj)}),)

    def get_readonly_fields(self, request: HttpRequest, obj: WebhookEndpoint | None = None) -> Any:
        if obj is None:
            return ()
        told = ("state", "failures", "left_alone", "success", "failure", "disabled_because", "disabled")
        return ("id_in_full", "agent", "url", *told, "older", "created")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def offers(self, action: str, row: WebhookEndpoint) -> bool:
        return {"disable": row.active, "enable": not row.active}.get(action, True)

    def save_model(self, request: HttpRequest, obj: WebhookEndpoint, form: Any, change: bool) -> None:
        """The form made it already; nothing about it is edited afterwards."""
        if not change:
            obj.pk = form.made[0].pk
            obj.created_at = form.made[0].created_at
            obj._state.adding = False
            request.agentic_made = [form.made]  # type: ignore[attr-defined]

    def response_add(
        self, request: HttpRequest, obj: WebhookEndpoint, post_url_continue: Any = None
    ) -> HttpResponse:
        made = request.agentic_made  # type: ignore[attr-defined]
        return shown_once(self, request, made, title="New webhook secret", kept=KEPT)

    @admin.display(description="state")
    def state(self, endpoint: WebhookEndpoint) -> str:
        return endpoints.state(endpoint)

    @admin.action(description="Make a new secret", permissions=[ACT])
    @sensitive_variables("made")
    def rotate(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> HttpResponse | None:
        confirmed = ask(self, request, queryset, self.ROTATE, OverlapForm)
        if confirmed is None or isinstance(confirmed, HttpResponse):
            return confirmed
        hours = confirmed.answers["overlap_hours"]
        made = [(row, endpoints.rotate(row, overlap_hours=hours)) for row in confirmed.rows]
        for row in confirmed.rows:
            self.note(request, row, f"New webhook secret: {confirmed.reason}")
        return shown_once(self, request, made, title="New webhook secret", kept=KEPT)

    @admin.action(description="Disable", permissions=[ACT])
    def disable(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> HttpResponse | None:
        confirmed = ask(self, request, queryset, self.DISABLE)
        if confirmed is None or isinstance(confirmed, HttpResponse):
            return confirmed
        for row in confirmed.rows:
            outcome = "disabled" if endpoints.disable(row, confirmed.reason) else "disabled already"
            self._tell(request, row, outcome, confirmed.reason)
        return onward(request, confirmed.rows)

    @admin.action(description="Enable", permissions=[ACT])
    def enable(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> HttpResponse | None:
        confirmed = ask(self, request, queryset, self.ENABLE)
        if confirmed is None or isinstance(confirmed, HttpResponse):
            return confirmed
        for row in confirmed.rows:
            try:
                outcome = "enabled" if endpoints.enable(row) else "enabled already"
            except endpoints.EndpointNotTaken as problem:
                self.message_user(request, f"{row}: {problem}", messages.ERROR)
                continue
            self._tell(request, row, outcome, confirmed.reason)
        return onward(request, confirmed.rows)

    @admin.action(description="Send a sample", permissions=[ACT])
    def test(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> HttpResponse | None:
        if queryset.count() != 1:
            self.message_user(request, "Choose one endpoint.", messages.ERROR)
            return None
        confirmed = ask(self, request, queryset, self.TEST)
        if confirmed is None or isinstance(confirmed, HttpResponse):
            return confirmed
        (row,) = confirmed.rows
        good, verdict = trying.sample(row)
        self.note(request, row, f"Sample sent ({verdict}): {confirmed.reason}")
        self.message_user(request, f"{row}: {verdict}", messages.SUCCESS if good else messages.ERROR)
        return onward(request, confirmed.rows)

    def _tell(self, request: HttpRequest, row: WebhookEndpoint, outcome: str, reason: str) -> None:
        self.note(request, row, f"The endpoint is {outcome}: {reason}")
        self.message_user(request, f"{row} is {outcome}.", messages.SUCCESS)

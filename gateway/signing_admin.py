"""The operator's screens of signing keys. A secret is shown once, when it is made, and never read back."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.views.decorators.debug import sensitive_variables

from checkout.confirmation import Confirmed, Decision, ReasonForm, ask, onward
from checkout.screens import ACT, NOTHING, ReadOnlyScreen, Screen, copyable, when
from gateway import public_keys, signing_keys
from gateway.models import Agent, AgentSigningKey, Signed
from gateway.shown_once import shown_once

KEPT = "it is stored encrypted, to verify with, and nothing shows it again"


class Unrepeated(forms.Textarea):
    """Comes back empty after a refusal: somebody may have pasted a private key."""

    def format_value(self, value: Any) -> None:
        return None


class SigningKeyForm(ReasonForm):
    """How the agent will sign, and what becomes of its older keys."""

    signs = forms.ChoiceField(
        choices=Signed.choices, help_text="What the agent signs. See docs/signatures.md."
    )
    older_hours = forms.FloatField(
        min_value=0,
        max_value=24 * 30,
        required=False,
        help_text="The older signing keys end after so many hours; 0: now; empty: they stay.",
    )
    label = forms.CharField(max_length=100, required=False, help_text="Where the key will be used.")


class PublicKeyForm(SigningKeyForm):
    """A public key that can be used, or the reason why not beside it."""

    public_key = forms.CharField(
        max_length=public_keys.LONGEST,
        widget=Unrepeated,
        help_text="The agent's public key, Ed25519 or P-256: PEM, one JWK, or the bare key in base64url.",
    )
    field_order = ("public_key", "signs", "older_hours", "label", "reason")

    def clean_public_key(self) -> str:
        given: str = self.cleaned_data["public_key"]
        try:
            public_keys.read(given)
        except public_keys.BadPublicKey as problem:
            raise forms.ValidationError(str(problem)) from None
        return given


@admin.display(description="state")
def state(key: AgentSigningKey) -> str:
    return signing_keys.state(key)


@admin.display(description="SHA-256 of the public key")
def fingerprint(key: AgentSigningKey) -> str | SafeString:
    """A secret has none: it would be a hash to guess against."""
    return copyable(public_keys.fingerprint(key.public_key)) if key.public_key else NOTHING


class SigningKeyInline(admin.TabularInline):
    """The keys that the agent signs with, as far as they can be known."""

    model = AgentSigningKey
    fields = ("algorithm", "signs", "label", "state", "fingerprint", "created", "expires", "revoked")
    readonly_fields = fields
    extra = 0
    can_delete = False
    show_change_link = True
    verbose_name_plural = "signing keys"

    state = staticmethod(state)
    fingerprint = staticmethod(fingerprint)
    created = staticmethod(when("created_at"))
    expires = staticmethod(when("expires_at"))
    revoked = staticmethod(when("revoked_at"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[AgentSigningKey]:
        return super().get_queryset(request).defer("sealed_secret")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class SigningActions(Screen):
    """What operators do on an agent's page about its signing keys."""

    ADD: ClassVar = Decision(
        action="add_public_key",
        title="Add a public key to sign with",
        will="Signatures of this agent that fit the key are accepted from the next request on, and one that "
        "fits none of its keys is refused. Whether it has to sign is a choice on its page.",
        button="Add the key",
    )
    MAKE: ClassVar = Decision(
        action="make_secret",
        title="Make a secret to sign with",
        will="This agent gets a secret for HMAC-SHA256, shown once on the next page. From the next request "
        "on, a signature of it that fits none of its keys is refused.",
        button="Make the secret",
    )

    @admin.action(description="Add a public key", permissions=[ACT])
    def add_public_key(self, request: HttpRequest, queryset: QuerySet[Agent]) -> HttpResponse | None:
        confirmed = self._for_one(request, queryset, self.ADD, PublicKeyForm)
        if confirmed is None or isinstance(confirmed, HttpResponse):
            return confirmed
        (agent,) = confirmed.rows
        try:
            key = signing_keys.add(agent, confirmed.answers["public_key"], **_manner(confirmed))
        except signing_keys.KeyNotTaken as problem:
            self.message_user(request, str(problem), messages.ERROR)
            return onward(request, confirmed.rows)
        self.note(request, agent, f"Signing key {key.pk} ({key.algorithm}) added: {confirmed.reason}")
        text = (
            f"{agent.name} signs with a key that has the SHA-256 {public_keys.fingerprint(key.public_key)}."
        )
        self.message_user(request, text, messages.SUCCESS)
        return onward(request, confirmed.rows)

    @admin.action(description="Make a signing secret", permissions=[ACT])
    @sensitive_variables("secret")
    def make_secret(self, request: HttpRequest, queryset: QuerySet[Agent]) -> HttpResponse | None:
        confirmed = self._for_one(request, queryset, self.MAKE, SigningKeyForm)
        if confirmed is None or isinstance(confirmed, HttpResponse):
            return confirmed
        (agent,) = confirmed.rows
        try:
            key, secret = signing_keys.add_secret(agent, **_manner(confirmed))
        except signing_keys.KeyNotTaken as problem:
            self.message_user(request, str(problem), messages.ERROR)
            return onward(request, confirmed.rows)
        self.note(request, agent, f"Signing key {key.pk} ({key.algorithm}) made: {confirmed.reason}")
        return shown_once(self, request, [(agent, secret)], title="New signing secret", kept=KEPT)

    def _for_one(
        self,
        request: HttpRequest,
        queryset: QuerySet[Agent],
        decision: Decision,
        form_class: type[SigningKeyForm],
    ) -> Confirmed[Agent] | HttpResponse | None:
        """Two agents with one key could sign for each other."""
        if queryset.count() != 1:
            self.message_user(request, "Choose one agent.", messages.ERROR)
            return None
        return ask(self, request, queryset, decision, form_class)


def _manner(confirmed: Confirmed[Agent]) -> dict[str, Any]:
    return {name: confirmed.answers[name] for name in ("signs", "older_hours", "label")}


@admin.register(AgentSigningKey)
class AgentSigningKeyAdmin(ReadOnlyScreen):
    """Signing keys are added on the agent's page. Nothing here can give a secret away."""

    empty_list_text = "Keys that agents sign with would be here. Add one on the page of an agent."
    list_display = ("id", "agent", "algorithm", "signs", "label", "state", "created", "expires", "revoked")
    list_select_related = ("agent",)
    search_fields = ("id",)
    search_help_text = "The whole id or name of an agent."
    fields = (*list_display[1:5], "fingerprint", *list_display[5:])
    actions = ("revoke",)

    state = staticmethod(state)
    fingerprint = staticmethod(fingerprint)
    revoked = staticmethod(when("revoked_at"))

    REVOKE: ClassVar = Decision(
        action="revoke",
        title="Revoke signing keys",
        will="Nothing signed with these keys is accepted any more, from the next request on. A secret among "
        "them is erased. This cannot be undone, and a revoked public key cannot be added again.",
        button="Revoke these keys",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[AgentSigningKey]:
        return super().get_queryset(request).defer("sealed_secret")

    def search(self, term: str) -> Q:
        return Q(agent=term) | Q(agent__name=term)

    def offers(self, action: str, row: AgentSigningKey) -> bool:
        return row.revoked_at is None

    @admin.action(description="Revoke", permissions=[ACT])
    def revoke(self, request: HttpRequest, queryset: QuerySet[AgentSigningKey]) -> HttpResponse | None:
        confirmed = ask(self, request, queryset, self.REVOKE)
        if confirmed is None or isinstance(confirmed, HttpResponse):
            return confirmed
        for key in confirmed.rows:
            outcome = "revoked" if signing_keys.revoke(key) else "revoked already"
            self.note(request, key, f"The signing key is {outcome}: {confirmed.reason}")
            text = f"Signing key {key.pk} of {key.agent.name}: {outcome}."
            self.message_user(request, text, messages.SUCCESS)
        return onward(request, confirmed.rows)

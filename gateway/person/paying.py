"""The form with which a person pays on our page: a part that goes with the payment provider.

A provider takes tokens, and who hands out tokens to a person differs from one to the next. So the form
is a part of its own, found by the provider in use, or named in `PAYMENT_FORM` for one that is not ours.
Without one nobody can pay here, and the page says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from django.core.exceptions import ImproperlyConfigured

from checkout.models import CheckoutSession
from checkout.payments.acquirer import AcquirerProvider
from checkout.payments.guard import Guarded
from checkout.payments.outcomes import Instrument
from checkout.payments.sandbox import SandboxProvider
from checkout.payments.stripe_payments import StripeProvider
from checkout.ports import ports
from gateway.conf import conf, load
from gateway.person.pay_terms import Policy, Untaken
from gateway.person.sandbox_form import SandboxForm
from gateway.person.stripe_form import StripeForm


class PersonForm(Protocol):
    """What a person is shown to pay with, and what comes of it. Nothing of a card reaches us: the form
    brings what stands for one."""

    @property
    def template(self) -> str:
        """The fields, which the page puts into its own form, above the button that pays."""
        ...

    @property
    def script(self) -> str:
        """A static file that makes them work, or "" for fields that work by themselves."""
        ...

    @property
    def policy(self) -> Policy:
        """What of other sites the page may use for it; mostly nothing."""
        ...

    def shown(self, session: CheckoutSession) -> Mapping[str, Any]:
        """What the template is filled with. Local and quick, no transaction is open."""
        ...

    def instrument(self, session: CheckoutSession, sent: Mapping[str, str]) -> Instrument | Untaken:
        """What the session is paid with, or why not. `sent` is the form as it came from the browser, so
        nothing in it is believed that the provider did not say. May be slow; no transaction is open.
        Raises ProviderUnavailable."""
        ...


__all__ = ["PersonForm", "Policy", "Untaken", "form", "of"]


def form() -> PersonForm | None:
    """The form of the payment provider in use; None: nobody can pay here."""
    if conf().PAYMENT_FORM:
        try:
            named: PersonForm = load(conf().PAYMENT_FORM)
        except ImproperlyConfigured:  # reported by the system checks
            return None
        return named
    provider = ports().payments
    return of(provider.inner if isinstance(provider, Guarded) else provider)


def of(provider: object) -> PersonForm | None:
    """The form that goes with one of our own providers."""
    match provider:
        case SandboxProvider() | AcquirerProvider():
            return SandboxForm(asks=provider.supports_3ds)
        case StripeProvider() if provider.terms.publishable_key:
            return StripeForm(provider)
    return None

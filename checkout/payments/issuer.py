"""A card's issuer as the pages for people see it: somebody else's page, and a payment provider's word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from checkout import authentication
from checkout.completion import attempt_of
from checkout.errors import ProviderUnavailable
from checkout.models import Payment
from checkout.ports import Attempt, Authorized, Declined, ports
from checkout.states import PaymentState
from interventions.errors import ProviderSilent
from interventions.models import Intervention
from interventions.ports import Begun, Challenge, NotYet, Passed, Refused, Verdict


class IssuerPage:
    """Implements `interventions.ports.PageProvider` for 3-D Secure with whatever provider is plugged in.

    What a browser brings back is never looked at: the payment provider is asked, server to server.
    """

    @property
    def name(self) -> str:
        return str(getattr(_provider(), "issuer_name", ""))

    @property
    def origins(self) -> Sequence[str]:
        return tuple(getattr(_provider(), "challenge_origins", ()))

    def begin(self, challenge: Challenge, *, return_to: str, state: str) -> Begun:
        payment = _payment(challenge)
        if payment.state != PaymentState.REQUIRES_ACTION:
            raise ProviderSilent
        try:
            return Begun(_provider().challenge_page(_attempt(payment), return_to=return_to, state=state))
        except ProviderUnavailable:
            raise ProviderSilent from None

    def verify(self, challenge: Challenge, evidence: Mapping[str, str]) -> Verdict:
        attempt = _attempt(_payment(challenge))
        try:
            known = ports().payments.retrieve(attempt)
        except ProviderUnavailable:
            raise ProviderSilent from None
        match known:
            case Authorized() if attempt.authentication_required and not known.authenticated:
                return Refused("not authenticated")
            case Authorized():
                return Passed()
            case Declined(code):
                return Refused(code)
            case _:
                return NotYet()


def _provider() -> Any:
    return ports().payments


def _payment(challenge: Challenge) -> Payment:
    """The payment that the intervention is bound to."""
    bound = Intervention.objects.values_list("binding", flat=True).get(pk=challenge.id)
    return Payment.objects.select_related("session").get(pk=bound)


def _attempt(payment: Payment) -> Attempt:
    return attempt_of(payment, demanded=authentication.demanded(payment.session))

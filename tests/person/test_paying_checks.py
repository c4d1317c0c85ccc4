"""Whoever is sent to our page to pay can do so there, or an operator is told (AJ-084)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from django.core.checks import run_checks

from checkout.models import CheckoutSession
from checkout.payments.outcomes import DELEGATED, Instrument
from gateway.person import paying
from gateway.person.pay_terms import OURS_ALONE, Policy
from tests.parts import plugged
from tests.people import heading
from tests.person.handed_over import THANKS, Buyer, link


class OwnForm:
    """What a merchant writes for a provider of their own; implements `paying.PersonForm`."""

    template = "agentic/pay_sandbox.html"
    script = ""
    policy: Policy = OURS_ALONE

    def shown(self, session: CheckoutSession) -> Mapping[str, Any]:
        return {"cards": ()}

    def instrument(self, session: CheckoutSession, sent: Mapping[str, str]) -> Instrument:
        return Instrument("sandbox_card", "card", DELEGATED, "spt_of_the_merchant")


def found() -> list[str | None]:
    return [entry.id for entry in run_checks() if (entry.id or "").endswith(("E180", "W180"))]


def test_the_sandbox_has_a_form() -> None:
    assert found() == []
    assert paying.form() is not None


def test_a_form_that_cannot_be_made_is_an_error(settings: Any) -> None:
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "PAYMENT_FORM": "tests.nowhere.Form"}

    assert found() == ["agentic.E180"]
    assert paying.form() is None


def test_a_provider_without_a_form_is_a_warning() -> None:
    class Other:
        def __getattr__(self, name: str) -> Any:
            raise AttributeError(name)

    with plugged(payments=Other()):
        assert found() == ["agentic.W180"]


@pytest.mark.usefixtures("shop")
def test_a_merchants_own_form_pays(settings: Any) -> None:
    own = "tests.person.test_paying_checks.OwnForm"
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "PAYMENT_FORM": own}
    buyer = Buyer()

    done = buyer.pay(buyer.to_the_payment(link(("item_mug", 1))))

    assert found() == []
    assert heading(done) == THANKS

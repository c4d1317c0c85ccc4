"""A payment provider that moves no money: for trying the product and for tests.

It keeps books of its own, honours the attempt's id as idempotency key, and would charge twice
if it were given two. Tokens:

    spt_sandbox_ok         authorized
    spt_sandbox_declined   declined
    any other spt_ / tok_  authorized
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext_noop

from checkout.models import SandboxCharge
from checkout.ports import Attempt, Authorized, Declined, Handler, Outcome, ProviderEvent, Unknown
from interventions.prepared import insert

WELL_FORMED = re.compile(r"(?:spt|tok)_[A-Za-z0-9_-]{1,200}")

AUTHORIZED, DECLINED, VOIDED = "authorized", "declined", "voided"


HANDLERS = (
    Handler(
        id="sandbox_card",
        name="dev.acp.tokenized.card",
        version="2026-04-17",
        display_name="Card (sandbox)",
        spec="https://www.agenticcommerce.dev/handlers/tokenized-card",
        psp="sandbox",
        config_schema="https://www.agenticcommerce.dev/schemas/handlers/tokenized-card/config.json",
        instrument_schemas=(
            "https://www.agenticcommerce.dev/schemas/handlers/tokenized-card/instrument.json",
        ),
        config={
            "merchant_id": "sandbox-merchant",
            "merchant_display_name": "Sandbox merchant",
            "psp": "sandbox",
            "delegate_id": "sandbox",
            "delegate_display_name": "Sandbox",
            "accepted_brands": ["visa", "mastercard", "amex"],
            "accepted_funding_types": ["credit", "debit", "prepaid"],
            "supports_3ds": False,
            "environment": "sandbox",
        },
        display_order=1,
    ),
)


class SandboxProvider:
    """Implements `ports.PaymentProvider`. Never raises ProviderUnavailable."""

    def handlers(self, *, currency: str) -> Sequence[Handler]:
        return HANDLERS

    def authorize(self, attempt: Attempt) -> Outcome:
        token = attempt.instrument.token if attempt.instrument else ""
        good = bool(WELL_FORMED.fullmatch(token)) and token != "spt_sandbox_declined"
        reference = f"sbx_{attempt.id}"
        row = SandboxCharge(
            reference=reference,
            key=attempt.id,
            session=attempt.session_id,
            amount=attempt.amount,
            currency=attempt.currency,
            outcome=AUTHORIZED if good else DECLINED,
        )
        if not insert([row], unless_there=True):
            row = SandboxCharge.objects.get(key=attempt.id)
        return self._outcome(row)

    def resume(self, attempt: Attempt, result: Mapping[str, Any]) -> Outcome:
        outcome = self.retrieve(attempt)
        return Declined("unknown_attempt") if isinstance(outcome, Unknown) else outcome

    def capture(self, attempt: Attempt, reference: str) -> Authorized | Declined:
        rows = SandboxCharge.objects.filter(reference=reference, outcome=AUTHORIZED)
        if rows.update(captured=F("amount")):
            return Authorized(reference, captured=True)
        return Declined("not_authorized", reference=reference)

    def void(self, attempt: Attempt, reference: str) -> None:
        SandboxCharge.objects.filter(reference=reference, outcome=AUTHORIZED, captured=0).update(
            outcome=VOIDED
        )

    def refund(self, attempt: Attempt, reference: str, *, amount: int, key: str) -> None:
        with transaction.atomic():
            row = SandboxCharge.objects.select_for_update().get(reference=reference)
            if key not in row.refunds and sum(row.refunds.values()) + amount <= row.captured:
                row.refunds[key] = amount
                row.save(update_fields=["refunds"])

    def retrieve(self, attempt: Attempt) -> Outcome | Unknown:
        row = SandboxCharge.objects.filter(key=attempt.id).first()
        return self._outcome(row) if row else Unknown()

    def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> ProviderEvent | None:
        """The sandbox sends none, so nothing that claims to be one is genuine."""
        return None

    @staticmethod
    def _outcome(row: SandboxCharge) -> Outcome:
        if row.outcome == AUTHORIZED:
            return Authorized(row.reference, captured=row.captured > 0)
        message = gettext_noop("The card was declined. Try another way to pay.")
        return Declined("card_declined", message, row.reference)

"""A payment provider that moves no money: for trying the product and for tests.

It keeps books of its own, honours the attempt's id as idempotency key, and would charge twice
if it were given two. Tokens:

    spt_sandbox_ok                authorized
    spt_sandbox_declined          declined
    spt_sandbox_3ds_frictionless  authorized, the holder's bank answers for them without a challenge
    spt_sandbox_3ds_challenge     the holder's bank asks them first
    spt_sandbox_3ds_denied        it asks, and says no whatever they answer
    spt_sandbox_3ds_unavailable   it wants to ask, and cannot
    any other spt_ / tok_         authorized, after a challenge where the merchant demands one
    vt_...                        what the card does that the sandbox vault gave this token for; once,
                                  and within what the token allows

The bank is somebody else's server (`sandbox_bank`); without one, only the first three and the last
work, and a challenge is declined.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from django.db import transaction
from django.db.models import F, Q
from django.utils.translation import gettext_noop

from checkout.errors import ProviderUnavailable
from checkout.models import SandboxCharge
from checkout.payments import results
from checkout.payments.allowances import PREFIX
from checkout.payments.sandbox_bank import SandboxBank
from checkout.payments.vault import NotRedeemed, Redeemer, Redemption
from checkout.ports import (
    ActionRequired,
    Attempt,
    Authorized,
    Declined,
    Handler,
    LedgerEntry,
    Outcome,
    ProviderEvent,
    Refunded,
    Unknown,
)
from interventions.prepared import insert

WELL_FORMED = re.compile(r"(?:spt|tok)_[A-Za-z0-9_-]{1,200}")

AUTHORIZED, DECLINED, VOIDED, CHALLENGED = "authorized", "declined", "voided", "challenged"
LEDGER_STATES: Mapping[str, Literal["waiting", "authorized", "voided", "declined"]] = {
    AUTHORIZED: "authorized",
    DECLINED: "declined",
    VOIDED: "voided",
    CHALLENGED: "waiting",
}

LEDGER_PAGE = 1000

BEHAVIOURS = {
    "spt_sandbox_3ds_challenge": "ask",
    "spt_sandbox_3ds_denied": "deny",
    "spt_sandbox_3ds_unavailable": "unavailable",
}
"""How the bank treats the holders of these cards."""

SHIFTED = frozenset({"05", "06"})
"""Indicators with which the issuer answers for the payment: the holder was seen, or would have been."""

METADATA = {
    "acquirer_details": {
        "acquirer_bin": "400000",
        "acquirer_country": "US",
        "acquirer_merchant_id": "sandbox-merchant",
        "merchant_name": "Sandbox merchant",
    },
    "directory_server": "visa",
    "flow_preference": {"type": "challenge", "challenge": {"type": "preferred"}},
}
"""What an agent needs for 3-D Secure (ACP-167); `sandbox_run_url` says where our bank runs it."""

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
    """Implements `ports.PaymentProvider`, `ports.LedgerProvider`, and `ports.AuthenticatingProvider`
    with a bank.

    Raises ProviderUnavailable when the bank is needed and silent.
    """

    _bank: SandboxBank | None = None
    _vault: Redeemer | None = None

    def __init__(self, bank: SandboxBank | None = None, vault: Redeemer | None = None) -> None:
        self._bank = bank
        self._vault = vault

    @property
    def supports_3ds(self) -> bool:
        return self._bank is not None

    @property
    def issuer_name(self) -> str:
        return self._bank.name if self._bank else ""

    @property
    def challenge_origins(self) -> Sequence[str]:
        return (self._bank.origin,) if self._bank else ()

    def handlers(self, *, currency: str) -> Sequence[Handler]:
        return [_running_3ds(handler) for handler in HANDLERS] if self._bank else HANDLERS

    def authorize(self, attempt: Attempt) -> Outcome:
        token = attempt.instrument.token if attempt.instrument else ""
        return self._outcome(self._opened(attempt, token))

    def resume(self, attempt: Attempt, result: Mapping[str, Any]) -> Outcome:
        row = SandboxCharge.objects.filter(key=attempt.id).first()
        if row is None:
            return Declined("unknown_attempt")
        bank = self._bank
        if row.outcome == CHALLENGED and bank is not None:
            if result["outcome"] in results.REFUSED:
                _move(row, DECLINED)
            elif result["outcome"] in results.PROVEN:
                details = result["outcome_details"]
                genuine = bank.proves(row.challenge, row.amount, row.currency, details)
                eci = details["electronic_commerce_indicator"] if genuine else ""
                _move(row, AUTHORIZED if genuine else DECLINED, eci=eci)
            elif bank.seen(row.challenge).status == "unavailable":
                _move(row, DECLINED if attempt.authentication_required else AUTHORIZED)
        return self._outcome(row)

    def capture(self, attempt: Attempt, reference: str) -> Authorized | Declined:
        rows = SandboxCharge.objects.filter(reference=reference, outcome=AUTHORIZED)
        if rows.update(captured=F("amount")):
            return Authorized(reference, captured=True)
        return Declined("not_authorized", reference=reference)

    def void(self, attempt: Attempt, reference: str) -> None:
        kept = (AUTHORIZED, CHALLENGED)
        SandboxCharge.objects.filter(reference=reference, outcome__in=kept, captured=0).update(outcome=VOIDED)

    def refund(self, attempt: Attempt, reference: str, *, amount: int, key: str) -> Refunded:
        with transaction.atomic():
            row = SandboxCharge.objects.select_for_update().get(reference=reference)
            if key not in row.refunds:
                if sum(row.refunds.values()) + amount > row.captured:
                    return Refunded("", "failed", "more_than_captured")
                row.refunds[key] = amount
                row.save(update_fields=["refunds"])
        return Refunded(f"sbxr_{key}")

    def retrieve(self, attempt: Attempt) -> Outcome | Unknown:
        row = SandboxCharge.objects.filter(key=attempt.id).first()
        return self._outcome(row) if row else Unknown()

    def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> ProviderEvent | None:
        """The sandbox sends none, so nothing that claims to be one is genuine."""
        return None

    def entries(self, since: datetime, until: datetime) -> Iterator[LedgerEntry]:
        """Page by page: whoever reads may write in between, which an open cursor of SQLite's does not
        take well."""
        made = SandboxCharge.objects.filter(created_at__lt=until).order_by("created_at", "pk")
        page = list(made.filter(created_at__gte=since)[:LEDGER_PAGE])
        while page:
            yield from map(_entry, page)
            last = page[-1]
            after = Q(created_at__gt=last.created_at) | Q(created_at=last.created_at, pk__gt=last.pk)
            left = made.filter(after, created_at__gte=last.created_at)
            page = list(left[:LEDGER_PAGE]) if len(page) == LEDGER_PAGE else []

    def challenge_page(self, attempt: Attempt, *, return_to: str, state: str) -> str:
        row = SandboxCharge.objects.filter(key=attempt.id).first()
        if row is None or self._bank is None or not row.challenge:
            raise ProviderUnavailable
        return self._bank.page_for(row.challenge, return_to=return_to, state=state)

    def _opened(self, attempt: Attempt, token: str) -> SandboxCharge:
        """The charge for a new attempt: vault and bank are asked before it is written, under our key."""
        token, card, refusal = self._behind(attempt, token)
        good = bool(WELL_FORMED.fullmatch(token)) and token != "spt_sandbox_declined"
        frictionless = token == "spt_sandbox_3ds_frictionless"
        row = SandboxCharge(
            reference=f"sbx_{attempt.id}",
            key=attempt.id,
            session=attempt.session_id,
            amount=attempt.amount,
            currency=attempt.currency,
            outcome=AUTHORIZED if good else DECLINED,
            eci="05" if good and frictionless else "",
            decline_code=refusal,
            card_digest=card,
        )
        if good and not frictionless and (attempt.authentication_required or token in BEHAVIOURS):
            row.outcome = CHALLENGED if self._bank else DECLINED
            if self._bank:
                behaviour = BEHAVIOURS.get(token, "ask")
                row.challenge = self._bank.ask(attempt.id, attempt.amount, attempt.currency, behaviour)
        if not insert([row], unless_there=True):
            row = SandboxCharge.objects.get(key=attempt.id)
        return row

    def _behind(self, attempt: Attempt, token: str) -> tuple[str, str, str]:
        """What a token from the vault stands for, the card's hash, and why it is not good for this
        attempt (ACP-183); any other token stands for itself."""
        if not token.startswith(PREFIX) or self._vault is None:
            return token, "", ""
        merchant = HANDLERS[0].config["merchant_id"]
        use = Redemption(attempt.id, attempt.session_id, attempt.amount, attempt.currency, merchant)
        found = self._vault.redeem(token, use)
        if isinstance(found, NotRedeemed):
            return "", "", found.code
        return found.stands_for, found.card, ""

    def _outcome(self, row: SandboxCharge) -> Outcome:
        if row.outcome == CHALLENGED and self._bank is not None:
            seen = self._bank.seen(row.challenge)
            if seen.status == "authenticated":
                _move(row, AUTHORIZED, eci=seen.eci)
            elif seen.status == "denied":
                _move(row, DECLINED)
        if row.outcome == CHALLENGED and self._bank is not None:
            return ActionRequired(
                row.reference,
                redirect_url=self._bank.page(row.challenge),
                metadata={**METADATA, "sandbox_run_url": self._bank.run(row.challenge)},
            )
        if row.outcome == AUTHORIZED:
            proven = row.eci in SHIFTED
            return Authorized(
                row.reference,
                captured=row.captured > 0,
                authenticated=proven,
                liability_shift=proven if row.eci or row.challenge else None,
            )
        message = gettext_noop("The card was declined. Try another way to pay.")
        if row.decline_code:
            message = gettext_noop(
                "This payment token is not good for this purchase. Try another way to pay."
            )
        return Declined(row.decline_code or "card_declined", message, row.reference)


def _entry(row: SandboxCharge) -> LedgerEntry:
    return LedgerEntry(
        reference=row.reference,
        attempt_id=row.key,
        state="captured" if row.captured else LEDGER_STATES[row.outcome],
        amount=row.amount,
        currency=row.currency,
        captured=row.captured,
        refunded=sum(row.refunds.values()),
        created_at=row.created_at,
    )


def _move(row: SandboxCharge, to: str, *, eci: str = "") -> None:
    """The challenged charge has come to this; somebody else's end of it stands."""
    if SandboxCharge.objects.filter(pk=row.pk, outcome=CHALLENGED).update(outcome=to, eci=eci):
        row.outcome, row.eci = to, eci
    else:
        row.refresh_from_db()


def _running_3ds(handler: Handler) -> Handler:
    return replace(handler, config={**handler.config, "supports_3ds": True, "3ds_versions": ["2.2"]})

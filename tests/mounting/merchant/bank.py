"""The merchant's bank behind the gateway's port. `tok_bank_broke` has no money."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Sum

from checkout.ports import Attempt, Authorized, Declined, Handler, Outcome, ProviderEvent, Refunded, Unknown
from tests.mounting.merchant.store.models import Transfer

HANDLER = "bank_card"
SPEC = "https://kaffee.example/agents/bank-card"


class Bank:
    """Implements `checkout.ports.PaymentProvider`. Refuses to work inside a transaction: a real
    bank is far away, and a rollback would forget what it did."""

    def handlers(self, *, currency: str) -> Sequence[Handler]:
        return (
            Handler(
                id=HANDLER,
                name="example.kaffee.card",
                version="2026-04-17",
                spec=SPEC,
                psp="kaffeebank",
                config_schema=f"{SPEC}/config.json",
                instrument_schemas=(f"{SPEC}/instrument.json",),
                config={"merchant_id": "kaffee", "psp": "kaffeebank", "environment": "production"},
            ),
        )

    def authorize(self, attempt: Attempt) -> Outcome:
        self._stand_alone()
        token = attempt.instrument.token if attempt.instrument else ""
        good = token.startswith("tok_bank_") and token != "tok_bank_broke"
        try:
            with transaction.atomic():
                transfer = Transfer.objects.create(
                    attempt=attempt.id,
                    session=attempt.session_id,
                    cents=attempt.amount,
                    state="held" if good else "refused",
                )
        except IntegrityError:
            transfer = Transfer.objects.get(attempt=attempt.id)
        return self._outcome(transfer)

    def resume(self, attempt: Attempt, result: Mapping[str, Any]) -> Outcome:
        known = self.retrieve(attempt)
        return Declined("unknown") if isinstance(known, Unknown) else known

    def capture(self, attempt: Attempt, reference: str) -> Authorized | Declined:
        self._stand_alone()
        if Transfer.objects.filter(attempt=attempt.id, state__in=("held", "moved")).update(state="moved"):
            return Authorized(reference, captured=True)
        return Declined("nothing_held", reference=reference)

    def void(self, attempt: Attempt, reference: str) -> None:
        self._stand_alone()
        Transfer.objects.filter(attempt=attempt.id, state="held").update(state="let_go")

    def refund(self, attempt: Attempt, reference: str, *, amount: int, key: str) -> Refunded:
        self._stand_alone()
        with transaction.atomic():
            transfer = Transfer.objects.select_for_update().get(attempt=attempt.id, state="moved")
            if not transfer.returns.filter(key=key).exists():
                sent_back = transfer.returns.aggregate(cents=Sum("cents"))["cents"] or 0
                if sent_back + amount > transfer.cents:
                    return Refunded("", "failed", "more_than_moved")
                transfer.returns.create(key=key, cents=amount)
        return Refunded(f"return of {key}")

    def retrieve(self, attempt: Attempt) -> Outcome | Unknown:
        self._stand_alone()
        transfer = Transfer.objects.filter(attempt=attempt.id).first()
        return self._outcome(transfer) if transfer else Unknown()

    def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> ProviderEvent | None:
        return None

    @staticmethod
    def _stand_alone() -> None:
        if connection.in_atomic_block:
            raise RuntimeError("The bank was called inside somebody's transaction.")

    @staticmethod
    def _outcome(transfer: Transfer) -> Outcome:
        if transfer.state in ("held", "moved"):
            return Authorized(f"bank_{transfer.pk}", captured=transfer.state == "moved")
        return Declined("no_money", "The bank did not pay.", f"bank_{transfer.pk}")

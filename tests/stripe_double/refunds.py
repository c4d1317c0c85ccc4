"""Money that goes back, at once or later."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any

from tests.stripe_double.answers import Form, member, missing, only, wrong
from tests.stripe_double.payments import EXPAND, Payments, page

Row = dict[str, Any]


class Refunds:
    def __init__(self, payments: Payments, tell: Callable[[str, Row], None]) -> None:
        self.payments, self.tell = payments, tell
        self.rows: dict[str, Row] = {}
        self.becomes = "succeeded"

    def create(self, form: Form) -> Row:
        fields = only(form, "payment_intent", "amount", "reason", r"metadata\[[a-z_]{1,40}\]", EXPAND)
        intent = self.payments.row(fields["payment_intent"])
        charge = self.payments.charges.get(intent["latest_charge"] or "")
        if intent["status"] != "succeeded" or charge is None:
            raise wrong("This PaymentIntent does not have a successful charge to refund.")
        left = charge["amount_captured"] - charge["amount_refunded"]
        amount = int(fields.get("amount", left))
        if left == 0:
            raise wrong("Charge has already been refunded.", "charge_already_refunded")
        if amount > left:
            raise wrong("Refund amount is greater than unrefunded amount on charge", param="amount")
        name = f"re_{secrets.token_hex(12)}"
        self.rows[name] = {
            "id": name,
            "object": "refund",
            "amount": amount,
            "charge": charge["id"],
            "created": int(time.time()),
            "currency": intent["currency"],
            "metadata": member(fields, "metadata"),
            "payment_intent": intent["id"],
            "status": self.becomes,
        }
        charge["amount_refunded"] += amount
        self.tell("refund.created", self.rows[name])
        self.tell("charge.refunded", charge)
        return dict(self.rows[name])

    def shown(self, name: str) -> Row:
        if name not in self.rows:
            raise missing(f"refund: '{name}'")
        return dict(self.rows[name])

    def become(self, status: str, failure_reason: str = "") -> None:
        """What was pending is decided."""
        for row in self.rows.values():
            if row["status"] == "pending":
                row["status"] = status
                if status == "failed":
                    row["failure_reason"] = failure_reason
                    self.payments.charges[row["charge"]]["amount_refunded"] -= row["amount"]
                    self.tell("refund.failed", row)

    def fail(self, payment_intent: str, reason: str) -> None:
        """The buyer's bank sends back what it had taken."""
        for row in self.rows.values():
            if row["payment_intent"] == payment_intent and row["status"] == "succeeded":
                row.update(status="failed", failure_reason=reason)
                self.payments.charges[row["charge"]]["amount_refunded"] -= row["amount"]
                self.tell("charge.refund.updated", row)
                self.tell("refund.failed", row)

    def listing(self, form: Form) -> Row:
        fields = only(form, "payment_intent", "charge", "limit", "starting_after", EXPAND)
        rows = [
            row
            for row in reversed(self.rows.values())
            if fields.get("payment_intent") in (None, row["payment_intent"])
        ]
        if "payment_intent" in fields:
            self.payments.row(fields["payment_intent"])
        return page("/v1/refunds", rows, fields, dict)

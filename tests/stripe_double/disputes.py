"""Disputes of charges. They name a charge and an intent, and nothing of ours."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any

from tests.stripe_double.answers import Form, only
from tests.stripe_double.payments import EXPAND, Payments, page

Row = dict[str, Any]


class Disputes:
    def __init__(self, payments: Payments, tell: Callable[[str, Row], None]) -> None:
        self.payments, self.tell = payments, tell
        self.rows: dict[str, Row] = {}

    def open(self, payment_intent: str, amount: int | None, reason: str) -> Row:
        """The buyer told their bank that it was not right."""
        intent = self.payments.row(payment_intent)
        name = f"dp_{secrets.token_hex(12)}"
        self.rows[name] = {
            "id": name,
            "object": "dispute",
            "amount": intent["amount_received"] if amount is None else amount,
            "charge": intent["latest_charge"],
            "created": int(time.time()),
            "currency": intent["currency"],
            "livemode": False,
            "metadata": {},
            "payment_intent": payment_intent,
            "reason": reason,
            "status": "needs_response",
        }
        self.tell("charge.dispute.created", self.rows[name])
        return dict(self.rows[name])

    def close(self, name: str, status: str) -> None:
        self.rows[name]["status"] = status
        self.tell("charge.dispute.closed", self.rows[name])

    def listing(self, form: Form) -> Row:
        fields = only(form, "payment_intent", "charge", "limit", "starting_after", EXPAND)
        rows = [
            row
            for row in reversed(self.rows.values())
            if fields.get("payment_intent") in (None, row["payment_intent"])
        ]
        return page("/v1/disputes", rows, fields, dict)

"""PaymentIntents and their charges. Two keys are two intents, and both can be charged."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable
from typing import Any

from tests.stripe_double.answers import Answer, Form, listed, member, missing, only, wrong
from tests.stripe_double.bank import Bank
from tests.stripe_double.cards import Card, Wallet

Row = dict[str, Any]
UNCONFIRMED = ("requires_payment_method", "requires_confirmation", "requires_action")
INDICATORS = {"mastercard": "02"}

EXPAND = r"expand\[\d*\]"
METADATA = r"metadata\[[a-z_]{1,40}\]"
OPTIONS = r"payment_method_options\[card\]"
CONFIRMING = (
    *("payment_method", "return_url", "error_on_requires_action"),
    rf"{OPTIONS}\[request_three_d_secure\]",
    rf"{OPTIONS}\[three_d_secure\]\[(cryptogram|electronic_commerce_indicator|transaction_id|version)\]",
)


class Payments:
    def __init__(self, wallet: Wallet, bank: Bank, tell: Callable[[str, Row], None]) -> None:
        self.wallet, self.bank, self.tell = wallet, bank, tell
        self.intents: dict[str, Row] = {}
        self.charges: dict[str, Row] = {}
        self.unindexed = 0
        """So many of the newest intents the search does not know yet."""

    def create(self, form: Form) -> Row:
        fields = only(
            form, "amount", "currency", "capture_method", r"payment_method_types\[\d*\]", METADATA, EXPAND
        )
        amount, currency = int(fields.get("amount", "0")), fields.get("currency", "")
        if amount < 50:
            raise wrong("Amount must be at least $0.50 usd", "amount_too_small", param="amount")
        if not re.fullmatch(r"[a-z]{3}", currency):
            raise wrong("Invalid currency", param="currency")
        if listed(form, "payment_method_types") != ["card"]:
            raise wrong("Name the payment method types", param="payment_method_types")
        name = f"pi_{secrets.token_hex(12)}"
        self.intents[name] = {
            "id": name,
            "object": "payment_intent",
            "amount": amount,
            "amount_capturable": 0,
            "amount_received": 0,
            "cancellation_reason": None,
            "capture_method": fields.get("capture_method", "automatic"),
            "client_secret": f"{name}_secret_{secrets.token_hex(12)}",
            "created": int(time.time()),
            "currency": currency,
            "last_payment_error": None,
            "latest_charge": None,
            "livemode": False,
            "metadata": member(fields, "metadata"),
            "next_action": None,
            "payment_method": None,
            "payment_method_types": ["card"],
            "status": "requires_payment_method",
        }
        self.tell("payment_intent.created", self.intents[name])
        return self.shown(name, form)

    def update(self, name: str, form: Form) -> Row:
        self.row(name)["metadata"].update(member(only(form, METADATA, EXPAND), "metadata"))
        return self.shown(name, form)

    def confirm(self, name: str, form: Form, version: str) -> Row:
        spelling = self.wallet.spelling
        token_known = [re.escape(spelling)] if version.endswith(".preview") else []
        fields = only(form, *CONFIRMING, EXPAND, *token_known)
        row = self.row(name)
        if row["status"] not in UNCONFIRMED:
            raise unexpected(row)
        token = fields.get(spelling)
        chosen = fields.get("payment_method") or row["payment_method"]
        if token:
            method, card = self.wallet.behind(token, row["amount"], row["currency"])
        elif chosen:
            method, card = self.wallet.method(chosen)
        else:
            raise wrong("You cannot confirm this PaymentIntent without a payment method")
        self.wallet.use(method["id"], name)
        row.update(payment_method=method["id"], last_payment_error=None, next_action=None)
        self._tried(row, card, fields)
        if token:
            self.wallet.used(token)
        return self.shown(name, form)

    def capture(self, name: str, form: Form) -> Row:
        only(form, EXPAND)
        row = self.row(name)
        if row["status"] != "requires_capture":
            raise unexpected(row)
        self._take(row)
        return self.shown(name, form)

    def cancel(self, name: str, form: Form) -> Row:
        only(form, EXPAND)
        row = self.row(name)
        if row["status"] not in (*UNCONFIRMED, "requires_capture"):
            raise unexpected(row)
        row.update(status="canceled", amount_capturable=0, next_action=None)
        if row["latest_charge"] and self.charges[row["latest_charge"]]["status"] == "succeeded":
            self.charges[row["latest_charge"]]["refunded"] = True
        self.tell("payment_intent.canceled", row)
        return self.shown(name, form)

    def listing(self, form: Form) -> Row:
        fields = only(form, r"created\[(gte|lt)\]", "limit", "starting_after", EXPAND)
        made = member(fields, "created")
        rows = [
            row
            for row in reversed(self.intents.values())
            if int(made.get("gte", 0)) <= row["created"] < int(made.get("lt", 1 << 40))
        ]
        return page("/v1/payment_intents", rows, fields, lambda row: self._expanded(row, form, "data."))

    def search(self, form: Form) -> Row:
        fields = only(form, "query", "limit", "page", EXPAND)
        found = re.fullmatch(r"metadata\['([a-z_]+)'\]:'([^']+)'", fields.get("query", ""))
        if not found:
            raise wrong("We were unable to parse your search query")
        indexed = list(self.intents.values())[: len(self.intents) - self.unindexed]
        rows = [row for row in reversed(indexed) if row["metadata"].get(found[1]) == found[2]]
        return {
            "object": "search_result",
            "data": rows,
            "has_more": False,
            "url": "/v1/payment_intents/search",
        }

    def row(self, name: str) -> Row:
        if name not in self.intents:
            raise missing(f"payment_intent: '{name}'")
        return self.intents[name]

    def shown(self, name: str, form: Form) -> Row:
        return self._expanded(self.row(name), form, "")

    def asked_at_the_bank(self, name: str, decision: str) -> str:
        """The holder decided at the bank's page; where the browser goes."""
        row = self.row(name)
        action = row["next_action"]
        if row["status"] != "requires_action" or not action:
            raise unexpected(row)
        back: str = action["redirect_to_url"]["return_url"]
        _, card = self.wallet.methods[row["payment_method"]]
        row["next_action"] = None
        if decision == "approve":
            try:
                self._charge(row, card, self._seen(card))
            except Answer:
                decision = "approved, and declined"
        else:
            self._fail(row, "payment_intent_authentication_failure", "", kind="invalid_request_error")
        status = "succeeded" if decision == "approve" else "failed"
        return f"{back}{'&' if '?' in back else '?'}payment_intent={name}&redirect_status={status}"

    def _tried(self, row: Row, card: Card, fields: dict[str, str]) -> None:
        proof = member(fields, "payment_method_options[card][three_d_secure]")
        asked = fields.get("payment_method_options[card][request_three_d_secure]", "automatic")
        if proof:
            if not self.bank.made(row["id"], proof):
                raise self._fail(row, "card_declined", "do_not_honor")
            seen = self._seen(card, proof["electronic_commerce_indicator"], proof["transaction_id"])
            self._charge(row, card, seen)
        elif card.asks or asked in ("any", "challenge"):
            if fields.get("error_on_requires_action"):
                raise self._fail(row, "authentication_required", "authentication_required")
            if not fields.get("return_url"):
                raise wrong("This double shows pages only; send a return_url")
            url = self.bank.page_of(row["id"])
            hosted = {"url": url, "return_url": fields["return_url"]}
            row.update(
                status="requires_action",
                next_action={"type": "redirect_to_url", "redirect_to_url": hosted},
            )
            self.tell("payment_intent.requires_action", row)
        elif card.processes:
            row["status"] = "processing"
        else:
            self._charge(row, card, None)

    def _charge(self, row: Row, card: Card, seen: Row | None) -> None:
        if card.decline:
            raise self._fail(row, *card.decline)
        name = self._charged(row, card, seen, "succeeded")
        row.update(status="requires_capture", amount_capturable=row["amount"], latest_charge=name)
        if row["capture_method"] == "automatic":
            self._take(row)
        else:
            self.tell("payment_intent.amount_capturable_updated", row)

    def _take(self, row: Row) -> None:
        row.update(status="succeeded", amount_capturable=0, amount_received=row["amount"])
        self.charges[row["latest_charge"]].update(captured=True, amount_captured=row["amount"])
        self.tell("payment_intent.succeeded", row)

    def _fail(self, row: Row, code: str, decline_code: str, kind: str = "card_error") -> Answer:
        """Of the payment; what is answered for it."""
        error = {"type": kind, "code": code, "message": "Your card was declined."}
        error |= {"decline_code": decline_code} if decline_code else {}
        if kind == "card_error":
            _, card = self.wallet.methods[row["payment_method"]]
            row["latest_charge"] = self._charged(row, card, None, "failed")
        row.update(status="requires_payment_method", last_payment_error=dict(error), next_action=None)
        self.tell("payment_intent.payment_failed", row)
        return Answer(402, kept=True, **error, payment_intent=dict(row))

    def _charged(self, row: Row, card: Card, seen: Row | None, status: str) -> str:
        name = f"ch_{secrets.token_hex(12)}"
        self.charges[name] = {
            "id": name,
            "object": "charge",
            "amount": row["amount"],
            "amount_captured": 0,
            "amount_refunded": 0,
            "captured": False,
            "refunded": False,
            "created": int(time.time()),
            "currency": row["currency"],
            "livemode": False,
            "metadata": dict(row["metadata"]),
            "payment_intent": row["id"],
            "payment_method_details": {
                "type": "card",
                "card": {"brand": card.brand, "three_d_secure": seen},
            },
            "status": status,
        }
        return name

    def _seen(self, card: Card, indicator: str = "", proof: str = "") -> Row:
        return {
            "authentication_flow": "challenge",
            "electronic_commerce_indicator": indicator or INDICATORS.get(card.brand, "05"),
            "result": "authenticated",
            "result_reason": None,
            "transaction_id": proof or secrets.token_hex(16),
            "version": "2.2.0",
        }

    def _expanded(self, row: Row, form: Form, around: str) -> Row:
        shown = json.loads(json.dumps(row))
        wanted = listed(form, "expand")
        if f"{around}latest_charge" in wanted and row["latest_charge"]:
            shown["latest_charge"] = json.loads(json.dumps(self.charges[row["latest_charge"]]))
        if f"{around}payment_method" in wanted and row["payment_method"]:
            shown["payment_method"] = self.wallet.methods[row["payment_method"]][0]
        return shown


def unexpected(row: Row) -> Answer:
    text = f"This PaymentIntent has a status of {row['status']}."
    return wrong(text, "payment_intent_unexpected_state", payment_intent=json.loads(json.dumps(row)))


def page(url: str, rows: list[Row], fields: dict[str, str], show: Callable[[Row], Row]) -> Row:
    """A page of a list, as `limit` and `starting_after` say."""
    after = fields.get("starting_after")
    names = [row["id"] for row in rows]
    start = names.index(after) + 1 if after in names else 0
    limit = int(fields.get("limit", "10"))
    part = rows[start : start + limit]
    more = len(rows) > start + limit
    return {"object": "list", "url": url, "has_more": more, "data": [show(row) for row in part]}

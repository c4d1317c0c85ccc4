"""The tests' own part: they say how the account behaves, and read what it was asked and did."""

from __future__ import annotations

import json
from typing import Any

from tests.stripe_double.account import Account
from tests.stripe_double.cards import NUMBERS, Card


def told(account: Account, asked: list[dict[str, Any]], path: str, said: dict[str, Any]) -> Any:
    payments = account.payments
    match path:
        case "/test/decide":
            rows = account.setup_intents.rows.values()
            [row] = [row for row in rows if row["metadata"] == said["metadata"]]
            row.update(said["becomes"])
        case "/test/asked":
            return {"asked": asked, "intents": list(account.setup_intents.rows.values())}
        case "/test/troubles":
            account.troubles.plan(said["planned"])
        case "/test/ledger":
            return {
                "intents": list(payments.intents.values()),
                "charges": list(payments.charges.values()),
                "refunds": list(account.refunds.rows.values()),
                "methods": [method for method, _ in account.wallet.methods.values()],
            }
        case "/test/authenticate":
            return account.bank.authenticate(said["payment_intent"])
        case "/test/change":
            payments.row(said["payment_intent"]).update(said["becomes"])
        case "/test/age":
            made_earlier(account, said["payment_intent"], said["seconds"])
        case "/test/forget_keys":
            account.keys.kept.clear()
        case "/test/search":
            payments.unindexed = said["unindexed"]
        case "/test/card":
            NUMBERS[said["number"]] = Card()
        case "/test/method":
            account.wallet.methods[said["payment_method"]][0].update(said["becomes"])
        case "/test/numbers":
            account.wallet.takes_numbers = said["taken"]
        case "/test/spelling":
            account.wallet.spelling = said["spelling"]
        case "/test/refunds":
            account.refunds.becomes = said.get("becomes", account.refunds.becomes)
            if "decided" in said:
                account.refunds.become(said["decided"], said.get("reason", ""))
            if "bounced" in said:
                account.refunds.fail(said["bounced"], said.get("reason", "expired_or_canceled_card"))
        case "/test/dispute":
            return account.disputes.open(said["payment_intent"], said.get("amount"), said["reason"])
        case "/test/dispute_closed":
            account.disputes.close(said["dispute"], said["status"])
        case "/test/webhooks":
            for name, value in said.items():
                setattr(account.events, name, value)
        case "/test/deliver":
            account.events.deliver()
        case "/test/events":
            events = account.events
            texts = [json.dumps(event) for event in events.told]
            signed = [{"body": text, "header": events.signature(text)} for text in texts]
            return {"events": events.told, "signed": signed, "answered": events.answered}
    return {}


def made_earlier(account: Account, name: str, seconds: int) -> None:
    """By what is answered to its key again, too."""
    account.payments.row(name)["created"] -= seconds
    for key, (asked, status, text) in account.keys.kept.items():
        kept = json.loads(text)
        if kept.get("id") == name:
            kept["created"] -= seconds
            account.keys.kept[key] = (asked, status, json.dumps(kept))

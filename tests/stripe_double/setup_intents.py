"""SetupIntents, as the Payment Element needs them: asked with the secret key, and by pages."""

from __future__ import annotations

import json
import re
import secrets
from typing import Any

from tests.stripe_double.answers import Answer, Form

PUBLISHABLE_KEY = "pk_test_ofTheTests0000000001"
KNOWN = re.compile(
    r"usage|payment_method_types\[\]|metadata\[[a-z_]{1,40}\]"
    r"|payment_method_options\[card\]\[request_three_d_secure\]"
)
DECLINED, QUESTIONED = "4000000000000002", "4000002500003155"
"""Cards of the test mode: a bank that says no, and one that asks first."""


class SetupIntents:
    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.failures = 0

    def make(self, form: Form) -> tuple[int, str]:
        for name, _ in form:
            if not KNOWN.fullmatch(name):
                raise Answer(400, type="invalid_request_error", code="parameter_unknown", param=name)
        fields = dict(form)
        if fields.get("payment_method_options[card][request_three_d_secure]") not in (
            *("any", "automatic", "challenge"),
        ):
            raise Answer(400, type="invalid_request_error", param="payment_method_options")
        if self.failures:
            self.failures -= 1
            return 500, '{"error": {"type": "api_error"}}'
        made = "seti_" + secrets.token_hex(12)
        self.rows[made] = {
            "id": made,
            "object": "setup_intent",
            "client_secret": f"{made}_secret_{secrets.token_hex(12)}",
            "livemode": False,
            "metadata": {
                name.removeprefix("metadata[").removesuffix("]"): value
                for name, value in form
                if name.startswith("metadata[")
            },
            "status": "requires_payment_method",
            "usage": fields.get("usage"),
        }
        return 200, json.dumps(self.rows[made])

    def at_a_page(self, name: str, step: str, form: Form) -> dict[str, Any]:
        """What a page does with the intent, with what a page knows."""
        fields = dict(form)
        if fields.pop("key", "") != PUBLISHABLE_KEY:
            raise Answer(401, type="invalid_request_error", message="Invalid API Key provided")
        intent = self.rows.get(name)
        if intent is None or fields.pop("client_secret", "") != intent["client_secret"]:
            raise Answer(404, type="invalid_request_error", code="resource_missing")
        if intent["status"] in ("succeeded", "canceled"):
            raise Answer(400, code="setup_intent_unexpected_state", message="It has ended.")
        if step == "authenticate":
            intent["status"] = "succeeded"
            return intent
        card = fields.get("payment_method_data[card][number]", "")
        if card == DECLINED:
            raise Answer(402, type="card_error", code="card_declined", message="Your card was declined.")
        intent["status"] = "requires_action" if card == QUESTIONED else "succeeded"
        return intent

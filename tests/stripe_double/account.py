"""One account at Stripe: what each address of the API does, strict where Stripe is."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from typing import Any

from tests.stripe_double.answers import Answer, Form
from tests.stripe_double.bank import Bank
from tests.stripe_double.cards import Wallet
from tests.stripe_double.disputes import Disputes
from tests.stripe_double.events import Events
from tests.stripe_double.keys import Keys
from tests.stripe_double.payments import Payments
from tests.stripe_double.refunds import Refunds
from tests.stripe_double.setup_intents import SetupIntents
from tests.stripe_double.troubles import Troubles

SECRET_KEY = "sk_test_ofTheTests0000000001"


class Account:
    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.troubles, self.keys, self.events = Troubles(), Keys(), Events()
        self.bank, self.wallet, self.setup_intents = Bank(), Wallet(), SetupIntents()
        self.payments = Payments(self.wallet, self.bank, self.events.tell)
        self.refunds = Refunds(self.payments, self.events.tell)
        self.disputes = Disputes(self.payments, self.events.tell)

    def answer(self, method: str, path: str, headers: dict[str, str], form: Form) -> tuple[int, str, bool]:
        """The status, the text, and whether it is a replay. Raises Answer."""
        page = re.fullmatch(r"/v1/setup_intents/(seti_[0-9a-f]+)/(confirm|authenticate)", path)
        if page and method == "POST":
            return 200, json.dumps(self.setup_intents.at_a_page(page[1], page[2], form)), False
        if path == "/v1/payment_methods" and method == "POST" and "key" in dict(form):
            with self.lock:
                return 200, json.dumps(self.wallet.make_at_a_page(form)), False
        if headers["authorization"] != f"Bearer {SECRET_KEY}":
            raise Answer(401, type="invalid_request_error", message="Invalid API Key provided")
        if not re.fullmatch(r"20\d\d-\d\d-\d\d\.[a-z]+", headers["version"]):
            raise Answer(400, type="invalid_request_error", message="Invalid Stripe API version")
        if method == "POST" and form and headers["content_type"] != "application/x-www-form-urlencoded":
            raise Answer(400, type="invalid_request_error", message="Send forms")
        work = self._work(method, path, headers["version"], form)
        trouble = self.troubles.of(method, path)
        key = headers["idempotency_key"] if method == "POST" else ""
        if trouble.get("what") == "answer":
            raise Answer(trouble["status"], **trouble.get("error", {}))
        if trouble.get("what") == "lost_before":
            time.sleep(trouble["seconds"])
            return 500, "", False
        answered = self.keys.run(key, (path, form), lambda: self._run(work, trouble))
        if trouble.get("what") == "lost_after":
            time.sleep(trouble["seconds"])
        return answered

    def _run(self, work: Callable[[], Any], trouble: dict[str, Any]) -> tuple[int, str, bool]:
        """The status, the text, and whether it is kept under the key."""
        broken = json.dumps({"error": {"type": "api_error", "message": "Something went wrong"}})
        if trouble.get("what") == "error_before":
            return 500, broken, trouble.get("kept", True)
        try:
            with self.lock:
                done = work()
            status, text = done if isinstance(done, tuple) else (200, json.dumps(done))
        except Answer as other:
            if not other.kept:
                raise
            status, text = other.status, json.dumps({"error": other.error})
        if trouble.get("what") == "slow":
            time.sleep(trouble["seconds"])
        if trouble.get("what") == "error_after":
            return 500, broken, True
        return status, text, True

    def _work(self, method: str, path: str, version: str, form: Form) -> Callable[[], Any]:
        payments, refunds, wallet = self.payments, self.refunds, self.wallet
        routes: list[tuple[str, str, Callable[..., Any]]] = [
            ("POST", r"/v1/setup_intents", lambda: self.setup_intents.make(form)),
            ("GET", r"/v1/setup_intents/(seti_[0-9a-f]+)", self._setup_intent),
            ("POST", r"/v1/payment_intents", lambda: payments.create(form)),
            ("GET", r"/v1/payment_intents", lambda: payments.listing(form)),
            ("GET", r"/v1/payment_intents/search", lambda: payments.search(form)),
            ("GET", r"/v1/payment_intents/(pi_[0-9a-f]+)", lambda name: payments.shown(name, form)),
            ("POST", r"/v1/payment_intents/(pi_[0-9a-f]+)", lambda name: payments.update(name, form)),
            (
                *("POST", r"/v1/payment_intents/(pi_[0-9a-f]+)/confirm"),
                lambda name: payments.confirm(name, form, version),
            ),
            (
                "POST",
                r"/v1/payment_intents/(pi_[0-9a-f]+)/capture",
                lambda name: payments.capture(name, form),
            ),
            ("POST", r"/v1/payment_intents/(pi_[0-9a-f]+)/cancel", lambda name: payments.cancel(name, form)),
            ("POST", r"/v1/refunds", lambda: refunds.create(form)),
            ("GET", r"/v1/refunds", lambda: refunds.listing(form)),
            ("GET", r"/v1/refunds/(re_[0-9a-f]+)", refunds.shown),
            ("GET", r"/v1/disputes", lambda: self.disputes.listing(form)),
            ("POST", r"/v1/payment_methods", lambda: wallet.make(form)),
            ("GET", r"/v1/payment_methods/(pm_\w+)", lambda name: wallet.method(name)[0]),
            ("POST", r"/v1/test_helpers/shared_payment/granted_tokens", lambda: wallet.grant(form)),
            ("POST", r"/v1/test_helpers/shared_payment/granted_tokens/(spt_\w+)/revoke", wallet.revoke),
            ("GET", r"/v1/shared_payment/granted_tokens/(spt_\w+)", wallet.token),
        ]
        for verb, pattern, work in routes:
            found = re.fullmatch(pattern, path)
            if found and verb == method:
                if "shared_payment" in path and not version.endswith(".preview"):
                    break
                return lambda: work(*found.groups())
        raise Answer(
            404, type="invalid_request_error", code="resource_missing", message="Unrecognized request URL"
        )

    def _setup_intent(self, name: str) -> Any:
        if name not in self.setup_intents.rows:
            raise Answer(404, type="invalid_request_error", code="resource_missing")
        return self.setup_intents.rows[name]

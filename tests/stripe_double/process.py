"""The process that plays Stripe, and what the tests tell it."""

from __future__ import annotations

import subprocess
import sys
import time
from types import TracebackType
from typing import Any

import httpx

from tests.project.server import ROOT, environment
from tests.stripe_double.account import SECRET_KEY
from tests.stripe_double.setup_intents import PUBLISHABLE_KEY
from tests.wallet.process import http


class Stripe:
    """`with Stripe() as stripe:` it answers at `stripe.origin`, and has ended afterwards."""

    origin = ""

    def __enter__(self) -> Stripe:
        command = [sys.executable, "-m", "tests.stripe_double"]
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        # Ends with the process, should it never listen.
        self.origin = self._process.stdout.readline().decode().strip()
        if not self.origin:
            self.__exit__(None, None, None)
            raise AssertionError("Stripe's double does not listen")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _tell(self, what: str, **said: Any) -> Any:
        answered = http.post(f"{self.origin}/test/{what}", json=said)
        assert answered.status_code == 200, answered.text
        return answered.json()

    def becomes(self, challenge: Any, **members: Any) -> None:
        """The intent of the challenge now says this."""
        metadata = {
            "intervention": challenge.id,
            "amount": str(challenge.amount),
            "currency": challenge.currency,
        }
        self._tell("decide", metadata=metadata, becomes=members)

    def trouble(self, **how: Any) -> None:
        """Whatever it is asked, it answers with this `status` and `body`, after these `seconds`; of
        `methods`, of all by default. It fails inside when it makes the next `failures` intents. Nothing:
        it is well again."""
        self._tell("trouble", **how)

    @property
    def asked(self) -> list[dict[str, Any]]:
        """Every question that it read."""
        return list(self._tell("asked")["asked"])

    @property
    def intents(self) -> list[dict[str, Any]]:
        return list(self._tell("asked")["intents"])

    # --- payments --------------------------------------------------------------------------

    def troubles(self, *planned: dict[str, Any]) -> None:
        """How the next requests fail; see `troubles`. Nothing: not at all."""
        self._tell("troubles", planned=planned)

    def grant(
        self,
        method: str = "pm_card_visa",
        *,
        amount: int = 1_000_000,
        currency: str = "usd",
        seconds: int = 3600,
    ) -> str:
        """An agent's permission to take up to `amount` from the card: a shared payment token."""
        limits = {"currency": currency, "max_amount": amount, "expires_at": int(time.time()) + seconds}
        form = {"payment_method": method, **{f"usage_limits[{name}]": text for name, text in limits.items()}}
        path = "/v1/test_helpers/shared_payment/granted_tokens"
        token: str = self._ask(path, form)["id"]
        return token

    def typed(self, number: str = "4242424242424242", **metadata: str) -> str:
        """What a page's browser gets for a card that was typed into the Payment Element."""
        form = {
            "key": PUBLISHABLE_KEY,
            "type": "card",
            "card[number]": number,
            "card[exp_month]": "12",
            "card[exp_year]": "2040",
            "card[cvc]": "123",
            **{f"metadata[{name}]": value for name, value in metadata.items()},
        }
        answered = http.post(f"{self.origin}/v1/payment_methods", data=form)
        assert answered.status_code == 200, answered.text
        name: str = answered.json()["id"]
        return name

    def revoke(self, token: str) -> None:
        self._ask(f"/v1/test_helpers/shared_payment/granted_tokens/{token}/revoke", {})

    def authenticate(self, intent: str) -> dict[str, Any]:
        """The `authentication_result` of an agent that had its user asked for this payment."""
        return dict(self._tell("authenticate", payment_intent=intent))

    def decide(self, page: str, decision: str) -> httpx.Response:
        """The holder decides at the bank's page; what the bank answers their browser."""
        assert http.get(page).status_code == 200
        return http.post(page, data={"decision": decision})

    def change(self, intent: str, **becomes: Any) -> None:
        self._tell("change", payment_intent=intent, becomes=becomes)

    def age(self, intent: str, seconds: int) -> None:
        """It was made so much earlier."""
        self._tell("age", payment_intent=intent, seconds=seconds)

    def forget_keys(self) -> None:
        """A day has passed."""
        self._tell("forget_keys")

    def tell(self, what: str, **said: Any) -> Any:
        """Whatever else `telling` knows."""
        return self._tell(what, **said)

    @property
    def ledger(self) -> dict[str, list[dict[str, Any]]]:
        """Every intent, charge and refund in its books."""
        return dict(self._tell("ledger"))

    def of(self, attempt_id: str) -> list[dict[str, Any]]:
        """The intents that were made for the attempt."""
        return [row for row in self.ledger["intents"] if row["metadata"].get("attempt") == attempt_id]

    def charges(self, session_id: str) -> list[dict[str, Any]]:
        """The charges of the session that took money, or hold it, or did."""
        rows = self.ledger["charges"]
        mine = [row for row in rows if row["metadata"].get("session") == session_id]
        return [row for row in mine if row["status"] == "succeeded"]

    def _ask(self, path: str, form: dict[str, Any]) -> Any:
        headers = {"Authorization": f"Bearer {SECRET_KEY}", "Stripe-Version": "2026-04-22.preview"}
        answered = http.post(self.origin + path, data=form, headers=headers)
        assert answered.status_code == 200, answered.text
        return answered.json()

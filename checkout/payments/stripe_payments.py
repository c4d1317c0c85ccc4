"""Stripe as a payment provider. `stripe_intents` says why an attempt is charged once."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from checkout.errors import ProviderUnavailable
from checkout.payments import results, stripe_typed
from checkout.payments import stripe_reading as reading
from checkout.payments.allowances import PREFIX
from checkout.payments.outcomes import (
    ActionRequired,
    Attempt,
    Authorized,
    Declined,
    Dispute,
    Handler,
    LedgerEntry,
    Outcome,
    ProviderEvent,
    Refunded,
    RefundEntry,
    Unknown,
)
from checkout.payments.stripe import Refused, Silent, StripeApi, genuine, within
from checkout.payments.stripe_events import event
from checkout.payments.stripe_intents import EXPANDED, INTENTS, MOST_KEYS, Intents, numbered
from checkout.payments.stripe_terms import TOKEN_PARAMETERS, UNCOUNTED, Terms, charged, handler
from checkout.payments.stripe_vault import METHOD, StripeTokens
from checkout.payments.vault import NotRedeemed, Redemption
from interventions.http import Http

log = logging.getLogger("agentic.stripe")

LONGEST_TOKEN = 255
INVALID = "invalid_token"
MISSING = "resource_missing"
"""The account has no such payment, so nothing of it went back."""


class StripeProvider:
    """Implements `ports.PaymentProvider`, `ports.LedgerProvider`, `ports.AuthenticatingProvider`,
    `ports.RefundsProvider` and `ports.DisputesProvider`.

    `returned` is where Stripe sends a person back to after a bank's question about an attempt;
    `attempt_seconds` how long nobody gives an attempt up, and `verb_seconds` the end of everything that
    one verb asks, repeats included. No transaction may be open: RuntimeError.
    """

    issuer_name = "Stripe"

    def __init__(
        self,
        terms: Terms,
        http: Http,
        *,
        returned: Callable[[str], str],
        attempt_seconds: float,
        verb_seconds: float,
    ) -> None:
        self._tokens = StripeTokens()
        self.terms, self._returned, self._verb_seconds = terms, returned, verb_seconds
        self._api = StripeApi(
            terms.secret_key,
            http,
            version=terms.version,
            origin=terms.api_origin,
            timeout_seconds=terms.timeout_seconds,
            retries=terms.retries,
        )
        self._intents = Intents(self._api, terms, attempt_seconds=attempt_seconds)

    @property
    def supports_3ds(self) -> bool:
        return self.terms.supports_3ds

    @property
    def challenge_origins(self) -> Sequence[str]:
        return tuple(self.terms.challenge_origins) if self.terms.supports_3ds else ()

    def handlers(self, *, currency: str) -> Sequence[Handler]:
        return () if currency.lower() in UNCOUNTED else (handler(self.terms),)

    def authorize(self, attempt: Attempt) -> Outcome:
        paying = self._paying(attempt)
        if isinstance(paying, str):
            return reading.declined(paying)
        with within(self._verb_seconds):
            try:
                intent, now = self._intents.made(attempt)
            except Refused as refused:
                log.error("Stripe makes no intent for payment %s: %s", attempt.id, refused.code)
                return reading.declined(refused.code)
            known = self._intents.set_about(attempt, intent, now)
            if known is not None:
                return known
            return self._intents.confirmed(attempt, intent["id"], {**paying, **self._asking(attempt)})

    def resume(self, attempt: Attempt, result: Mapping[str, Any]) -> Outcome:
        with within(self._verb_seconds):
            try:
                made, _ = self._intents.made(attempt)
            except Refused:
                return reading.declined("unknown_attempt")
            intent = self._intents.read(attempt, made["id"])
            known = reading.outcome(intent, self.terms)
            if known is None:
                raise ProviderUnavailable  # somebody is about to confirm it
            if not isinstance(known, ActionRequired):
                return known
            return self._resumed(attempt, intent, result) or known

    def capture(self, attempt: Attempt, reference: str) -> Authorized | Declined:
        with within(self._verb_seconds):
            try:
                key = f"{attempt.id}:capture"
                answer = self._intents.keyed("capture", reference, params=EXPANDED, key=key)
                intent = reading.checked(answer.content, attempt, self.terms)
            except Refused as refused:
                if refused.kind == "card":
                    return reading.declined(refused.decline_code or refused.code, reference)
                intent = self._intents.read(attempt, reference)
            match reading.outcome(intent, self.terms):
                case Authorized(captured=True):
                    return Authorized(reference, captured=True)
                case Declined() as no:
                    return no
                case Authorized():
                    raise ProviderUnavailable
                case _:
                    return reading.declined("not_authorized", reference)

    def void(self, attempt: Attempt, reference: str) -> None:
        with within(self._verb_seconds):
            known = self._intents.canceled(attempt, reference)
            if isinstance(known, ActionRequired) or (isinstance(known, Authorized) and not known.captured):
                # Not canceled, for a reason that will pass: nobody may take it for void.
                raise ProviderUnavailable
            if not isinstance(known, Declined):
                log.info("payment %s is not voided: its money was taken already", attempt.id)

    def refund(self, attempt: Attempt, reference: str, *, amount: int, key: str) -> Refunded:
        """Stripe's books are read first: what it gave back long ago, or while it failed, is not given
        back again, whatever it remembers of keys."""
        params = {
            "payment_intent": reference,
            "amount": charged(amount, attempt.currency),
            "metadata": {reading.ATTEMPT: attempt.id, reading.KEY: key},
        }
        with within(self._verb_seconds):
            for number in range(1, MOST_KEYS + 1):
                asked = False
                try:
                    for made in self._api.every("refunds", {"payment_intent": reference}):
                        if (made.get("metadata") or {}).get(reading.KEY) == key:
                            return reading.refunded(made, attempt, reference, amount)
                    asked, under = True, numbered(f"refund:{key}", number)
                    answer = self._api.ask("refunds", "create", params=params, key=under)
                    return reading.refunded(answer.content, attempt, reference, amount)
                except Refused as refused:
                    # Books that are not shown are no refusal of the refund: it may be in them.
                    if refused.kind == "key" or not (asked or refused.code == MISSING):
                        log.error("the refund %s stays unknown: %s %s", key, refused.kind, refused.code)
                        raise ProviderUnavailable from None
                    return Refunded("", "failed", refused.code or "refused")
                except Silent as silent:
                    if not silent.replayed:
                        raise
        raise ProviderUnavailable

    def refunds(self, attempt: Attempt, reference: str) -> Sequence[RefundEntry]:
        with within(self._verb_seconds):
            return [reading.refund_entry(row, reference) for row in self._of("refunds", reference)]

    def disputes(self, attempt: Attempt, reference: str) -> Sequence[Dispute]:
        with within(self._verb_seconds):
            return [reading.dispute(row, reference) for row in self._of("disputes", reference)]

    def retrieve(self, attempt: Attempt) -> Outcome | Unknown:
        """Asks, with one exception: an intent that nobody confirmed in time is canceled."""
        with within(self._verb_seconds):
            return self._intents.known(attempt)

    def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> ProviderEvent | None:
        signature = next((text for name, text in headers.items() if name.lower() == "stripe-signature"), "")
        if not genuine(body, signature, self.terms.webhook_secrets):
            return None
        return event(body, live=self.terms.live)

    def entries(self, since: datetime, until: datetime) -> Iterator[LedgerEntry]:
        made = {"gte": math.ceil(since.timestamp()), "lt": math.ceil(until.timestamp())}
        params = {"created": made, "expand": ["data.latest_charge"]}
        try:
            # Newest first, as Stripe lists them; whole days of a shop fit into memory.
            rows = [reading.entry(row) for row in self._api.every(INTENTS, params)]
        except Refused:
            log.error("Stripe does not show its books")
            raise ProviderUnavailable from None
        yield from reversed(rows)

    def typed_in(self, name: str, *, mark: str) -> bool:
        """The card was typed in where `mark` was shown, and is nobody's yet; see `stripe_typed`."""
        with within(self._verb_seconds):
            found = stripe_typed.is_from(self._api, name, mark, live=self.terms.live)
        return found and not self._tokens.holds(name)

    def _of(self, service: str, reference: str) -> list[Mapping[str, Any]]:
        try:
            return list(self._api.every(service, {"payment_intent": reference}))
        except Refused as refused:
            log.error("Stripe does not show the %s of %s: %s", service, reference, refused.code)
            raise ProviderUnavailable from None

    def challenge_page(self, attempt: Attempt, *, return_to: str, state: str) -> str:
        """Stripe's own page, which sends the browser to `returned`: it was told so with the card."""
        known = self.retrieve(attempt)
        if not isinstance(known, ActionRequired) or known.redirect_url is None:
            raise ProviderUnavailable
        return known.redirect_url

    def _resumed(
        self, attempt: Attempt, intent: Mapping[str, Any], result: Mapping[str, Any]
    ) -> Outcome | None:
        """What comes of what an agent brought for an intent that waits for it; None: it waits on."""
        said, reference = result["outcome"], str(intent["id"])
        again: dict[str, Any] = {"payment_method": _method_of(intent), "error_on_requires_action": True}
        if said in results.PROVEN:
            card, proof = _imported(result["outcome_details"])
            again["payment_method_options"] = {"card": card}
            return self._intents.confirmed(attempt, reference, again, step=f"3ds:{proof}")
        if said in results.REFUSED:
            return self._intents.ended(attempt, reference, "authentication_refused")
        if said not in results.UNABLE:
            return None
        if attempt.authentication_required:
            return self._intents.ended(attempt, reference, "authentication_not_possible")
        return self._intents.confirmed(attempt, reference, again, step="unauthenticated")

    def _paying(self, attempt: Attempt) -> dict[str, Any] | str:
        """The instrument as Stripe takes it; the code for one that it is not asked about."""
        instrument = attempt.instrument
        token = instrument.token if instrument else ""
        if not 0 < len(token) <= LONGEST_TOKEN:
            return INVALID
        if instrument is not None and instrument.from_our_page:
            return {"payment_method": token} if METHOD.fullmatch(token) else INVALID
        if token.startswith(PREFIX):
            return self._behind(attempt, token)
        if token.startswith("pm_"):
            allowed = self.terms.payment_methods and METHOD.fullmatch(token)
            hidden = allowed and self._tokens.holds(token)
            return {"payment_method": token} if allowed and not hidden else INVALID
        *around, name = TOKEN_PARAMETERS[self.terms.token_parameter]
        given: dict[str, Any] = {name: token}
        for outer in around:
            given = {outer: given}
        return given

    def _behind(self, attempt: Attempt, token: str) -> dict[str, Any] | str:
        """The card that a token of our vault stands for, which is used up by this attempt (ACP-200)."""
        merchant = self.terms.merchant_id
        use = Redemption(attempt.id, attempt.session_id, attempt.amount, attempt.currency, merchant)
        found = self._tokens.redeem(token, use)
        return found.code if isinstance(found, NotRedeemed) else {"payment_method": found.stands_for}

    def _asking(self, attempt: Attempt) -> dict[str, Any]:
        """How the card's bank is asked about its holder."""
        if not self.terms.supports_3ds:
            return {"error_on_requires_action": True}
        asked: dict[str, Any] = {"return_url": self._returned(attempt.id)}
        if attempt.authentication_required:
            card = {"request_three_d_secure": self.terms.three_d_secure}
            asked["payment_method_options"] = {"card": card}
        return asked


def _imported(details: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """A proof from elsewhere, for the issuer to judge, and what names it."""
    proof = str(details["transaction_id"]).lower()
    return {
        "three_d_secure": {
            "cryptogram": details["three_ds_cryptogram"],
            "electronic_commerce_indicator": details["electronic_commerce_indicator"],
            "transaction_id": proof,
            "version": details["version"],
        }
    }, proof


def _method_of(intent: Mapping[str, Any]) -> str:
    method = intent.get("payment_method")
    name = method.get("id") if isinstance(method, Mapping) else method
    if not isinstance(name, str):
        raise ProviderUnavailable
    return name

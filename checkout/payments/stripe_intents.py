"""One PaymentIntent at Stripe for each attempt, whatever happens on the way.

An attempt's token is stored nowhere, so what came of it must be found out without it. Therefore a
payment has two steps:

1. The intent is made, unconfirmed, under the attempt's id as idempotency key. It has no card and cannot
   be charged, and whoever makes it again is answered with the same one. So everybody who knows the
   attempt finds its intent.
2. It is confirmed with the token, under a key of its own. Stripe charges an intent once: a second
   confirmation meets a state that allows none.

What guarantees one intent: Stripe remembers a key for a day at least, and for what is older its search,
which is behind by minutes, is asked first. A failure that Stripe keeps under a key sends everybody on
to the next key alike.

What guarantees that nothing is charged behind our back: an intent that nobody set about to confirm for
longer than an attempt may take, by Stripe's own clock, is canceled before it is called unattempted, and
a confirmation that comes later is refused. Whoever confirms an intent that is not new says so in it
first. Should a confirmation slip in between the look and the cancellation, an authorization is released
by it, and money that was taken is seen: both sides go by what the intent says afterwards.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.utils import timezone

from checkout.errors import ProviderUnavailable
from checkout.payments import stripe_reading as reading
from checkout.payments.outcomes import ActionRequired, Attempt, Outcome, Unknown
from checkout.payments.stripe import Answer, Refused, Silent, StripeApi, rows_of
from checkout.payments.stripe_terms import Terms, charged

log = logging.getLogger("agentic.stripe")

INTENTS = "payment_intents"
EXPANDED = {"expand": ["latest_charge", "payment_method"]}
REMEMBERED = timedelta(hours=20)
"""Stripe forgets no key earlier; it promises a day."""
MOST_KEYS = 3
CONFIRM = "confirm"
"""The step that is not preceded by another confirmation."""

_OURS = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)


class Intents:
    """The intents of one account. Whatever is asked may raise ProviderUnavailable; `attempt_seconds` is
    how long nobody gives an attempt up."""

    def __init__(self, api: StripeApi, terms: Terms, *, attempt_seconds: float) -> None:
        self._api, self._terms, self._attempt_seconds = api, terms, attempt_seconds

    def made(self, attempt: Attempt) -> tuple[Mapping[str, Any], float]:
        """The attempt's intent as it was when it was made, which may be now, and what time it is at
        Stripe. Raises Refused when Stripe makes none for such an attempt."""
        if attempt.opened_at is not None and timezone.now() - attempt.opened_at > REMEMBERED:
            found = self._found(attempt)
            if found is not None:
                return found
        params = {
            "amount": charged(attempt.amount, attempt.currency),
            "currency": attempt.currency.lower(),
            "capture_method": self._terms.capture,
            "payment_method_types": ["card"],
            "metadata": {reading.ATTEMPT: attempt.id, "session": attempt.session_id},
        }
        try:
            answer = self.keyed("create", params=params, key=attempt.id)
        except Refused as refused:
            if refused.kind != "key":
                raise
            # It was made while the settings were others.
            found = self._found(attempt)
            if found is None:
                raise ProviderUnavailable from None
            return found
        return self._checked(answer, attempt), answer.at

    def read(self, attempt: Attempt, reference: str) -> Mapping[str, Any]:
        """The attempt's intent as it is now."""
        return self._read(attempt, reference)[0]

    def known(self, attempt: Attempt) -> Outcome | Unknown:
        """What became of the attempt. One that nobody confirmed in time never will be."""
        try:
            made, _ = self.made(attempt)
        except Refused:
            return Unknown()
        intent, now = self._read(attempt, made["id"])
        outcome = reading.outcome(intent, self._terms)
        if outcome is not None:
            return outcome
        if now - reading.touched_at(intent) < self._attempt_seconds:
            return Unknown()  # somebody may be about to confirm it
        return self.canceled(attempt, intent["id"])

    def set_about(self, attempt: Attempt, intent: Mapping[str, Any], now: float) -> Outcome | None:
        """An intent that was made a while ago says that it is about to be confirmed, so that nobody
        gives it up now; what became of it, if it was confirmed."""
        if now - reading.touched_at(intent) < self._attempt_seconds / 2:
            return None
        params = {**EXPANDED, "metadata": {reading.TRIED_AT: str(int(now))}}
        try:
            answer = self._api.ask(INTENTS, "update", intent["id"], params=params)
        except Refused:
            return None  # the confirmation will tell why
        return reading.outcome(self._checked(answer, attempt), self._terms)

    def confirmed(
        self, attempt: Attempt, reference: str, paying: Mapping[str, Any], *, step: str = CONFIRM
    ) -> Outcome:
        """What came of confirming the intent, by Stripe's answer or by the intent itself."""
        params = {**EXPANDED, **paying}
        version = "" if "payment_method" in paying else self._terms.token_version
        for number in range(1, MOST_KEYS + 1):
            refused = silent = None
            try:
                key = numbered(f"{attempt.id}:{step}", number)
                answer = self._api.ask(INTENTS, "confirm", reference, params=params, key=key, version=version)
                if not answer.replayed:  # else it is as it was then
                    outcome = reading.outcome(self._checked(answer, attempt), self._terms)
                    if outcome is not None:
                        return outcome
            except Refused as problem:
                if problem.kind == "card":
                    return reading.declined(problem.decline_code or problem.code, reference)
                refused = problem
            except Silent as problem:
                silent = problem
            outcome = reading.outcome(self.read(attempt, reference), self._terms)
            waits = step != CONFIRM and isinstance(outcome, ActionRequired)
            if outcome is not None and not waits:
                return outcome
            if refused is not None and refused.kind == "request":
                # The token is unknown, used, over, or for less (ACP-183); nothing was charged.
                log.warning("Stripe takes nothing for payment %s: %s", attempt.id, refused.code or "invalid")
                return self.ended(attempt, reference, "invalid_token")
            if silent is None or not silent.replayed:
                break
        raise ProviderUnavailable

    def ended(self, attempt: Attempt, reference: str, code: str) -> Outcome:
        """The attempt is over for this reason, which the intent keeps, so that everybody reads the same;
        unless its money was taken meanwhile."""
        try:
            params = {"metadata": {reading.REFUSED_FOR: code}}
            self._api.ask(INTENTS, "update", reference, params=params)
        except Refused:
            log.info("the reason why payment %s failed is not kept at Stripe", attempt.id)
        return self.canceled(attempt, reference)

    def canceled(self, attempt: Attempt, reference: str) -> Outcome:
        """The intent holds no money and never will, or what it came to before. Repeatable."""
        try:
            answer = self.keyed("cancel", reference, params=EXPANDED, key=f"{attempt.id}:cancel")
            intent = self._checked(answer, attempt)
        except Refused:
            intent = self.read(attempt, reference)
        outcome = reading.outcome(intent, self._terms)
        if outcome is None:
            raise ProviderUnavailable
        return outcome

    def keyed(self, verb: str, *ids: str, params: Mapping[str, Any], key: str) -> Answer:
        """An answer to what may be asked under another key when Stripe keeps a failure of its own under
        this one: it moves an intent once, whatever the key. Raises Refused."""
        for number in range(1, MOST_KEYS):
            try:
                return self._api.ask(INTENTS, verb, *ids, params=params, key=numbered(key, number))
            except Silent as silent:
                if not silent.replayed:
                    raise
        return self._api.ask(INTENTS, verb, *ids, params=params, key=numbered(key, MOST_KEYS))

    def _found(self, attempt: Attempt) -> tuple[Mapping[str, Any], float] | None:
        """The attempt's intent by what stands in it, or None; of several the one that came further."""
        if not _OURS.fullmatch(attempt.id):
            raise ProviderUnavailable
        query = f"metadata['{reading.ATTEMPT}']:'{attempt.id}'"
        try:
            rows = rows_of(self._api.ask(INTENTS, "search", params={"query": query}).content)
        except Refused:
            log.error("Stripe does not search for payment %s, so it stays unknown", attempt.id)
            raise ProviderUnavailable from None
        found = [self._read(attempt, str(row["id"])) for row in rows]
        if len(found) > 1:
            log.error("Stripe has %s intents for payment %s", len(found), attempt.id)
        found.sort(key=lambda pair: (pair[0].get("latest_charge") is None, pair[0]["created"]))
        return found[0] if found else None

    def _read(self, attempt: Attempt, reference: str) -> tuple[Mapping[str, Any], float]:
        try:
            answer = self._api.ask(INTENTS, "retrieve", reference, params=EXPANDED)
        except Refused as refused:
            log.error("Stripe does not show the intent of payment %s: %s", attempt.id, refused.code)
            raise ProviderUnavailable from None
        return self._checked(answer, attempt), answer.at

    def _checked(self, answer: Answer, attempt: Attempt) -> Mapping[str, Any]:
        return reading.checked(answer.content, attempt, self._terms)


def numbered(key: str, number: int) -> str:
    return key if number == 1 else f"{key}.{number}"

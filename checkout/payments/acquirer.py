"""The sandbox acquirer as payment provider: another process, over HTTP, that can fail as a real one does.

An attempt's id is its idempotency key there, so that a call whose answer was lost is made again without
harm. Anything but a clear answer within the time is ProviderUnavailable, never a refusal. Its server is
`python -m gateway.acquirer`; no code is shared with it.
"""

from __future__ import annotations

import hmac
import json as plain_json
import logging
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import quote, urlencode

from django.utils import timezone
from django.utils.translation import gettext_noop

from checkout.errors import ProviderUnavailable
from checkout.payments import acquirer_answers as answers
from checkout.payments import results
from checkout.payments.acquirer_answers import Charge, NotInOrder
from checkout.payments.sandbox import HANDLERS
from checkout.ports import (
    ActionRequired,
    Attempt,
    Authorized,
    Declined,
    Handler,
    LedgerEntry,
    Outcome,
    ProviderEvent,
    Refunded,
    RefundEntry,
    Unknown,
)
from interventions.http import Http, NoReply
from interventions.weblinks import parse

log = logging.getLogger("agentic.acquirer")

SIGNATURE = "acquirer-signature"
WINDOW_SECONDS = 300
REMEMBERED = timedelta(hours=20)
"""It forgets no key earlier; it promises a day. What is older is looked for by its key instead."""
LEAST_SHARE = 0.1
"""With less of its time left than this, a call is not made again."""

LEDGER_STATES: Mapping[str, Literal["waiting", "authorized", "captured", "voided", "declined"]] = {
    "requires_action": "waiting",
    "authorized": "authorized",
    "captured": "captured",
    "voided": "voided",
    "declined": "declined",
}

REFUND_EVENTS = ("refunded", "refund_failed")

_SIGNED = re.compile(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Told:
    """A clear answer: a status below 500 with a JSON object."""

    status: int
    content: Mapping[str, Any] = field(repr=False)
    replayed: bool = False
    """It was given before, to the same key; what has become of it since it does not say."""


@dataclass(frozen=True, slots=True)
class AcquirerProvider:
    """Implements `ports.PaymentProvider`, `ports.LedgerProvider`, `ports.AuthenticatingProvider` and
    `ports.RefundsProvider`.

    Holders of cards are seen at the acquirer's own page only; no agent can run that for them.
    """

    url: str
    key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    http: Http = field(repr=False)
    name: str = "Sandbox acquirer"
    timeout_seconds: float = 10.0
    """For one verb, everything together: a call that is made again has what the first one left."""
    retries: int = 1

    @property
    def supports_3ds(self) -> bool:
        return True

    @property
    def issuer_name(self) -> str:
        return self.name

    @property
    def challenge_origins(self) -> Sequence[str]:
        return (parse(self.url).origin,)

    def handlers(self, *, currency: str) -> Sequence[Handler]:
        """The sandbox's cards, which are the same in both providers."""
        return HANDLERS

    def authorize(self, attempt: Attempt) -> Outcome:
        if attempt.instrument is None or not attempt.instrument.token:
            return Declined("card_declined", _message())
        wanted = {
            "amount": attempt.amount,
            "currency": attempt.currency,
            "token": attempt.instrument.token,
            "session": attempt.session_id,
            "three_d_secure": attempt.authentication_required,
        }
        ends_at = self._end()
        if attempt.opened_at is not None and timezone.now() - attempt.opened_at > REMEMBERED:
            earlier = self._find(attempt, ends_at)
            if earlier is not None:
                return self._outcome(earlier)
        told = self._ask("POST", "/charges", wanted, key=attempt.id, ends_at=ends_at)
        if told.replayed or _refused(told, 409) == "key_reused":
            # What it answered first stands; by now it may have gone further.
            known = self._find(attempt, ends_at)
            if known is None:
                raise ProviderUnavailable
            return self._outcome(known)
        return self._outcome(self._charge(told, attempt))

    def resume(self, attempt: Attempt, result: Mapping[str, Any]) -> Outcome:
        ends_at = self._end()
        found = self._find(attempt, ends_at)
        if found is None:
            return Declined("unknown_attempt")
        known = self._outcome(found)
        claimed = result["outcome"] in results.PROVEN or result["outcome"] in results.REFUSED
        if not isinstance(known, ActionRequired) or not claimed:
            return known
        # The issuer's page has not told the acquirer of any yes, and a no needs no proof.
        self._void(attempt, known.reference, ends_at)
        return Declined("authentication_failed", _message(), known.reference)

    def capture(self, attempt: Attempt, reference: str) -> Authorized | Declined:
        told = self._ask("POST", f"/charges/{_quoted(reference)}/capture", {}, ends_at=self._end())
        if _refused(told, 409) == "not_authorized":
            return Declined("not_authorized", reference=reference)
        outcome = self._outcome(self._charge(told, attempt))
        if not isinstance(outcome, Authorized) or not outcome.captured:
            raise ProviderUnavailable
        return outcome

    def void(self, attempt: Attempt, reference: str) -> None:
        self._void(attempt, reference, self._end())

    def refund(self, attempt: Attempt, reference: str, *, amount: int, key: str) -> Refunded:
        """Its books are read first: a refund may need longer than it remembers the key of one."""
        where = f"/charges/{_quoted(reference)}/refunds"
        named = f"{where}?{urlencode({'key': key})}"
        ends_at = self._end()
        told = self._ask("GET", named, ends_at=ends_at)
        if _refused(told, 404) == "unknown":
            told = self._ask("POST", where, {"amount": amount}, key=key, ends_at=ends_at)
            if _refused(told, 422) == "more_than_captured":
                return Refunded("", "failed", "more_than_captured")
            if told.replayed:
                told = self._ask("GET", named, ends_at=ends_at)
        with _in_order():
            made = answers.refund(_good(told))
        if (made.key, made.charge, made.amount) != (key, reference, amount):
            raise _odd("another refund than was asked for")
        return Refunded(made.id, made.state, made.reason)

    def refunds(self, attempt: Attempt, reference: str) -> Sequence[RefundEntry]:
        told = self._ask("GET", f"/charges/{_quoted(reference)}/refunds", ends_at=self._end())
        with _in_order():
            rows = answers.refunds(_good(told))
        if any(row.charge != reference for row in rows):
            raise _odd("refunds of another charge")
        return [RefundEntry(row.key, row.id, row.state, row.reason) for row in rows]

    def retrieve(self, attempt: Attempt) -> Outcome | Unknown:
        found = self._find(attempt, self._end())
        return self._outcome(found) if found else Unknown()

    def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> ProviderEvent | None:
        signatures = [value for name, value in headers.items() if name.lower() == SIGNATURE]
        found = _SIGNED.fullmatch(signatures[0]) if len(signatures) == 1 else None
        if found is None or not self.webhook_secret:
            return None
        at, signature = found.groups()
        expected = hmac.digest(self.webhook_secret.encode(), at.encode() + b"." + body, "sha256").hex()
        if abs(time.time() - int(at)) > WINDOW_SECONDS or not hmac.compare_digest(expected, signature):
            return None
        try:
            told = plain_json.loads(body)
            id, key, type = answers.event(told if isinstance(told, dict) else {})
        except (ValueError, RecursionError):
            log.error("A genuine message of the acquirer is not in order")
            return None
        return ProviderEvent(id, key, "refund" if type in REFUND_EVENTS else "payment", type)

    def entries(self, since: datetime, until: datetime) -> Iterator[LedgerEntry]:
        after, read = "0", set[str]()
        while after:
            query = {"since": since.isoformat(), "until": until.isoformat(), "after": after}
            told = self._ask("GET", f"/charges?{urlencode(query)}", ends_at=self._end())
            with _in_order():
                rows, after = answers.page(_good(told))
            yield from map(_entry, rows)
            if after in read:
                raise _odd("pages that never end")
            read.add(after)

    def challenge_page(self, attempt: Attempt, *, return_to: str, state: str) -> str:
        found = self._find(attempt, self._end())
        known = self._outcome(found) if found else Unknown()
        if not isinstance(known, ActionRequired) or not known.redirect_url:
            raise ProviderUnavailable
        return f"{known.redirect_url}?{urlencode({'return_to': return_to, 'state': state})}"

    def _void(self, attempt: Attempt, reference: str, ends_at: float) -> None:
        told = self._ask("POST", f"/charges/{_quoted(reference)}/void", {}, ends_at=ends_at)
        if _refused(told, 409) != "already_captured":
            self._charge(told, attempt)

    def _find(self, attempt: Attempt, ends_at: float) -> Charge | None:
        told = self._ask("GET", f"/charges?{urlencode({'key': attempt.id})}", ends_at=ends_at)
        return None if _refused(told, 404) == "unknown" else self._charge(told, attempt)

    def _charge(self, told: Told, attempt: Attempt) -> Charge:
        """The charge of this attempt, and of nothing else."""
        with _in_order():
            found = answers.charge(_good(told))
        same = (found.key, found.amount, found.currency) == (attempt.id, attempt.amount, attempt.currency)
        if not same:
            raise _odd("another charge than was asked for")
        return found

    def _outcome(self, found: Charge) -> Outcome:
        match found.status:
            case "authorized" | "captured":
                return Authorized(
                    found.id, found.status == "captured", found.authenticated, found.liability_shift
                )
            case "requires_action":
                return ActionRequired(found.id, redirect_url=self._challenge(found.challenge_url))
            case _:
                return Declined(found.decline_code or found.status, _message(), found.id)

    def _challenge(self, url: str) -> str:
        """The page that it names, which is one of its own."""
        try:
            link = parse(url)
        except ValueError:
            link = None
        if link is None or link.origin not in self.challenge_origins or "?" in url:
            raise _odd("a page that is not its own")
        return url

    def _end(self) -> float:
        """When a verb that begins now has to be over, whatever it asks."""
        return time.monotonic() + self.timeout_seconds

    def _ask(
        self,
        method: str,
        path: str,
        wanted: Mapping[str, Any] | None = None,
        *,
        key: str = "",
        ends_at: float,
    ) -> Told:
        """Its answer. A call without a clear one is made again, within the same time: all of them are
        repeatable. Raises ProviderUnavailable."""
        headers = {"Authorization": f"Bearer {self.key}", **({"Idempotency-Key": key} if key else {})}
        for made in range(1 + self.retries):
            left = ends_at - time.monotonic()
            if left < (LEAST_SHARE * self.timeout_seconds if made else 0):
                break
            try:
                reply = self.http.request(
                    method, self.url + path, headers=headers, json=wanted, timeout_seconds=left
                )
                told = plain_json.loads(reply.body) if reply.status < 500 else None
            except (NoReply, ValueError, RecursionError):
                continue
            if isinstance(told, dict):
                return Told(reply.status, told, "idempotent-replayed" in reply.headers)
        raise ProviderUnavailable


@contextmanager
def _in_order() -> Iterator[None]:
    """An answer that is not in order is none: an operator is told, and the outcome is unknown."""
    try:
        yield
    except NotInOrder as member:
        raise _odd(f"a wrong {member}") from None


def _odd(what: str) -> ProviderUnavailable:
    log.error("The acquirer's answer is not used: %s", what)
    return ProviderUnavailable()


def _good(told: Told) -> Mapping[str, Any]:
    """Raises ProviderUnavailable for an answer that is an error nobody expected here."""
    if told.status in (200, 201):
        return told.content
    log.error("The acquirer refused with %s", told.status)
    raise ProviderUnavailable


def _refused(told: Told, status: int) -> str:
    """The code, when it refused with this status; otherwise ""."""
    if told.status != status:
        return ""
    with _in_order():
        return answers.refusal(told.content)


def _entry(found: Charge) -> LedgerEntry:
    return LedgerEntry(
        reference=found.id,
        attempt_id=found.key,
        state=LEDGER_STATES[found.status],
        amount=found.amount,
        currency=found.currency,
        captured=found.captured,
        refunded=found.refunded,
        created_at=found.created_at,
    )


def _quoted(reference: str) -> str:
    return quote(reference, safe="")


def _message() -> str:
    return gettext_noop("The card was declined. Try another way to pay.")

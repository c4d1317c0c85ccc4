"""What stands before every payment provider, whoever wrote it: `ports().payments` is always this.

No verb that may be slow runs inside a transaction, and a provider that is silent is left alone (`breaker`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from checkout.payments.breaker import Breaker
from checkout.payments.outcomes import (
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
from checkout.payments.provider import (
    AuthenticatingProvider,
    DisputesProvider,
    LedgerProvider,
    PaymentProvider,
    RefundsProvider,
)
from interventions import transactions

log = logging.getLogger("agentic.payments")

INSIDE = "A payment provider is not called with a transaction open."


class Guarded:
    """Implements `ports.PaymentProvider` by the one it was given. Its verbs raise RuntimeError inside a
    transaction."""

    def __init__(self, inner: Any, breaker: Breaker, *, longest_seconds: float) -> None:
        self.inner = inner
        self.breaker = breaker
        self._longest = longest_seconds

    def handlers(self, *, currency: str) -> Sequence[Handler]:
        found: Sequence[Handler] = self.inner.handlers(currency=currency)
        return found

    def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> ProviderEvent | None:
        event: ProviderEvent | None = self.inner.parse_webhook(body, headers)
        return event

    def authorize(self, attempt: Attempt) -> Outcome:
        with self._call(attempt):
            outcome: Outcome = self.inner.authorize(attempt)
        return outcome

    def resume(self, attempt: Attempt, result: Mapping[str, Any]) -> Outcome:
        with self._call(attempt):
            outcome: Outcome = self.inner.resume(attempt, result)
        return outcome

    def capture(self, attempt: Attempt, reference: str) -> Authorized | Declined:
        with self._call(attempt):
            outcome: Authorized | Declined = self.inner.capture(attempt, reference)
        return outcome

    def void(self, attempt: Attempt, reference: str) -> None:
        with self._call(attempt):
            self.inner.void(attempt, reference)

    def refund(self, attempt: Attempt, reference: str, *, amount: int, key: str) -> Refunded:
        with self._call(attempt):
            refunded: Refunded = self.inner.refund(attempt, reference, amount=amount, key=key)
        return refunded

    def retrieve(self, attempt: Attempt) -> Outcome | Unknown:
        with self._call(attempt):
            outcome: Outcome | Unknown = self.inner.retrieve(attempt)
        return outcome

    def refunds(self, attempt: Attempt, reference: str) -> Sequence[RefundEntry] | None:
        """As `ports.RefundsProvider`; None from a provider that is none."""
        if not isinstance(self.inner, RefundsProvider):
            return None
        with self._call(attempt):
            found: Sequence[RefundEntry] = self.inner.refunds(attempt, reference)
        return found

    def disputes(self, attempt: Attempt, reference: str) -> Sequence[Dispute] | None:
        """As `ports.DisputesProvider`; None from a provider that is none."""
        if not isinstance(self.inner, DisputesProvider):
            return None
        with self._call(attempt):
            found: Sequence[Dispute] = self.inner.disputes(attempt, reference)
        return found

    @contextmanager
    def _call(self, attempt: Attempt) -> Iterator[None]:
        transactions.refuse_inside(INSIDE)
        began = time.monotonic()
        try:
            with self.breaker.call(attempt.id):
                yield
        finally:
            seconds = time.monotonic() - began
            if seconds > self._longest:
                log.error(
                    "the payment provider took %.1f s for %s; leases count on %s s at most (PAYMENT_SECONDS)",
                    seconds,
                    attempt.id,
                    self._longest,
                )


class _Authenticating(Guarded):
    """Implements `ports.AuthenticatingProvider` besides."""

    @property
    def supports_3ds(self) -> bool:
        return bool(self.inner.supports_3ds)

    @property
    def issuer_name(self) -> str:
        return str(self.inner.issuer_name)

    @property
    def challenge_origins(self) -> Sequence[str]:
        origins: Sequence[str] = self.inner.challenge_origins
        return origins

    def challenge_page(self, attempt: Attempt, *, return_to: str, state: str) -> str:
        transactions.refuse_inside(INSIDE)
        page: str = self.inner.challenge_page(attempt, return_to=return_to, state=state)
        return page


class _WithLedger(Guarded):
    """Implements `ports.LedgerProvider` besides."""

    def entries(self, since: datetime, until: datetime) -> Iterator[LedgerEntry]:
        transactions.refuse_inside(INSIDE)
        found: Iterator[LedgerEntry] = self.inner.entries(since, until)
        return found


class _Both(_Authenticating, _WithLedger):
    pass


def guarded(
    provider: PaymentProvider, *, breaker_failures: int, breaker_seconds: float, longest_seconds: float
) -> Guarded:
    """The provider behind its guard, with every port it serves; one that is guarded already stays so."""
    if isinstance(provider, Guarded):
        return provider
    shapes: Mapping[tuple[bool, bool], type[Guarded]] = {
        (False, False): Guarded,
        (True, False): _Authenticating,
        (False, True): _WithLedger,
        (True, True): _Both,
    }
    serves = isinstance(provider, AuthenticatingProvider), isinstance(provider, LedgerProvider)
    return shapes[serves](
        provider, Breaker(breaker_failures, breaker_seconds), longest_seconds=longest_seconds
    )


def refunds_of(provider: PaymentProvider, attempt: Attempt, reference: str) -> Sequence[RefundEntry] | None:
    """What the provider says of the refunds of the payment; None when it cannot. Raises as it does."""
    return provider.refunds(attempt, reference) if isinstance(provider, Guarded) else None


def disputes_of(provider: PaymentProvider, attempt: Attempt, reference: str) -> Sequence[Dispute] | None:
    """What the provider says of the disputes of the payment; None when it cannot. Raises as it does."""
    return provider.disputes(attempt, reference) if isinstance(provider, Guarded) else None


def admit(provider: PaymentProvider, attempt_id: str) -> None:
    """A new attempt may begin. Raises NothingBegun while the provider is left alone. A transaction may
    be open."""
    if isinstance(provider, Guarded):
        provider.breaker.admit(attempt_id)

"""What a merchant plugs in to be paid: the port of `checkout.ports` for payments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

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


@runtime_checkable
class PaymentProvider(Protocol):
    """Moves money. Always called with **no transaction open**: inside one, `ports().payments` raises
    RuntimeError. A call ends within PAYMENT_SECONDS, which is the part's own timeout times its tries:
    the leases are longer than that. After many calls in a row without an answer (ProviderUnavailable)
    the part is left alone for a while, see `payments.breaker`.

    Every verb is repeatable by the attempt's id: the provider answers a repeat with the first
    outcome and moves money once. The one exception raised is ProviderUnavailable: the outcome
    is then unknown, never a refusal.
    """

    def handlers(self, *, currency: str) -> Sequence[Handler]:
        """The accepted ways to pay in `currency`. Local and quick; a transaction may be open."""
        ...

    def authorize(self, attempt: Attempt) -> Outcome: ...

    def resume(self, attempt: Attempt, result: Mapping[str, Any]) -> Outcome:
        """Goes on with an attempt that required action. `result` is the `authentication_result` an
        agent brought: a claim, which the provider holds against what the issuer told it (ACP-172).
        With `attempt.authentication_required`, a result without proof is no way to be authorized."""
        ...

    def capture(self, attempt: Attempt, reference: str) -> Authorized | Declined: ...

    def void(self, attempt: Attempt, reference: str) -> None:
        """An authorization that was not captured holds no money any more, and an attempt that waits for
        a person will never be authorized."""
        ...

    def refund(self, attempt: Attempt, reference: str, *, amount: int, key: str) -> Refunded:
        """`amount` of what was captured goes back, once per `key`. A repeat says what has become of it
        since: a provider may need days."""
        ...

    def retrieve(self, attempt: Attempt) -> Outcome | Unknown:
        """What the provider knows of the attempt, by its id."""
        ...

    def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> ProviderEvent | None:
        """A genuine message, or None. Verifies the signature over the bytes, and that they were signed
        within the last five minutes and not in the future, before it reads anything. Local and quick;
        `headers` are found whatever the case of their names. Nothing of the body is logged."""
        ...


@runtime_checkable
class AuthenticatingProvider(Protocol):
    """What a PaymentProvider has besides, when it can have a card's issuer see its holder (3-D Secure)."""

    @property
    def supports_3ds(self) -> bool:
        """It can, as it is set up. A policy may then require it."""
        ...

    @property
    def issuer_name(self) -> str:
        """Who asks the person, as agents and operators read it."""
        ...

    @property
    def challenge_origins(self) -> Sequence[str]:
        """Where its challenge pages are served from, such as `https://acs.example`; nothing else is
        ever opened for a person (T30). Empty: only agents can run it."""
        ...

    def challenge_page(self, attempt: Attempt, *, return_to: str, state: str) -> str:
        """Where the person's browser goes for an attempt that required action. It comes back to
        `return_to` with `state`, or to the one address that a provider had to be told of with the
        card; what it brings is no verdict, `retrieve` is asked. Repeatable. Raises
        ProviderUnavailable. No transaction is open."""
        ...


@runtime_checkable
class LedgerProvider(Protocol):
    """What a PaymentProvider has besides, when its books can be read as a whole."""

    def entries(self, since: datetime, until: datetime) -> Iterator[LedgerEntry]:
        """Every payment that was made from `since` until before `until`, oldest first, declined ones
        too. May be slow. Raises ProviderUnavailable. No transaction is open."""
        ...


@runtime_checkable
class RefundsProvider(Protocol):
    """What a PaymentProvider has besides, when it can say what became of refunds that it had reported
    as done: some fail days later."""

    def refunds(self, attempt: Attempt, reference: str) -> Sequence[RefundEntry]:
        """Every refund of the payment as it is now, whoever asked for it. Moves no money. Raises
        ProviderUnavailable. No transaction is open."""
        ...


@runtime_checkable
class DisputesProvider(Protocol):
    """What a PaymentProvider has besides, when it can say what its buyers dispute."""

    def disputes(self, attempt: Attempt, reference: str) -> Sequence[Dispute]:
        """Every dispute of the payment as it is now. Raises ProviderUnavailable. No transaction is
        open."""
        ...

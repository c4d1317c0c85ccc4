"""What stands before every payment provider: no transaction, and patience that ends (R09)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import transaction

from checkout.errors import NothingBegun, ProviderUnavailable
from checkout.payments import guard
from checkout.payments.breaker import Breaker
from checkout.payments.sandbox import SandboxProvider
from checkout.ports import (
    Attempt,
    AuthenticatingProvider,
    Authorized,
    Declined,
    LedgerProvider,
    Outcome,
    PaymentProvider,
    ports,
)
from tests.contracts import test_built_in_parts
from tests.parts import plugged

ATTEMPT = Attempt("pay_1", "cs_1", 100, "usd")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Provider:
    """A merchant's own part, with nothing that it need not have."""

    def __init__(self) -> None:
        self.silent = False
        self.broken = False
        self.calls = 0

    def _answer(self, *_: Any, **__: Any) -> Any:
        self.calls += 1
        if self.broken:
            raise KeyError("a bug of the merchant's")
        if self.silent:
            raise ProviderUnavailable
        return Authorized("ref")

    authorize = resume = capture = void = refund = retrieve = _answer

    def handlers(self, *, currency: str) -> list[Any]:
        return []

    def parse_webhook(self, body: bytes, headers: Any) -> None:
        return None


class Everything(Provider):
    supports_3ds = True
    issuer_name = "Bank"
    challenge_origins = ("https://acs.example",)

    def challenge_page(self, attempt: Attempt, *, return_to: str, state: str) -> str:
        return "https://acs.example/1"

    def entries(self, since: datetime, until: datetime) -> Iterator[Any]:
        return iter(())


CALLS: dict[str, Any] = {
    "authorize": lambda part: part.authorize(ATTEMPT),
    "resume": lambda part: part.resume(ATTEMPT, {}),
    "capture": lambda part: part.capture(ATTEMPT, "ref"),
    "void": lambda part: part.void(ATTEMPT, "ref"),
    "refund": lambda part: part.refund(ATTEMPT, "ref", amount=1, key="k"),
    "retrieve": lambda part: part.retrieve(ATTEMPT),
    "challenge_page": lambda part: part.challenge_page(ATTEMPT, return_to="", state=""),
    "entries": lambda part: part.entries(NOW, NOW),
}


@pytest.fixture
def clock() -> Clock:
    return Clock()


def behind(provider: Any, clock: Clock | None = None, failures: int = 3, seconds: float = 10.0) -> Any:
    made = guard.guarded(provider, breaker_failures=failures, breaker_seconds=seconds, longest_seconds=20.0)
    if clock is not None:
        made.breaker = Breaker(failures, seconds, clock)
    return made


def fail(part: Any, times: int) -> None:
    for _ in range(times):
        with suppress(ProviderUnavailable):
            part.retrieve(ATTEMPT)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("verb", CALLS)
def test_no_verb_is_called_with_a_transaction_open(verb: str) -> None:
    """Decision 36, for a merchant's own part as for ours; outside of one, each works."""
    provider = Everything()

    with plugged(payments=provider):
        CALLS[verb](ports().payments)
        calls = provider.calls
        with transaction.atomic(), pytest.raises(RuntimeError, match="transaction"):
            CALLS[verb](ports().payments)

    assert provider.calls == calls


@pytest.mark.django_db(transaction=True)
def test_what_is_local_may_be_asked_with_a_transaction_open() -> None:
    with plugged(payments=Everything()), transaction.atomic():
        assert ports().payments.handlers(currency="usd") == []
        assert ports().payments.parse_webhook(b"", {}) is None


def test_a_part_serves_the_same_ports_behind_the_guard() -> None:
    for provider in (Provider(), Everything(), SandboxProvider()):
        made = behind(provider)
        assert isinstance(made, PaymentProvider)
        for port in (AuthenticatingProvider, LedgerProvider):
            assert isinstance(made, port) == isinstance(provider, port), (provider, port)
    assert behind(Everything()).supports_3ds is True
    assert behind(SandboxProvider()).supports_3ds is False


def test_a_part_is_guarded_once() -> None:
    made = behind(Provider())

    assert behind(made) is made


class TestGuardedSandbox(test_built_in_parts.TestSandboxProvider):
    """The sandbox keeps its contract behind the guard."""

    def part(self) -> PaymentProvider:
        return behind(super().part())  # type: ignore[no-any-return]


@pytest.mark.requirement("R09")
def test_after_so_many_silent_calls_the_provider_is_left_alone(clock: Clock) -> None:
    provider = Provider()
    part = behind(provider, clock)
    provider.silent = True

    fail(part, 3)
    calls = provider.calls
    with pytest.raises(ProviderUnavailable):
        part.retrieve(ATTEMPT)
    with pytest.raises(NothingBegun):
        guard.admit(part, "pay_new")

    assert provider.calls == calls == 3


@pytest.mark.requirement("R09")
def test_an_answer_in_between_starts_the_count_again(clock: Clock) -> None:
    """Also a refusal is an answer."""
    provider = Provider()
    part = behind(provider, clock)

    for _ in range(5):
        provider.silent = True
        fail(part, 2)
        provider.silent = False
        part.retrieve(ATTEMPT)

    guard.admit(part, "pay_new")
    assert provider.calls == 15


@pytest.mark.requirement("R09")
def test_one_call_goes_through_on_trial_and_an_answer_ends_it(clock: Clock) -> None:
    provider = Provider()
    part = behind(provider, clock)
    provider.silent = True
    fail(part, 3)

    clock.now += 9.9
    fail(part, 5)
    assert provider.calls == 3
    clock.now += 0.1
    fail(part, 5)
    assert provider.calls == 4

    provider.silent = False
    clock.now += 10
    part.retrieve(ATTEMPT)
    guard.admit(part, "pay_new")
    assert provider.calls == 5
    part.retrieve(ATTEMPT)


def test_a_new_attempt_can_be_the_trial_and_then_its_call_goes_through(clock: Clock) -> None:
    provider = Provider()
    part = behind(provider, clock)
    provider.silent = True
    fail(part, 3)
    clock.now += 10
    provider.silent = False

    guard.admit(part, "pay_trial")
    with pytest.raises(NothingBegun):
        guard.admit(part, "pay_other")
    with pytest.raises(ProviderUnavailable):
        part.retrieve(ATTEMPT)
    part.authorize(Attempt("pay_trial", "cs_2", 100, "usd"))

    guard.admit(part, "pay_other")


def test_a_trial_that_never_comes_back_blocks_no_later_one(clock: Clock) -> None:
    provider = Provider()
    part = behind(provider, clock)
    provider.silent = True
    fail(part, 3)
    clock.now += 10
    guard.admit(part, "pay_gone")

    clock.now += 10

    guard.admit(part, "pay_next")


def test_a_bug_of_the_part_is_no_silence(clock: Clock) -> None:
    provider = Provider()
    part = behind(provider, clock)
    provider.broken = True

    for _ in range(10):
        with pytest.raises(KeyError):
            part.retrieve(ATTEMPT)

    guard.admit(part, "pay_new")


def test_many_threads_make_one_trial(clock: Clock) -> None:
    breaker = Breaker(1, 10.0, clock)
    with suppress(ProviderUnavailable), breaker.call("pay_1"):
        raise ProviderUnavailable
    clock.now += 10
    admitted: list[int] = []
    together = threading.Barrier(16)

    def ask(number: int) -> None:
        together.wait()
        with suppress(NothingBegun):
            breaker.admit(f"pay_{number}")
            admitted.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(admitted) == 1


def test_a_call_that_outlasts_what_the_leases_count_on_is_told(caplog: pytest.LogCaptureFixture) -> None:
    class Slow(Provider):
        def authorize(self, attempt: Attempt) -> Outcome:
            threading.Event().wait(0.02)
            return Declined("no")

    part = guard.guarded(Slow(), breaker_failures=3, breaker_seconds=1.0, longest_seconds=0.01)
    with caplog.at_level(logging.ERROR, "agentic.payments"):
        part.authorize(ATTEMPT)

    assert "PAYMENT_SECONDS" in caplog.text

from __future__ import annotations

import base64
import itertools
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.utils import timezone

from checkout.payments import declarations
from checkout.ports import (
    ActionRequired,
    Attempt,
    AuthenticatingProvider,
    Authorized,
    Declined,
    Instrument,
    LedgerEntry,
    LedgerProvider,
    PaymentProvider,
    Unknown,
)

_numbers = itertools.count(1)


@pytest.mark.django_db(transaction=True)
class PaymentsContract:
    """The contract of `checkout.ports.PaymentProvider`. Write `part`, `good`, `bad` and the two
    that look into the provider's books. No transaction is open, as in the checkout."""

    CURRENCY = "usd"

    def part(self) -> PaymentProvider:
        """A new instance of the part; the provider's books outlive it."""
        raise NotImplementedError

    def good(self) -> Instrument:
        """Something to pay with that the provider accepts."""
        raise NotImplementedError

    def bad(self) -> Instrument:
        """Something to pay with that the provider declines."""
        raise NotImplementedError

    def charges(self, attempt: Attempt) -> int:
        """How many charges the provider's books hold for the attempt's session."""
        raise NotImplementedError

    def refunded(self, attempt: Attempt) -> int:
        """How much of the attempt went back, by the provider's books."""
        raise NotImplementedError

    # --- what it must do -------------------------------------------------------------------

    def attempt(self, instrument: Instrument | None = None, amount: int = 4_200) -> Attempt:
        number = next(_numbers)
        return Attempt(f"pay_contract_{number}", f"cs_contract_{number}", amount, self.CURRENCY, instrument)

    def authorized(self) -> tuple[Attempt, str]:
        attempt = self.attempt(self.good())
        outcome = self.part().authorize(attempt)
        assert isinstance(outcome, Authorized)
        return attempt, outcome.reference

    def captured(self) -> tuple[Attempt, str]:
        attempt, reference = self.authorized()
        assert isinstance(self.part().capture(attempt, reference), Authorized)
        return attempt, reference

    def test_it_serves_the_port(self) -> None:
        assert isinstance(self.part(), PaymentProvider)
        assert not connection.in_atomic_block

    def test_there_is_a_way_to_pay(self) -> None:
        """ACP-174 to ACP-179, ACP-182: every declaration is complete, and no two share an id."""
        handlers = self.part().handlers(currency=self.CURRENCY)

        assert declarations.problems(handlers) == []
        assert self.good().handler_id in {handler.id for handler in handlers}

    def test_good_money_is_authorized(self) -> None:
        attempt, reference = self.authorized()

        assert reference
        assert self.charges(attempt) == 1

    def test_one_attempt_is_charged_once_however_often_it_is_sent(self) -> None:
        attempt = self.attempt(self.good())

        outcomes = [self.part().authorize(attempt) for _ in range(3)]

        assert isinstance(outcomes[0], Authorized)
        assert outcomes == [outcomes[0]] * 3
        assert self.charges(attempt) == 1

    def test_a_refusal_is_an_outcome_and_is_repeated(self) -> None:
        attempt = self.attempt(self.bad())

        outcomes = [self.part().authorize(attempt) for _ in range(2)]

        assert isinstance(outcomes[0], Declined)
        assert outcomes[0].code
        assert outcomes[1] == outcomes[0]

    def test_a_refused_attempt_stays_refused_with_other_money(self) -> None:
        """The id is the key: what it answered first, it answers always."""
        refused = self.attempt(self.bad())
        self.part().authorize(refused)
        again = Attempt(refused.id, refused.session_id, refused.amount, refused.currency, self.good())

        assert isinstance(self.part().authorize(again), Declined)

    def test_the_provider_knows_what_it_did(self) -> None:
        attempt, reference = self.authorized()
        refused = self.attempt(self.bad())
        self.part().authorize(refused)

        known = self.part().retrieve(
            Attempt(attempt.id, attempt.session_id, attempt.amount, attempt.currency)
        )

        assert known == Authorized(reference, captured=False)
        assert isinstance(self.part().retrieve(refused), Declined)

    def test_an_attempt_that_never_arrived_is_unknown(self) -> None:
        assert self.part().retrieve(self.attempt()) == Unknown()

    def test_authorized_money_is_captured_once(self) -> None:
        attempt, reference = self.authorized()

        outcomes = [self.part().capture(attempt, reference) for _ in range(2)]

        assert outcomes == [Authorized(reference, captured=True)] * 2
        assert self.part().retrieve(attempt) == Authorized(reference, captured=True)
        assert self.charges(attempt) == 1

    def test_what_was_voided_cannot_be_captured(self) -> None:
        attempt, reference = self.authorized()

        for _ in range(2):
            self.part().void(attempt, reference)

        assert isinstance(self.part().capture(attempt, reference), Declined)

    def test_a_refund_is_made_once_for_each_key(self) -> None:
        attempt, reference = self.captured()

        made = [
            self.part().refund(attempt, reference, amount=1_000, key=f"{attempt.id}:{key}")
            for key in ("refund_1", "refund_1", "refund_2")
        ]

        assert self.refunded(attempt) == 2_000
        assert made[0] == made[1] != made[2]
        assert {one.state for one in made} <= {"completed", "pending"}

    def test_no_more_goes_back_than_was_taken(self) -> None:
        """T64: by the provider's own books too."""
        attempt, reference = self.captured()
        self.part().refund(attempt, reference, amount=4_000, key=f"{attempt.id}:first")

        refused = self.part().refund(attempt, reference, amount=1_000, key=f"{attempt.id}:second")

        assert refused.state == "failed"
        assert refused.reason
        assert self.refunded(attempt) == 4_000

    @pytest.mark.parametrize("body", [b"", b"{}", b"\xff\xfe", b'{"id":"evt_1","attempt_id":"pay_1"}'])
    def test_a_forged_message_is_none(self, body: bytes) -> None:
        headers = {
            "Content-Type": "application/json",
            "Signature": "t=1,v1=00",
            "Stripe-Signature": "t=1,v1=00",
        }

        assert self.part().parse_webhook(body, headers) is None
        assert self.part().parse_webhook(body, {}) is None

    def test_the_token_is_in_no_repr(self) -> None:
        instrument = self.good()
        attempt = self.attempt(instrument)

        assert instrument.token not in repr((attempt, self.part(), self.part().authorize(attempt)))


class LedgerPaymentsContract(PaymentsContract):
    """The contract of `checkout.ports.LedgerProvider` beside the other."""

    def entry(self, attempt: Attempt) -> LedgerEntry:
        part, now = self.part(), timezone.now()
        assert isinstance(part, LedgerProvider)
        found = part.entries(now - timedelta(minutes=10), now + timedelta(minutes=10))
        [entry] = [entry for entry in found if entry.attempt_id == attempt.id]
        assert (entry.amount, entry.currency) == (attempt.amount, attempt.currency)
        return entry

    def test_the_books_tell_what_became_of_a_payment(self) -> None:
        attempt, reference = self.authorized()
        assert (self.entry(attempt).state, self.entry(attempt).captured) == ("authorized", 0)

        self.part().capture(attempt, reference)
        self.part().refund(attempt, reference, amount=1_000, key=f"{attempt.id}:some")

        entry = self.entry(attempt)
        assert (entry.reference, entry.state, entry.captured, entry.refunded) == (
            reference,
            "captured",
            attempt.amount,
            1_000,
        )

    def test_the_books_tell_of_what_brought_nothing(self) -> None:
        voided, reference = self.authorized()
        self.part().void(voided, reference)
        declined = self.attempt(self.bad())
        self.part().authorize(declined)

        assert (self.entry(voided).state, self.entry(voided).captured) == ("voided", 0)
        assert (self.entry(declined).state, self.entry(declined).captured) == ("declined", 0)

    def test_the_books_of_another_day_are_empty(self) -> None:
        self.authorized()
        part, now = self.part(), timezone.now()
        assert isinstance(part, LedgerProvider)

        assert list(part.entries(now - timedelta(days=9), now - timedelta(days=8))) == []


class AuthenticatingPaymentsContract(PaymentsContract):
    """The contract of `checkout.ports.AuthenticatingProvider` beside the other. Write `asking`, and what
    its holder and agent do."""

    RETURNS_WITH_STATE = True
    """The page sends people back to `return_to` with `state`; False: where it was told with the card."""

    def asking(self) -> Instrument:
        """A card whose issuer asks its holder."""
        raise NotImplementedError

    def run(self, required: ActionRequired) -> Mapping[str, Any]:
        """The holder approves at their agent; the `authentication_result` it is given."""
        raise NotImplementedError

    def approve(self, page: str) -> None:
        """The holder approves at the page of `challenge_page`."""
        raise NotImplementedError

    def challenged(self, *, demanded: bool = False) -> tuple[Attempt, ActionRequired]:
        attempt = replace(
            self.attempt(self.good() if demanded else self.asking()), authentication_required=demanded
        )
        outcome = self.part().authorize(attempt)
        assert isinstance(outcome, ActionRequired)
        return replace(attempt, instrument=None), outcome

    def test_it_authenticates(self) -> None:
        part = self.part()

        assert isinstance(part, AuthenticatingProvider)
        assert part.supports_3ds
        assert part.issuer_name

    def test_a_challenge_says_how_it_is_met(self) -> None:
        """ACP-167: by an agent, or at a page; asked again, it says the same and charges nothing."""
        attempt, required = self.challenged()

        assert required.intervention_type == "3ds"
        assert required.metadata is not None or required.redirect_url is not None
        if required.metadata is not None:
            assert declarations.metadata_problems(required.metadata) == []
        assert self.part().authorize(replace(attempt, instrument=self.asking())) == required
        assert self.part().retrieve(attempt) == required
        assert isinstance(self.part().capture(attempt, required.reference), Declined)

    def test_what_the_merchant_demands_is_asked(self) -> None:
        """Any good card is challenged, or comes back authenticated."""
        attempt = replace(self.attempt(self.good()), authentication_required=True)
        outcome = self.part().authorize(attempt)

        assert isinstance(outcome, ActionRequired) or (
            isinstance(outcome, Authorized) and outcome.authenticated
        )

    def test_a_genuine_result_is_authorized_once(self) -> None:
        attempt, required = self.challenged(demanded=True)
        result = self.run(required)

        outcomes = [self.part().resume(attempt, result) for _ in range(2)]

        assert outcomes == [outcomes[0]] * 2
        assert isinstance(outcomes[0], Authorized)
        assert outcomes[0].authenticated
        assert self.part().retrieve(attempt) == outcomes[0]
        assert self.charges(attempt) == 1

    def test_an_invented_result_is_declined(self) -> None:
        """T33: in perfect form."""
        attempt, required = self.challenged()
        details = {
            "three_ds_cryptogram": base64.b64encode(b"c" * 20).decode(),
            "electronic_commerce_indicator": "05",
            "transaction_id": str(uuid.uuid4()),
            "version": "2.2.0",
        }

        outcome = self.part().resume(attempt, {"outcome": "authenticated", "outcome_details": details})

        assert isinstance(outcome, Declined)
        assert isinstance(self.part().capture(attempt, required.reference), Declined)

    def test_a_result_of_another_attempt_is_declined(self) -> None:
        """T34."""
        attempt, _ = self.challenged()
        _, other = self.challenged()

        assert isinstance(self.part().resume(attempt, self.run(other)), Declined)

    def test_a_no_is_a_no(self) -> None:
        attempt, _ = self.challenged()

        assert isinstance(self.part().resume(attempt, {"outcome": "denied"}), Declined)
        assert isinstance(self.part().retrieve(attempt), Declined)

    def test_what_was_voided_meanwhile_is_not_authorized(self) -> None:
        """The session went on without it: a late yes brings no money."""
        attempt, required = self.challenged()
        result = self.run(required)

        self.part().void(attempt, required.reference)

        assert isinstance(self.part().resume(attempt, result), Declined)
        assert isinstance(self.part().retrieve(attempt), Declined)

    def test_a_page_of_its_own_leads_back(self) -> None:
        """T30: where it says its pages are; the provider's word is the verdict."""
        attempt, required = self.challenged(demanded=True)
        part = self.part()
        assert isinstance(part, AuthenticatingProvider)
        if not part.challenge_origins:
            assert required.redirect_url is None
            return
        back = "http://localhost:8000/agentic/confirm/ticket/return"

        page = part.challenge_page(attempt, return_to=back, state="opaque")
        self.approve(page)

        parts = urlsplit(page)
        assert f"{parts.scheme}://{parts.netloc}" in part.challenge_origins
        assert ["opaque"] in parse_qs(parts.query).values() or not self.RETURNS_WITH_STATE
        outcome = part.retrieve(attempt)  # type: ignore[attr-defined]
        assert isinstance(outcome, Authorized)
        assert outcome.authenticated

from __future__ import annotations

import itertools

import pytest
from django.db import connection

from checkout.payments import declarations
from checkout.ports import Attempt, Authorized, Declined, Instrument, PaymentProvider, Unknown

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

        for key in ("refund_1", "refund_1", "refund_2"):
            self.part().refund(attempt, reference, amount=1_000, key=key)

        assert self.refunded(attempt) == 2_000

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

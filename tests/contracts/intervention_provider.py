from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from interventions.ports import Challenge, InterventionProvider, NotYet, Passed, Refused, Started

TYPES = {"otp", "redirect", "webview", "3ds", "biometric", "address_verification"}


@pytest.mark.django_db(transaction=True)
class InterventionProviderContract:
    """The contract of `interventions.ports.InterventionProvider`. Write `part`, `act` and
    `times_started`. No transaction is open, as in production."""

    def part(self) -> InterventionProvider:
        """The part under test; one for the length of a test."""
        raise NotImplementedError

    def act(self, part: InterventionProvider, challenge: Challenge) -> dict[str, Any]:
        """Lets the person do what is asked, and returns the evidence an agent would bring."""
        raise NotImplementedError

    def times_started(self, part: InterventionProvider, challenge: Challenge) -> int:
        """How often something was really sent or opened for the challenge."""
        raise NotImplementedError

    def challenge(self, number: int = 1) -> Challenge:
        return Challenge(
            id=f"int_contract_{number}",
            type=self.part().type,
            subject=f"cs_contract_{number}",
            amount=2_800,
            currency="usd",
            destination="person@example.com",
        )

    # --- what it must do -------------------------------------------------------------------

    def test_it_serves_the_port(self) -> None:
        assert isinstance(self.part(), InterventionProvider)
        assert self.part().type in TYPES

    def test_a_started_challenge_ends_later_and_shows_no_destination(self) -> None:
        started = self.part().start(self.challenge())

        assert isinstance(started, Started)
        assert started.expires_at > timezone.now()
        assert "person@example.com" not in repr(started)

    def test_starting_again_sends_nothing_twice(self) -> None:
        part, challenge = self.part(), self.challenge()

        first = part.start(challenge)
        again = part.start(challenge)

        assert first == again
        assert self.times_started(part, challenge) == 1

    def test_what_the_person_did_passes_every_time_it_is_asked(self) -> None:
        part, challenge = self.part(), self.challenge()
        part.start(challenge)

        evidence = self.act(part, challenge)

        assert [part.verify(challenge, evidence) for _ in range(2)] == [Passed(), Passed()]

    @pytest.mark.parametrize(
        "evidence", [{}, {"code": "000000"}, {"callback_data": "approved=true"}, {"outcome": "authenticated"}]
    )
    def test_an_agents_word_alone_passes_nothing(self, evidence: dict[str, Any]) -> None:
        """Decision 20."""
        part, challenge = self.part(), self.challenge()
        part.start(challenge)

        assert isinstance(part.verify(challenge, evidence), NotYet | Refused)

    def test_what_one_person_did_passes_no_other_challenge(self) -> None:
        """T17, T32: evidence is bound to its challenge."""
        part, mine, other = self.part(), self.challenge(1), self.challenge(2)
        part.start(mine)
        part.start(other)

        evidence = self.act(part, mine)

        assert isinstance(part.verify(other, evidence), NotYet | Refused)

    def test_a_challenge_never_started_is_not_passed(self) -> None:
        assert isinstance(self.part().verify(self.challenge(), {}), NotYet | Refused)

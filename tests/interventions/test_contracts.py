"""The contract classes of the intervention ports, against scripted parts: a good one passes,
and a part that believes the agent is caught."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from interventions.ports import (
    Challenge,
    InterventionProvider,
    Notice,
    NotYet,
    Passed,
    PersonChannel,
    Started,
    Verdict,
)
from tests.contracts.intervention_provider import InterventionProviderContract
from tests.contracts.person_channel import PersonChannelContract


class Doorbell:
    """A redirect provider whose person rings a bell."""

    type = "redirect"

    def __init__(self) -> None:
        self.started: dict[str, Started] = {}
        self.rung: set[str] = set()
        self.opened = 0

    def start(self, challenge: Challenge) -> Started:
        if challenge.id not in self.started:
            self.opened += 1
            self.started[challenge.id] = Started(
                timezone.now() + timedelta(minutes=5), provider="example.bell"
            )
        return self.started[challenge.id]

    def verify(self, challenge: Challenge, evidence: Mapping[str, Any]) -> Verdict:
        return Passed() if challenge.id in self.rung else NotYet()


class Gullible(Doorbell):
    """Believes what the agent says."""

    def verify(self, challenge: Challenge, evidence: Mapping[str, Any]) -> Verdict:
        return Passed() if evidence else NotYet()


class TestDoorbell(InterventionProviderContract):
    @pytest.fixture(autouse=True)
    def one(self) -> None:
        self.bell = Doorbell()

    def part(self) -> InterventionProvider:
        return self.bell

    def act(self, part: InterventionProvider, challenge: Challenge) -> dict[str, Any]:
        self.bell.rung.add(challenge.id)
        return {"callback_data": "rang"}

    def times_started(self, part: InterventionProvider, challenge: Challenge) -> int:
        return self.bell.opened


def test_a_gullible_provider_breaks_the_contract() -> None:
    class Judged(InterventionProviderContract):
        def part(self) -> InterventionProvider:
            return Gullible()

    with pytest.raises(AssertionError):
        Judged().test_an_agents_word_alone_passes_nothing({"code": "000000"})


class Letterbox:
    def __init__(self) -> None:
        self.letters: dict[str, str] = {}

    def reach(self, person: str, notice: Notice) -> bool:
        if person != "ada":
            return False
        self.letters[notice.id] = notice.text
        return True


class TestLetterbox(PersonChannelContract):
    @pytest.fixture(autouse=True)
    def one(self) -> None:
        self.box = Letterbox()

    def part(self) -> PersonChannel:
        return self.box

    def somebody(self) -> str:
        return "ada"

    def received(self, part: PersonChannel, person: str) -> list[str]:
        return list(self.box.letters.values())


def test_destinations_stay_out_of_the_repr() -> None:
    """T19."""
    assert "ada@example.com" not in repr(Challenge("int_1", "otp", "cs_1", 1, "usd", "ada@example.com"))

"""The contract classes of the intervention ports, against scripted parts: a good one passes,
and a part that believes the agent is caught."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from interventions.ports import Challenge, Notice, NotYet, PageProvider, Passed, PersonChannel, Verdict
from tests.contracts.page_provider import PageProviderContract
from tests.contracts.person_channel import PersonChannelContract
from tests.interventions.wallet import PlayedWallet


class TestWallet(PageProviderContract):
    @pytest.fixture(autouse=True)
    def one(self) -> None:
        self.wallet = PlayedWallet()

    def part(self) -> PageProvider:
        return self.wallet

    def approve(self, url: str) -> dict[str, str]:
        return self.wallet.decide(url, "approved")

    def deny(self, url: str) -> dict[str, str]:
        return self.wallet.decide(url, "denied")


def test_a_gullible_provider_breaks_the_contract() -> None:
    class Gullible(PlayedWallet):
        def verify(self, challenge: Challenge, evidence: Mapping[str, str]) -> Verdict:
            return Passed() if evidence else NotYet()

    class Judged(PageProviderContract):
        def part(self) -> PageProvider:
            return Gullible()

    with pytest.raises(AssertionError):
        Judged().test_what_somebody_invents_passes_nothing({"code": "000000"})


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

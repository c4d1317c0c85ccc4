"""The contract classes of the intervention ports, against scripted parts: a good one passes,
and a part that believes the agent is caught."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import pytest

from interventions.ports import Challenge, NotYet, PageProvider, Passed, Verdict
from interventions.reach_models import ReachChannel
from interventions.reach_ports import ChannelGone, Notice, PersonChannel
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
    kind, slow = ReachChannel.WEBHOOK, False

    def __init__(self) -> None:
        self.letters: dict[str, str] = {}

    def is_ready(self, channel: ReachChannel, now: datetime) -> bool:
        return channel.enabled

    def reach(self, channel: ReachChannel, notice: Notice) -> None:
        if channel.person != "ada":
            raise ChannelGone
        self.letters[notice.id] = notice.title


class TestLetterbox(PersonChannelContract):
    @pytest.fixture(autouse=True)
    def one(self) -> None:
        self.box = Letterbox()

    def part(self) -> PersonChannel:
        return self.box

    def somebody(self) -> ReachChannel:
        return ReachChannel.objects.create(person="ada", kind=ReachChannel.WEBHOOK, fingerprint="a")

    def nobody(self) -> ReachChannel:
        return ReachChannel.objects.create(person="bob", kind=ReachChannel.WEBHOOK, fingerprint="b")

    def received(self, part: PersonChannel, channel: ReachChannel) -> list[str]:
        return list(self.box.letters.values()) if channel.person == "ada" else []


def test_destinations_stay_out_of_the_repr() -> None:
    """T19."""
    assert "ada@example.com" not in repr(Challenge("int_1", "otp", "cs_1", 1, "usd", "ada@example.com"))

from __future__ import annotations

import pytest

from interventions.ports import Notice, PersonChannel


@pytest.mark.django_db(transaction=True)
class PersonChannelContract:
    """The contract of `interventions.ports.PersonChannel`. Write `part`, `somebody` and
    `received`; set `recognises_repeats` to False for a channel that cannot."""

    recognises_repeats = True

    def part(self) -> PersonChannel:
        """The part under test; one for the length of a test."""
        raise NotImplementedError

    def somebody(self) -> str:
        """A person this channel can reach."""
        raise NotImplementedError

    def received(self, part: PersonChannel, person: str) -> list[str]:
        """The texts that reached the person."""
        raise NotImplementedError

    def notice(self) -> Notice:
        return Notice("ntc_contract", "cs_contract", "Please confirm your order.", "https://shop.example/i/1")

    # --- what it must do -------------------------------------------------------------------

    def test_it_serves_the_port(self) -> None:
        assert isinstance(self.part(), PersonChannel)

    def test_a_person_is_reached(self) -> None:
        part = self.part()

        assert part.reach(self.somebody(), self.notice()) is True
        (text,) = self.received(part, self.somebody())
        assert "Please confirm your order." in text

    def test_somebody_unknown_is_not_reached_and_nothing_breaks(self) -> None:
        assert self.part().reach("nobody-known-here", self.notice()) is False

    def test_a_repeat_is_recognised(self) -> None:
        part = self.part()
        for _ in range(3):
            part.reach(self.somebody(), self.notice())

        assert len(self.received(part, self.somebody())) == (1 if self.recognises_repeats else 3)

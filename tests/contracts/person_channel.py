from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from interventions.reach_models import ReachChannel
from interventions.reach_ports import ChannelGone, Notice, NotReached, PersonChannel


@pytest.mark.django_db(transaction=True)
class PersonChannelContract:
    """The contract of `interventions.reach_ports.PersonChannel`. Write `part`, `somebody` and
    `received`; set `recognises_repeats` to False for a channel that cannot."""

    recognises_repeats = True

    def part(self) -> PersonChannel:
        """The part under test; one for the length of a test."""
        raise NotImplementedError

    def somebody(self) -> ReachChannel:
        """A way to a person that works now; its row is in the database."""
        raise NotImplementedError

    def nobody(self) -> ReachChannel:
        """A way that leads to nobody any more; its row is in the database."""
        raise NotImplementedError

    def received(self, part: PersonChannel, channel: ReachChannel) -> list[str]:
        """The titles that reached the person."""
        raise NotImplementedError

    def notice(self, channel: ReachChannel) -> Notice:
        return Notice(
            "ntc_contract",
            "smn_contract",
            channel.person,
            "Shopper needs you",
            "https://shop.example/account/1",
            expires_at=timezone.now() + timedelta(minutes=5),
        )

    # --- what it must do -------------------------------------------------------------------

    def test_it_serves_the_port(self) -> None:
        assert isinstance(self.part(), PersonChannel)
        assert self.part().kind in dict(ReachChannel._meta.get_field("kind").flatchoices)

    def test_a_person_is_reached(self) -> None:
        part, channel = self.part(), self.somebody()

        assert part.is_ready(channel, timezone.now())
        part.reach(channel, self.notice(channel))

        (title,) = self.received(part, channel)
        assert "Shopper needs you" in title

    def test_who_cannot_be_reached_is_not_ready_or_refused_and_nothing_else_breaks(self) -> None:
        part, channel = self.part(), self.nobody()
        if part.is_ready(channel, timezone.now()):
            with pytest.raises((NotReached, ChannelGone)):
                part.reach(channel, self.notice(channel))
        assert self.received(part, channel) == []

    def test_a_repeat_is_recognised(self) -> None:
        part, channel = self.part(), self.somebody()
        for _ in range(3):
            part.reach(channel, self.notice(channel))

        assert len(self.received(part, channel)) == (1 if self.recognises_repeats else 3)

    def test_looking_and_reaching_write_no_row_of_the_channel(self) -> None:
        part, channel = self.part(), self.somebody()
        before = ReachChannel.objects.filter(pk=channel.pk).values().get()

        part.is_ready(channel, timezone.now())
        part.reach(channel, self.notice(channel))

        assert ReachChannel.objects.filter(pk=channel.pk).values().get() == before

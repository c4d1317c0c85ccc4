"""A page of ours that is open before the person: it asks for news every few seconds, and shows what waits.

Nothing is sent. That the page has asked a moment ago is what makes it a way to them (AA-210).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from interventions.reach_models import ReachChannel
from interventions.reach_ports import Notice, NotReached, ways


class OpenPage:
    """`PersonChannel` of browsers in which the person is signed in (`reaching.seen`). Without state."""

    kind = ReachChannel.WEB_SESSION
    slow = False

    def is_ready(self, channel: ReachChannel, now: datetime) -> bool:
        lately = timedelta(seconds=ways().present_seconds)
        return channel.seen_at is not None and now - channel.seen_at <= lately

    def reach(self, channel: ReachChannel, notice: Notice) -> None:
        """The page shows it when it asks next. Raises NotReached when it has been closed meanwhile."""
        if not self.is_ready(channel, timezone.now()):
            raise NotReached

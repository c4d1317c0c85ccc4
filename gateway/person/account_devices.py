"""The ways in which a person is reached, and how they choose among them: `.../account/devices` (AA-210).

A way is used only while it is known to work: a browser while a page of ours is open in it, a device once it
has shown that it takes messages, mail when the merchant knows an address. Nothing here shows an address.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_noop

from checkout.untrusted import visible
from gateway import links, reach_channels
from gateway.person import push
from gateway.person.account import AccountPage, NotTheirs
from gateway.person.orders import MOMENT
from interventions import masking, reaching
from interventions.reach_models import ReachChannel
from interventions.reach_ports import Notice, ways
from interventions.translation import words

CHANNEL_ID = re.compile(r"rch_[0-9a-z]{1,60}", re.ASCII)
KINDS = {
    ReachChannel.WEB_SESSION: gettext_noop("A browser in which you were signed in"),
    ReachChannel.WEB_PUSH: gettext_noop("Push messages to a device"),
    ReachChannel.WEBHOOK: gettext_noop("The app"),
    ReachChannel.EMAIL: gettext_noop("Mail"),
}
TEST = gettext_noop("This is a test: you can be reached here")
TAKEN = gettext_noop("The test was sent. You should see it in a moment.")
NOT_TAKEN = gettext_noop("The test did not get through. This way is not used until it works again.")


@dataclass(frozen=True, slots=True)
class Way:
    """As the page shows it."""

    id: str
    kind: str
    name: str
    label: str
    works: bool
    """Now, from facts that were checked."""
    enabled: bool
    seen_at: datetime | None
    failed_at: datetime | None
    can_test: bool


class DevicesPage(AccountPage):
    here = "account_devices"

    def shown(self, request: HttpRequest, **kept: str) -> HttpResponse:
        return self.listed(request)

    def taken(self, request: HttpRequest, **kept: str) -> HttpResponse:
        decided = request.POST.get("answer")
        if decided == "mail":
            self.mail()
            return self.sent_on(request.path)
        row = self.found(request.POST.get("way", ""))
        match decided:
            case "on" | "off":
                reaching.switch(self.person.id, row.pk, enabled=decided == "on")
            case "remove":
                reaching.forget(self.person.id, row.pk)
            case "test" if _can_test(row):
                return self.listed(request, TAKEN if self.told(request, row) else NOT_TAKEN)
        return self.sent_on(request.path)

    def found(self, channel_id: str) -> ReachChannel:
        """The person's own. Raises NotTheirs."""
        if CHANNEL_ID.fullmatch(channel_id):
            for row in reaching.channels(self.person.id):
                if row.pk == channel_id:
                    return row
        raise NotTheirs

    def mail(self) -> None:
        """They want to be written to, at the address that the merchant knows."""
        if self.person.email and ReachChannel.EMAIL in ways().parts:
            reach_channels.want_mail(self.person.id, wanted=True)

    def told(self, request: HttpRequest, row: ReachChannel) -> bool:
        """A test has gone that way; what came of it is on record."""
        notice = Notice(
            id=f"test_{secrets.token_hex(8)}",
            subject=row.pk,
            person=self.person.id,
            title=words(self.language(request))(TEST),
            url=links.to("account_devices"),
            language=self.language(request),
        )
        return reaching.tell(row, notice)

    def listed(self, request: HttpRequest, said: str = "") -> HttpResponse:
        now = timezone.now()
        rows = reaching.channels(self.person.id)
        mail = next((row for row in rows if row.kind == ReachChannel.EMAIL), None)
        offered = self.person.email and mail is None and ReachChannel.EMAIL in ways().parts
        context = {
            "ways": [_way(row, now) for row in rows],
            "said": said,
            **push.part(),
            "mail_hint": masking.hint(self.person.email) if offered else "",
            "moment": words(self.language(request))(MOMENT),
        }
        return self.show(request, "account_devices", context, works=True)


def _way(row: ReachChannel, now: datetime) -> Way:
    return Way(
        id=row.pk,
        kind=row.kind,
        name=KINDS[row.kind],
        label=visible(row.label, longest=100),
        works=reaching.is_ready(row, now),
        enabled=row.enabled,
        seen_at=row.seen_at or row.verified_at,
        failed_at=row.failed_at,
        can_test=row.enabled and _can_test(row),
    )


def _can_test(row: ReachChannel) -> bool:
    """An open page shows what waits anyway, and mail leaves only for what waits."""
    return row.verified_at is not None and row.kind in (ReachChannel.WEB_PUSH, ReachChannel.WEBHOOK)

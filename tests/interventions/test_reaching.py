"""A person is reached by ways that work at this moment, the most direct first (AA-210, AA-211)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import transaction
from django.utils import timezone

from gateway import delivery, reach_channels
from interventions import reach_ports, reaching
from interventions.channels.email_notice import MOST_AN_HOUR, MailNotice
from interventions.channels.web_session import OpenPage
from interventions.reach_models import ReachAttempt, ReachChannel
from interventions.reach_ports import ChannelGone, Notice, NotReached, PersonChannel, Ways
from tests.contracts.person_channel import PersonChannelContract

ADA, BROWSER = "1", "a browser of hers"
NOTICE = Notice("smn_1", "smn_1", ADA, "Shopper needs you", "https://shop.example/account/smn_1")


class Played:
    """A way that does what it is told, and costs so many seconds."""

    def __init__(
        self, kind: str, fails: Exception | None = None, *, slow: bool = False, costs: float = 0
    ) -> None:
        self.kind, self.slow, self.fails, self.costs = kind, slow, fails, costs
        self.told: list[str] = []
        self.is_up = True

    def is_ready(self, channel: ReachChannel, now: datetime) -> bool:
        return self.is_up

    def reach(self, channel: ReachChannel, notice: Notice) -> None:
        assert not transaction.get_connection().in_atomic_block or transaction.get_connection().atomic_blocks
        self.told.append(channel.pk)
        Time.now += self.costs
        if self.fails is not None:
            raise self.fails


class Time:
    now = 0.0


@pytest.fixture(autouse=True)
def before(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    kept = reach_ports.ways()
    monkeypatch.setattr(reaching, "clock", lambda: Time.now)
    yield
    reach_ports.plug(kept)


def using(*parts: Any) -> None:
    reach_ports.plug(Ways(parts={part.kind: part for part in parts}))


def way(kind: str, person: str = ADA, mark: str = "", **columns: Any) -> ReachChannel:
    row = reaching.keep(person, kind, mark or kind, verified=True)
    ReachChannel.objects.filter(pk=row.pk).update(**columns)
    row.refresh_from_db()
    return row


def results() -> list[tuple[str, str]]:
    return list(ReachAttempt.objects.values_list("kind", "result"))


# Presence -------------------------------------------------------------------------------------


@pytest.mark.requirement("AA-210")
def test_an_open_page_is_a_way_for_half_a_minute() -> None:
    using(OpenPage())
    assert reaching.ready(ADA) == []
    reaching.seen(ADA, BROWSER)
    (row,) = reaching.ready(ADA, patience_seconds=1)
    assert BROWSER not in repr(ReachChannel.objects.values().get())

    for seconds, ready in ((29, True), (31, False)):
        ReachChannel.objects.update(seen_at=timezone.now() - timedelta(seconds=seconds))
        assert bool(reaching.ready(ADA)) is ready
    assert reaching.ready("2") == []
    assert row.kind == "web_session"


def test_fifty_open_banners_write_once(django_assert_num_queries: Any) -> None:
    reaching.seen(ADA, BROWSER)
    first = ReachChannel.objects.get().seen_at
    with django_assert_num_queries(50):
        for _ in range(50):
            reaching.seen(ADA, BROWSER)
    assert ReachChannel.objects.get().seen_at == first
    ReachChannel.objects.update(seen_at=timezone.now() - timedelta(seconds=11), failed_at=timezone.now())
    reaching.seen(ADA, BROWSER)
    row = ReachChannel.objects.get()
    assert row.seen_at is not None
    assert first is not None
    assert row.seen_at > first
    assert row.failed_at is None


def test_browsers_without_end_are_not_kept() -> None:
    for number in range(25):
        reaching.seen(ADA, f"browser {number}")
    reaching.seen("2", "another person's")
    assert ReachChannel.objects.filter(person=ADA).count() == 20
    ReachChannel.objects.update(seen_at=timezone.now() - timedelta(days=31))
    assert (reaching.purge(), reaching.purge()) == (21, 0)


def test_who_signs_out_is_not_there() -> None:
    reaching.seen(ADA, BROWSER)
    reaching.left("2", BROWSER)
    assert ReachChannel.objects.exists()
    reaching.left(ADA, BROWSER)
    assert not ReachChannel.objects.exists()


# Which way ------------------------------------------------------------------------------------


@pytest.mark.requirement("AA-210")
def test_the_most_direct_that_takes_it() -> None:
    push, hook = Played("web_push"), Played("webhook")
    using(OpenPage(), push, hook)
    reaching.seen(ADA, BROWSER)
    way("webhook")
    pushed = way("web_push")
    taken = reaching.reach(NOTICE)
    assert taken is not None
    assert taken.kind == "web_session"
    assert (push.told, hook.told) == ([], [])

    ReachChannel.objects.filter(kind="web_session").delete()
    assert reaching.reach(NOTICE) == pushed
    assert hook.told == []
    assert results() == [("web_session", "taken"), ("web_push", "taken")]


@pytest.mark.requirement("AA-210")
@pytest.mark.parametrize("columns", [{"enabled": False}, {"verified_at": None}])
def test_what_is_off_or_was_never_seen_to_work_is_no_way(columns: dict[str, Any]) -> None:
    push = Played("web_push")
    using(push)
    way("web_push", **columns)
    assert reaching.reach(NOTICE) is None
    assert (push.told, results()) == ([], [])
    assert len(reaching.channels(ADA)) == 1, "they see it all the same"


def test_what_the_settings_leave_out_is_no_way() -> None:
    using(Played("webhook"))
    way("web_push")
    assert (reaching.ready(ADA), reaching.channels(ADA)) == ([], [])


@pytest.mark.requirement("AA-211")
@pytest.mark.parametrize(
    ("fails", "result", "proved"),
    [
        (ChannelGone(), "refused", False),
        (NotReached(), "broken", True),
        (ValueError("secret"), "broken", True),
    ],
)
def test_the_next_way_when_one_fails(
    fails: Exception, result: str, proved: bool, caplog: pytest.LogCaptureFixture
) -> None:
    using(Played("web_push", fails), Played("webhook"))
    broken, hook = way("web_push"), way("webhook")
    assert reaching.reach(NOTICE) == hook
    assert results() == [("web_push", result), ("webhook", "taken")]
    broken.refresh_from_db()
    assert (broken.verified_at is not None, broken.failed_at is not None) == (proved, True)
    assert broken.enabled, "which is the person's to say"
    assert "secret" not in caplog.text


@pytest.mark.requirement("AA-210")
def test_a_way_that_broke_does_not_work_whatever_another_clock_said_before() -> None:
    """The merchant's server, whose clock is ahead, said that the app is there."""
    using(Played("webhook", NotReached()))
    hook = way("webhook", verified_at=timezone.now() + timedelta(minutes=4))
    assert hook.works
    assert reaching.reach(NOTICE) is None
    hook.refresh_from_db()
    assert not hook.works


@pytest.mark.requirement("AA-210")
@pytest.mark.parametrize(("patience", "asked"), [(None, True), (121, True), (120, False), (1, False)])
def test_what_is_slow_is_only_for_the_patient(patience: float | None, asked: bool) -> None:
    slow = Played("email", slow=True)
    using(slow)
    way("email")
    assert bool(reaching.reach(NOTICE, patience)) is asked
    assert bool(slow.told) is asked


def test_all_ways_together_take_six_seconds_at_most() -> None:
    push, hook, slow = (
        Played("web_push", NotReached(), costs=5),
        Played("webhook", NotReached(), costs=5),
        Played("email", slow=True),
    )
    using(push, hook, slow)
    for kind in ("web_push", "webhook", "email"):
        way(kind)
    began = Time.now
    taken = reaching.reach(NOTICE)
    assert Time.now - began <= reaching.LONGEST_SECONDS
    assert hook.told == [], "not enough time was left"
    assert taken is not None
    assert taken.kind == "email", "which only queues"


@pytest.mark.django_db(transaction=True)
def test_nobody_is_called_inside_a_transaction() -> None:
    with transaction.atomic(), pytest.raises(RuntimeError):
        reaching.reach(NOTICE)


@pytest.mark.requirement("AA-211")
def test_the_way_that_took_it_counts_while_it_works() -> None:
    push, hook = Played("web_push"), Played("webhook")
    using(push, hook)
    first, second = way("web_push"), way("webhook")
    assert reaching.reach(NOTICE) == first
    assert reaching.standing(NOTICE) == first
    assert len(push.told) == 1, "looking tells nobody"

    push.is_up = False
    assert reaching.standing(NOTICE) == second
    assert reaching.standing(NOTICE) == second
    hook.is_up = False
    assert reaching.standing(NOTICE) is None
    push.is_up = hook.is_up = True
    assert reaching.standing(NOTICE) == second, "tried once each"
    assert (len(push.told), len(hook.told)) == (1, 1)
    assert reaching.standing(replace(NOTICE, subject="smn_2")) == first, "another notice has its own tries"


def test_a_way_is_switched_and_forgotten_by_its_person_alone() -> None:
    row = way("web_push")
    using(Played("web_push"))
    assert not reaching.switch("2", row.pk, enabled=False)
    assert not reaching.forget("2", row.pk)
    assert reaching.switch(ADA, row.pk, enabled=False)
    assert reaching.ready(ADA) == []
    assert reaching.forget(ADA, row.pk)
    assert reaching.channels(ADA) == []


# Mail -----------------------------------------------------------------------------------------


@pytest.fixture
def ada(db: None) -> str:
    from django.contrib.auth import get_user_model

    return str(get_user_model().objects.create_user("ada", email="ada@example.com").pk)


def mailed(ada: str, **changed: Any) -> Notice:
    return replace(NOTICE, person=ada, **changed)


@pytest.mark.requirement("AA-210")
def test_nobody_is_mailed_who_did_not_ask_for_it(ada: str) -> None:
    reach_ports.plug(replace(reach_channels.ways(), waits=reach_ports.still_waits))
    assert reaching.reach(mailed(ada)) is None
    reach_channels.want_mail(ada, wanted=True)
    assert reaching.reach(mailed(ada)) is not None
    delivery.deliver_due()
    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == (["ada@example.com"], "Shopper needs you")
    assert NOTICE.url in sent.body
    assert "ada@example.com" not in repr(ReachChannel.objects.values().get())

    reach_channels.want_mail(ada, wanted=False)
    assert reaching.reach(mailed(ada)) is None


@pytest.mark.parametrize("late", ["it ended", "time is over", "switched off", "no address"])
def test_a_mail_that_came_too_late_is_not_sent(ada: str, late: str) -> None:
    waits = late != "it ended"
    reach_ports.plug(replace(reach_channels.ways(), waits=lambda subject: waits))
    reach_channels.want_mail(ada, wanted=True)
    until = timezone.now() + timedelta(seconds=-1 if late == "time is over" else 60)
    assert reaching.reach(mailed(ada, expires_at=until)) is not None
    if late == "switched off":
        reach_channels.want_mail(ada, wanted=False)
    if late == "no address":
        from django.contrib.auth import get_user_model

        get_user_model().objects.update(email="")
    delivery.deliver_due()
    assert mail.outbox == []


@pytest.mark.requirement("AA-218")
def test_nobody_s_mailbox_is_filled(ada: str) -> None:
    """What waits already goes on to, and an hour later there may be more."""
    reach_ports.plug(replace(reach_channels.ways(), waits=reach_ports.still_waits))
    reach_channels.want_mail(ada, wanted=True)
    notices = [mailed(ada, id=f"smn_{number}", subject=f"smn_{number}") for number in range(MOST_AN_HOUR + 1)]

    taken = [reaching.reach(notice) is not None for notice in notices]
    delivery.deliver_due()

    assert taken == [True] * MOST_AN_HOUR + [False]
    assert len(mail.outbox) == MOST_AN_HOUR
    assert reaching.standing(notices[0]) is not None
    ReachAttempt.objects.update(at=timezone.now() - timedelta(hours=1))
    assert reaching.reach(notices[-1]) is not None


def test_a_mail_is_in_the_person_s_language_and_stays_in_its_lines(ada: str) -> None:
    reach_ports.plug(replace(reach_channels.ways(), waits=reach_ports.still_waits))
    reach_channels.want_mail(ada, wanted=True)
    reaching.reach(mailed(ada, language="de", title="Evil\nBcc: all@example.com <b> braucht Sie"))
    delivery.deliver_due()
    (sent,) = mail.outbox
    assert sent.subject == "Evil Bcc: all@example.com <b> braucht Sie"
    assert sent.recipients() == ["ada@example.com"]
    assert "Sie müssen sich anmelden" in sent.body


class TestOpenPage(PersonChannelContract):
    def part(self) -> PersonChannel:
        return OpenPage()

    def somebody(self) -> ReachChannel:
        reaching.seen("ada", BROWSER)
        return ReachChannel.objects.get(person="ada")

    def nobody(self) -> ReachChannel:
        return way("web_session", "bob", seen_at=timezone.now() - timedelta(hours=1))

    def received(self, part: PersonChannel, channel: ReachChannel) -> list[str]:
        """It shows what waits, whatever it was told: a page that is open has it."""
        return ["Shopper needs you"] if part.is_ready(channel, timezone.now()) else []


class TestMail(PersonChannelContract):
    recognises_repeats = False

    def part(self) -> PersonChannel:
        reach_ports.plug(replace(reach_ports.ways(), waits=reach_ports.still_waits))
        return MailNotice(
            address_of=lambda person: {"ada": "ada@example.com"}.get(person, ""), merchant="Shop"
        )

    def somebody(self) -> ReachChannel:
        return way("email", "ada")

    def nobody(self) -> ReachChannel:
        return way("email", "bob")

    def received(self, part: PersonChannel, channel: ReachChannel) -> list[str]:
        from gateway import outbox

        assert isinstance(part, MailNotice)
        outbox.register("reach.mail", part.send)
        delivery.deliver_due()
        return [sent.subject for sent in mail.outbox]

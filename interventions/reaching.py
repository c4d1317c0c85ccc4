"""Reaching a person: through a way that is known to work at this moment, or not at all (AA-210, AA-211).

Whoever is told that somebody will be asked relies on it. So no way counts on hope: each says from facts
that were checked whether it works now, one takes the notice before anybody is told so, and whether that one
still works is asked again later. Nothing here decides anything for a person.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from interventions.ports import ports
from interventions.prepared import Lookup, change
from interventions.reach_models import ReachAttempt, ReachChannel
from interventions.reach_ports import ChannelGone, Notice, NotReached, PersonChannel, ways
from interventions.transactions import refuse_inside

log = logging.getLogger("agentic.reaching")

BROWSER = "browser of a person"
WRITTEN_SECONDS = 10.0
"""A browser that asks for news more often is written down no more often."""
SLOW_SECONDS = 120
"""Who waits for so long at most is not served by mail."""
LONGEST_SECONDS = 6.0
CALL_SECONDS = 5.0
"""All ways together, and one of them."""
MOST_BROWSERS = 20
"""Of one person; those seen last are kept."""
FORGOTTEN_DAYS = 30
BATCH = 500

clock: Callable[[], float] = time.monotonic


def seen(person: str, browser: str) -> None:
    """A page of ours is open in that browser of theirs, where they are signed in. `browser` is a secret that
    it keeps; only its keyed hash is stored. Repeatable; mostly one read. A transaction may be open."""
    now = timezone.now()
    digests = ports().known_digests(browser.encode(), BROWSER)
    known = _browsers(many=digests, person=person)
    last = max((row.seen_at for row in known if row.seen_at), default=None)
    if last is not None and now - last < timedelta(seconds=WRITTEN_SECONDS):
        return
    if any(change(ReachChannel, {"pk": row.pk}, {"seen_at": now, "failed_at": None}) for row in known):
        return
    try:
        with transaction.atomic():
            ReachChannel.objects.create(
                person=person,
                kind=ReachChannel.WEB_SESSION,
                fingerprint=digests[0],
                verified_at=now,
                seen_at=now,
            )
    except IntegrityError:  # another tab of the same browser was quicker
        return
    _forget_older(person)


_browsers = Lookup(
    ReachChannel,
    lambda place: ReachChannel.objects.filter(
        person=place("person"), kind=ReachChannel.WEB_SESSION, fingerprint__in=place.many()
    ),
)


def left(person: str, browser: str) -> None:
    """The browser is nobody's any more, such as after signing out. Repeatable."""
    digests = ports().known_digests(browser.encode(), BROWSER)
    rows = ReachChannel.objects.filter(person=person, kind=ReachChannel.WEB_SESSION)
    rows.filter(fingerprint__in=digests).delete()


def channels(person: str) -> list[ReachChannel]:
    """Every way to them of a kind that is used here, the most direct first, also those that do not work now.
    Reads only."""
    order = list(ways().parts)
    rows = ReachChannel.objects.filter(person=person, kind__in=order)
    # Of one kind, the one that worked last is the best guess.
    rows = rows.order_by("-created_at")
    last = [(row, row.seen_at or row.verified_at or row.created_at) for row in rows]
    last.sort(key=lambda pair: pair[1], reverse=True)
    return sorted((row for row, _ in last), key=lambda row: order.index(row.kind))


def is_ready(channel: ReachChannel, now: datetime) -> bool:
    """The person wants to be reached so, and it is known to work now. Reads only."""
    part = ways().parts.get(channel.kind)
    if part is None or not channel.enabled or channel.verified_at is None:
        return False
    return part.is_ready(channel, now)


def ready(person: str, patience_seconds: float | None = None) -> list[ReachChannel]:
    """The ways to them that are known to work now, the most direct first. `patience_seconds`: how long
    whoever asks will wait, None for as long as it takes. Reads only."""
    now = timezone.now()
    patient = patience_seconds is None or patience_seconds > SLOW_SECONDS
    parts = ways().parts
    return [row for row in channels(person) if is_ready(row, now) and (patient or not parts[row.kind].slow)]


def reach(
    notice: Notice, patience_seconds: float | None = None, *, besides: Collection[str] = ()
) -> ReachChannel | None:
    """The way that has taken the notice, the most direct one that did; None when none did. Those whose ids
    are in `besides` are left out. Each try is on record.

    Repeatable, and then the person may be told twice. Ends within LONGEST_SECONDS. No transaction may be
    open.
    """
    refuse_inside("A person is reached with no transaction open: a slow server would hold its locks.")
    until = clock() + LONGEST_SECONDS
    for channel in ready(notice.person, patience_seconds):
        part = ways().parts[channel.kind]
        # What is slow only queues; what is direct may take its time, which has to be left.
        if channel.pk in besides or (not part.slow and until - clock() < CALL_SECONDS):
            continue
        if _tried(part, channel, notice):
            return channel
    return None


def standing(notice: Notice, patience_seconds: float | None = None) -> ReachChannel | None:
    """The way that has taken the notice and still works; or else one of those that were not tried, which
    takes it now; None when nothing is left (AA-211). As `reach` otherwise."""
    tries = ReachAttempt.objects.filter(subject=notice.subject).select_related("channel")
    made = list(tries.order_by("-at", "-pk"))
    now = timezone.now()
    for attempt in made:
        if attempt.result == ReachAttempt.TAKEN and attempt.channel is not None:
            if is_ready(attempt.channel, now):
                return attempt.channel
            break  # the last that took it works no more
    tried = {attempt.channel_id for attempt in made if attempt.channel_id}
    return reach(notice, patience_seconds, besides=tried)


def keep(
    person: str, kind: str, fingerprint: str, *, address: str = "", label: str = "", verified: bool = False
) -> ReachChannel:
    """There is this way to the person; `address` is sealed, `fingerprint` a keyed hash of it. One that was
    there has the new address, is enabled again and has not failed. Repeatable; a transaction may be open."""
    now = timezone.now()
    given = {"address": address, "label": label[:100], "enabled": True, "failed_at": None}
    row, _ = ReachChannel.objects.update_or_create(
        person=person,
        kind=kind,
        fingerprint=fingerprint,
        defaults=given | ({"verified_at": now} if verified else {}),
    )
    return row


def switch(person: str, channel_id: str, *, enabled: bool) -> bool:
    """The person wants to be reached so, or not; False for a way that is not theirs. Repeatable."""
    return bool(ReachChannel.objects.filter(pk=channel_id, person=person).update(enabled=enabled))


def forget(person: str, channel_id: str) -> bool:
    """That way to the person is gone; False for one that is not theirs. Repeatable."""
    return bool(ReachChannel.objects.filter(pk=channel_id, person=person).delete()[0])


def purge() -> int:
    """Browsers that were not seen for FORGOTTEN_DAYS, and tries as old, are gone, at most BATCH of each; how
    many. Repeatable."""
    edge = timezone.now() - timedelta(days=FORGOTTEN_DAYS)
    gone = 0
    browsers = ReachChannel.objects.filter(kind=ReachChannel.WEB_SESSION, seen_at__lt=edge)
    tries = ReachAttempt.objects.filter(at__lt=edge)
    for rows in (browsers.order_by("pk"), tries.order_by("pk")):
        ids: list[Any] = list(rows.values_list("pk", flat=True)[:BATCH])
        gone += rows.model._default_manager.filter(pk__in=ids).delete()[0]
    return gone


def _tried(part: PersonChannel, channel: ReachChannel, notice: Notice) -> bool:
    """The way has taken the notice; what came of it is on record, without what was said."""
    now = timezone.now()
    # Never before it was said to work: a merchant's clock may be ahead, and that counts for nothing any more.
    broke_at = max(now, channel.verified_at or now)
    rows = ReachChannel.objects.filter(pk=channel.pk)
    try:
        part.reach(channel, notice)
    except ChannelGone:
        result = ReachAttempt.REFUSED
        # What is gone has to prove anew that it works; whether they want it is the person's to say.
        rows.update(verified_at=None, failed_at=broke_at)
    except NotReached:
        result = ReachAttempt.BROKEN
        rows.update(failed_at=broke_at)
    except Exception as problem:  # a merchant's part; what it says may quote an address
        log.error("%s: %s broke with %s", notice.subject, channel.kind, type(problem).__name__)
        result = ReachAttempt.BROKEN
        rows.update(failed_at=broke_at)
    else:
        result = ReachAttempt.TAKEN
        if channel.kind != ReachChannel.WEB_SESSION and not part.slow:  # only a page's own call shows it open
            rows.update(seen_at=now, failed_at=None)
    ReachAttempt.objects.create(
        subject=notice.subject, channel=channel, kind=channel.kind, result=result, at=now
    )
    log.info("%s: %s %s", notice.subject, channel.kind, result)
    return result == ReachAttempt.TAKEN


def _forget_older(person: str) -> None:
    rows = ReachChannel.objects.filter(person=person, kind=ReachChannel.WEB_SESSION)
    if older := list(rows.order_by("-seen_at").values_list("pk", flat=True)[MOST_BROWSERS:BATCH]):
        ReachChannel.objects.filter(pk__in=older).delete()


def tell(channel: ReachChannel, notice: Notice) -> bool:
    """The notice has gone that one way, whether or not it was known to work; what came of it is on record. A
    person tries a way of theirs. No transaction may be open."""
    refuse_inside("A person is reached with no transaction open: a slow server would hold its locks.")
    part = ways().parts.get(channel.kind)
    return part is not None and _tried(part, channel, notice)

"""An agent wants its person brought somewhere, or asked something: what becomes of that (AA-201 to AA-211).

A summons waits until the person comes, answers or says no, until its time is over, or until no way to them
is left. One that is for a call parked here has no standing of its own: whether the person has come is what
that call says (AA-206). What an agent wrote is stored as it came, and is untrusted wherever it is shown; the
code is sealed, and an answer as well.

SummonsError
├── Unknown    there is none, or it is somebody else's: nobody can tell which
├── Ended      nothing waits any more; `state` says how that ended
└── Busy       the call that it is for is being carried out
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db import IntegrityError, transaction
from django.db.models import Case, Exists, OuterRef, Q, QuerySet, When
from django.utils import timezone
from django.utils.translation import gettext_noop
from django.views.decorators.debug import sensitive_variables

from gateway import agents, bindings, keys, languages, links, parked, sealed, summons_answers
from gateway.conf import conf
from gateway.person_models import AgentBinding, Summons
from gateway.person_states import SummonsState
from gateway.persons import persons
from interventions import reaching, weblinks
from interventions.reach_ports import Notice
from interventions.translation import words

log = logging.getLogger("agentic.relay_to_person")

PREFIX = "smn_"
FINGERPRINT, CODE = "what an agent asks its person for", "code of a summons"
LONGEST_WAIT_SECONDS = 24 * 60 * 60
"""However long an agent would wait."""
BATCH = 200
HEARD = (SummonsState.ENGAGED, SummonsState.ANSWERED, SummonsState.DECLINED)
"""How a person may have ended it."""

NEEDS = gettext_noop("%(agent)s needs you")
ASKS = gettext_noop("%(agent)s has a question for you")


class SummonsError(Exception):
    """Nothing was changed."""


class Unknown(SummonsError):
    """The same for what never was, and for what is somebody else's."""


class Ended(SummonsError):
    """`state` is one of `gateway.person_states.SummonsState`."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state


class Busy(SummonsError):
    """How the call ends is not known yet; in a moment it is."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an agent asks for, judged before."""

    owner: str
    person: str
    kind: str
    """As in `Summons.kind`."""
    url: str = ""
    code: str = field(default="", repr=False)
    description: str = field(default="", repr=False)
    question: str = field(default="", repr=False)
    pending: str = ""
    """The call of ours that waits at `url`, if one does."""
    capabilities: Collection[str] = ()
    max_wait: int | None = None
    """Seconds that the agent waits; None: it does not say."""
    wording: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """Where the person goes now, with the code; "" for a question, which is answered here."""

    summons: Summons
    address: str = field(repr=False)


def ask(wanted: Wanted) -> Summons:
    """What was asked for waits for the person, who was told; FAILED when no way to them took it, and then
    nothing more will be tried. What was asked before and is not over is not asked again: it is that one
    (AA-218).

    Several seconds at most. No transaction may be open.
    """
    now = timezone.now()
    seconds = conf().AAUTH_RELAY_SECONDS if wanted.max_wait is None else wanted.max_wait
    by_page = bool(wanted.pending)
    row = Summons(
        owner=wanted.owner,
        person=wanted.person,
        kind=wanted.kind,
        url="" if by_page else wanted.url,
        code=sealed.seal(wanted.code.encode(), CODE) if wanted.code and not by_page else "",
        description=wanted.description,
        question=wanted.question,
        pending=wanted.pending,
        fingerprint=_fingerprints(wanted)[0],
        capabilities=sorted(wanted.capabilities),
        wording=wanted.wording,
        expires_at=now + timedelta(seconds=min(seconds, LONGEST_WAIT_SECONDS)),
        created_at=now,
        updated_at=now,
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:  # asked twice at once
        return known(wanted) or ask(wanted)
    look(row)
    if row.state in Summons.OPEN:
        notice = _told_to_person(row)
        _reached(row, reaching.reach(notice, wanted.max_wait) if notice else None)
    log.info("%s: %s wants its person (%s): %s %s", row.pk, row.owner, row.kind, row.state, row.channel)
    return row


def known(wanted: Wanted) -> Summons | None:
    """The same, asked before by this agent, which waits, or which the person ended and the agent has not
    heard of; None when there is none. It is brought up to date."""
    rows = Summons.objects.filter(owner=wanted.owner, person=wanted.person)
    rows = rows.filter(fingerprint__in=_fingerprints(wanted))
    # What waits comes first, whatever the clock of another server wrote beside what is over.
    row = rows.order_by(Case(When(state__in=Summons.OPEN, then=0), default=1), "-created_at").first()
    if row is None or row.delivered_at is not None:
        return None
    look(row)
    heard = row.state in HEARD and row.expires_at > timezone.now()
    return row if row.state in Summons.OPEN or heard else None


def open_of(person: str) -> list[Summons]:
    """What waits for the person now, the newest first; nothing of an agent that may not act for them any
    more. Reads only."""
    now = timezone.now()
    theirs = AgentBinding.objects.filter(owner=OuterRef("owner"), person=person, revoked_at=None)
    rows = Summons.objects.filter(
        Exists(theirs), ~agents.blocked(), person=person, state__in=Summons.OPEN, expires_at__gt=now
    ).order_by("-created_at")
    return [row for row in rows[:BATCH] if _by_call(row) is None]


def of_person(person: str) -> QuerySet[Summons]:
    """Everything that agents asked for, the newest first. Reads only."""
    return Summons.objects.filter(person=person)


def host_of(row: Summons) -> str:
    """Where the person would be sent, as people read it: the name of the server. "" for a question, and for a
    page of ours."""
    return weblinks.parse(row.url).netloc if row.url else ""


def came(summons_id: str, person: str) -> bool:
    """As `engage`, told by somebody else than the person; False when nothing of that name waits for them."""
    try:
        engage(summons_id, person)
    except (Unknown, Ended):
        return False
    return True


@sensitive_variables("code")
def engage(summons_id: str, person: str) -> Opened:
    """The person has opened it, and goes where the agent wants them; the agent sees that they have come. For
    a page of ours it sees so once they go on there.

    Repeatable by them until its time is over. A question stays as it is until it is answered. Raises Unknown
    and Ended. No transaction may be open.
    """
    row = _of(summons_id, person)
    look(row)
    if row.state in Summons.OPEN and not row.pending and row.kind != Summons.QUESTION:
        _moved(row, SummonsState.ENGAGED)
    if row.state not in Summons.OPEN and not can_return(row):
        raise Ended(row.state)
    if row.pending:
        call = parked.lot().of(row.pending)
        if call is None or not call.open:
            raise Ended(row.state)
        return Opened(row, call.address)
    try:
        code = sealed.unseal(row.code, CODE).decode() if row.code else ""
    except sealed.Unreadable:  # its key is gone: the agent shows the code as well
        code = ""
    return Opened(row, f"{row.url}?{urlencode({'code': code})}" if code else row.url)


def can_return(row: Summons) -> bool:
    """The person has opened it, and may do so again. Reads only."""
    return row.state == SummonsState.ENGAGED and row.expires_at > timezone.now() and _acts(row)


@sensitive_variables("text", "said")
def answer(summons_id: str, person: str, text: str) -> Summons:
    """The question has this answer, which its agent is told once. Repeatable with the same text.

    Raises Unknown, Ended, and summons_answers.Refused for what is no answer or may never be one (AA-114).
    """
    row = _of(summons_id, person)
    if row.kind != Summons.QUESTION:
        raise Unknown
    look(row)
    said = text.strip()
    if row.state == SummonsState.ANSWERED and row.answer and summons_answers.of(row) == said:
        return row
    if row.state not in Summons.OPEN:
        raise Ended(row.state)
    summons_answers.judge(row.owner, said)
    if not _moved(row, SummonsState.ANSWERED, answer=summons_answers.kept(said)):
        raise Ended(row.state)
    return row


def decline(summons_id: str, person: str) -> Summons:
    """The person does not want it, and its agent learns so. A call of ours that it is for is never carried
    out. Repeatable. Raises Unknown, Ended and Busy. No transaction may be open."""
    row = _of(summons_id, person)
    look(row)
    if row.state in Summons.OPEN:
        if row.pending:
            try:
                parked.lot().refuse(row.pending)
            except parked.Busy:
                raise Busy from None
        _moved(row, SummonsState.DECLINED)
    if row.state != SummonsState.DECLINED:
        raise Ended(row.state)
    return row


def cancel(row: Summons) -> bool:
    """Its agent has withdrawn it; False when it had ended before. Repeatable."""
    return _moved(row, SummonsState.CANCELED)


def drop(owner: str, person: str) -> int:
    """The agent acts for the person no more, and nothing of it waits; how many did. Inside the transaction
    that revoked it, or later. Repeatable."""
    rows = Summons.objects.filter(owner=owner, person=person, state__in=Summons.OPEN)
    return sum(_moved(row, SummonsState.FAILED) for row in rows)


def look(row: Summons) -> None:
    """The summons stands as it has to now: its time may be over, its agent revoked, the person may have come
    to the page of ours. The row in memory is then as the database holds it. Repeatable."""
    if row.state not in Summons.OPEN:
        return
    if row.pending and (to := _by_call(row)) is not None:
        _moved(row, to)
    elif row.expires_at <= timezone.now():
        _moved(row, SummonsState.UNREACHED)
    elif not _acts(row):
        _moved(row, SummonsState.FAILED)


def standing(row: Summons) -> None:
    """As `look`; and whatever waits still has a way to its person that works: when the one that took it does
    not any more, the others are tried once, and when none takes it, it has failed (AA-211).

    Several seconds at most. No transaction may be open.
    """
    look(row)
    if row.state in Summons.OPEN:
        left = (row.expires_at - timezone.now()).total_seconds()
        notice = _told_to_person(row)
        _reached(row, reaching.standing(notice, left) if notice else None)


def polled(row: Summons, now: datetime) -> None:
    Summons.objects.filter(pk=row.pk).update(last_polled_at=now)
    row.last_polled_at = now


def told(row: Summons) -> bool:
    """The end is told to the agent, by us, and what the person answered is erased; False: it was told before
    (AA-028). The row in memory keeps the answer."""
    rows = Summons.objects.filter(pk=row.pk, delivered_at=None).exclude(state__in=Summons.OPEN)
    return bool(rows.update(delivered_at=timezone.now(), answer=""))


def waits(subject: str) -> bool:
    """It waits for its person; whatever is no summons does until its time is over. Reads only."""
    if not subject.startswith(PREFIX):
        return True
    row = Summons.objects.filter(pk=subject, state__in=Summons.OPEN).first()
    return row is not None and row.expires_at > timezone.now() and _acts(row) and _by_call(row) is None


def sweep() -> None:
    """What is overdue has ended, and the codes and answers of what is over are erased. At most BATCH of each.
    Repeatable, and safe beside itself."""
    now = timezone.now()
    for row in Summons.objects.filter(state__in=Summons.OPEN, expires_at__lte=now).order_by("expires_at")[
        :BATCH
    ]:
        look(row)
    over = Summons.objects.filter(~Q(code="") | ~Q(answer=""), expires_at__lte=now)
    ids = list(
        over.exclude(state__in=Summons.OPEN).order_by("expires_at").values_list("pk", flat=True)[:BATCH]
    )
    Summons.objects.filter(pk__in=ids).update(code="", answer="")


def _moved(row: Summons, to: str, **columns: Any) -> bool:
    """`row` is in state `to` now; False when somebody else moved it first, or that is no legal move. The row
    in memory is as the database holds it, either way. The only writer of a summons' state."""
    if to not in row.MOVES[row.state]:
        return False
    columns |= {"state": to, "updated_at": timezone.now()}
    if to != SummonsState.ENGAGED:  # until its time is over, the person may open it again
        columns["code"] = ""
    if not Summons.objects.filter(pk=row.pk, state=row.state).update(**columns):
        row.refresh_from_db()
        return False
    for name, value in columns.items():
        setattr(row, name, value)
    log.info("%s: %s", row.pk, to)
    return True


def _reached(row: Summons, channel: Any) -> None:
    """A way to the person took it, or none did."""
    if channel is None:
        _moved(row, SummonsState.FAILED)
    elif channel.kind != row.channel:
        Summons.objects.filter(pk=row.pk).update(channel=channel.kind)
        row.channel = channel.kind


def _of(summons_id: str, person: str) -> Summons:
    row = Summons.objects.filter(pk=summons_id, person=person).first() if person else None
    if row is None:
        raise Unknown
    return row


def _by_call(row: Summons) -> str | None:
    """How the call of ours ends it; None while that waits, or when it is for none."""
    if not row.pending:
        return None
    call = parked.lot().of(row.pending)
    if call is not None and call.came:
        return SummonsState.ENGAGED
    return None if call is not None and call.open else SummonsState.UNREACHED


def _acts(row: Summons) -> bool:
    """Its agent may act for the person: they have not revoked it, and no operator has blocked it."""
    agent = agents.of_owner(row.owner)
    return agent is not None and agent.active and bindings.person_of(row.owner) == row.person


def _told_to_person(row: Summons) -> Notice | None:
    """What the person is told: who asks, in their language. None for somebody who has no account any more."""
    person = persons().by_id(row.person)
    agent = agents.of_owner(row.owner)
    if person is None or agent is None:
        return None
    language = person.language or languages.default()
    text = ASKS if row.kind == Summons.QUESTION else NEEDS
    return Notice(
        id=row.pk,
        subject=row.pk,
        person=row.person,
        title=words(language)(text) % {"agent": agents.shown(agent)},
        url=links.summons_page(row.pk),
        language=language,
        expires_at=row.expires_at,
    )


def _fingerprints(wanted: Wanted) -> list[str]:
    """Of what was asked, under each key that is still recognised."""
    asked = [wanted.kind, wanted.person, wanted.pending or wanted.url, wanted.code, wanted.question]
    if wanted.pending:
        asked[3] = ""  # whose code it is we know ourselves
    return keys.digests(json.dumps(asked).encode(), FINGERPRINT)

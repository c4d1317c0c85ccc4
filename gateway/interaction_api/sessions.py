"""Visits of agents: opened, recognised by their token, ended (AJ-068 to AJ-083).

A token is shown once and kept as a keyed hash. A visit has a deadline that use does not move. How
many may be open is counted under one lock, so that no crowd gets past the caps.
"""

from __future__ import annotations

import logging
import math
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Case, F, QuerySet, Value, When
from django.http import HttpRequest
from django.utils import timezone

from gateway import addresses, keys
from gateway.conf import conf
from gateway.errors import RateLimited
from gateway.interaction_api import audit
from gateway.plain_text import one_line
from gateway.session_models import AgentSession
from interventions import tallies
from interventions.prepared import Lookup

log = logging.getLogger("agentic.interaction")

PURPOSE = "agent-session"
OPENER_PURPOSE = "agent-session-opener"
LOCK = "agent_sessions"
"""Held by whoever opens one, or ends them all."""

PREFIX = "tok_"
HINT = 6
LONGEST_TOKEN = 200
LONGEST_NAME, LONGEST_VERSION, LONGEST_PURPOSE = 100, 50, 500
LONGEST_WAIT_SECONDS = 24 * 3600
"""A visit may not last longer either; a system check says so."""
BATCH = 200

BY_AGENT, AT_DEADLINE, REVOKED = "agent", "deadline", "revoked"

Seal = Callable[[AgentSession, str], None]
"""Takes the new session with its token."""
EndSeal = Callable[[AgentSession], None]


class TooManySessions(RateLimited):
    code = "too_many_sessions"


def create(
    *,
    opener: str = "",
    agent_name: str = "",
    agent_version: str = "",
    purpose: str = "",
    seal: Seal | None = None,
) -> tuple[AgentSession, str]:
    """A new visit and its token, which is returned here and never again.

    `opener` says who opens it, as `opener_of` does; nobody knows whom "" stands for, and only the
    total counts for it. What the agent says of itself is stored as one line of at most so many
    characters. `seal` runs last inside the transaction. Raises TooManySessions, with the seconds
    until a place is free. No transaction may be open.
    """
    token = PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic(durable=True):
        tallies.hold([LOCK], timezone.now())
        now = timezone.now()
        _there_is_room(opener, now)
        session = AgentSession.objects.create(
            digest=keys.digest(token.encode(), PURPOSE),
            hint=token.removeprefix(PREFIX)[:HINT],
            opener=opener,
            agent_name=one_line(agent_name, LONGEST_NAME),
            agent_version=one_line(agent_version, LONGEST_VERSION),
            purpose=one_line(purpose, LONGEST_PURPOSE),
            created_at=now,
            expires_at=_whole_second(now + timedelta(seconds=conf().AGENT_SESSION_SECONDS)),
        )
        audit.begin(session)
        if seal is not None:
            seal(session, token)
    return session, token


def opener_of(request: HttpRequest) -> str:
    """Who opens a visit, for the cap: a keyed hash of the address, an IPv6 network counting as one
    (Q23). "" when there is no address to know."""
    address = addresses.of(request)
    return keys.digest(address.encode(), OPENER_PURPOSE) if address else ""


def token_of(request: HttpRequest) -> str:
    """The token that the request brings, "" for none. A blank header counts as absent (AJ-072)."""
    scheme, _, bearer = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
    brought = (
        request.META.get("HTTP_X_AGENT_SESSION", ""),
        bearer if scheme.lower() == "bearer" else "",
        request.META.get("HTTP_X_SESSION_TOKEN", ""),
    )
    return next((token.strip() for token in brought if token.strip()), "")


def of_request(request: HttpRequest) -> AgentSession | None:
    """The live visit whose token the request brings, or None for every reason alike (AJ-071).

    With SESSION_BOUND_TO_ADDRESS it has to come from where the visit was opened (AJ-080).
    """
    session = by_token(token_of(request))
    if session is None or not conf().SESSION_BOUND_TO_ADDRESS:
        return session
    address = addresses.of(request)
    openers = keys.digests(address.encode(), OPENER_PURPOSE) if address else [""]
    return session if any(keys.same(session.opener, opener) for opener in openers) else None


def by_token(token: str) -> AgentSession | None:
    """The visit with that token, while it lasts; one indexed look-up by keyed hash."""
    session = ever_by_token(token)
    return session if session is not None and is_live(session) else None


def ever_by_token(token: str) -> AgentSession | None:
    """The visit with that token, ended or not, until it is purged."""
    if not 0 < len(token) <= LONGEST_TOKEN:
        return None
    return next(iter(_with_digest(many=keys.digests(token.encode(errors="replace"), PURPOSE))), None)


def is_live(session: AgentSession, now: datetime | None = None) -> bool:
    return session.ended_at is None and session.expires_at > (now or timezone.now())


def end(session: AgentSession, because: str = BY_AGENT, seal: EndSeal | None = None) -> bool:
    """The visit is over from the next request on, and its trail is closed; False when it was over.

    `seal` runs last inside the transaction, for whoever ended it. Repeatable.
    """
    now = timezone.now()
    with transaction.atomic():
        if not _live(now).filter(pk=session.pk).update(ended_at=now, ended_because=because):
            return False
        session.refresh_from_db()
        audit.close(session, because)
        if seal is not None:
            seal(session)
    return True


def revoke(session: AgentSession) -> bool:
    """The token works no more. False when it did not before."""
    return end(session, REVOKED)


def revoke_all() -> int:
    """No token that was given out works any more (AJ-081); how many did. Repeatable.

    They are cut off in one statement, those that are being opened included, and the next sweeps
    end them one by one. No transaction may be open.
    """
    with transaction.atomic(durable=True):
        tallies.hold([LOCK], timezone.now())
        now = timezone.now()
        return _live(now).update(expires_at=now, ended_because=REVOKED)


def end_overdue() -> int:
    """At most BATCH visits past their deadline have ended, each with its trail; how many. Repeatable.

    One whose trail was altered stays as it is, and holds up no other. No transaction may be open.
    """
    overdue = AgentSession.objects.filter(ended_at=None, expires_at__lte=timezone.now())
    ended = 0
    for session in overdue.order_by("expires_at")[:BATCH]:
        try:
            ended += end_when_overdue(session)
        except IntegrityError:
            log.error("session %s cannot be ended: its audit trail was altered", session.pk)
    return ended


def end_when_overdue(session: AgentSession) -> bool:
    """A visit past its deadline has ended then, also before the sweep comes; whether it was us."""
    with transaction.atomic():
        overdue = AgentSession.objects.filter(pk=session.pk, ended_at=None, expires_at__lte=timezone.now())
        if not overdue.update(ended_at=F("expires_at"), ended_because=_WHY_OVERDUE):
            return False
        session.refresh_from_db()
        audit.close(session, session.ended_because)
    return True


def purge() -> int:
    """Visits that ended AGENT_SESSION_KEEP_DAYS ago are gone, at most a few batches; how many."""
    edge = timezone.now() - timedelta(days=conf().AGENT_SESSION_KEEP_DAYS)
    old = AgentSession.objects.filter(created_at__lt=edge, ended_at__lt=edge).order_by("created_at")
    ids = list(old.values_list("pk", flat=True)[: 5 * BATCH])
    return AgentSession.objects.filter(pk__in=ids).delete()[0]


def _there_is_room(opener: str, now: datetime) -> None:
    live = _live(now)
    if opener:
        _below(live.filter(opener=opener), conf().MAX_SESSIONS, now, "you")
    _below(live, conf().MAX_SESSIONS_TOTAL, now, "all agents together")


def _below(live: QuerySet[AgentSession], most: int, now: datetime, whose: str) -> None:
    if live.count() < most:
        return
    first = live.order_by("expires_at").values_list("expires_at", flat=True).first() or now
    seconds = min(math.ceil((first - now).total_seconds()), LONGEST_WAIT_SECONDS)
    raise TooManySessions(
        f"The sessions that {whose} may have are all open. End one, or try again after {max(1, seconds)} "
        "seconds.",
        retry_after=seconds,
    )


def _whole_second(moment: datetime) -> datetime:
    """The next one, so that what agents are told is the deadline itself."""
    return moment + timedelta(microseconds=-moment.microsecond % 1_000_000)


def _live(now: datetime) -> QuerySet[AgentSession]:
    return AgentSession.objects.filter(ended_at=None, expires_at__gt=now)


_WHY_OVERDUE = Case(When(ended_because="", then=Value(AT_DEADLINE)), default=F("ended_because"))
"""Those that `revoke_all` cut off are overdue too."""

_with_digest = Lookup(
    AgentSession, lambda place: AgentSession.objects.filter(digest__in=place.many()).order_by()
)

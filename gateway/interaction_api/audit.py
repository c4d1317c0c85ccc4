"""The audit trail of a visit (AJ-092 to AJ-108): written with the effect, sealed when the visit ends.

The trail's row is the last lock that anybody takes: after the visit's own and the cart's. What a trail
looks like is in `audit_artifact`, what of a call it keeps in `audit_redaction`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, OuterRef
from django.utils import timezone

from checkout.models import Order
from gateway import audit_keys
from gateway.audit_models import AuditEvent, AuditSeal, AuditTrail
from gateway.conf import conf
from gateway.errors import GatewayError
from gateway.interaction_api import audit_artifact as artifact
from gateway.interaction_api import audit_redaction
from gateway.session_models import AgentSession
from interventions import identifiers
from interventions.prepared import Lookup, insert

log = logging.getLogger("agentic.audit")

ALLOWED, DENIED = "allowed", "denied"
CHECKOUT, DEADLINE, ENDED = "checkout", "deadline", "ended"
"""Why a trail was sealed, where nobody gives another word."""
MOST_WITH_DENIALS = 2000
"""Refused calls are no longer added to a trail of so many events: they cost an agent nothing."""
LEAST_KEEP_DAYS = 30
"""The database lets nothing be deleted before."""
CLOCKS_HOURS = 1
"""As far as our clock may be ahead of the database's: nothing is tried to be deleted too early."""
SEALED_AT_ONCE = 500
PURGED_AT_ONCE = 100
BATCHES = 20
READS = ("GET", "HEAD")


class TrailClosed(GatewayError):
    """The visit ended while its call ran. Nothing of the call must stay."""

    status = 401
    code = "unauthorized"
    message = "The session has ended."


class NoTrail(LookupError):
    """Nothing was kept of this visit, or no longer is."""


class StillOpen(Exception):
    """The visit goes on: there is no artifact yet (AJ-099)."""


def enabled() -> bool:
    return conf().AUDIT


def public_key() -> str | None:
    """What agents.json publishes: DER in Base64, or None when no key can be read."""
    keys = public_keys()
    return keys[0].public_key if keys else None


def public_keys() -> tuple[audit_keys.PublicKey, ...]:
    """Every key that trails were signed with, the newest first; none when none can be read."""
    try:
        return audit_keys.ring().keys
    except audit_keys.Unusable:  # said at start by a system check, and by every sweep that would seal
        return ()


def begin(session: AgentSession) -> None:
    """The visit has a trail from its start, in the transaction that is open; nothing when none are kept.

    A visit without one that is called later gets it then. Repeatable.
    """
    if enabled():
        insert([AuditTrail(session=session.pk)], unless_there=True)


def record(
    session: AgentSession,
    *,
    capability: str,
    method: str,
    params: Mapping[str, Any],
    allowed: bool,
    rule: str,
    status: int,
    declared: frozenset[str] | None = None,
) -> None:
    """The call is in the trail, in the transaction that is open (or one of its own); nothing when trails
    are not kept. Two statements. Called last: it takes the lock that comes after all others.

    `rule` is what allowed or denied the call; "" for the plain rule. `declared` names the parameters of
    the capability. Raises TrailClosed for a call that changed something while the visit was sealed; what
    only looked, or was denied, is then left out.
    """
    if not enabled():
        return
    with transaction.atomic(savepoint=False):
        trail = _locked.one(session=session.pk)
        if trail is None:
            begin(session)
            trail = _locked.one(session=session.pk)
            assert trail is not None
        if trail.sealed_at is not None:
            if allowed and method not in READS and status < 400:
                raise TrailClosed
            return
        if not allowed and trail.sequence >= MOST_WITH_DENIALS:
            return
        now = timezone.now()
        event_id = identifiers.new("evt")
        document = artifact.event(
            event_id,
            now,
            capability=capability,
            method=method,
            params=audit_redaction.redacted(capability, params, declared),
            allowed=allowed,
            rule=rule or (ALLOWED if allowed else DENIED),
            status=status,
            prev_hash=trail.head,
        )
        insert(
            [
                AuditEvent(
                    id=event_id,
                    trail_id=trail.pk,
                    sequence=trail.sequence + 1,
                    document=document,
                    hash=artifact.digest(document),
                    prev_hash=trail.head,
                    created_at=now,
                )
            ]
        )


def close(session: AgentSession, because: str) -> None:
    """The trail is sealed, in the transaction that is open (or one of its own); nothing when trails are
    not kept, when there is none, or when it is sealed already.

    Without a usable key it stays unsealed until a sweep finds one: a visit can always be ended.
    """
    if enabled():
        _seal(session, because=because, final=True)


def document(session: AgentSession) -> dict[str, Any]:
    """The signed artifact, sealed now where that is due (AJ-098).

    Raises NoTrail, StillOpen, and audit_keys.Unusable when it cannot be sealed. No transaction may be
    open.
    """
    trail = AuditTrail.objects.filter(pk=session.pk).first() if enabled() else None
    if trail is None or _is_over_age(trail):
        raise NoTrail
    if trail.sealed_at is None and (because := _due(session, trail)) is not None:
        audit_keys.ring()
        _seal(session, because=because, final=because != CHECKOUT)
    seal = trail.seals.order_by("-final", "-sealed_at").first()
    if seal is None:
        raise StillOpen
    return artifact.assembled(seal.document, _events(trail.pk)[: seal.events], seal)


def seal_due() -> int:
    """Trails of visits that ended, or bought something, are sealed, the oldest first; how many were.

    Repeatable, also twice at once. No transaction may be open.
    """
    if not enabled():
        return 0
    known = Exists(AgentSession.objects.filter(pk=OuterRef("pk")))
    trails = list(AuditTrail.objects.filter(known, sealed_at=None).order_by("opened_at")[:SEALED_AT_ONCE])
    if not trails:
        return 0
    try:
        audit_keys.ring()
    except audit_keys.Unusable as problem:
        log.error("audit trails cannot be sealed: %s", problem)
        return 0
    sessions = AgentSession.objects.in_bulk([trail.pk for trail in trails])
    owners = [session.owner for session in sessions.values()]
    bought = dict(
        Order.objects.filter(owner__in=owners)
        .order_by()
        .values("owner")
        .annotate(count=Count("pk"))
        .values_list("owner", "count")
    )
    told = dict(
        AuditSeal.objects.filter(trail__in=[trail.pk for trail in trails])
        .order_by("orders")
        .values_list("trail", "orders")
    )
    sealed = 0
    for trail in trails:
        session = sessions.get(trail.pk)
        if session is None:
            continue
        try:
            if (because := _over(session)) is not None:
                sealed += _seal(session, because=because, final=True)
            elif bought.get(session.owner, 0) > told.get(trail.pk, 0):
                sealed += _seal(session, because=CHECKOUT, final=False)
        except IntegrityError:  # somebody went past the rules of the database; the others are sealed
            log.error("the audit trail of %s cannot be sealed: it was altered", trail.pk)
    return sealed


def purge() -> int:
    """Trails older than AUDIT_KEEP_DAYS are gone, but for those with a younger seal or event; how many.

    In batches. Repeatable, also twice at once. No transaction may be open.
    """
    edge = _edge() - timedelta(hours=CLOCKS_HOURS)
    seals = AuditSeal.objects.filter(trail=OuterRef("pk"), sealed_at__gte=edge)
    # A trail that could not be sealed goes on, with calls that are denied.
    events = AuditEvent.objects.filter(trail=OuterRef("pk"), created_at__gte=edge)
    old = AuditTrail.objects.filter(~Exists(seals), ~Exists(events), opened_at__lt=edge).order_by("opened_at")
    gone = 0
    for _ in range(BATCHES):
        with transaction.atomic():
            batch = list(
                old.select_for_update(skip_locked=True).values_list("pk", flat=True)[:PURGED_AT_ONCE]
            )
            AuditEvent.objects.filter(trail__in=batch).delete()
            AuditSeal.objects.filter(trail__in=batch).delete()
            gone += AuditTrail.objects.filter(pk__in=batch).delete()[0]
        if len(batch) < PURGED_AT_ONCE:
            break
    return gone


def _seal(session: AgentSession, *, because: str, final: bool) -> bool:
    """The trail as it is now has one seal more. False when it was sealed for ever, has none to seal, or
    there is no key."""
    try:
        ring = audit_keys.ring()
    except audit_keys.Unusable as problem:
        log.error("an audit trail stays unsealed: %s", problem)
        return False
    with transaction.atomic(savepoint=False):
        trail = _locked.one(session=session.pk)
        if trail is None or trail.sealed_at is not None:
            return False
        events = _events(trail.pk)
        orders = Order.objects.filter(owner=session.owner).count()
        if not final and orders <= max(trail.seals.values_list("orders", flat=True), default=0):
            return False
        now = timezone.now()
        ended_at = (session.ended_at or min(session.expires_at, now)) if final else now
        seal = AuditSeal(
            trail=trail,
            events=len(events),
            orders=orders,
            final=final,
            document=artifact.canonical(
                artifact.whose(session, site=conf().PUBLIC_URL, ended_at=ended_at, because=because)
            ),
            root_hash=artifact.root(map(artifact.digest, events)),
            key_id=ring.current.id,
            public_key=ring.current.public_key,
            sealed_at=now,
        )
        seal.signature = ring.sign(seal.root_hash.encode())
        unsigned = artifact.assembled(seal.document, events, seal)
        seal.artifact_signature = ring.sign(artifact.signed_bytes(unsigned))
        insert([seal])
    return True


def _events(trail: str) -> list[str]:
    """The events as they were written, in their order."""
    return list(
        AuditEvent.objects.filter(trail=trail).order_by("sequence").values_list("document", flat=True)
    )


def _due(session: AgentSession, trail: AuditTrail) -> str | None:
    """Why the trail has to be sealed now, or None."""
    if (because := _over(session)) is not None:
        return because
    told = max(trail.seals.values_list("orders", flat=True), default=0)
    return CHECKOUT if Order.objects.filter(owner=session.owner).count() > told else None


def _over(session: AgentSession) -> str | None:
    if session.ended_at is not None:
        return session.ended_because or ENDED
    # What was cut off together with all others is past its deadline too.
    return (session.ended_because or DEADLINE) if session.expires_at <= timezone.now() else None


def _edge() -> datetime:
    return timezone.now() - timedelta(days=conf().AUDIT_KEEP_DAYS)


def _is_over_age(trail: AuditTrail) -> bool:
    edge = _edge()
    return trail.opened_at < edge and (trail.sealed_at is None or trail.sealed_at < edge)


_locked = Lookup(
    AuditTrail,
    lambda place: AuditTrail.objects.select_for_update(no_key=True).filter(pk=place("session")).order_by(),
    locks=True,
)

"""One key, one effect, one answer (acp.md 0.5 and F, decision 24).

Two ways to hold a key, for two kinds of work:

* **Local work** (create, update, cancel) is one transaction. The finished row is inserted by
  the seal, last in that transaction; the unique constraint decides between twins, and the
  loser's work is rolled back and the winner's answer replayed. No claim can be left behind.
* **Work with a foreign call** (complete) claims first, in a transaction of its own, with a
  lease and a fence. A twin gets 409 while the lease lives; a dead lease is taken over, and the
  old holder's seal then fails on the fence.

Answers of 5xx are never kept, and of others not what opens a page (`tickets`); one that is a
secret as a whole is kept sealed. The body is kept only as a keyed hash.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from gateway import keys, sealed, tickets
from gateway.conf import conf
from gateway.errors import KeyConflict, KeyInFlight, Unavailable
from gateway.models import IdempotentRequest
from interventions import failpoints
from interventions.prepared import Lookup, change, insert

PURPOSE = "idempotency-fingerprint"
CLAIM_PURPOSE = "idempotency-claim"
ANSWER_PURPOSE = "idempotency-answer"
SEALED = "\x1e"
"""Before a sealed answer: a control character, with which no JSON begins."""
PURGE_BATCH = 5_000
MOST_BATCHES = 20


@dataclass(frozen=True, slots=True)
class Slot:
    """Where an answer belongs: who asked what, under which key, with which body."""

    owner: str
    method: str
    path: str
    key: str
    fingerprints: tuple[str, ...]
    secret: bool = False
    """The answer is kept sealed: it holds what one can pay with (T71, ACP-103)."""

    @property
    def where(self) -> dict[str, str]:
        return {"owner": self.owner, "method": self.method, "path": self.path, "key": self.key}

    @property
    def name(self) -> str:
        """The same for every holder of the slot, so that a later one can go on."""
        return keys.digest("\0".join(self.where.values()).encode(), CLAIM_PURPOSE)


@dataclass(frozen=True, slots=True)
class Replay:
    """The answer that was given the first time."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Claim:
    """This request works on the slot alone, for as long as its fence is the newest."""

    where: Slot
    fence: int
    resumed: bool
    since: datetime
    """When the first holder came. A key that was forgotten meanwhile is new, and has another."""

    @property
    def name(self) -> str:
        """The same for every holder of the slot, so that a later one can go on."""
        return self.where.name

    @property
    def name_elsewhere(self) -> str:
        """As `name`, for who remembers it longer than we do: a forgotten key comes with another one."""
        told = (*self.where.where.values(), self.since.isoformat())
        return keys.digest("\0".join(told).encode(), CLAIM_PURPOSE)


class Beaten(Exception):
    """A twin finished first; everything this request did is rolled back."""


def slot(owner: str, method: str, path: str, key: str, canonical: bytes, *, secret: bool = False) -> Slot:
    """The slot for a body in canonical form. Only its keyed hash is kept from here on."""
    return Slot(owner, method, path, key, tuple(keys.digests(canonical, PURPOSE)), secret)


def find(where: Slot) -> Replay | None:
    """The answer already given, or None. Raises KeyConflict and KeyInFlight."""
    row = _row.one(**where.where)
    if row is None or _expired(row, timezone.now()):
        return None
    _same_body(row, where)
    if row.state == IdempotentRequest.DONE:
        return _replay(row)
    if row.lease_until and row.lease_until > timezone.now():
        raise KeyInFlight
    return None


def keep(where: Slot, status: int, body: bytes) -> None:
    """The answer is kept, in the transaction that is open. Raises Beaten when a twin was first."""
    row = IdempotentRequest(
        **where.where,
        fingerprint=where.fingerprints[0],
        state=IdempotentRequest.DONE,
        status=status,
        body=_kept(where, body),
    )
    if not insert([row], unless_there=True) and not _replace_expired(where, status, body):
        raise Beaten


def claim(where: Slot) -> Claim | Replay:
    """The slot is ours, committed, or here is the answer already given.

    Raises KeyConflict for another body (also while the first is running) and KeyInFlight while
    the holder's lease lives. No transaction may be open.
    """
    now = timezone.now()
    lease = now + timedelta(seconds=conf().IDEMPOTENCY_LEASE_SECONDS)
    ours = IdempotentRequest(
        **where.where,
        fingerprint=where.fingerprints[0],
        state=IdempotentRequest.IN_FLIGHT,
        lease_until=lease,
    )
    with transaction.atomic(durable=True):
        fresh = insert([ours], unless_there=True)
        failpoints.reach("complete.claim.before")
    failpoints.reach("complete.claim.after")
    if fresh:
        return Claim(where, ours.fence, resumed=False, since=ours.created_at)
    row = _row.one(**where.where)
    if row is None:  # purged between the two statements
        raise KeyInFlight
    stale = _expired(row, now)
    if not stale:
        _same_body(row, where)
        if row.state == IdempotentRequest.DONE:
            return _replay(row)
        if row.lease_until and row.lease_until > now:
            raise KeyInFlight
    taken = IdempotentRequest.objects.filter(pk=row.pk, fence=row.fence, state=row.state).update(
        fence=F("fence") + 1,
        lease_until=lease,
        state=IdempotentRequest.IN_FLIGHT,
        fingerprint=where.fingerprints[0],
        **({"created_at": now} if stale else {}),
    )
    if not taken:
        raise KeyInFlight
    return Claim(where, row.fence + 1, resumed=not stale, since=now if stale else row.created_at)


def renew(held: Claim) -> None:
    """The claim is still ours, for another lease. Raises Beaten when a later request took it over.

    Called inside the transaction that is about to change something, so that a request which
    slept through its lease changes nothing (reliability-security T69).
    """
    lease = timezone.now() + timedelta(seconds=conf().IDEMPOTENCY_LEASE_SECONDS)
    if not change(IdempotentRequest, _held(held), {"lease_until": lease}):
        raise Beaten


def finish(held: Claim, status: int, body: bytes) -> None:
    """The answer is kept under the claim. Raises Beaten when the slot was taken over meanwhile."""
    done = {
        "state": IdempotentRequest.DONE,
        "status": status,
        "body": _kept(held.where, body),
        "lease_until": None,
    }
    if not change(IdempotentRequest, _held(held), done):
        raise Beaten


def release(held: Claim) -> None:
    """Nothing was answered: the next request with the key goes on where this one stopped."""
    change(IdempotentRequest, _held(held), {"lease_until": timezone.now()})


def forget(held: Claim) -> None:
    """Nothing was done: the key is new again."""
    IdempotentRequest.objects.filter(**_held(held)).delete()


def purge() -> int:
    """Rows past the keeping time are gone, those still being worked on excepted; how many were.

    In batches, so that no statement locks many rows; at most MOST_BATCHES of them a call.
    """
    now = timezone.now()
    edge = now - timedelta(hours=conf().IDEMPOTENCY_KEEP_HOURS)
    idle = Q(lease_until=None) | Q(lease_until__lte=now)
    old = IdempotentRequest.objects.filter(idle, created_at__lt=edge).order_by("created_at")
    gone = 0
    for _ in range(MOST_BATCHES):
        ids = list(old.values_list("pk", flat=True)[:PURGE_BATCH])
        gone += IdempotentRequest.objects.filter(pk__in=ids).delete()[0] if ids else 0
        if len(ids) < PURGE_BATCH:
            break
    return gone


def _held(held: Claim) -> dict[str, Any]:
    """What finds the row while it is ours."""
    return {**held.where.where, "fence": held.fence, "state": IdempotentRequest.IN_FLIGHT}


_row = Lookup(
    IdempotentRequest,
    lambda place: IdempotentRequest.objects.filter(
        owner=place("owner"), method=place("method"), path=place("path"), key=place("key")
    ).order_by(),
)


def _kept(where: Slot, body: bytes) -> str:
    """The answer as it stands in the row."""
    return SEALED + sealed.seal(body, ANSWER_PURPOSE) if where.secret else tickets.leave_out(body.decode())


def _replay(row: IdempotentRequest) -> Replay:
    """The answer as it was sent. Raises Unavailable when its seal is of a key that is gone: the work
    was done, and must not be done again."""
    if not row.body.startswith(SEALED):
        return Replay(row.status or 200, tickets.put_back(row.body).encode())
    try:
        return Replay(row.status or 200, sealed.unseal(row.body.removeprefix(SEALED), ANSWER_PURPOSE))
    except sealed.Unreadable:
        raise Unavailable from None


def _expired(row: IdempotentRequest, now: datetime) -> bool:
    """Past the keeping time a key is new again, also before the purge has run (ACP-096)."""
    if row.lease_until is not None and row.lease_until > now:
        return False
    return row.created_at < now - timedelta(hours=conf().IDEMPOTENCY_KEEP_HOURS)


def _same_body(row: IdempotentRequest, where: Slot) -> None:
    if not any(keys.same(row.fingerprint, fingerprint) for fingerprint in where.fingerprints):
        raise KeyConflict


def _replace_expired(where: Slot, status: int, body: bytes) -> bool:
    now = timezone.now()
    edge = now - timedelta(hours=conf().IDEMPOTENCY_KEEP_HOURS)
    return bool(
        IdempotentRequest.objects.filter(**where.where, created_at__lt=edge).update(
            fingerprint=where.fingerprints[0],
            state=IdempotentRequest.DONE,
            status=status,
            body=_kept(where, body),
            lease_until=None,
            fence=F("fence") + 1,
            created_at=now,
        )
    )

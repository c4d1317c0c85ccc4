"""What agents are granted by the people they act for: asked, decided once, taken back (AA-212 to AA-215).

A grant waits for its person as a purchase does: what they are asked is an intervention, of kind `consent`,
and the agent's call is parked meanwhile. Everything that happens is on record: in the grant, who asked for
what and who decided when; in the moves of its intervention, by whom and by which way.

Locks are taken in the order grant, intervention, parked call, as for a session.

GrantError
├── Over       nobody can decide it any more
├── Changed    it is not what the person saw
└── NotTheirs  the agent is somebody else's, or the person is not the one that was asked
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from gateway import bindings, grant_questions, keys
from gateway.conf import conf
from gateway.grant_questions import Heard
from gateway.person_models import Grant
from gateway.person_states import GRANT_OPEN, GrantState
from interventions import clarifications, moves
from interventions.errors import StateConflict
from interventions.models import Intervention
from interventions.moves import PERSON, SYSTEM
from interventions.negotiation import CONSENT
from interventions.ports import ports
from interventions.states import OPEN, InterventionState

log = logging.getLogger("agentic.grants")

PREFIX = "grt_"
ASKED_FOR = "what a grant is about"
REVOKED = "revoked"
MOST_SCOPES = 50  # at once: the page shows every one

Revoking = Callable[[Grant], object]
"""Every token that was given out for the grant counts no more. Inside the transaction that takes it back."""


class GrantError(Exception):
    """Nothing was decided."""


class Over(GrantError):
    """`state` is one of `gateway.person_states.GrantState`."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state


class Changed(GrantError):
    """The agent asks for something else meanwhile."""


class NotTheirs(GrantError):
    """Says nothing about whose it is."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an agent asks for, once its request was judged."""

    owner: str
    kind: str
    """`Grant.PERSON_TOKEN` or `Grant.AUTH_TOKEN`."""
    audience: str
    scope: str = ""
    account: str = ""
    justification: str = ""
    """The agent's own words."""
    key: Mapping[str, Any] = field(default_factory=dict)
    presented: Mapping[str, Any] = field(default_factory=dict)
    older: bool = False
    request_id: str = ""
    """The `jti` of the resource token by which it is asked: the same once more is the same request. Without
    one, everything else decides."""


def ask(wanted: Wanted, person: str, *, takes_questions: bool = False) -> Grant:
    """The agent's person is asked, or whoever takes the agent on where `person` is ""; before that the agent
    itself, if it takes questions and a rule has one.

    Not repeatable: see `asked_before`. Raises django.db.IntegrityError when the same is open. A transaction
    may be open.
    """
    now = timezone.now()
    ends = now + timedelta(seconds=conf().AAUTH_CONSENT_SECONDS)
    with transaction.atomic():
        for row in _same(wanted).filter(expires_at__lte=now):
            end(row.pk, actor=SYSTEM, expired=True)  # nobody has noticed yet
        grant = Grant(
            person=person,
            fingerprint=fingerprint(wanted),
            expires_at=ends,
            created_at=now,
            updated_at=now,
            **_columns(wanted),
        )
        grant.save(force_insert=True)
        _go_on(grant, takes_questions=takes_questions)
    return grant


def asked_before(wanted: Wanted) -> Grant | None:
    """The open grant for which exactly this was asked, if there is one. Reads only."""
    return _same(wanted).filter(expires_at__gt=timezone.now()).first()


def settle(grant_id: str) -> None:
    """What its agent was asked is over: its person is asked, or nobody is. Repeatable. No transaction may be
    open."""
    with transaction.atomic(durable=True):
        grant = Grant.objects.select_for_update().filter(pk=grant_id).first()
        if grant is None or not is_open(grant, timezone.now()) or _put_before(grant) is not None:
            return
        _go_on(grant, takes_questions=ports().answers(grant_id))


def _go_on(grant: Grant, *, takes_questions: bool) -> None:
    """Whoever is next is asked. Inside a transaction, with the grant new or locked."""
    heard = grant_questions.ask(grant, content(grant), takes_questions=takes_questions)
    if heard == Heard.DENIED:
        _close(grant, InterventionState.DENIED, actor=SYSTEM, note=heard)
        move(grant, GrantState.DENIED, decided_at=timezone.now())
    elif heard == Heard.NOTHING:
        _put(grant)


def _put(grant: Grant) -> Intervention:
    """The grant is put before its person."""
    now = timezone.now()
    row = Intervention(
        subject=grant.pk,
        kind=CONSENT,
        binding=content(grant),
        amount=0,
        owner=grant.owner,
        challenge=1,
        challenge_expires_at=grant.expires_at,
        attempts_allowed=1,
        expires_at=grant.expires_at,
        created_at=now,
        updated_at=now,
    )
    moves.begin(row, actor=grant.owner)
    return row


def decide(grant_id: str, person: str, *, allowed: bool, seen: str) -> Grant:
    """The signed-in person has said yes or no to what they saw (`content`), and a yes makes the agent theirs.

    Raises Over, Changed and NotTheirs; nothing is decided then. No transaction may be open.
    """
    with transaction.atomic(durable=True):
        grant = locked(grant_id)
        row = _put_before(grant)
        if row is None or not is_open(grant, timezone.now()):
            raise Over(grant.state)
        if grant.person not in ("", person):
            raise NotTheirs
        if not keys.same(content(grant), seen):
            raise Changed
        if allowed:
            try:
                bindings.bind(grant.owner, person)
            except bindings.BoundElsewhere:
                raise NotTheirs from None
        _decided(grant, row, allowed=allowed, person=person, actor=by(person))
    return grant


def refuse(grant_id: str, *, actor: str, note: str) -> None:
    """The answer is no, whoever could have been asked. Repeatable. A transaction may be open."""
    with transaction.atomic():
        grant = Grant.objects.select_for_update().filter(pk=grant_id).first()
        if grant is None or grant.state != GrantState.ASKED:
            return
        _close(grant, InterventionState.DENIED, actor=actor, note=note)
        move(grant, GrantState.DENIED, decided_at=timezone.now())


def undo(grant_id: str, *, actor: str) -> None:
    """Not wanted, even if just allowed. Repeatable. Inside the transaction that ends the call."""
    for grant in Grant.objects.select_for_update().filter(pk=grant_id):
        _take_back(grant, actor=actor)
    refuse(grant_id, actor=actor, note="refused")


def end(grant_id: str, *, actor: str, expired: bool = False) -> None:
    """Nobody decides it any more. Repeatable. A transaction may be open."""
    with transaction.atomic():
        grant = Grant.objects.select_for_update().filter(pk=grant_id).first()
        if grant is None or grant.state != GrantState.ASKED:
            return
        to = InterventionState.EXPIRED if expired else InterventionState.CANCELED
        _close(grant, to, actor=actor, note="" if expired else "closed")
        move(grant, GrantState.ENDED)


def exchange(grant_id: str, wanted: Wanted) -> None:
    """The agent asks for this instead, before anybody has decided (AA-107); who had seen the other is asked
    anew. Raises Over, and ValueError when it is for another agent, key, resource or kind (T53). A
    transaction may be open."""
    with transaction.atomic():
        grant = locked(grant_id)
        if not is_open(grant, timezone.now()):
            raise Over(grant.state)
        asked = (grant.owner, grant.kind, grant.audience, grant.key)
        if (wanted.owner, wanted.kind, wanted.audience, dict(wanted.key)) != asked:
            raise ValueError("Another agent, key, resource or kind of token.")
        columns = {**_columns(wanted), "fingerprint": fingerprint(wanted), "updated_at": timezone.now()}
        Grant.objects.filter(pk=grant.pk, state=grant.state).update(**columns)
        for name, value in columns.items():
            setattr(grant, name, value)
        if row := _put_before(grant):
            browser = row.browser_digest
            moves.move(row, InterventionState.CANCELED, actor=grant.owner, note=moves.VOIDED)
            anew = _put(grant)
            Intervention.objects.filter(pk=anew.pk).update(browser_digest=browser)


def let_in(grant_id: str, person: str) -> None:
    """Whoever is signed in as the person that is asked may decide in another browser than the one that came
    first. Raises Over and NotTheirs. No transaction may be open."""
    with transaction.atomic(durable=True):
        grant = locked(grant_id)
        if not person or grant.person != person:
            raise NotTheirs
        row = _put_before(grant)
        if row is None or not is_open(grant, timezone.now()):
            raise Over(grant.state)
        if row.state == InterventionState.INTERACTING:
            to = InterventionState.PENDING
            moves.move(row, to, actor=by(person), note="opened in another browser", browser_digest="")


def of_person(person: str) -> QuerySet[Grant]:
    """What agents were granted, wait for, or were refused by that person, the newest first. Reads only."""
    return Grant.objects.filter(person=person) if person else Grant.objects.none()


def revoke(grant: Grant, person: str) -> bool:
    """The person takes back what they granted, and no token of it counts any more; False when there is
    nothing to take back. Repeatable. A transaction may be open."""
    with transaction.atomic():
        row = Grant.objects.select_for_update().filter(pk=grant.pk, person=person).first()
        return row is not None and person != "" and _take_back(row, actor=by(person))


def revoke_agent(owner: str, person: str) -> bool:
    """The agent acts for the person no more: what they granted to it is taken back, and what it waits for is
    refused. False when it did not act for them. Repeatable. A transaction may be open."""
    with transaction.atomic():
        revoked = bindings.revoke(owner, person)
        # Also what it asked before it was theirs: nobody else could say yes to that.
        whose = ("", person) if revoked else (person,)
        rows = Grant.objects.select_for_update().filter(owner=owner, person__in=whose)
        for row in list(rows.filter(state__in=(GrantState.ASKED, GrantState.GRANTED)).order_by("pk")):
            if row.state == GrantState.GRANTED:
                _take_back(row, actor=by(person))
            else:
                refuse(row.pk, actor=by(person), note=REVOKED)
    if revoked:
        log.info("%s acts for account %s no more", owner, person)
    return revoked


def locked(grant_id: str) -> Grant:
    """The grant as it stands; nobody else changes it meanwhile. Raises Over when there is none. Inside a
    transaction."""
    grant = Grant.objects.select_for_update().filter(pk=grant_id).first()
    if grant is None:
        raise Over(GrantState.ENDED)
    return grant


def is_open(grant: Grant, now: datetime) -> bool:
    return grant.state in GRANT_OPEN and grant.expires_at > now


def move(grant: Grant, to: str, **columns: Any) -> None:
    """The only writer of a grant's `state`: one conditional UPDATE. Raises Over when the move is not legal,
    or somebody else was first. The row in memory is as the database holds it."""
    columns["updated_at"] = timezone.now()
    legal = to in grant.MOVES[grant.state]
    if not legal or not Grant.objects.filter(pk=grant.pk, state=grant.state).update(state=to, **columns):
        raise Over(grant.state)
    log.info("grant %s for %s: %s -> %s", grant.pk, grant.audience, grant.state, to)
    grant.state = to
    for name, value in columns.items():
        setattr(grant, name, value)


def content(grant: Grant) -> str:
    """A word that differs as soon as anything else is asked (T40). Keyed: it tells nothing."""
    names = ("pk", "owner", "kind", "audience", "scope", "account", "justification", "presented", "key")
    said = [getattr(grant, name) for name in names]
    return keys.digest(json.dumps(said, sort_keys=True).encode(), ASKED_FOR)


def fingerprint(wanted: Wanted) -> str:
    """By which the same request is recognised."""
    return keys.digest(_said(wanted), ASKED_FOR)


def by(person: str) -> str:
    """The person, as records name them."""
    return f"{PERSON}:{person}"


def _same(wanted: Wanted) -> QuerySet[Grant]:
    """What is open for exactly this request, also when its time is over."""
    rows = Grant.objects.filter(owner=wanted.owner, state__in=GRANT_OPEN)
    return rows.filter(fingerprint__in=keys.digests(_said(wanted), ASKED_FOR))


def _said(wanted: Wanted) -> bytes:
    # A `jti` is its issuer's own: another resource may use it too.
    said: list[Any] = [wanted.owner, dict(wanted.key), wanted.kind, wanted.audience, wanted.request_id]
    if not wanted.request_id:
        said += [wanted.scope, wanted.account]
    return json.dumps(said, sort_keys=True).encode()


def _columns(wanted: Wanted) -> dict[str, Any]:
    return {
        "owner": wanted.owner,
        "kind": wanted.kind,
        "audience": wanted.audience,
        "scope": wanted.scope,
        "account": wanted.account,
        "justification": wanted.justification,
        "key": dict(wanted.key),
        "presented": dict(wanted.presented),
        "older": wanted.older,
    }


def _put_before(grant: Grant) -> Intervention | None:
    """What its person is asked now, locked."""
    rows = Intervention.objects.select_for_update().filter(subject=grant.pk, kind=CONSENT, state__in=OPEN)
    return rows.first()


def _decided(grant: Grant, row: Intervention, *, allowed: bool, person: str, actor: str) -> None:
    to, ended = (
        (GrantState.GRANTED, InterventionState.PASSED)
        if allowed
        else (GrantState.DENIED, InterventionState.DENIED)
    )
    clarifications.withdraw(grant.pk)
    move(grant, to, person=person if allowed else grant.person, decided_at=timezone.now())
    try:
        moves.move(row, ended, actor=actor, note="on the page")
    except StateConflict:
        raise Over(grant.state) from None


def _close(grant: Grant, to: InterventionState, *, actor: str, note: str) -> None:
    """Nobody is asked anything about it any more."""
    clarifications.withdraw(grant.pk)
    open_ones = Intervention.objects.select_for_update().filter(subject=grant.pk, state__in=OPEN)
    for row in list(open_ones):
        moves.move(row, to, actor=actor, note=note[:255])


def _take_back(grant: Grant, *, actor: str) -> bool:
    """On the locked grant."""
    if grant.state != GrantState.GRANTED:
        return False
    move(grant, GrantState.REVOKED)
    given = Intervention.objects.select_for_update().filter(subject=grant.pk, kind=CONSENT)
    for row in list(given.filter(state=InterventionState.PASSED)):
        moves.move(row, InterventionState.CANCELED, actor=actor, note=REVOKED)
    if _revoking is not None:
        _revoking(grant)
    return True


_revoking: Revoking | None = None


def plug(revoking: Revoking | None) -> None:
    """`revoking` ends the tokens of a grant that is taken back. Called at start-up, and by tests."""
    global _revoking
    _revoking = revoking

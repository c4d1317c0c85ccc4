"""The tokens that we give out, made from what was granted and stored nowhere (AA-217; T94).

A grant and the record of the token say everything that the token does, and the same key signs the same
claims the same way: whoever asks again gets the same token, and who reads the database none.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from gateway import bindings, earlier_grants
from gateway.aauth import issuers, jwk, tokens
from gateway.aauth.person_server import keys, revoking
from gateway.aauth.problems import Problem
from gateway.conf import conf
from gateway.grants import Wanted
from gateway.person_models import DirectedSubject, Grant, IssuedToken, RevokedToken
from gateway.person_states import GrantState
from gateway.persons import persons

TYPES = {Grant.PERSON_TOKEN: tokens.PERSON, Grant.AUTH_TOKEN: tokens.AUTH}
MEMBERS = {Grant.PERSON_TOKEN: "person_token", Grant.AUTH_TOKEN: "auth_token"}
TAKEN_BACK = "What was granted was taken back."
KEPT = timedelta(days=1)
"""Records outlive their tokens, so that people see what they had given."""
BATCH = 5_000
MOST_BATCHES = 20


def body_of(grant: Grant) -> dict[str, Any]:
    """What the agent is answered once its person has said yes: the same token each time, as long as the key
    that signs is the same.

    Raises Problem for what was revoked meanwhile, or could only be given expired, and key_rings.Unusable. A
    transaction may be open; writes the record of the token the first time.
    """
    with transaction.atomic():
        grant = _held(grant)
        row = IssuedToken.objects.filter(pk=_first_jti(grant)).first()
        if row is None:
            _check_still_good(grant)
            columns = _columns(grant, _expiry(grant.presented.get("exp")))
            row, _ = IssuedToken.objects.get_or_create(pk=_first_jti(grant), defaults=columns)
    if row.revoked_at is not None:
        raise Problem(403, "revoked", TAKEN_BACK)
    return _body(grant, row, grant.key)


def granted_before(wanted: Wanted) -> Grant | None:
    """A grant by which this can be given at once, because the agent's person gave the same already. Reads
    only.

    Who they are, to the same resource: until it is taken back. What it opens: within the hour that its token
    lived, to the same key, and no token of it outlives that hour; so that an agent whose answer was lost need
    not ask anew, and nothing is given that was not. The older wording asks each time, as its texts show.
    """
    person = bindings.person_of(wanted.owner)
    if not person or wanted.older or persons().by_id(person) is None:
        return None
    rows = earlier_grants.alike(wanted).filter(person=person, state=GrantState.GRANTED, older=False)
    if wanted.kind == Grant.PERSON_TOKEN:
        return rows.first()
    since = timezone.now() - timedelta(seconds=conf().AAUTH_TOKEN_SECONDS)
    same = jwk.thumbprint(wanted.key)
    return next((row for row in _recent(rows, since) if jwk.thumbprint(row.key) == same), None)


def again(grant: Grant, wanted: Wanted) -> dict[str, Any]:
    """A further token of what was granted, for the key that asks now. Raises as `body_of`."""
    ends = wanted.presented.get("exp")
    if grant.kind == Grant.AUTH_TOKEN and grant.decided_at is not None:
        hour = grant.decided_at + timedelta(seconds=conf().AAUTH_TOKEN_SECONDS)
        ends = hour.timestamp() if ends is None else min(ends, hour.timestamp())
    with transaction.atomic():
        grant = _held(grant)
        revoking.note(grant, wanted.presented)
        row = IssuedToken.objects.create(pk=secrets.token_hex(16), **_columns(grant, _expiry(ends)))
    return _body(grant, row, wanted.key)


def subject_of(person: str, audience: str) -> str:
    """The name by which that resource knows the person, and no other does. Made once; repeatable."""
    row, _ = DirectedSubject.objects.get_or_create(
        person=person, audience=audience, defaults={"subject": secrets.token_hex(16)}
    )
    return row.subject


def purge() -> int:
    """Records of tokens that expired long ago are forgotten, and revocations of what has expired; how many.
    Repeatable."""
    edge = timezone.now() - KEPT
    return _purged(IssuedToken.objects.filter(expires_at__lt=edge)) + _purged(
        RevokedToken.objects.filter(expires_at__lt=edge)
    )


def _held(grant: Grant) -> Grant:
    """The grant as it is now, and nobody takes it back before its token is on record: else that would be
    forgotten when the others end. Raises Problem when it counts no more. Inside a transaction."""
    found = Grant.objects.select_for_update().filter(pk=grant.pk, state=GrantState.GRANTED).first()
    bound = bindings.of(grant.owner)
    if found is None or (bound is not None and bound.revoked_at is not None):
        raise Problem(403, "revoked", TAKEN_BACK)
    return found


def _recent(rows: QuerySet[Grant], since: datetime) -> QuerySet[Grant]:
    return rows.filter(decided_at__gt=since)[:20]


def _check_still_good(grant: Grant) -> None:
    """Nothing that it was asked for with was revoked while its person thought about it (AA-416). Raises
    Problem."""
    agents_issuer = grant.owner.removeprefix("aauth:").partition("|")[0]
    for name, issuer, member in (
        ("agent token", agents_issuer, "agent_token"),
        ("resource token", grant.audience, "resource_token"),
        ("presented token", conf().PUBLIC_URL, "jti"),
    ):
        jti = grant.presented.get(member)
        if jti and revoking.is_revoked(issuer, jti):
            raise Problem(403, "revoked", f"The {name} that this was asked for with was revoked.")


def _first_jti(grant: Grant) -> str:
    """The same each time, and it leads back to no other row."""
    return sha256(f"token of {grant.pk}".encode()).hexdigest()[:32]


def _expiry(cap: float | None) -> datetime:
    """When a token that is made now ends: after our own time, and before what it was asked for with. Raises
    Problem when that is over."""
    now = timezone.now()
    ends = now + timedelta(seconds=conf().AAUTH_TOKEN_SECONDS)
    if cap is not None:
        ends = min(ends, datetime.fromtimestamp(cap, UTC))
    if ends <= now:
        text = "What this was asked for with has expired. Start over with a fresh agent token."
        raise Problem(408, "expired", text)
    return ends


def _columns(grant: Grant, ends: datetime) -> dict[str, Any]:
    return {
        "grant": grant,
        "typ": TYPES[grant.kind],
        "owner": grant.owner,
        "person": grant.person,
        "audience": grant.audience,
        "scope": grant.scope,
        "issued_at": timezone.now(),
        "expires_at": ends,
    }


def _body(grant: Grant, row: IssuedToken, key: Mapping[str, Any]) -> dict[str, Any]:
    typ = tokens.OLDER_AUTH if grant.older else row.typ
    left = int((row.expires_at - timezone.now()).total_seconds())
    return {
        MEMBERS[grant.kind]: keys.sign(_claims(grant, row, key), typ),
        "expires_in": max(0, left),
        **({"token_type": typ} if grant.older else {}),
    }


def _claims(grant: Grant, row: IssuedToken, key: Mapping[str, Any]) -> dict[str, Any]:
    """A person token says who, an auth token also what; neither says which agent, except in the older
    wording."""
    ours = conf().PUBLIC_URL
    claims: dict[str, Any] = {
        "iss": ours,
        "dwk": issuers.PERSON,
        "aud": grant.audience,
        "sub": subject_of(row.person, grant.audience),
        "jti": row.pk,
        "cnf": {"jwk": dict(sorted(key.items()))},  # databases keep no order of members
        "iat": int(row.issued_at.timestamp()),
        "exp": int(row.expires_at.timestamp()),
    }
    if grant.kind == Grant.PERSON_TOKEN:
        return claims
    claims |= {"agent": grant.owner.partition("|")[2]} if grant.older else {"ps": ours}
    claims["scope"] = grant.scope
    return claims | ({"account": grant.account} if grant.account else {})


def _purged(rows: QuerySet[Any]) -> int:
    gone = 0
    for _ in range(MOST_BATCHES):
        old = list(rows.values_list("pk", flat=True)[:BATCH])
        gone += rows.filter(pk__in=old).delete()[0]
        if len(old) < BATCH:
            break
    return gone

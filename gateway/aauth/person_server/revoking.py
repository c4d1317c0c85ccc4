"""Tokens that do not count any more, before they expire: others', of which we are told, and our own
(AA-416).

What is known of a token is kept by its issuer and its `jti`, and only for as long as it would have lived.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from gateway import outbox
from gateway.conf import conf
from gateway.person_models import Grant, IssuedToken, RevokedToken
from interventions.prepared import insert

TELL = "aauth.token.revoked"
MOST_LATER = 50
"""Agent tokens by which one grant is used at a time; an agent has one or two."""


def is_revoked(issuer: str, jti: str) -> bool:
    """The token does not count any more, as far as we were told; one that we do not know does. One
    statement."""
    gone = RevokedToken.objects.filter(issuer=issuer, jti=jti)
    if issuer != conf().PUBLIC_URL:
        return gone.exists()
    return IssuedToken.objects.filter(pk=jti, revoked_at__isnull=False).exists()


def revoke(issued: IssuedToken) -> bool:
    """A token of ours counts no more; False when it did not before. Repeatable. A transaction may be open."""
    return _revoke(IssuedToken.objects.filter(pk=issued.pk)) > 0


def of_grant(grant: Grant) -> int:
    """Every token that was given out for the grant counts no more; how many did. Repeatable. A transaction
    may be open."""
    return _revoke(IssuedToken.objects.filter(grant=grant))


def of_agent(owner: str) -> int:
    """Every token that the agent was given counts no more; how many did. Repeatable. A transaction may be
    open."""
    return _revoke(IssuedToken.objects.filter(owner=owner))


def record(issuer: str, jti: str, expires_at: datetime) -> None:
    """The issuer takes a token of its own back. Repeatable.

    An agent token takes every token with it that we gave to the agent, whichever token of it they were asked
    for with; whom the agent acts for stays as it is.
    """
    with transaction.atomic(durable=True):
        insert([RevokedToken(issuer=issuer, jti=jti, expires_at=expires_at)], unless_there=True)
        first = Q(presented__agent_token=jti)
        asked = Grant.objects.filter(first | Q(presented__later__has_key=_named(jti)))
        owners = set(asked.filter(owner__startswith=f"aauth:{issuer}|").values_list("owner", flat=True))
        _revoke(IssuedToken.objects.filter(owner__in=owners))


def note(grant: Grant, presented: Mapping[str, Any]) -> None:
    """A further token of the grant is asked for with another agent token, which takes that one with it; it
    is remembered for as long as it lives. On the locked grant."""
    jti, expires = presented.get("agent_token"), presented.get("agent_exp")
    if not jti or expires is None or jti == grant.presented.get("agent_token"):
        return
    now = timezone.now().timestamp()
    before = grant.presented.get("later", {}).items()
    living = sorted((end, name) for name, end in before if end > now)[-MOST_LATER:]
    later = {name: end for end, name in living} | {_named(jti): expires}
    if later != grant.presented.get("later"):
        grant.presented = {**grant.presented, "later": later}
        Grant.objects.filter(pk=grant.pk).update(presented=grant.presented)


def _named(jti: str) -> str:
    """A name that any database can look for."""
    return f"t{sha256(jti.encode()).hexdigest()[:32]}"


def _revoke(rows: QuerySet[IssuedToken]) -> int:
    """Whoever took such a token is told, by an effect of the same transaction."""
    now = timezone.now()
    with transaction.atomic():
        live = rows.filter(revoked_at=None).select_for_update().order_by("pk")
        found = list(live.values_list("pk", "audience", "expires_at"))
        IssuedToken.objects.filter(pk__in=[jti for jti, _, _ in found]).update(revoked_at=now)
        ours = conf().PUBLIC_URL
        elsewhere = [jti for jti, audience, ends in found if audience != ours and ends > now]
        outbox.DatabaseOutbox().add_all([(TELL, {"jti": jti}) for jti in elsewhere])
    return len(found)

"""Tokens that do not count any more, before they expire: others', of which we are told, and our own
(AA-416).

What is known of a token is kept by its issuer and its `jti`, and only for as long as it would have lived.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from gateway import outbox
from gateway.conf import conf
from gateway.person_models import Grant, IssuedToken, RevokedToken
from interventions.prepared import insert

TELL = "aauth.token.revoked"


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


def record(issuer: str, jti: str, expires_at: datetime) -> None:
    """The issuer takes a token of its own back. Repeatable.

    An agent token takes every token with it that we gave to the agent, whichever token of it they were asked
    for with; whom the agent acts for stays as it is.
    """
    with transaction.atomic(durable=True):
        insert([RevokedToken(issuer=issuer, jti=jti, expires_at=expires_at)], unless_there=True)
        asked = Grant.objects.filter(owner__startswith=f"aauth:{issuer}|", presented__agent_token=jti)
        owners = set(asked.values_list("owner", flat=True))
        _revoke(IssuedToken.objects.filter(owner__in=owners))


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

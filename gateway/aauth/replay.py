"""A signature that changes something works once (AA-404).

Whoever copies a signed request can send it again within its time window. The same signature with the same
Idempotency-Key is an agent's honest repeat: it is let through, and answered with what was answered before.
The key need not be signed, so the same signature with another one, or with none, is refused.
"""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from gateway import keys
from gateway.pending_models import UsedSignature
from interventions.prepared import insert

PURPOSE = "signed-request-repeat"
READS = frozenset({"GET", "HEAD", "OPTIONS"})
BATCH = 5_000
MOST_BATCHES = 20


def first_use(name: str, repeat_key: str, *, seconds: int) -> bool:
    """The signature is used up, by us or by the request that this one repeats; False: by another.

    `name` is that of `signatures.used`, `repeat_key` the Idempotency-Key or "". It is remembered for
    `seconds`, by when it has no force any more. One statement, two when it was used before.
    """
    told = [keys.digest(repeat_key.encode(), PURPOSE)] if repeat_key else [""]
    until = timezone.now() + timedelta(seconds=seconds)
    if insert([UsedSignature(digest=name, repeat_digest=told[0], expires_at=until)], unless_there=True):
        return True
    if not repeat_key:
        return False
    known = UsedSignature.objects.filter(pk=name).values_list("repeat_digest", flat=True).first()
    return known in keys.digests(repeat_key.encode(), PURPOSE)


def purge() -> int:
    """Signatures whose time is over are forgotten, at most a few batches; how many. Repeatable."""
    gone = 0
    for _ in range(MOST_BATCHES):
        old = list(
            UsedSignature.objects.filter(expires_at__lt=timezone.now()).values_list("pk", flat=True)[:BATCH]
        )
        gone += UsedSignature.objects.filter(pk__in=old, expires_at__lt=timezone.now()).delete()[0]
        if len(old) < BATCH:
            break
    return gone

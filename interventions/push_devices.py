"""Devices that take push messages for a person, and the proof that they do (AA-210).

A browser gives its subscription to whatever script asks for it, and it can be copied: it proves nothing.
So a device is used only once a secret that was pushed to it came back from a browser in which that person
is signed in. A device belongs to whoever proved so last: on a device that changed hands nobody shall read
what is for the one before, so the former loses it (`confirm`). To register it is not enough for that, or a
copied subscription would take somebody's device away.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from interventions import push_subscriptions
from interventions.ports import ports
from interventions.push_subscriptions import Subscription
from interventions.reach_models import ReachChannel

MOST_DEVICES = 10
"""Of one person, those counted that have not proved anything yet."""
PROOF = timedelta(minutes=10)
PROOF_PURPOSE = "proof of a device"
LONGEST_LABEL = 100


class TooManyDevices(Exception):
    """The person has MOST_DEVICES already."""


def of_person(person: str) -> QuerySet[ReachChannel]:
    """Their devices, the newest first. Reads only."""
    return ReachChannel.objects.filter(person=person, kind=ReachChannel.WEB_PUSH)


@sensitive_variables()
def find(person: str, endpoint: str) -> ReachChannel | None:
    """The person's own row of that device. Reads only."""
    return of_person(person).filter(fingerprint__in=push_subscriptions.fingerprints(endpoint)).first()


@sensitive_variables("subscription")
def register(person: str, subscription: Subscription, label: str = "") -> ReachChannel:
    """The device is known as the person's; it is used only once it has proved that it is (`confirm`).

    Repeatable: the same subscription changes nothing, another key of the same device has to be proved
    again. What others have is left alone. Raises TooManyDevices. No transaction may be open.
    """
    row = find(person, subscription.endpoint)
    if row is None:
        if of_person(person).count() >= MOST_DEVICES:
            raise TooManyDevices
        try:
            with transaction.atomic():
                return ReachChannel.objects.create(
                    person=person,
                    kind=ReachChannel.WEB_PUSH,
                    label=label[:LONGEST_LABEL],
                    address=push_subscriptions.seal(subscription),
                    fingerprint=push_subscriptions.fingerprints(subscription.endpoint)[0],
                )
        except IntegrityError:  # the same click, twice
            row = of_person(person).get(fingerprint=push_subscriptions.fingerprints(subscription.endpoint)[0])
    if _kept(row) == subscription:
        return row
    ReachChannel.objects.filter(pk=row.pk).update(
        address=push_subscriptions.seal(subscription), verified_at=None, proof="", proof_until=None
    )
    row.refresh_from_db()
    return row


def to_prove(row: ReachChannel) -> str:
    """The secret that the device has to bring back within PROOF; the one before counts no more. It is
    kept as a keyed hash alone, so whoever calls this has to send it now."""
    secret = secrets.token_urlsafe(32)
    ReachChannel.objects.filter(pk=row.pk).update(
        proof=ports().digest(secret.encode(), PROOF_PURPOSE), proof_until=timezone.now() + PROOF
    )
    return secret


@sensitive_variables("secret")
def confirm(person: str, secret: str) -> ReachChannel | None:
    """The device brought the secret back in a browser of the person's: it is theirs from now on, and
    nobody else's. None for anything else than a secret sent to a device of theirs, once, in time.

    Two persons at once: one of them wins. No transaction may be open.
    """
    genuine = Q(proof__in=ports().known_digests(secret.encode(), PROOF_PURPOSE))
    with transaction.atomic():
        now = timezone.now()
        mine = of_person(person).filter(genuine, proof_until__gt=now).first()
        if mine is None:
            return None
        # In one order, so that two who confirm one device wait for each other once.
        every = ReachChannel.objects.filter(kind=ReachChannel.WEB_PUSH, fingerprint__in=_fingerprints(mine))
        list(every.select_for_update().order_by("pk"))
        proved = of_person(person).filter(genuine, pk=mine.pk, proof_until__gt=now)
        shown = {"verified_at": now, "seen_at": now, "failed_at": None, "enabled": True}
        if not proved.update(proof="", proof_until=None, **shown):
            return None
        every.exclude(pk=mine.pk).delete()
    mine.refresh_from_db()
    return mine


def failed(row: ReachChannel) -> None:
    """It did not take what it was sent, and is not used until it has. Repeatable."""
    ReachChannel.objects.filter(pk=row.pk).update(failed_at=timezone.now())


def forget(row: ReachChannel) -> None:
    """Nothing is sent to the device for that person any more. Repeatable."""
    ReachChannel.objects.filter(pk=row.pk).delete()


def _kept(row: ReachChannel) -> Subscription | None:
    try:
        return push_subscriptions.unseal(row.address)
    except ValueError:
        return None


def _fingerprints(row: ReachChannel) -> list[str]:
    """Under every key: who had the device before may have proved it when another one was in use."""
    kept = _kept(row)
    return [row.fingerprint, *(push_subscriptions.fingerprints(kept.endpoint) if kept else ())]

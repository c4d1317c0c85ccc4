"""A person confirms with the key in their own device: who may, what is asked of it, what it proves.

Whoever holds the link can hold a device too. An agent that opens it may bring one made of software,
which says of itself whatever it likes (T10, T47). So a device counts for the buyer's contact only:

* The contact has a passkey: only that passkey confirms, and none can be added on this page.
* It has none: whoever types the code that was sent to the contact, on this page and in the browser
  that is bound to it, may make one. The mail says that the code is for the page and not for agents,
  and the agent's own API has no place where it could be told.

What this proves is as much as the contact is worth: an agent that reads the buyer's mail, or that
names a contact of its own, can still be that buyer. A mail tells the contact of each new passkey.
A device that is lost is an operator's matter: the passkey is deleted, and the next one is made anew.

A challenge is random, is stored as a keyed hash bound to the row, to what it is for and to what was
asked of the device, ends after a while, and counts once, whatever its answer proves.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from interventions import services, visits
from interventions.errors import NotFound, Over, StaleRound, StateConflict, Unproven
from interventions.masking import hint
from interventions.models import Intervention, Passkey
from interventions.negotiation import CONTACT
from interventions.ports import Contact, DeviceProvider, ports
from interventions.states import OPEN, InterventionState

log = logging.getLogger("agentic.interventions")

PASSKEY_MADE = "interventions.passkey_made"
"""The effect that tells the contact of a new passkey."""

OWNER = "contact of a passkey"
HANDLE = "account of a passkey"
CHALLENGE = "challenge of a passkey"

CHALLENGE_SECONDS = 300
RANDOM_BYTES, TIME_BYTES = 32, 8


class Step(StrEnum):
    """What the person does next."""

    CONFIRM = "confirm"
    """Type the code that was sent to the buyer's contact."""
    MAKE = "make"
    """Have the device make a passkey."""
    USE = "use"
    """Have the device use the passkey it has."""


@dataclass(frozen=True, slots=True)
class Ceremony:
    """What the page hands to the device now."""

    step: Step
    options: Mapping[str, Any]


def provider_of(row: Intervention) -> DeviceProvider:
    """What judges the row's devices. Raises NotFound when this installation has none."""
    found = ports().providers.get(row.kind)
    if not isinstance(found, DeviceProvider):
        raise NotFound
    return found


def step(row: Intervention) -> Step:
    """What the person does next. Raises NotFound when the buyer's contact is gone. Reads only."""
    if _known(_contact(row)).exists():
        return Step.USE
    return Step.MAKE if services.passed(row.subject, CONTACT, contact_binding(row)) else Step.CONFIRM


def offered(row: Intervention) -> bool:
    """This installation can judge the row's devices."""
    return isinstance(ports().providers.get(row.kind), DeviceProvider)


def contact_hint(row: Intervention) -> str:
    """Where a code would go, masked. Raises NotFound when the buyer's contact is gone."""
    return hint(_contact(row).address)


def contact_binding(row: Intervention) -> str:
    """What a code sent to the contact is for: this one question, and so the browser bound to it."""
    return f"{row.pk}:{row.binding}"


def belongs_to(passkey: Passkey, contact: Contact) -> bool:
    """It is the contact's own."""
    return passkey.contact_digest in ports().known_digests(_spelling(contact.address), OWNER)


def begin(intervention_id: str, browser: str) -> Ceremony:
    """The device can be asked; an earlier challenge counts no more.

    Raises NotFound, Over, TakenElsewhere, and StaleRound while the contact is not confirmed. No
    transaction may be open.
    """
    row = visits.entered(intervention_id, browser)
    provider, contact, next_step = provider_of(row), _contact(row), step(row)
    issued = int(timezone.now().timestamp()).to_bytes(TIME_BYTES, "big")
    challenge = secrets.token_bytes(RANDOM_BYTES) + issued
    if next_step == Step.MAKE:
        handle = bytes.fromhex(ports().digest(_spelling(contact.address), HANDLE))
        account = hint(contact.address) or contact.merchant
        options = provider.to_make(challenge, handle=handle, account=account)
    elif next_step == Step.USE:
        options = provider.to_use(challenge)
    else:
        raise StaleRound
    digest = _digest(row, next_step, challenge)
    if not Intervention.objects.filter(pk=row.pk, state__in=OPEN).update(round_digest=digest):
        raise Over(visits.look(row.pk).state)
    return Ceremony(next_step, options)


def finish(intervention_id: str, browser: str, answer: Mapping[str, Any]) -> Intervention:
    """What the device answered was judged once, and a proof has passed the row.

    Raises NotFound, Over, TakenElsewhere; StaleRound when the challenge was not ours, not this
    row's, used before or too old; Unproven for an answer that proves nothing: it cost an attempt,
    and with the last one the row has failed. No transaction may be open.
    """
    row = visits.entered(intervention_id, browser)
    provider, next_step = provider_of(row), step(row)
    challenge = provider.challenge_in(answer)
    _use_up(row, _digest(row, next_step, challenge), challenge)
    try:
        if next_step == Step.MAKE:
            return _made(row, provider, answer, challenge)
        return _used(row, provider, answer, challenge)
    except Unproven:
        log.warning("%s: the answer of a device proved nothing", row.pk)
        if not row.attempts_left:
            return visits.settle(row, InterventionState.FAILED, actor=provider.name, note="no attempt left")
        raise


def _use_up(row: Intervention, digest: str, challenge: bytes) -> None:
    """The challenge counts no more, and an attempt is paid for. The database decides who had it."""
    ours = Intervention.objects.filter(
        pk=row.pk, state__in=OPEN, round_digest=digest, attempts__lt=F("attempts_allowed")
    )
    if not ours.update(round_digest="", attempts=F("attempts") + 1, attempted_at=timezone.now()):
        raise StaleRound
    row.refresh_from_db(fields=["attempts"])
    age_seconds = timezone.now().timestamp() - int.from_bytes(challenge[-TIME_BYTES:], "big")
    if age_seconds > CHALLENGE_SECONDS:
        raise StaleRound


def _made(
    row: Intervention, provider: DeviceProvider, answer: Mapping[str, Any], challenge: bytes
) -> Intervention:
    key = provider.made(answer, challenge)
    contact = _contact(row)
    passkey = Passkey(
        contact_digest=ports().digest(_spelling(contact.address), OWNER),
        credential_id=key.credential_id,
        public_key=key.public_key,
        sign_count=key.sign_count,
        aaguid=key.aaguid,
        label=hint(contact.address)[:255],
        last_used_at=timezone.now(),
    )
    try:
        with transaction.atomic(durable=True):
            passkey.save(force_insert=True)
            visits.end(row, InterventionState.PASSED, actor=provider.name, note="new passkey")
            ports().outbox.add(PASSKEY_MADE, {"subject": row.subject, "passkey": passkey.pk})
    except IntegrityError:  # somebody has a key of that name
        raise Unproven from None
    except StateConflict:
        return visits.look(row.pk)
    return row


def _used(
    row: Intervention, provider: DeviceProvider, answer: Mapping[str, Any], challenge: bytes
) -> Intervention:
    passkey = _known(_contact(row)).filter(credential_id=provider.key_in(answer)).first()
    if passkey is None:
        raise Unproven
    count = provider.used(answer, challenge, passkey.key())
    unchanged = Passkey.objects.filter(pk=passkey.pk, sign_count=passkey.sign_count)
    try:
        with transaction.atomic(durable=True):
            if not unchanged.update(sign_count=count, last_used_at=timezone.now()):
                raise Unproven
            visits.end(row, InterventionState.PASSED, actor=provider.name, note="passkey")
    except StateConflict:
        return visits.look(row.pk)
    return row


def _known(contact: Contact) -> QuerySet[Passkey]:
    digests = ports().known_digests(_spelling(contact.address), OWNER)
    return Passkey.objects.filter(contact_digest__in=digests)


def _contact(row: Intervention) -> Contact:
    contact = ports().destination_of(row.subject)
    if contact is None:
        raise NotFound
    return contact


def _spelling(address: str) -> bytes:
    """One mailbox's address, letter case of ASCII aside: nothing that two mailboxes could share."""
    plain = address.strip()
    return "".join(letter.lower() if letter.isascii() else letter for letter in plain).encode(
        "utf-8", "replace"
    )


def _digest(row: Intervention, asked: Step, challenge: bytes) -> str:
    bound = f"{asked}:{row.pk}:{row.binding}:".encode()
    return ports().digest(bound + challenge, CHALLENGE)

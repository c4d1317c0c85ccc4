"""Whether an artifact, or a trail in our own database, is what was once written (AJ-103)."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Collection, Mapping
from typing import Any, cast

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from gateway.audit_models import AuditTrail
from gateway.interaction_api import audit_artifact as form
from gateway.session_models import AgentSession

RAW = 32
"""An Ed25519 key without its DER is taken too (AJ-097)."""

SHAPELESS = (KeyError, TypeError, ValueError, AttributeError, RecursionError, UnsupportedAlgorithm)
"""What reading something else than an artifact ends in."""


def flaw(artifact: Any, trusted: Collection[str]) -> str | None:
    """What is wrong with an artifact, or None. `trusted` are public keys of the site in Base64.

    Raises nothing, whatever `artifact` is.
    """
    try:
        return _flaw(artifact, trusted)
    except SHAPELESS:
        return "it is not in the form of an artifact"


def flaw_of_trail(trail: AuditTrail, trusted: Collection[str]) -> str | None:
    """What is wrong with a trail in our database, or None: its chain, its end, each of its seals.

    Raises nothing, whatever somebody wrote there. What was prefetched is not read again.
    """
    try:
        return _flaw_of_trail(trail, trusted)
    except SHAPELESS:
        return "something in it is not in its form"


def _flaw_of_trail(trail: AuditTrail, trusted: Collection[str]) -> str | None:
    head = ""
    events = sorted(trail.events.all(), key=lambda event: event.sequence)
    for number, event in enumerate(events, 1):
        written = json.loads(event.document)
        if event.sequence != number:
            return f"event {number} is missing"
        if form.digest(event.document) != event.hash or written["event_id"] != event.pk:
            return f"event {number} was altered"
        if event.prev_hash != head or written["prev_hash"] != head:
            return f"event {number} does not follow the one before it"
        head = event.hash
    if (trail.sequence, trail.head) != (len(events), head):
        return "events at its end are missing"
    documents = [event.document for event in events]
    seals = list(trail.seals.all())
    if trail.sealed_at is not None and not any(seal.final for seal in seals):
        return "its last seal is missing"
    token = _digest_of_token(trail) if seals else None
    for seal in seals:
        if seal.final and seal.events != trail.sequence:
            return "its seal is not over every event"
        if (
            problem := flaw(form.assembled(seal.document, documents[: seal.events], seal), trusted)
        ) is not None:
            return f"sealed at {seal.sealed_at.isoformat(timespec='seconds')}: {problem}"
        if token is not None and json.loads(seal.document).get("session_id") != token:
            return "it is the trail of another session"
    return None


def _flaw(artifact: Mapping[str, Any], trusted: Collection[str]) -> str | None:
    head, hashes = "", []
    for number, event in enumerate(artifact["events"], 1):
        if event["prev_hash"] != head:
            return f"event {number} does not follow the one before it"
        head = form.digest(form.canonical(event))
        hashes.append(head)
    if form.root(hashes) != artifact["root_hash"]:
        return "the root hash is not that of the events"
    given = _key(artifact["public_key"])
    if given not in [_key(key) for key in trusted]:
        return "it was signed with a key that is none of the site's"
    public = Ed25519PublicKey.from_public_bytes(given)
    if not _signed(public, artifact["signature"], str(artifact["root_hash"]).encode()):
        return "the signature is not over this root hash"
    if not _signed(public, artifact[form.UNSIGNED], form.signed_bytes(artifact)):
        return "the signature is not over this artifact"
    return None


def _digest_of_token(trail: AuditTrail) -> str | None:
    """What its seals name the session by, or None when that is gone. Read at once where it is annotated."""
    if hasattr(trail, "token_digest"):
        return cast("str | None", trail.token_digest)
    return AgentSession.objects.filter(pk=trail.pk).values_list("digest", flat=True).first()


def _key(text: str) -> bytes:
    raw = b64decode(text, validate=True)
    if len(raw) == RAW:
        return raw
    key = load_der_public_key(raw)
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("not a key of Ed25519")
    return key.public_bytes_raw()


def _signed(public: Ed25519PublicKey, signature: str, signed: bytes) -> bool:
    raw = b64decode(signature, validate=True)
    if b64encode(raw).decode() != signature:
        return False  # another spelling of the same bytes
    try:
        public.verify(raw, signed)
    except InvalidSignature:
        return False
    return True

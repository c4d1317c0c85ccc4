"""The keys that agents' signatures are verified with: adding, retiring, revoking, verifying.

An agent may have several at once, so that a new one can take over from an old one.
"""

from __future__ import annotations

import hmac
import logging
import secrets
from datetime import timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from django.db import models, transaction
from django.utils import timezone

from gateway import public_keys, sealed
from gateway.models import Agent, AgentSigningKey, Algorithm, Signed
from interventions.prepared import Lookup

log = logging.getLogger("agentic.signatures")

PURPOSE = "signing-secret"
MOST_LIVE = 5
"""Each is tried on a signature, so that their number bounds what a forged one costs."""
ES256_HALF = 32


class KeyNotTaken(ValueError):
    """The agent cannot have this key. The text says why."""


def add(
    agent: Agent,
    public_key: str,
    *,
    signs: str = Signed.CANONICAL,
    label: str = "",
    older_hours: float | None = None,
) -> AgentSigningKey:
    """The agent has this public key too; its older ones end after `older_hours`, None: they stay.

    Raises public_keys.BadPublicKey, and KeyNotTaken for a key the agent has or had, or one too many.
    """
    key = public_keys.read(public_key)
    with transaction.atomic():
        _make_room(agent, older_hours)
        if agent.signing_keys.filter(public_key=key.text).exists():
            raise KeyNotTaken("This agent has or had this key already. A revoked key does not come back.")
        return agent.signing_keys.create(
            algorithm=key.algorithm, public_key=key.text, signs=signs, label=label
        )


def add_secret(
    agent: Agent, *, signs: str = Signed.CANONICAL, label: str = "", older_hours: float | None = None
) -> tuple[AgentSigningKey, str]:
    """A new secret shared with the agent for HMAC-SHA256. It is returned here and never again.

    `older_hours` as for `add`. Raises KeyNotTaken for one key too many.
    """
    secret = f"sgs_{secrets.token_urlsafe(32)}"
    with transaction.atomic():
        _make_room(agent, older_hours)
        key = agent.signing_keys.create(
            algorithm=Algorithm.HMAC_SHA256,
            sealed_secret=sealed.seal(secret.encode(), PURPOSE),
            signs=signs,
            label=label,
        )
    return key, secret


def revoke(key: AgentSigningKey) -> bool:
    """Nothing signed with this key is accepted any more. False when it was revoked before."""
    return bool(_revoke(AgentSigningKey.objects.filter(pk=key.pk, revoked_at=None)))


def seal_again() -> int:
    """Every secret is sealed under the first of the `HASH_KEYS`; how many. May be repeated.

    Raises sealed.Unreadable, and changes nothing, when one cannot be opened.
    """
    count = 0
    with transaction.atomic():
        for key in AgentSigningKey.objects.exclude(sealed_secret="").select_for_update():
            key.sealed_secret = sealed.again(key.sealed_secret, PURPOSE)
            key.save(update_fields=["sealed_secret"])
            count += 1
    return count


def every(agent: Agent) -> list[AgentSigningKey]:
    """All keys the agent has or had; one statement, compiled once."""
    return _keys(agent=agent.pk)


def is_live(key: AgentSigningKey) -> bool:
    """Neither revoked nor expired."""
    return key.revoked_at is None and (key.expires_at is None or key.expires_at > timezone.now())


def state(key: AgentSigningKey) -> str:
    """In a word, for operators."""
    if key.revoked_at is not None:
        return "revoked"
    return "works" if is_live(key) else "expired"


def fits(key: AgentSigningKey, signed: bytes, signature: bytes) -> bool:
    """`signature` is one over `signed` with this key, live or not. Never raises.

    ES256 signatures are the two numbers in 32 bytes each (RFC 7518, 3.4), not DER.
    """
    if key.algorithm == Algorithm.HMAC_SHA256:
        return _fits_secret(key, signed, signature)
    public = public_keys.load(key.public_key)
    try:
        if isinstance(public, ed25519.Ed25519PublicKey):
            public.verify(signature, signed)
        elif len(signature) != 2 * ES256_HALF:
            return False
        else:
            halves = (signature[:ES256_HALF], signature[ES256_HALF:])
            der = encode_dss_signature(*(int.from_bytes(half) for half in halves))
            public.verify(der, signed, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def _fits_secret(key: AgentSigningKey, signed: bytes, signature: bytes) -> bool:
    try:
        secret = sealed.unseal(key.sealed_secret, PURPOSE)
    except sealed.Unreadable:
        log.error("signing key %s was sealed with none of the HASH_KEYS", key.pk)
        return False
    return hmac.compare_digest(hmac.digest(secret, signed, "sha256"), signature)


def _make_room(agent: Agent, older_hours: float | None) -> None:
    Agent.objects.select_for_update().get(pk=agent.pk)
    live = agent.signing_keys.filter(revoked_at=None)
    if older_hours is not None and older_hours > 0:
        end = timezone.now() + timedelta(hours=older_hours)
        live.exclude(expires_at__lt=end).update(expires_at=end)
    elif older_hours is not None:
        _revoke(live)
    if sum(is_live(key) for key in live.all()) >= MOST_LIVE:
        raise KeyNotTaken(f"An agent has at most {MOST_LIVE} signing keys at once: revoke one first.")


def _revoke(keys: models.QuerySet[AgentSigningKey]) -> int:
    return keys.update(revoked_at=timezone.now(), sealed_secret="")


_keys = Lookup(AgentSigningKey, lambda place: AgentSigningKey.objects.filter(agent=place("agent")).order_by())

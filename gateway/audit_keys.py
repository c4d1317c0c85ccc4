"""The keys that sealed audit trails are signed with (AJ-107): the file named by AUDIT_KEYS."""

from __future__ import annotations

from gateway.key_rings import AlreadyThere, KeyFile, PublicKey, Ring, Unusable

__all__ = ["FILE", "AlreadyThere", "PublicKey", "Ring", "Unusable", "create", "every", "ring", "rotate"]

FILE = KeyFile("AUDIT_KEYS")

ring, create, rotate, every = FILE.ring, FILE.create, FILE.rotate, FILE.every

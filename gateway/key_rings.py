"""Keys that we sign with: a file that all workers read, named by a setting.

{"keys": [{"id", "public_key", "created_at", "retired_at", "private_key"}, ...]}

One key has a `private_key` and signs. Of those before it only the public half is kept, so that what
they signed stays verifiable and nobody can sign with them any more. A changed file is noticed without a
restart. Nothing here knows what is signed: see `audit_keys`, and `aauth.person_server.keys`.
"""

from __future__ import annotations

import json
import os
from base64 import b64decode, b64encode
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)
from django.utils import timezone

from gateway import secret_files
from gateway.secret_files import AlreadyThere as AlreadyThere
from gateway.secret_files import SecretFile
from gateway.secret_files import Unusable as Unusable

ID_DIGITS = 16


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What everybody may know of a key: DER (SubjectPublicKeyInfo) in Base64, as in agents.json."""

    id: str
    public_key: str
    created_at: str
    retired_at: str | None = None


@dataclass(frozen=True, slots=True)
class Ring:
    """The key that signs, and every public key that ever did, the newest first."""

    signer: Ed25519PrivateKey
    keys: tuple[PublicKey, ...]

    @property
    def current(self) -> PublicKey:
        return self.keys[0]

    def sign(self, signed: bytes) -> str:
        """The Ed25519 signature in Base64."""
        return b64encode(self.signer.sign(signed)).decode()


class KeyFile:
    """The file that one setting names. Threads may share it."""

    def __init__(self, setting: str) -> None:
        self.setting = setting
        self._file = SecretFile(setting, self._ring)

    def ring(self) -> Ring:
        """The keys in the file, as it is now. Raises Unusable."""
        return self._file.read()

    def create(self, path: Path) -> PublicKey:
        """The file is there with a first key, for its owner alone; another one comes by rotation. Raises
        AlreadyThere, OSError."""
        key, entry = _new()
        secret_files.create(path, _content([entry]))
        return key

    def rotate(self, path: Path) -> PublicKey:
        """A new key signs from now on; the private half of the one before is gone. The file belongs to whom
        it did, and who could read it still can. Raises Unusable, OSError; then nothing has changed."""
        try:
            entries = self._entries(path.read_bytes())
            before = path.stat()
        except FileNotFoundError:
            raise Unusable("There is no file yet: create it first.") from None
        key, entry = _new()
        for earlier in entries:
            if earlier.pop("private_key", None):
                earlier["retired_at"] = key.created_at
        # One at a time: whoever else rotates now finds this name taken.
        new = path.with_name(f".{path.name}.new")
        os.replace(secret_files.written(new, _content([entry, *entries]), like=before), path)
        return key

    def every(self, path: Path) -> tuple[PublicKey, ...]:
        """The public keys in the file, the newest first. Raises Unusable, OSError."""
        return self._ring(path.read_bytes()).keys

    def _entries(self, content: bytes) -> list[dict[str, Any]]:
        try:
            entries = json.loads(content)["keys"]
            if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
                raise TypeError
        except (ValueError, KeyError, TypeError):
            raise Unusable(f"The file named by {self.setting} is not in its form.") from None
        return entries

    def _ring(self, content: bytes) -> Ring:
        entries = self._entries(content)
        signing = [entry for entry in entries if entry.get("private_key")]
        if len(signing) != 1 or signing[0] is not entries[0]:
            raise Unusable(
                f"The first key of the file named by {self.setting}, and no other, has its private half."
            )
        try:
            signer = load_der_private_key(b64decode(signing[0]["private_key"], validate=True), None)
            keys = tuple(
                PublicKey(entry["id"], entry["public_key"], entry["created_at"], entry.get("retired_at"))
                for entry in entries
            )
            whole = all(_id(b64decode(key.public_key, validate=True)) == key.id for key in keys)
        except (ValueError, KeyError, TypeError):
            raise Unusable(f"A key of the file named by {self.setting} cannot be read.") from None
        if not isinstance(signer, Ed25519PrivateKey):
            raise Unusable(f"The key of the file named by {self.setting} is none of Ed25519.")
        if not whole or b64encode(_public(signer)).decode() != keys[0].public_key:
            raise Unusable(f"The halves of a key of the file named by {self.setting} do not belong together.")
        return Ring(signer, keys)


def _new() -> tuple[PublicKey, dict[str, Any]]:
    signer = Ed25519PrivateKey.generate()
    private = signer.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    public = _public(signer)
    now = timezone.now().isoformat(timespec="seconds").replace("+00:00", "Z")
    key = PublicKey(id=_id(public), public_key=b64encode(public).decode(), created_at=now)
    entry = {
        "id": key.id,
        "public_key": key.public_key,
        "created_at": now,
        "retired_at": None,
        "private_key": b64encode(private).decode(),
    }
    return key, entry


def _content(entries: list[dict[str, Any]]) -> bytes:
    return (json.dumps({"keys": entries}, indent=2) + "\n").encode()


def _public(signer: Ed25519PrivateKey) -> bytes:
    return signer.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _id(public: bytes) -> str:
    return sha256(public).hexdigest()[:ID_DIGITS]

"""The key by which push services know us (VAPID, RFC 8292): a file that all workers read.

PEM, one private key on P-256. Browsers bind what they subscribe to its public half, so that another key
means that every device has to be registered anew: there is no rotation. A changed file is noticed without
a restart.
"""

from __future__ import annotations

import os
import secrets
import stat
from base64 import urlsafe_b64encode
from contextlib import suppress
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from gateway.conf import conf

OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Unusable(Exception):
    """There is no key to sign with. The text says why, and quotes nothing of the file."""


class AlreadyThere(Exception):
    """The file exists, and devices are bound to its key."""


def key() -> EllipticCurvePrivateKey:
    """The key in the file named by REACH_PUSH_KEY, as it is now. Raises Unusable."""
    global _read
    if not conf().REACH_PUSH_KEY:
        raise Unusable("REACH_PUSH_KEY names no file.")
    path = Path(conf().REACH_PUSH_KEY)
    try:
        found = path.stat()
        mark = (str(path), found.st_ino, found.st_mtime_ns, found.st_size)
        if _read is None or _read[0] != mark:
            _read = (mark, _key(path.read_bytes()))
    except OSError as problem:
        raise Unusable(f"The file named by REACH_PUSH_KEY cannot be read: {problem.strerror}.") from None
    return _read[1]


_read: tuple[tuple[Any, ...], EllipticCurvePrivateKey] | None = None


def public(private: EllipticCurvePrivateKey) -> str:
    """The public half as browsers take it: the uncompressed point in base64url."""
    point = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return urlsafe_b64encode(point).decode().rstrip("=")


def create(path: Path) -> EllipticCurvePrivateKey:
    """The file is there with a key, for its owner alone. Raises AlreadyThere, OSError."""
    made = generate_private_key(SECP256R1())
    path.parent.mkdir(parents=True, exist_ok=True)
    written = _written(path.with_name(f".{path.name}.{secrets.token_hex(8)}"), made)
    try:
        os.link(written, path)  # unlike a rename this replaces nothing, whoever else creates one now
    except FileExistsError:
        raise AlreadyThere(f"{path.name} exists already.") from None
    finally:
        written.unlink()
    return made


def readable_by_others(path: Path) -> bool:
    """Somebody else than the owner can use the file. Raises OSError."""
    return bool(stat.S_IMODE(path.stat().st_mode) & OTHERS)


def _written(path: Path, made: EllipticCurvePrivateKey) -> Path:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise
    return path


def _key(content: bytes) -> EllipticCurvePrivateKey:
    try:
        found = load_pem_private_key(content, password=None)
    except (ValueError, TypeError):
        raise Unusable("The file named by REACH_PUSH_KEY holds no private key in PEM.") from None
    if not isinstance(found, EllipticCurvePrivateKey) or not isinstance(found.curve, SECP256R1):
        raise Unusable("The key in the file named by REACH_PUSH_KEY is not on the curve P-256.")
    return found

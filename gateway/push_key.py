"""The key by which push services know us (VAPID, RFC 8292): a file that all workers read.

PEM, one private key on P-256. Browsers bind what they subscribe to its public half, so that another key
means that every device has to be registered anew: there is no rotation. A changed file is noticed without
a restart.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from pathlib import Path

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

from gateway import secret_files
from gateway.secret_files import AlreadyThere as AlreadyThere
from gateway.secret_files import SecretFile
from gateway.secret_files import Unusable as Unusable


def key() -> EllipticCurvePrivateKey:
    """The key in the file named by REACH_PUSH_KEY, as it is now. Raises Unusable."""
    return _file.read()


def public(private: EllipticCurvePrivateKey) -> str:
    """The public half as browsers take it: the uncompressed point in base64url."""
    point = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return urlsafe_b64encode(point).decode().rstrip("=")


def create(path: Path) -> EllipticCurvePrivateKey:
    """The file is there with a key, for its owner alone. Raises AlreadyThere, OSError."""
    made = generate_private_key(SECP256R1())
    secret_files.create(path, made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return made


def _key(content: bytes) -> EllipticCurvePrivateKey:
    try:
        found = load_pem_private_key(content, password=None)
    except (ValueError, TypeError):
        raise Unusable("The file named by REACH_PUSH_KEY holds no private key in PEM.") from None
    if not isinstance(found, EllipticCurvePrivateKey) or not isinstance(found.curve, SECP256R1):
        raise Unusable("The key in the file named by REACH_PUSH_KEY is not on the curve P-256.")
    return found


_file = SecretFile("REACH_PUSH_KEY", _key)

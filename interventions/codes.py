"""One-time codes: drawn, kept as a keyed hash, compared in constant time (reliability-security 1.8).

Nothing here stores, logs or sends one.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable

SHORTEST, LONGEST = 6, 8
LONGEST_INPUT = 64
"""Room for spaces and hyphens; what is longer was not typed by a person."""

SALT_BYTES = 16
PURPOSE = "one-time code"

_SHAPE = re.compile(rf"[0-9]{{{SHORTEST},{LONGEST}}}", re.ASCII)


def draw(digits: int) -> str:
    """A code from the system's generator, each as likely as any other."""
    if not SHORTEST <= digits <= LONGEST:
        raise ValueError(f"a one-time code has {SHORTEST} to {LONGEST} digits")
    return f"{secrets.randbelow(10**digits):0{digits}d}"


def new_salt() -> str:
    return secrets.token_hex(SALT_BYTES)


def read(said: object) -> str | None:
    """The digits somebody typed, without spaces and hyphens; None when it is no code (T21)."""
    if not isinstance(said, str) or len(said) > LONGEST_INPUT:
        return None
    code = said.replace(" ", "").replace("-", "")
    return code if _SHAPE.fullmatch(code) else None


def seal(code: str, *, salt: str, bound_to: tuple[str, ...], keyed_hash: Callable[[bytes, str], str]) -> str:
    """The keyed hash of the code for one challenge: the same digits elsewhere hash differently (T17)."""
    return keyed_hash("\0".join((*bound_to, salt, code)).encode(), PURPOSE)


def same(left: str, right: str) -> bool:
    """Equal and not empty, in constant time (T07)."""
    return hmac.compare_digest(left.encode(), right.encode()) and bool(left)

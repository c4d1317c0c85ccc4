"""Files with secrets, for the owner of the process alone: made once, read again when they change."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Generic, TypeVar

from gateway.conf import conf

OTHERS = stat.S_IRWXO
GROUP = stat.S_IRWXG

Read = TypeVar("Read")


class Unusable(Exception):
    """There is no key to sign with. The text says why, and quotes nothing of the file."""


class AlreadyThere(Exception):
    """The file exists, and is not replaced."""


class SecretFile(Generic[Read]):
    """The file that one setting names, as `parse` understands it. Threads may share it."""

    def __init__(self, setting: str, parse: Callable[[bytes], Read]) -> None:
        self.setting = setting
        self._parse = parse
        self._known: tuple[tuple[Any, ...], Read] | None = None

    def read(self) -> Read:
        """What is in the file, as it is now. Raises Unusable, and what `parse` raises."""
        named: str = getattr(conf(), self.setting)
        if not named:
            raise Unusable(f"{self.setting} names no file.")
        path = Path(named)
        try:
            found = path.stat()
            mark = (str(path), found.st_ino, found.st_mtime_ns, found.st_size)
            known = self._known
            if known is None or known[0] != mark:
                known = self._known = (mark, self._parse(path.read_bytes()))
        except OSError as problem:
            raise Unusable(f"The file named by {self.setting} cannot be read: {problem.strerror}.") from None
        return known[1]


def create(path: Path, content: bytes) -> None:
    """The file is there with that content, for its owner alone. Raises AlreadyThere, OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = written(path.with_name(f".{path.name}.{secrets.token_hex(8)}"), content)
    try:
        os.link(made, path)  # unlike a rename this replaces nothing, whoever else creates one now
    except FileExistsError:
        raise AlreadyThere(f"{path.name} exists already.") from None
    finally:
        made.unlink()


def written(path: Path, content: bytes, like: os.stat_result | None = None) -> Path:
    """A new file of that content, which only its owner can read, or who could read the one before it."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            if like is not None:
                os.fchown(handle, like.st_uid, like.st_gid)
                os.fchmod(handle, stat.S_IMODE(like.st_mode))
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise
    return path


def readable_by(path: Path) -> int:
    """The permission bits that somebody else than the owner has. Raises OSError."""
    return stat.S_IMODE(path.stat().st_mode) & (GROUP | OTHERS)

"""The buyer's mailbox: a folder in which the merchant's server leaves its mail as files.

The agent cannot read it. The story needs a person who can, and this is what that person does.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

SECONDS = 20.0
PAUSE_SECONDS = 0.1
NEWEST_FILES = 100

# Written after each mail; what no such line follows is still being written.
MAIL_END = re.compile(rb"^-{79}\r?\n", re.MULTILINE)
CODE = re.compile(r"\bcode:\s*([0-9]{6,8})\b", re.IGNORECASE)


class NoMail(Exception):
    """The person cannot read a code. The text says why, and what to do about it."""


class Mailbox:
    """Mail in the files of `folder`, which need not be there yet: the first mail makes it."""

    def __init__(self, folder: Path, *, seconds: float = SECONDS) -> None:
        self._folder = folder
        self._seconds = seconds

    def code_for(self, address: str, *, mails: int = 1) -> str:
        """The one-time code in the newest of `mails` mails to that address, waited for for a few
        seconds.

        Raises NoMail when they did not come.
        """
        until = time.monotonic() + self._seconds
        while True:
            found = [code[1] for mail in self._mails(address) if (code := CODE.search(_text(mail)))]
            if len(found) >= mails:
                return found[0]
            if time.monotonic() >= until:
                raise NoMail(self._advice(address))
            time.sleep(PAUSE_SECONDS)

    def _mails(self, address: str) -> Iterator[EmailMessage]:
        """The mails to that address, the newest first."""
        for path in self._files():
            try:
                content = path.read_bytes()
            except OSError:
                continue
            for part in reversed(MAIL_END.split(content)[:-1]):
                mail = message_from_bytes(part, _class=EmailMessage, policy=policy.default)
                if address in _addressees(mail):
                    yield mail

    def _files(self) -> list[Path]:
        try:
            aged = [(path.stat().st_mtime_ns, path.name, path) for path in self._folder.iterdir()]
        except OSError:
            # No folder yet, or a file went away just now: the next look sees what there is.
            return []
        return [path for _, _, path in sorted(aged, reverse=True)[:NEWEST_FILES]]

    def _advice(self, address: str) -> str:
        if not self._folder.is_dir():
            return (
                f"There is no mail folder {self._folder}. Say where the server writes its mail: --mailbox DIR"
            )
        return (
            f"No mail with a code for {address} came to {self._folder} in {self._seconds:g} seconds. "
            "Does the server write its mail there? Another folder: --mailbox DIR"
        )


def _addressees(mail: EmailMessage) -> set[str]:
    header = mail["To"]
    return {entry.addr_spec for entry in header.addresses} if header is not None else set()


def _text(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    text = body.get_content() if body is not None else ""
    return text if isinstance(text, str) else ""

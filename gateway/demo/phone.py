"""The buyer's phone: a folder in which the merchant's server leaves its text messages as files.

The agent cannot read it. The story needs a person who can, and this is what that person does.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

from gateway.demo.mailbox import NEWEST_FILES, PAUSE_SECONDS, SECONDS, NoMail

CODE = re.compile(r"\b[0-9]{6,8}\b")


class Phone:
    """Texts in the files of `folder`, which need not be there yet: the first text makes it."""

    def __init__(self, folder: Path, *, seconds: float = SECONDS) -> None:
        self._folder = folder
        self._seconds = seconds

    def code_for(self, number: str) -> str:
        """The one-time code in the newest text to that number, waited for for a few seconds.

        Raises NoMail when none came.
        """
        until = time.monotonic() + self._seconds
        while True:
            for text in self._texts(number):
                if code := CODE.search(text):
                    return code[0]
            if time.monotonic() >= until:
                raise NoMail(
                    f"No text with a code for {number} came to {self._folder} in {self._seconds:g} seconds. "
                    "Does the server write its texts there? Another folder: --phone DIR"
                )
            time.sleep(PAUSE_SECONDS)

    def _texts(self, number: str) -> list[str]:
        """The texts to that number, the newest first; their files' names say when they came."""
        try:
            files = sorted(self._folder.glob("[!.]*.txt"), reverse=True)[:NEWEST_FILES]
            contents = [path.read_text(encoding="utf-8", errors="replace") for path in files]
        except OSError:
            # No folder yet, or a file went away just now: the next look sees what there is.
            return []
        parts = [content.partition("\n\n") for content in contents]
        return [text for to, _, text in parts if _digits(to) == _digits(number)]


def _digits(text: str) -> str:
    return "".join(character for character in text if character in "0123456789")

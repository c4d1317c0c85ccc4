"""Text messages of the demo shop: files in a folder, where a person can read them. Nobody is texted."""

from __future__ import annotations

import os
import time
from pathlib import Path


class FolderMessages:
    """A `TextMessages` whose phones are files, the newest last by name."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    def send(self, to: str, text: str, *, id: str) -> None:
        """A file holds the text, whole from the moment it is there. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        unfinished = self._folder / f".{id}"
        unfinished.write_text(f"To: {to}\n\n{text}\n", encoding="utf-8")
        os.replace(unfinished, self._folder / f"{time.time_ns()}-{id}.txt")

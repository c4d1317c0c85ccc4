"""The demo's phones are files."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.project.texts import FolderMessages
from interventions.ports import TextMessages
from tests.contracts.text_messages import TextMessagesContract


class TestFolderMessages(TextMessagesContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path / "sms"

    def part(self) -> FolderMessages:
        return FolderMessages(str(self.folder))

    def received(self, part: TextMessages, number: str) -> list[str]:
        texts = [path.read_text(encoding="utf-8") for path in sorted(self.folder.glob("*.txt"))]
        parts = [text.partition("\n\n") for text in texts]
        return [text for to, _, text in parts if to == f"To: {number}"]

    def breaks(self, part: TextMessages) -> None:
        self.folder.write_text("no folder")

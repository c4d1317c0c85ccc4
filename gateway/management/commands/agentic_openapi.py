"""`manage.py agentic_openapi`: the OpenAPI document as a file, and whether that file is current."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from gateway.openapi import document

FILE = Path("docs/openapi.json")
SHOWN_LINES = 20


class Command(BaseCommand):
    help = "Writes the OpenAPI document of the routes that are in force, or checks the one written before."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="Write nothing; exit with 1 if it differs.")
        parser.add_argument("--file", type=Path, default=FILE, help=f"Where it is kept; default {FILE}.")

    def handle(self, *args: Any, check: bool, file: Path, **options: Any) -> None:
        current = document.as_json()
        if not check:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(current, encoding="utf-8")
            self.stdout.write(f"{file} is written.")
            return
        written = file.read_text(encoding="utf-8") if file.exists() else ""
        if written != current:
            raise CommandError(
                f"{file} is not current:\n{_hint(written, current)}Run: manage.py agentic_openapi"
            )
        self.stdout.write(f"{file} is current.")


def _hint(written: str, current: str) -> str:
    """The first lines that differ."""
    lines = difflib.unified_diff(
        written.splitlines(), current.splitlines(), "file", "routes", lineterm="", n=1
    )
    found = list(lines)
    rest = [f"... and {len(found) - SHOWN_LINES} more lines"] if len(found) > SHOWN_LINES else []
    return "".join(f"  {line}\n" for line in found[:SHOWN_LINES] + rest)

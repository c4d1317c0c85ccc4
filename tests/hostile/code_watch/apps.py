from __future__ import annotations

import os
from pathlib import Path

from django.apps import AppConfig

VARIABLE = "CODE_WATCH"


class CodeWatchConfig(AppConfig):
    name = "tests.hostile.code_watch"
    label = "agentic_code_watch"

    def ready(self) -> None:
        """A line for each comparison in the file that CODE_WATCH names, whichever worker makes it."""
        from interventions.models import Intervention
        from interventions.providers import otp

        compare, path = otp.compare, Path(os.environ[VARIABLE])

        def watched(row: Intervention, code: str) -> bool:
            with path.open("a") as file:  # one short line: appended whole, or not at all
                file.write(f"{row.pk} {row.subject}\n")
            return compare(row, code)

        otp.compare = watched

"""The statements of every measured route, as committed: a change of them shows in a review.

`DATABASE_URL=... python -m tests.benchmarks.statements` writes the list again after a change.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

LIST = Path(__file__).with_name("statements.json")


def committed() -> dict[str, list[str]]:
    """By route, without values, transactions included."""
    found: dict[str, list[str]] = json.loads(LIST.read_text())
    return found


def main() -> None:
    from tests.benchmarks import measuring, tapes
    from tests.benchmarks.shop import throw_away_database

    with (
        tempfile.TemporaryDirectory() as folder,
        throw_away_database(os.environ["DATABASE_URL"]) as database,
    ):
        recorded = tapes.load(measuring.prepare(database, Path(folder)))
    shapes = {name: tape.shapes() for name, tape in recorded.items()}
    LIST.write_text(json.dumps(shapes, indent=2) + "\n")


if __name__ == "__main__":
    main()

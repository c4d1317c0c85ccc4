"""`python -m tests.requirements table` writes docs/requirements.md; `... check REPORT...` judges.

The reports are those of `make test`, `make test-services` and `make test-browser` with
`ARGS=--requirements-report=PATH`; only together do they hold every test.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.requirements import catalogue, check, proofs, table


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.requirements", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("table", help="write docs/requirements.md")
    judge = commands.add_parser("check", help="compare requirements, marks, runs and the table")
    judge.add_argument("reports", nargs="+", type=Path, metavar="REPORT")
    chosen = parser.parse_args(arguments)

    documents = catalogue.load()
    try:
        collected = proofs.collected()
    except proofs.CollectionError as error:
        print(error, file=sys.stderr)
        return 2
    if chosen.command == "table":
        table.PATH.write_text(table.text(documents, collected))
        return 0
    reported = proofs.union(proofs.read(path) for path in chosen.reports)
    written = table.PATH.read_text() if table.PATH.exists() else ""
    found = check.problems(documents, collected, reported, written)
    for line in found:
        print(line)
    print(f"requirements: {len(found)} problems" if found else "requirements: every mark holds")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

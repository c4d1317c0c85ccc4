"""Fills the database of the benchmark and records the tapes: `python -m tests.benchmarks.prepare FILE`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

PLENTY = 1_000_000_000


def main(target: Path) -> None:
    """The database is migrated and stocked, and `target` holds the tape of every route."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.benchmarks.settings")
    from gateway.project import serve

    serve.prepare()

    from gateway.shop.models import Product
    from tests.agents import PlayedAgent
    from tests.benchmarks import recording, tapes
    from tests.benchmarks.routes import ROUTES

    Product.objects.filter(pk="item_mug").update(available=PLENTY)
    recording.tell_numbers_apart()
    agent = PlayedAgent()
    recorded = []
    for route in ROUTES.values():
        # What a process reads only once must not be on the tape.
        recording.ready_session(agent)
        recorded.append(recording.record(route, agent))
    tapes.save(recorded, target)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""The process that plays the bars of one kind of database; `tests.faults` starts it.

A bar that breaks has failed, and the next one is played all the same. One that proved nothing, because
its race was not run or its procedure broke on a busy machine, or in which something was late, is played
once more with other draws, and its report says so. What was seen to be wrong is never played again.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.runs import Run, Verdict


def played(procedure: Callable[[Run], Verdict], run: Run) -> Verdict:
    """What came of the bar; a procedure that breaks has shown nothing."""
    from tests.faults.runs import Verdict

    try:
        return procedure(run)
    except Exception:
        return Verdict(unplayed=[traceback.format_exc()])


def main(kind: str, size: str, seed: str, folder: str, out: str, *wanted: str) -> None:
    import django

    # Ended from outside: what was started is taken down all the same.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    django.setup()

    from tests.faults import reports
    from tests.faults.bars import BARS
    from tests.faults.databases import Postgres, Sqlite
    from tests.faults.runs import Run
    from tests.faults.sizes import SIZES

    here = Path(folder)
    databases = Postgres(os.environ["FAULTS_SERVER_URL"], here) if kind == "postgres" else Sqlite(here)
    run = Run(databases, SIZES[size], int(seed), here, Path(out))
    head = {"seed": int(seed), "size": size, "commit": reports.commit()}
    bars = [bar for bar in BARS if bar.id in wanted]
    progress = reports.Progress(len(bars))
    try:
        for bar in bars:
            if not bar.shares_stage:
                run.leave_stages()
            progress.show(f"{kind} {bar.id}: {bar.title}")
            began = time.monotonic()
            verdict, before = played(bar.procedure, run), list[str]()
            if verdict.undecided:
                before = [*verdict.late, *verdict.unplayed] or ["the negative control found nothing"]
                run.leave_stages()
                run.seed += 1
                verdict = played(bar.procedure, run)
            verdict.settings = {**run.size.durations(), **verdict.settings}
            again = {"seed": run.seed, "first_try": before}
            reports.write(run.out, bar.id, kind, head | again, verdict, time.monotonic() - began)
            progress.step()
        progress.end()
    finally:
        run.leave_stages()
        databases.close()


if __name__ == "__main__":
    main(*sys.argv[1:])

"""R04, R05: one session wants to end in several ways at once."""

from __future__ import annotations

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from tests.faults.bars import goods, races
from tests.faults.clients import Answer
from tests.faults.runs import Run, Stage, Verdict

AT_ONCE = 8
BATCH = 24
START_SECONDS = 0.03
"""Each contender begins within this."""
DEADLINE_SECONDS = 0.05
"""The deadline lands so far before or after the start, and a little more as `Aim` finds."""
STEP_SECONDS = 0.01
LONGEST_STEP_SECONDS = 0.5
LEAST_SHARE = 0.05
ENDS = ("completed", "canceled", "expired")


class Aim:
    """Where the deadline and the cancel are put, so that every outcome is met on any machine.

    A step grows while it leads the same way, and shrinks when it went too far.
    """

    def __init__(self) -> None:
        self.deadline = 0.0
        self.cancel = 0.0
        self._steps = {"deadline": STEP_SECONDS, "cancel": STEP_SECONDS}

    def learn(self, seen: Counter[str]) -> None:
        number = sum(seen.values())
        if seen["expired"] > 0.5 * number:
            self._move("deadline", 1)
        elif seen["expired"] < 0.2 * number:
            self._move("deadline", -1)
        bought, canceled = seen["completed"], seen["canceled"]
        if bought + canceled < 0.2 * number:
            return  # too few to tell who of the two is late
        if bought < 0.5 * canceled:
            self._move("cancel", 1)
        elif canceled < 0.5 * bought:
            self._move("cancel", -1)

    def _move(self, name: str, direction: int) -> None:
        step = self._steps[name]
        grown = 2 * abs(step) if step * direction > 0 else abs(step) / 2
        self._steps[name] = direction * min(max(grown, STEP_SECONDS / 4), LONGEST_STEP_SECONDS)
        setattr(self, name, getattr(self, name) + self._steps[name])


def race(stage: Stage, session: str, draws: random.Random, aim: Aim) -> dict[str, Answer]:
    """Complete, cancel, update and the sweep of deadlines, all within a moment."""
    from django.db import connections
    from django.utils import timezone

    from checkout import services
    from checkout.models import CheckoutSession

    client = stage.client
    offsets = {verb: draws.uniform(0, START_SECONDS) for verb in ("complete", "cancel", "update", "sweep")}
    offsets["cancel"] = max(0.0, offsets["cancel"] + aim.cancel)
    offsets["complete"] = max(0.0, offsets["complete"] - min(0.0, aim.cancel))
    deadline = timezone.now() + timedelta(
        seconds=0.05 + aim.deadline + draws.uniform(-DEADLINE_SECONDS, DEADLINE_SECONDS)
    )
    CheckoutSession.objects.filter(pk=session).update(expires_at=deadline)
    begin = time.monotonic() + 0.02

    def sweep() -> None:
        services.expire(CheckoutSession.objects.get(pk=session))

    acts = {
        "complete": lambda: client.complete(session),
        "cancel": lambda: client.cancel(session),
        "update": lambda: client.update(session, {"buyer": {"email": "ada@example.com"}}),
        "sweep": sweep,
    }

    def act(verb: str) -> Any:
        try:
            time.sleep(max(0.0, begin + offsets[verb] - time.monotonic()))
            return acts[verb]()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        found = dict(zip(acts, pool.map(act, acts), strict=True))
    del found["sweep"]
    return found


def many(stage: Stage, verdict: Verdict, sessions: list[str], draws: random.Random) -> Counter[str]:
    """Every session is raced; how they ended."""
    from django.db import connections

    from checkout.models import CheckoutSession

    aim, ends, statuses = Aim(), Counter[str](), Counter[str]()
    seeds = {session: draws.random() for session in sessions}

    def one(session: str) -> dict[str, Answer]:
        try:
            return race(stage, session, random.Random(seeds[session]), aim)
        finally:
            connections.close_all()

    for start in range(0, len(sessions), BATCH):
        batch = sessions[start : start + BATCH]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            raced = dict(zip(batch, pool.map(one, batch), strict=True))
        states = dict(CheckoutSession.objects.filter(pk__in=batch).values_list("pk", "state"))
        for session, answers in raced.items():
            _judge(verdict, session, states[session], answers)
            statuses.update(f"{verb} {answer.status}" for verb, answer in answers.items())
        seen = Counter(states.values())
        ends += seen
        aim.learn(seen)
    verdict.figures["statuses"] = dict(sorted(statuses.items()))
    return ends


def _judge(verdict: Verdict, session: str, state: str, answers: dict[str, Answer]) -> None:
    """One terminal state, and the losers were refused in so many words."""
    # The deadline of one that nobody touched since has passed, or will, and a sweep will see it.
    verdict.expect(state in (*ENDS, "open"), f"{session} ended {state}")
    for verb, answer in answers.items():
        verdict.expect(answer.status in (200, 405, 409), f"{session}: {verb} was answered {answer.status}")
        if answer.status != 200 or verb == "update":
            continue
        told = answer.json()["status"]
        wanted = {"complete": "completed", "cancel": "canceled"}[verb]
        if told == wanted:
            verdict.expect(state == wanted, f"{session}: {verb} was told {told}, it is {state}")


def r04(run: Run) -> Verdict:
    """Complete, cancel, deadline and update."""
    verdict = Verdict()
    stage = run.races()
    number = run.size.pick(pr=500, full=10_000)
    sessions = stage.world.copies(stage.client.ready()["id"], number)
    ends = many(stage, verdict, sessions, run.draws("R04"))
    verdict.in_time(stage.world.settled(), f"not at rest: {stage.world.unsettled()}")
    verdict.figures["ends"] = dict(ends)
    for end in ENDS:
        share = ends[end] / number
        verdict.exercised(share >= LEAST_SHARE, f"only {share:.1%} were {end}: the race was not run")
    verdict.audited(stage.world.violations())

    control, unsafe = Verdict(), run.unsafe()
    sessions = unsafe.world.copies(unsafe.client.ready()["id"], 40)
    many(unsafe, control, sessions, run.draws("R04 control"))
    found = [*unsafe.world.violations(), *control.violations]
    verdict.controlled("nothing is locked, no UPDATE has a condition", found)
    return verdict


def r05(run: Run) -> Verdict:
    """The races of R02, R04 and R08 without guards: the auditor must find what they did."""
    verdict, unsafe = Verdict(), run.unsafe()
    unsafe.world.violations()

    races.other_keys(unsafe, Verdict(), 50)
    keys = unsafe.world.violations()
    sessions = unsafe.world.copies(unsafe.client.ready()["id"], run.size.pick(pr=80, full=400))
    ends = many(unsafe, Verdict(), sessions, run.draws("R05"))
    terminal = unsafe.world.violations()
    goods.last_pieces(unsafe, Verdict(), "item_faults_r05", pieces=10, sessions=60, quantity=1)
    pieces = unsafe.world.violations()

    found = {"R02": keys, "R04": terminal, "R08": pieces}
    for bar, violations in found.items():
        verdict.figures[bar] = dict(Counter(violation.invariant for violation in violations))
        verdict.exercised(bool(violations), f"{bar} without guards did no harm that the auditor saw")
    verdict.figures["ends"] = dict(ends)
    # It is the control of the others; its own is that they find nothing with the guards in place.
    verdict.controlled("this bar is the negative control of R02, R04 and R08", [*keys, *terminal, *pieces])
    return verdict

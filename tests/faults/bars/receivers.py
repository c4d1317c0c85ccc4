"""R16, R17: relays that are killed and receivers that fail, for a moment or for days."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from itertools import count

from tests.faults.bars.provider import buy
from tests.faults.clients import together
from tests.faults.processes import Process, manage
from tests.faults.runs import Run, Verdict
from tests.faults.world import World, started
from tests.project.server import ROOT, environment

FAILING = 0.3
STATUSES = ("processing", "shipped", "completed")
KILL_SECONDS = 2.0
KILLING_SECONDS = 60.0
"""From the first delivery on. Afterwards they live, because whoever was killed leaves leases behind that
have to run out, and a relay that never lives that long can lose nothing."""
MOST_SECONDS = 300.0
MOST_DELIVERIES = 3.0
LEAST_KILLS = 3
TRIES = 40
"""A receiver that fails for 30 % of what it is sent is no reason to give an event up."""


class Relays:
    """Two at a time: one leads, the other stands by, and whoever was there longer is killed next."""

    def __init__(self, world: World, **variables: str) -> None:
        self._world = world
        self._variables = variables
        self._numbers = count(1)
        self._running: list[Process] = []
        self.kills = 0
        for _ in range(2):
            self._another()

    def kill_one(self) -> None:
        self._running.pop(0).kill()
        self.kills += 1
        self._another()

    def at_work(self) -> None:
        """Raises AssertionError when one ended that was not killed."""
        for relay in self._running:
            assert not relay.ended, f"{relay.name} ended:\n{relay.log[-2000:]}"

    def _another(self) -> None:
        name = f"relay-{next(self._numbers)}"
        relay = self._world.process(name, manage("agentic_relay"), self._variables)
        relay.launch()
        self._running.append(relay)


def events(run: Run, world: World, verdict: Verdict, orders: int, *, unsafe: str, kills: int) -> None:
    """`orders` bought and changed once, and everybody told by relays that do not live long."""
    from checkout import orders as changes
    from checkout.models import Order
    from gateway.models import WebhookDelivery

    dice = random.Random(f"{run.seed}:R16")
    world.receiver.says = lambda number: 500 if dice.random() < FAILING else 200
    waiting = {
        # Quick enough for many tries, and as many as it takes.
        "WEBHOOK_DELAYS_SECONDS": [0, *[0.3] * TRIES],
        "WEBHOOK_BREAKER_SECONDS": 0.5,
        # A message's lease has to be three times as long.
        "WEBHOOK_TIMEOUT_SECONDS": min(2.0, 0.3 * world.seconds("MESSAGE_LEASE_SECONDS")),
        "RELAY": "off",
    }
    server = world.server(**waiting)
    started(server)
    client = world.client([server])
    sessions = world.copies(client.ready()["id"], orders)
    until = time.monotonic() + MOST_SECONDS
    together(orders, lambda number: buy(client, sessions[number], same=True, until=until), at_once=16)
    ids = list(Order.objects.values_list("pk", flat=True))
    verdict.in_time(len(ids) == orders, f"{len(ids)} orders of {orders}")
    for number, order_id in enumerate(ids):
        changes.changed(order_id, status=STATUSES[number % len(STATUSES)])

    relays = Relays(world, **world.variables(unsafe=unsafe, **waiting))
    wanted = 2 * orders
    # So much more as there is more to tell, one after the other where a receiver fails.
    until = time.monotonic() + run.size.pick(pr=1, full=3) * MOST_SECONDS
    kill_at, killed_from, told = 0.0, 0.0, 0
    while True:
        relays.at_work()
        delivered = WebhookDelivery.objects.filter(delivered_at__isnull=False).count()
        if (delivered >= wanted and not world.unsettled()) or time.monotonic() > until:
            break
        if delivered and not kill_at:
            killed_from = time.monotonic()
            kill_at = killed_from + KILL_SECONDS / 2
        killing = relays.kills < kills and time.monotonic() < killed_from + KILLING_SECONDS
        # Only one that has done something since the last kill: whoever never starts can lose nothing.
        if kill_at and killing and time.monotonic() > kill_at and delivered > told:
            relays.kill_one()
            kill_at, told = time.monotonic() + KILL_SECONDS, delivered
        time.sleep(0.05)
    heard = [one for one in world.receiver.heard if one.genuine]
    _judge(world, verdict, ids, wanted)
    verdict.figures.update(
        {
            "events": wanted,
            "kills": relays.kills,
            "posts": len(heard),
            "posts per event": round(len(heard) / wanted, 2),
            "taken more than once": sum(
                number > 1 for number in Counter(one.id for one in world.receiver.taken).values()
            ),
        }
    )


def _judge(world: World, verdict: Verdict, ids: list[str], wanted: int) -> None:
    from checkout.models import Order

    taken = Counter(one.id for one in world.receiver.taken)
    should = {f"evt_{order_id.removeprefix('ord_')}_{number}" for order_id in ids for number in (1, 2)}
    lost = should - set(taken)
    verdict.in_time(not lost, f"{len(lost)} events were never taken: {sorted(lost)[:5]}")
    verdict.expect(set(taken) <= should, "an event of nothing")
    average = len(world.receiver.heard) / wanted
    verdict.expect(average <= MOST_DELIVERIES, f"{average:.2f} posts for each event")
    statuses = dict(Order.objects.values_list("pk", "status"))
    last: dict[str, str] = {}
    for one in world.receiver.taken:
        last[one.event["data"]["id"]] = one.event["data"]["status"]
    wrong = [order_id for order_id in ids if last.get(order_id) != statuses[order_id]]
    verdict.expect(not wrong, f"{len(wrong)} orders were not last told as they are: {wrong[:5]}")


def r16(run: Run) -> Verdict:
    """Relays killed every two seconds, a receiver of which 30 % fails."""
    verdict = Verdict()
    with run.world("relays", timed=True) as world:
        kills = run.size.pick(pr=5, full=30)
        events(run, world, verdict, run.size.pick(pr=100, full=500), unsafe="", kills=kills)
        verdict.exercised(
            verdict.figures["kills"] >= LEAST_KILLS, f"only {verdict.figures['kills']} relays were killed"
        )
        verdict.audited(world.violations())
        if verdict.violations or verdict.late:
            world.keep_logs(run.out)

    control = Verdict()
    with run.world("relays-unsafe", timed=True) as world:
        events(run, world, control, 10, unsafe="webhooks", kills=0)
        found = [*world.violations(), *control.violations]
        verdict.controlled("a delivery is marked before it is posted", found)
    return verdict


SCHEDULE = "tests/webhooks/test_schedule.py"
PLAYED = (
    "test_the_whole_schedule_and_a_replay",
    "test_a_receiver_that_is_back_after_two_days",
    "test_a_receiver_that_hangs_slows_nobody_else",
)
PASSED = re.compile(r"(\d+) passed")
FAILED = re.compile(r"(\d+) failed")


def played(run: Run, *plugins: str) -> tuple[int, int, str]:
    """The clock-driven tests of the schedule: how many passed, how many failed, what they said."""
    url = os.environ["FAULTS_SERVER_URL"]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-n0", "-q", "-p", "no:cacheprovider", "--tb=short"),
            *(part for plugin in plugins for part in ("-p", plugin)),
            *(f"{SCHEDULE}::{name}" for name in PLAYED),
        ],
        cwd=ROOT,
        env=environment(DATABASE_URL=url, DJANGO_SETTINGS_MODULE="tests.settings"),
        capture_output=True,
        text=True,
    )
    good, bad = PASSED.search(done.stdout), FAILED.search(done.stdout)
    return int(good[1]) if good else 0, int(bad[1]) if bad else 0, done.stdout[-3000:] + done.stderr[-1000:]


def r17(run: Run) -> Verdict:
    """Two days in which the clock is moved, on the tests that the ordinary suite holds as well."""
    verdict = Verdict()
    good, bad, said = played(run)
    verdict.figures = {"procedures": list(PLAYED), "passed": good, "failed": bad}
    verdict.expect((good, bad) == (len(PLAYED), 0), said)
    good, bad, said = played(run, "tests.faults.unsafe.schedule")
    failed = [f"{bad} procedures failed"] if bad else []
    verdict.controlled("every wait is five seconds", failed, passed=good)
    return verdict

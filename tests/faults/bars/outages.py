"""R15: the broker is down, or silent, while people buy."""

from __future__ import annotations

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median

from gateway.conf import Conf
from tests.faults.broker import Broker
from tests.faults.clients import Client
from tests.faults.history import Seen
from tests.faults.runs import Run, Verdict
from tests.faults.world import World, started

PER_SECOND = 10
"""Purchases of two requests each: 20 requests a second."""
DRAIN_SECONDS = 60.0
"""After the broker is back; twice that where it runs beside much else."""
MESSAGE_LEASE_SECONDS = 6.0
"""A task that was lost is published again after half of it; no outage is shorter."""
BUSY_SECONDS = 2.0
WARM_UP_SECONDS = 3.0
"""The first request of each thread opens its connections."""
BLOCKED_SECONDS = 12.0
"""A request that waited for the broker took longer: a silent one holds a client for 25 s and more."""
SUCCESS = 0.999


def buying(client: Client, seconds: float) -> list[str]:
    """Purchases at a steady pace, whatever the answers take; the sessions that were bought."""
    bought: list[str] = []
    lock = threading.Lock()

    def one() -> None:
        answer = client.create()
        if answer.status != 201:
            return
        session = answer.json()["id"]
        done = client.complete(session)
        if done.status == 200 and done.json()["status"] == "completed":
            with lock:
                bought.append(session)

    with ThreadPoolExecutor(60) as pool:
        began = time.monotonic()
        for number in range(int(seconds * PER_SECOND)):
            time.sleep(max(0.0, began + number / PER_SECOND - time.monotonic()))
            pool.submit(one)
    return bought


def phase(verdict: Verdict, world: World, name: str, client: Client, seconds: float) -> None:
    """Purchases for so long; what became of the requests is in the figures."""
    before = len(world.history.seen)
    bought = buying(client, seconds)
    sent = world.history.seen[before:]
    took = sorted(seen.seconds for seen in sent)
    good = sum(seen.outcome == "ok" for seen in sent)
    verdict.figures[name] = {
        "requests": len(sent),
        "succeeded": good,
        "bought": len(bought),
        "p50 ms": round(median(took) * 1000, 1),
        "p99 ms": round(_share(took, 0.99) * 1000, 1),
        "unsettled at the end": world.unsettled(),
    }
    verdict.in_time(good >= SUCCESS * len(sent), f"{name}: {_refused(sent)}")
    verdict.in_time(took[-1] < BLOCKED_SECONDS, f"{name}: a request took {took[-1]:.1f} s")


def _share(took: list[float], share: float) -> float:
    return took[min(len(took) - 1, int(len(took) * share))]


def _refused(sent: list[Seen]) -> str:
    bad = [f"{seen.verb} {seen.status}" for seen in sent if seen.outcome != "ok"]
    return f"{len(bad)} of {len(sent)} failed: {bad[:5]}"


def r15(run: Run) -> Verdict:
    """Down, wiped and silent, with Celery doing the work."""
    verdict = Verdict()
    outage = max(6.0, run.size.seconds(60))
    calm = max(5.0, run.size.seconds(60))
    # Requests are not what fails here: they have the product's own patience, on a busy machine too.
    patient: dict[str, float] = {
        "IDEMPOTENCY_LEASE_SECONDS": Conf().IDEMPOTENCY_LEASE_SECONDS,
        "ATTEMPT_SECONDS": Conf().ATTEMPT_SECONDS,
        "MESSAGE_LEASE_SECONDS": MESSAGE_LEASE_SECONDS,
        "WEBHOOK_TIMEOUT_SECONDS": MESSAGE_LEASE_SECONDS / 3,
    }
    with run.world("broker", timed=True) as world:
        broker = Broker(world.folder)
        try:
            broker.start()
            more = {"REDIS_URL": broker.url}
            server = world.server(RELAY="celery", RATE_STORE=broker.url, more=more, **patient)
            celery = [sys.executable, "-m", "celery", "-A", "gateway.project", "worker", "-c", "2"]
            variables = {**world.variables(**patient), **more}
            worker = world.process("worker", [*celery, "-l", "WARNING"], variables)
            worker.launch()
            started(server)
            client = world.client([server])
            buying(client, WARM_UP_SECONDS)
            phase(verdict, world, "calm", client, calm)
            _drained(verdict, world, "calm")

            broker.kill()
            phase(verdict, world, "down", client, outage)
            broker.start()
            _drained(verdict, world, "down, and back with nothing")

            # In the middle of its work: a worker that cannot acknowledge has to go on afterwards.
            buying(client, BUSY_SECONDS)
            broker.silence()
            phase(verdict, world, "silent", client, outage)
            broker.speak()
            _drained(verdict, world, "silent")
            for name in ("down", "silent"):
                verdict.figures[name]["p99 over calm"] = round(
                    verdict.figures[name]["p99 ms"] / verdict.figures["calm"]["p99 ms"], 2
                )
                broken = verdict.figures[name]["unsettled at the end"]
                verdict.exercised(bool(broken), f"{name}: effects went on, so the broker was not broken")
            verdict.audited(world.violations())
            if verdict.violations or verdict.late:
                world.keep_logs(run.out)
        finally:
            broker.kill()
    verdict.figures["outage seconds"] = outage
    verdict.settings = patient
    _control(run, verdict)
    return verdict


def _drained(verdict: Verdict, world: World, name: str) -> None:
    began = time.monotonic()
    drained = world.settled(DRAIN_SECONDS * (2 if world.size.name == "pr" else 1))
    verdict.figures[f"drained after seconds ({name})"] = round(time.monotonic() - began, 1)
    verdict.in_time(drained, f"{name}: not drained: {world.unsettled()}")


def _control(run: Run, verdict: Verdict) -> None:
    """The same outage for a shop that hands its effects to the broker from the request."""
    with run.world("broker-unsafe", timed=True) as world:
        broker = Broker(world.folder)
        try:
            broker.start()
            server = world.server(RELAY="celery", unsafe="outbox", more={"REDIS_URL": broker.url})
            started(server)
            broker.kill()
            client = world.client([server])
            for _ in range(5):
                client.complete(client.ready()["id"])
            broker.start()
            world.settled(5)
            found = world.violations()
        finally:
            broker.kill()
        verdict.controlled("effects go to the broker alone, from the request", found)

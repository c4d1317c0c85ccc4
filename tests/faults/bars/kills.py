"""R06, R07: a worker that dies, or stands still, at every boundary of the money path."""

from __future__ import annotations

import http.client
import os
import signal
import threading
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

from tests.faults.auditor import audit
from tests.faults.bars.goods import codes
from tests.faults.clients import Answer, Client
from tests.faults.processes import Server, stopped
from tests.faults.runs import Run, Verdict
from tests.faults.world import World, started
from tests.project.server import eventually

SHARE = 0.5
"""Of the hits kill: one that is killed every time could never get past its point."""
LEAST_ARMED_SECONDS = 4.0
MOST_ARMED_SECONDS = 60.0
"""Until every point was reached; a bar that met none of them proves nothing."""
MOST_BUYERS = 500
SLACK_SECONDS = 20.0
"""For a busy machine to start, look and answer, beside the lease and the sweep that are judged."""

GROUPS: tuple[tuple[str, ...], ...] = (
    ("complete.claim.before", "complete.claim.after", "complete.open.before", "complete.open.after"),
    ("complete.send.before", "complete.send.after", "complete.record.before", "complete.record.after"),
    ("complete.finish.before", "complete.finish.after"),
    ("capture.send.before", "capture.send.after"),
    ("webhook.post.before", "webhook.post.after"),
)
"""Those of a group are armed at the same time, in a server each, over one database."""


class Buyers:
    """Each completes one session and asks again with its key until it knows, or is called off."""

    def __init__(self, world: World, servers: list[Server], model: str, each: int) -> None:
        self._called_off = threading.Event()
        self._world, self._model = world, model
        self._clients = [world.client([server]) for server in servers]
        self._pool = ThreadPoolExecutor(MOST_BUYERS)
        self._buying: list[list[Future[Answer]]] = [[] for _ in servers]
        self.sessions: list[str] = []
        for _ in range(each):
            for number in range(len(servers)):
                self.another(number)

    def another(self, number: int) -> None:
        """One more completes, at that server."""
        (session,) = self._world.copies(self._model, 1)
        self.sessions.append(session)
        self._buying[number].append(self._pool.submit(self._buy, self._clients[number], session))

    def idle(self, number: int) -> bool:
        """All of them at that server know."""
        return all(one.done() for one in self._buying[number])

    @property
    def all_idle(self) -> bool:
        return all(self.idle(number) for number in range(len(self._buying)))

    @property
    def most(self) -> bool:
        return len(self.sessions) >= MOST_BUYERS

    def answers(self) -> list[Answer]:
        """What each heard last, once they were called off."""
        self._called_off.set()
        found = [one.result() for buying in self._buying for one in buying]
        self._pool.shutdown()
        return found

    def _buy(self, client: Client, session: str) -> Answer:
        while True:
            answer = client.complete(session, key=f"kill-{session}", patience=15)
            if 200 <= answer.status < 300 or self._called_off.wait(0.2):
                return answer


def kill_group(run: Run, verdict: Verdict, points: tuple[str, ...], completes: int) -> list[object]:
    """So many completes for each point; what the auditor found before anything could recover."""
    with run.world(f"kills-{points[0].rpartition('.')[0]}", timed=True) as world:
        relays = any(not point.startswith("complete.") for point in points)
        armed = [
            world.server(
                f"armed-{number}",
                failpoints=f"{point}=kill@{SHARE}; seed={run.seed}",
                # Whoever is to die at an effect has to be the one who makes it happen.
                RELAY="off" if relays and point.startswith("complete.") else "thread",
            )
            for number, point in enumerate(points)
        ]
        plain = world.server("plain")
        started(*armed)
        buyers = Buyers(world, armed, world.client(armed).ready()["id"], completes)
        began = time.monotonic()
        kills = _until_reached(armed, points, buyers, began)
        for server in armed:
            server.kill()
        answers = buyers.answers()
        before = list(audit(world.facts()))
        acknowledged = sum(answer.status == 200 for answer in answers)

        restarted = time.monotonic()
        started(plain)
        since = time.monotonic()
        bound = world.seconds("IDEMPOTENCY_LEASE_SECONDS") + world.seconds("SWEEP_SECONDS") + SLACK_SECONDS
        paid_for = eventually(lambda: not _running(world), within=bound)
        resolved = time.monotonic() - since
        verdict.in_time(paid_for, f"{points[0]}: after {bound:.0f} s {world.unsettled()}")

        given_up = _everybody_knows(world, plain, buyers.sessions, bound, verdict)
        verdict.in_time(world.settled(), f"{points[0]}: not at rest: {world.unsettled()}")
        found = world.violations()
        for violation in found:
            verdict.violations.append(f"{points[0]} ...: {violation}")
        heard = Counter(one.id for one in world.receiver.heard)
        for point in points:
            verdict.figures.setdefault("points", {})[point] = {"kills": kills.get(point, 0)}
            verdict.exercised(kills.get(point, 0) > 0, f"{point} was never reached: nothing was tried")
        verdict.figures.setdefault("groups", []).append(
            {
                "points": points,
                "completes": len(buyers.sessions),
                "acknowledged while killed": acknowledged,
                "armed seconds": round(restarted - began, 1),
                "serving again after seconds": round(since - restarted, 1),
                "resolved, after it served, seconds": round(resolved, 1),
                "given up, and bought anew": given_up,
                "events heard twice or more": sum(count > 1 for count in heard.values()),
                "charges": len(world.charges()),
            }
        )
        if found:
            world.keep_logs(run.out)
        return [*before]


def _everybody_knows(world: World, plain: Server, sessions: list[str], bound: float, verdict: Verdict) -> int:
    """The same key has its answer now; how many attempts had been given up before they were sent.

    Those sessions were not charged, say so, and can be paid under another key.
    """
    client = world.client([plain])
    until = time.monotonic() + bound
    given_up = 0
    for session in sessions:
        answer = client.patiently(session, key=f"kill-{session}", until=until)
        if answer.status == 200 and answer.json()["status"] == "ready_for_payment":
            given_up += 1
            verdict.expect("payment_declined" in codes(answer), f"{session}: given up without a word")
            answer = client.complete(session, key=f"anew-{session}")
        told = answer.json().get("status") if answer.status == 200 else answer.code
        bought = (answer.status, told) == (200, "completed")
        verdict.expect(bought, f"{session}: {answer.status} {told} in the end")
    return given_up


def _until_reached(
    armed: list[Server], points: tuple[str, ...], buyers: Buyers, began: float
) -> dict[str, int]:
    """How often each point killed somebody, once all did or their time was over."""
    while True:
        kills: Counter[str] = Counter()
        for server in armed:
            kills.update(server.reached())
        spent = time.monotonic() - began
        met = all(kills[point] for point in points)
        if spent > MOST_ARMED_SECONDS or (met and (spent > LEAST_ARMED_SECONDS or buyers.all_idle)):
            return dict(kills)
        for number, point in enumerate(points):
            # One whose buyers were all spared need not wait for those whose server died under them.
            if not kills[point] and buyers.idle(number) and not buyers.most:
                buyers.another(number)
        time.sleep(0.1)


def _running(world: World) -> dict[str, int]:
    return {name: count for name, count in world.unsettled().items() if name in ("completing", "processing")}


def r06(run: Run) -> Verdict:
    """SIGKILL at every failpoint; then everything is started again."""
    verdict = Verdict()
    before: list[object] = []
    completes = run.tenth(run.size.pick(pr=10, full=100))
    # SQLite: one group with a point of each phase at a tenth of the volume.
    groups = GROUPS if run.kind == "postgres" else (tuple(group[-1] for group in GROUPS),)
    for points in groups:
        before += kill_group(run, verdict, points, completes)
    verdict.controlled("the auditor at the moment of the kill, before anything recovered", before)
    return verdict


def r07(run: Run) -> Verdict:
    """A worker that slept through its lease finds that somebody else has finished."""
    verdict = Verdict()
    with run.world("zombies", timed=True) as world:
        _zombies(run, world, verdict, rounds=run.size.pick(pr=5, full=50), unsafe="")
        verdict.in_time(world.settled(), f"not at rest: {world.unsettled()}")
        verdict.audited(world.violations())
        if verdict.violations or verdict.late:
            world.keep_logs(run.out)

    control = Verdict()
    with run.world("zombies-unfenced", timed=True) as world:
        world.unconstrained()
        _zombies(run, world, control, rounds=1, unsafe="fence,locks")
        world.settled(10)
        found = [*world.violations(), *control.violations]
        verdict.controlled("no fence, no lock, no condition", found)
    return verdict


ASLEEP = 4
"""Workers that stand still at a time, each with one request."""


def _zombies(run: Run, world: World, verdict: Verdict, *, rounds: int, unsafe: str) -> None:
    sleepy = world.server(
        "sleepy", workers=ASLEEP, failpoints="complete.send.after=stop", unsafe=unsafe, RELAY="off"
    )
    awake = world.server("awake", unsafe=unsafe)
    started(sleepy, awake)
    lease = world.seconds("IDEMPOTENCY_LEASE_SECONDS")
    other = world.client([awake])
    sleeper = world.client([sleepy])
    model = other.ready()["id"]
    woken: Counter[str] = Counter()
    for _ in range(rounds):
        sessions = world.copies(model, ASLEEP)
        connections = sleepy.connected()
        with ThreadPoolExecutor(ASLEEP) as pool:
            asleep = {
                pid: pool.submit(
                    sleeper.complete, session, key=f"zombie-{session}", on=connection, patience=120
                )
                for session, (pid, connection) in zip(sessions, connections.items(), strict=True)
            }
            lying = eventually(lambda pids=tuple(asleep): all(map(stopped, pids)), within=30)
            verdict.exercised(lying, "a worker did not stop at complete.send.after")
            time.sleep(1.5 * lease)
            until = time.monotonic() + SLACK_SECONDS
            taken = list(
                pool_map(
                    lambda session, until=until: other.patiently(
                        session, key=f"zombie-{session}", until=until
                    ),
                    sessions,
                )
            )
            for pid in asleep:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
            late = [one.result(120) for one in asleep.values()]
        for connection in connections.values():
            _close(connection)
        for session, successor, zombie in zip(sessions, taken, late, strict=True):
            verdict.expect(
                successor.status == 200 and successor.json()["status"] == "completed",
                f"{session}: who took over heard {successor.status} {successor.code}",
            )
            woken[f"{zombie.status} {zombie.code}".strip()] += 1
            fenced = zombie.status == 409 or zombie.status >= 500 or zombie.body == successor.body
            verdict.expect(fenced, f"{session}: the sleeper was told {zombie.status} and something else")
    verdict.figures["repetitions"] = rounds * ASLEEP
    verdict.figures["what the sleepers heard"] = dict(woken)
    verdict.figures["stopped for seconds"] = 1.5 * lease


def pool_map(act: object, values: list[str]) -> list[Answer]:
    with ThreadPoolExecutor(len(values)) as pool:
        return list(pool.map(act, values))  # type: ignore[arg-type]


def _close(connection: http.client.HTTPConnection) -> None:
    with suppress(OSError):
        connection.close()

"""R09, R10: a payment provider that is silent, broken, slow or gone, or says everything five times."""

from __future__ import annotations

import random
import time
from collections import Counter
from typing import Any

from tests.acquirer.process import decide
from tests.agents import paying
from tests.faults.auditor import Violation
from tests.faults.clients import Answer, Client, together
from tests.faults.runs import Run, Verdict
from tests.faults.world import World, started
from tests.project.server import eventually

AT_ONCE = 24
"""Buyers; fewer than the threads of two servers, so that nobody waits for a thread."""
SLACK_SECONDS = 20.0
"""For a busy machine, beside the durations that are judged."""
LEAST_SHARE = 0.995
MOST_FAILURES = 20
LONGEST_PAUSE_SECONDS = 30.0
LONGEST_ACK_SECONDS = 0.5
DECLINED = "The card was declined"
REDIRECT = {"interventions": {"supported": ["redirect"], "redirect_context": "external_browser"}}
"""An agent that can send its buyer to the page of their bank."""
SPREAD_SECONDS = 1.0
"""The copies of a message arrive within this."""
LEFT_ALONE = "and is left alone"


def mix(world: World) -> list[dict[str, Any]]:
    """The faults of R09. Slow is slower than anybody waits, and quicker than an attempt is given up."""
    return [
        {"what": "silent_after", "share": 0.30, "path": "/charges"},
        {"what": "error_before", "share": 0.10, "path": "/charges"},
        {"what": "reset_before", "share": 0.10, "path": "/charges"},
        {"what": "delay", "share": 0.05, "path": "/charges", "seconds": 1.5 * world.size.provider_seconds},
        {"what": "decline", "share": 0.05, "path": "/charges"},
    ]


def told(answer: Answer) -> str:
    """What an agent makes of an answer: completed, declined, again (with a new key), or wait."""
    if answer.status == 405:
        return "over"
    if answer.status != 200:
        return "wait"
    content = answer.json()
    if content["status"] == "completed":
        return "completed"
    texts = [message.get("content", "") for message in content.get("messages", [])]
    return "declined" if any(text.startswith(DECLINED) for text in texts) else "again"


def buy(client: Client, session: str, *, same: bool, until: float) -> str:
    """The agent pays until it knows: with its key, or with a new one each time."""
    number = 0
    while True:
        answer = client.complete(session, key=f"buy-{session}-{number}")
        heard = told(answer)
        if heard == "over":
            status = client.retrieve(session).json()["status"]
            return "completed" if status == "completed" else status
        if heard in ("completed", "declined"):
            return heard
        if time.monotonic() > until:
            return f"unknown: {answer.status} {answer.code}"
        if heard == "again" or not same:
            number += 1
        time.sleep(min(max(answer.retry_after, 0.1), 0.5))


def troubled(
    run: Run, verdict: Verdict, world: World, completes: int, draws: random.Random, unsafe: str
) -> None:
    """Everybody buys while the provider fails, and it is well again when nobody asks any more."""
    servers = [world.server(f"server-{n}", unsafe=unsafe) for n in (1, 2)]
    started(*servers)
    client = world.client(servers)
    first = client.ready()["id"]
    sessions = [first, *world.copies(first, completes - 1)]
    same = {session: draws.random() < 0.5 for session in sessions}
    world.acquirer.faults(*mix(world), seed=run.seed)

    patience = world.size.seconds(120) + SLACK_SECONDS
    before = len(world.history.seen)
    ends = together(
        completes,
        lambda n: buy(client, sessions[n], same=same[sessions[n]], until=time.monotonic() + patience),
        at_once=AT_ONCE,
    )
    drawn = world.acquirer.drawn
    at_rest = world.settled(within=patience + SLACK_SECONDS)
    world.acquirer.control()
    verdict.in_time(at_rest, f"not at rest within {patience:.0f} s: {world.unsettled()}")

    counted = Counter(ends)
    willing = completes - counted["declined"]
    asked = [seen for seen in list(world.history.seen)[before:] if seen.verb == "complete"]
    charges = world.charges()
    standing = Counter(charge.session for charge in charges if charge.stands)
    verdict.figures |= {
        "completes": completes,
        "ends": dict(counted),
        "by key": dict(
            Counter(
                f"{'same' if same[session] else 'new'}, {end}"
                for session, end in zip(sessions, ends, strict=True)
            )
        ),
        "success of non-declined": round(counted["completed"] / max(1, willing), 4),
        "requests": len(asked),
        "statuses": dict(Counter(str(seen.status) for seen in asked)),
        "faults met": drawn,
        "charges": len(charges),
        "charged twice": sum(number > 1 for number in standing.values()),
        "longest answer seconds": round(max(seen.seconds for seen in asked), 2),
        "provider seconds": world.size.provider_seconds,
    }
    verdict.in_time(counted["completed"] >= LEAST_SHARE * willing, f"only {counted} of {completes}")
    longest = world.size.provider_seconds * 1.05 + (SLACK_SECONDS if run.size.name == "pr" else 1.0)
    late = [f"{seen.session}: {seen.seconds:.1f} s" for seen in asked if seen.seconds > longest]
    verdict.in_time(not late, f"threads that the provider blocked: {late[:5]}")
    for what in ("silent_after", "error_before", "reset_before", "delay", "decline"):
        # A tenth of the volume may miss one of five in a hundred; silence it cannot miss.
        wanted = 1 if what == "silent_after" or completes >= 100 else 0
        verdict.exercised(drawn.get(what, 0) >= wanted, f"no {what} was met: nothing was tried")


def outage(run: Run, verdict: Verdict, world: World) -> None:
    """It answers nothing but errors: after a few nobody waits for it, and soon after it is well again
    somebody is served."""
    alone = world.server("alone", workers=1)
    started(alone)
    client = world.client([alone])
    first = client.ready()["id"]
    sessions = iter(world.copies(first, 200))
    world.acquirer.faults({"what": "error_before"}, {"what": "error_before", "method": "GET"})

    failed = 0
    while LEFT_ALONE not in alone.log and failed <= 3 * MOST_FAILURES:
        answer = client.complete(next(sessions))
        failed += 1
        verdict.expect(answer.status == 503, f"an outage was answered {answer.status} {answer.code}")
    calls = sum(world.acquirer.drawn.values())
    tries = 2  # each verb asks a second time
    verdict.expect(LEFT_ALONE in alone.log, f"after {failed} failures it is still asked")
    verdict.expect(failed <= MOST_FAILURES, f"it was left alone after {failed} failures only")
    verdict.expect(calls <= tries * MOST_FAILURES + 2, f"{calls} calls reached it before it was left alone")

    before = sum(world.acquirer.drawn.values())
    shielded = [client.complete(next(sessions)) for _ in range(20)]
    reached = sum(world.acquirer.drawn.values()) - before
    # Trials, and what was under way before.
    verdict.expect(reached <= len(shielded), f"{reached} calls reached it while it was left alone")
    verdict.expect({answer.status for answer in shielded} == {503}, "not every buyer was told to come back")
    verdict.expect(all(answer.retry_after >= 1 for answer in shielded), "503 without Retry-After")

    world.acquirer.control()
    healed = time.monotonic()
    served = eventually(
        lambda: told(client.complete(next(sessions))) == "completed",
        within=LONGEST_PAUSE_SECONDS + SLACK_SECONDS,
    )
    seconds = time.monotonic() - healed
    verdict.in_time(served, f"nobody is served {seconds:.0f} s after it is well again")
    verdict.figures["breaker"] = {
        "failures until it is left alone": failed,
        "calls that reached it until then": calls,
        "calls of 20 buyers that reached it while it was left alone": reached,
        "seconds until somebody was served again": round(seconds, 1),
    }
    # An attempt is given up first, and what undoes it may have been tried in vain by then.
    rest = 60 + world.size.seconds(240) + SLACK_SECONDS
    verdict.in_time(world.settled(within=rest), f"not at rest after {rest:.0f} s: {world.unsettled()}")
    alone.kill()


def r09(run: Run) -> Verdict:
    """The provider fails in every way; money and orders agree in the end."""
    verdict = Verdict()
    completes = run.tenth(run.size.pick(pr=200, full=2_000))
    with run.world("provider", timed=True) as world:
        troubled(run, verdict, world, completes, run.draws("R09"), "")
        verdict.audited(world.violations())
        outage(run, verdict, world)
        verdict.audited(world.violations())
        verdict.settings["provider_seconds"] = world.size.provider_seconds
        if verdict.violations or verdict.late:
            world.keep_logs(run.out)

    control = Verdict()
    with run.world("provider-unsafe", timed=True) as world:
        troubled(run, control, world, 20, run.draws("R09 control"), "unknown")
        found: list[Violation] = world.violations()
    verdict.controlled("a provider that does not answer has declined", found)
    return verdict


# --- R10 -------------------------------------------------------------------------------------


def storm(run: Run, verdict: Verdict, world: World, purchases: int, unsafe: str) -> list[str]:
    """Every message five times and in any order, before our own record and after a cancel; the effects
    that an event had beside its one, and what else is wrong with them."""
    server = world.server("server", unsafe=unsafe)
    world.acquirer.webhook = f"http://127.0.0.1:{server.origin[1]}/agentic/payments/webhook"
    world.acquirer.restart()
    started(server)
    client = world.client([server])
    first = client.ready(capabilities=REDIRECT)["id"]
    sessions = [first, *world.copies(first, purchases - 1)]
    canceled = set(sessions[:: max(2, purchases // 10)])
    # Committed and told at once, answered so much later: the message is quicker than our record.
    late = {"what": "delay_after", "path": "/charges", "seconds": 1.5 * SPREAD_SECONDS}
    world.acquirer.control(
        seed=run.seed,
        faults=[
            {**late, "times": len(canceled) + 2},
            {**late, "share": 0.4},
            # The first of those that cancel cannot be voided at once, and their holders are quicker.
            {"what": "error_before", "path": "/charges/{id}/void", "times": 6},
        ],
        webhooks={"copies": 5, "shuffle": True, "spread_seconds": SPREAD_SECONDS},
    )

    def one(number: int) -> str:
        session = sessions[number]
        if session in canceled:
            return leave(world, client, session)
        until = time.monotonic() + 60
        return buy(client, session, same=True, until=until)

    ends = Counter(together(purchases, one, at_once=AT_ONCE // 2))
    wanted = {"completed": purchases - len(canceled), "canceled": len(canceled)}
    verdict.in_time(ends == wanted, f"the buyers' ends: {dict(ends)}")
    quiet = eventually(lambda: not any(_open(world).values()), within=60 + SLACK_SECONDS)
    verdict.in_time(quiet, f"not at rest: {_open(world)}")
    verdict.exercised(_quicker(world) > 0, "no message was quicker than our own record: nothing was tried")
    verdict.exercised(_late(world, canceled) > 0, "no money came after a cancel: nothing was tried")
    verdict.figures["money that came after a cancel"] = _late(world, canceled)
    return _effects(verdict, world, ends)


def leave(world: World, client: Client, session: str) -> str:
    """The holder is asked, the agent cancels, and the holder says yes after that."""
    body = paying("spt_sandbox_3ds_challenge")
    # A message that was quicker than our record makes it a conflict, and the same key goes on.
    answer = client.patiently(session, key=f"leave-{session}", until=time.monotonic() + 60, body=body)
    assert answer.status == 200, (answer.status, answer.body)
    assert answer.json()["status"] == "authentication_required", answer.body
    made = [row for row in world.acquirer.charges if row["session"] == session]
    asked = [row["challenge_url"] for row in made if row["challenge_url"]]
    assert asked, made
    canceled = client.cancel(session)
    assert canceled.status == 200, (canceled.status, canceled.body)
    decide(asked[-1], "approve")
    return str(client.retrieve(session).json()["status"])


def _open(world: World) -> dict[str, int]:
    """What still has to come by itself: messages first, for they cause the rest. An effect that failed
    is tried again later than `World.unsettled` looks."""
    from gateway.models import OutboxMessage

    waiting = sum(row["state"] == "waiting" for row in world.acquirer.ledger["deliveries"])
    failed = OutboxMessage.objects.filter(done_at=None, dead_at=None, tries__gt=0)
    return {"messages": waiting, "failed effects": failed.count(), **world.unsettled()}


def _late(world: World, canceled: set[str]) -> int:
    """Payments that were authorized after their session was canceled, by the provider's books."""
    events = world.acquirer.ledger["events"]
    return sum(event["type"] == "authorized" and event["session"] in canceled for event in events)


def _quicker(world: World) -> int:
    """Payments that a message was there for before they were recorded."""
    from checkout.models import StateMove
    from gateway.models import PaymentEvent

    known = dict(
        StateMove.objects.filter(subject__startswith="pay_", to_state="authorized").values_list(
            "subject", "at"
        )
    )
    came = PaymentEvent.objects.filter(type="authorized").values_list("attempt", "created_at")
    return sum(attempt in known and at < known[attempt] for attempt, at in came)


def _effects(verdict: Verdict, world: World, ends: Counter[str]) -> list[str]:
    """What is wrong with the effects of the events: each has one, whatever was repeated."""
    from gateway.models import OutboxMessage, PaymentEvent
    from gateway.payment_events import PROCESS

    ledger = world.acquirer.ledger
    rows = dict(PaymentEvent.objects.values_list("pk", "event"))
    effects = Counter(
        rows.get(payload["event"], "nothing")
        for payload in OutboxMessage.objects.filter(kind=PROCESS).values_list("payload", flat=True)
    )
    seconds = sorted(row["seconds"] for row in ledger["deliveries"] if row["seconds"] is not None)
    ack = seconds[min(len(seconds) - 1, int(0.99 * len(seconds)))]
    verdict.figures |= {
        "ends": dict(ends),
        "events": len(ledger["events"]),
        "messages": len(ledger["deliveries"]),
        "tries": sum(row["tries"] for row in ledger["deliveries"]),
        "p99 ack seconds": round(ack, 3),
        "quicker than our record": _quicker(world),
        "states": dict(Counter(PaymentEvent.objects.values_list("state", flat=True))),
    }
    given_up = sum(row["state"] == "given_up" for row in ledger["deliveries"])
    verdict.expect(given_up == 0, f"{given_up} messages were given up")
    longest = LONGEST_ACK_SECONDS if world.size.name == "full" and world.kind == "postgres" else SLACK_SECONDS
    verdict.in_time(ack <= longest, f"p99 of the acknowledgements is {ack:.2f} s")
    wrong = [f"{event} has {number} effects" for event, number in effects.items() if number != 1]
    sent = {row["id"] for row in ledger["events"]}
    kept = set(rows.values())
    wrong += [f"{event} was taken and is not kept" for event in sorted(sent - kept)[:10]]
    wrong += [f"{event} was never sent" for event in sorted(kept - sent)[:10]]
    return wrong


def r10(run: Run) -> Verdict:
    """Messages of the provider, repeated and out of order."""
    verdict = Verdict()
    with run.world("storm", timed=False) as world:
        purchases = run.tenth(run.size.pick(pr=60, full=400))
        verdict.violations += storm(run, verdict, world, purchases, "")
        verdict.audited(world.violations())
        if verdict.violations or verdict.late:
            world.keep_logs(run.out)

    control = Verdict()
    with run.world("storm-unsafe", timed=False) as world:
        found = storm(run, control, world, 8, "events")
    verdict.controlled("a message that came before has another effect", found)
    return verdict

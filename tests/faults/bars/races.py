"""R01, R02, R03: one session, many completes at the same moment."""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import Any

from tests.agents import MINIMAL, paying
from tests.faults.clients import Answer, together
from tests.faults.runs import Run, Stage, Verdict

CONNECTIONS = 50
FOLLOW_SECONDS = 60.0
PROVIDER_SECONDS = 0.3


def statuses(answers: list[Answer]) -> dict[str, int]:
    """How often each status and code came."""
    return dict(Counter(f"{answer.status} {answer.code}".strip() for answer in answers))


def same_key(stage: Stage, verdict: Verdict, requests: int) -> None:
    """R01 on one session: one purchase, whoever asked."""
    session = stage.client.ready()["id"]
    key = f"same-{session}"
    answers = together(requests, lambda _: stage.client.complete(session, key=key), at_once=CONNECTIONS)
    until = time.monotonic() + FOLLOW_SECONDS
    later = together(
        requests, lambda _: stage.client.patiently(session, key=key, until=until), at_once=CONNECTIONS
    )

    seen = statuses(answers)
    verdict.figures.setdefault("statuses", Counter()).update(seen)
    verdict.expect(set(seen) <= {"200", "409 idempotency_in_flight"}, f"{session}: {seen}")
    patience = [answer.retry_after for answer in answers if answer.status == 409]
    verdict.expect(all(seconds >= 1 for seconds in patience), f"{session}: 409 without Retry-After")
    verdict.expect({answer.status for answer in later} == {200}, f"{session}: later {statuses(later)}")
    bodies = {answer.body for answer in [*answers, *later] if answer.status == 200}
    verdict.expect(len(bodies) == 1, f"{session}: {len(bodies)} different bodies")


def r01(run: Run) -> Verdict:
    """Identical completes with one key."""
    verdict = Verdict()
    stage = run.races()
    requests = run.tenth(200)
    stage.world.slow_provider(PROVIDER_SECONDS)
    for _ in range(run.size.pick(pr=3, full=20) if run.kind == "postgres" else run.size.pick(pr=1, full=2)):
        same_key(stage, verdict, requests)
    stage.world.slow_provider(0)
    verdict.in_time(stage.world.settled(), f"not at rest: {stage.world.unsettled()}")
    verdict.audited(stage.world.violations())
    verdict.figures["requests_per_session"] = requests

    control = Verdict()
    if run.kind == "postgres":
        unsafe = run.unsafe()
        same_key(unsafe, control, 20)
        found = [*control.violations, *unsafe.world.violations()]
        verdict.controlled("keys are not recognised, nothing is locked", found)
    else:
        verdict.controlled("a ledger with a second charge", doctored(stage))
    return verdict


def doctored(stage: Stage) -> list[Any]:
    """What the auditor says when the provider's books held one more charge."""
    from dataclasses import replace

    from tests.faults.auditor import audit

    facts = stage.world.facts()
    again = replace(facts.charges[-1], id="doctored", key="doctored")
    return list(audit(replace(facts, charges=(*facts.charges, again))))


def other_keys(stage: Stage, verdict: Verdict, requests: int) -> None:
    """R02 on one session."""
    session = stage.client.ready()["id"]
    answers = together(requests, lambda _: stage.client.complete(session), at_once=CONNECTIONS)

    seen = statuses(answers)
    verdict.figures.setdefault("statuses", Counter()).update(seen)
    paid = sum(answer.status == 200 and answer.json()["status"] == "completed" for answer in answers)
    verdict.expect(paid == 1, f"{session}: {paid} were told that they bought it")
    # While the payment runs 409, afterwards 405 (decision 25).
    others = {"200", "409 conflict", "405 session_not_modifiable"}
    verdict.expect(set(seen) <= others and seen.get("200") == 1, f"{session}: {seen}")


def r02(run: Run) -> Verdict:
    """Completes with a key each."""
    verdict = Verdict()
    stage = run.races()
    stage.world.slow_provider(PROVIDER_SECONDS)
    for _ in range(run.size.pick(pr=3, full=20) if run.kind == "postgres" else run.size.pick(pr=1, full=2)):
        other_keys(stage, verdict, run.tenth(200))
    stage.world.slow_provider(0)
    verdict.in_time(stage.world.settled(), f"not at rest: {stage.world.unsettled()}")
    verdict.audited(stage.world.violations())

    control = Verdict()
    if run.kind == "postgres":
        unsafe = run.unsafe()
        other_keys(unsafe, control, 20)
        found = [*control.violations, *unsafe.world.violations()]
        verdict.controlled("nothing is locked, no UPDATE has a condition", found)
    else:
        verdict.controlled("a ledger with a second charge", doctored(stage))
    return verdict


def two_bodies(stage: Stage, verdict: Verdict, requests: int) -> None:
    """R03 on one session: one of two bodies is executed, the other is always a conflict."""
    session = stage.client.ready()["id"]
    bodies = (paying("tok_a"), paying("tok_b"))
    answers = together(
        requests,
        lambda number: stage.client.complete(session, key=f"mixed-{session}", body=bodies[number % 2]),
        at_once=CONNECTIONS,
    )
    by_body = [statuses(answers[side::2]) for side in (0, 1)]
    verdict.figures.setdefault("sessions", []).append(by_body)
    executed = [side for side in (0, 1) if "200" in by_body[side]]
    verdict.expect(len(executed) == 1, f"{session}: bodies executed: {len(executed)}")
    if executed:
        other = by_body[1 - executed[0]]
        verdict.expect(set(other) == {"422 idempotency_conflict"}, f"{session}: the other body {other}")
        winner = set(by_body[executed[0]])
        verdict.expect(winner <= {"200", "409 idempotency_in_flight"}, f"{session}: the winner {winner}")


def r03(run: Run) -> Verdict:
    """One key, two bodies; and what counts as the same body."""
    verdict = Verdict()
    stage = run.races()
    for _ in range(run.size.pick(pr=3, full=20)):
        two_bodies(stage, verdict, 200)
    equal = _equality(stage)
    verdict.figures["equality"] = equal
    wanted = {"other order of members": 201, "1.0 for 1": 201, "null for absent": 422, "2 for 1": 422}
    verdict.expect(equal == wanted, f"equality: {equal}")
    verdict.in_time(stage.world.settled(), f"not at rest: {stage.world.unsettled()}")
    verdict.audited(stage.world.violations())

    control = Verdict()
    unsafe = run.unsafe()
    two_bodies(unsafe, control, 20)
    verdict.controlled("keys are not recognised", [*control.violations, *unsafe.world.violations()])
    return verdict


def _equality(stage: Stage) -> dict[str, int]:
    key = f"equal-{time.time_ns()}"
    body = {**MINIMAL, "line_items": [{"id": "item_mug", "quantity": 1}]}
    stage.client.post("/checkout_sessions", body, key=key, verb="create")
    turned = json.dumps(dict(reversed(body.items()))).encode()
    decimal = json.dumps(body).replace('"quantity": 1', '"quantity": 1.0').encode()
    two = json.dumps(body).replace('"quantity": 1', '"quantity": 2').encode()
    null = json.dumps({**body, "buyer": None}).encode()
    sent = {
        "other order of members": turned,
        "1.0 for 1": decimal,
        "null for absent": null,
        "2 for 1": two,
    }
    return {
        name: stage.client.post("/checkout_sessions", key=key, raw=raw, verb="create").status
        for name, raw in sent.items()
    }

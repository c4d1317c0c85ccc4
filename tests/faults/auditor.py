"""The judge: the invariants of reliability-security 3.0 over what everybody wrote down.

A test fails on an invariant, not on a line of a log. I10 (secrets in dumps) has a scan of its own in
`tests/hostile`, I14 belongs to pending requests and I16 to the audit chain, which nothing here touches.
I13 is judged where answers are made (`tests/acp/test_answers.py`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from checkout.states import PAYMENT_MOVES, SESSION_MOVES
from tests.faults.facts import Charge, Facts, Payment

BEGINNINGS = {"cs_": "open", "pay_": "processing"}
KNOWN_FAILURES = ("declined", "voided")


@dataclass(frozen=True, slots=True, order=True)
class Violation:
    """What does not hold, and of whom."""

    invariant: str
    subject: str
    text: str

    def __str__(self) -> str:
        return f"{self.invariant} {self.subject}: {self.text}"


Check = Callable[[Facts], Iterator[Violation]]
CHECKS: dict[str, Check] = {}


def _judges(*names: str) -> Callable[[Check], Check]:
    def keep(check: Check) -> Check:
        for name in names:
            CHECKS[name] = check
        return check

    return keep


def audit(facts: Facts) -> list[Violation]:
    """Every violation, each once."""
    return sorted({violation for check in set(CHECKS.values()) for violation in check(facts)})


@_judges("I1")
def legal_paths(facts: Facts) -> Iterator[Violation]:
    """Every state is legal, and was reached by a legal path that is in the log."""
    states: dict[str, str] = {row.id: row.state for row in (*facts.sessions, *facts.payments)}
    paths = defaultdict(list)
    for move in facts.moves:
        paths[move.subject].append(move)
    for subject, state in states.items():
        legal = SESSION_MOVES if subject.startswith("cs_") else PAYMENT_MOVES
        beginning = BEGINNINGS["cs_" if subject.startswith("cs_") else "pay_"]
        if state not in legal:
            yield Violation("I1", subject, f"is in state {state!r}, which does not exist")
            continue
        at = ""
        for move in paths[subject]:
            onward = legal.get(at, frozenset()) if at else {beginning}
            if move.before != at or move.after not in onward:
                yield Violation(
                    "I1", subject, f"moved {move.before or 'new'} -> {move.after} from {at or 'new'}"
                )
            at = move.after
        if at != state:
            yield Violation("I1", subject, f"is {state}, and its log ends at {at or 'nothing'}")
    for subject in paths.keys() - states.keys():
        if subject.startswith(tuple(BEGINNINGS)):
            yield Violation("I1", subject, "has a log and no row")


@_judges("I2")
def one_order(facts: Facts) -> Iterator[Violation]:
    for session, number in Counter(order.session for order in facts.orders).items():
        if number > 1:
            yield Violation("I2", session, f"has {number} orders")


@_judges("I3", "I4")
def money_and_state(facts: Facts) -> Iterator[Violation]:
    """Completed <=> one order <=> exactly one charge of its amount; nothing kept for the others."""
    orders = defaultdict(list)
    for order in facts.orders:
        orders[order.session].append(order)
    charges = defaultdict(list)
    for charge in facts.charges:
        charges[charge.session].append(charge)
    known = {session.id for session in facts.sessions}
    for session in facts.sessions:
        placed = orders[session.id]
        meant = sum(order.refunded for order in placed)
        standing = [charge for charge in charges[session.id] if _stands(charge, meant)]
        shown = ", ".join(f"{charge.id} ({charge.key}, {charge.status})" for charge in standing) or "none"
        if session.state == "completed":
            if not placed:
                yield Violation("I3", session.id, "is completed without an order")
            elif len(standing) != 1:
                yield Violation("I3", session.id, f"has an order and {len(standing)} charges: {shown}")
            elif (standing[0].amount, standing[0].currency.lower()) != (placed[0].amount, placed[0].currency):
                yield Violation(
                    "I3", session.id, f"was charged {standing[0].amount}, ordered {placed[0].amount}"
                )
            elif standing[0].key != placed[0].payment:
                yield Violation(
                    "I3", session.id, f"was charged by {shown}, its order says {placed[0].payment}"
                )
            continue
        if placed:
            yield Violation("I3", session.id, f"is {session.state} and has an order")
        if standing:
            name = "I4" if session.state in ("canceled", "expired") else "I3"
            yield Violation(name, session.id, f"is {session.state} and is charged: {shown}")
    for charge in facts.charges:
        if charge.session not in known:
            yield Violation("I3", charge.id, f"is a charge for {charge.session}, which does not exist")


def _stands(charge: Charge, meant: int) -> bool:
    """A charge that was refunded because the buyer was to have it back has still been one."""
    return charge.stands or bool(charge.captured and meant and charge.refunded <= meant)


@_judges("I5")
def stock(facts: Facts) -> Iterator[Violation]:
    states = {payment.id: payment.session for payment in facts.payments}
    sessions = {session.id: session.state for session in facts.sessions}
    taken: Counter[str] = Counter()
    for hold in facts.holds:
        if hold.state != "released":
            taken[hold.product] += hold.quantity
        state = sessions.get(states.get(hold.key, ""), "")
        if hold.state == "held" and state in ("completed", "canceled", "expired"):
            yield Violation(
                "I5", hold.key, f"holds {hold.quantity} {hold.product} for a session that is {state}"
            )
    for product, initial in facts.initial.items():
        left = facts.available.get(product)
        if initial is None or left is None:
            continue
        if left < 0:
            yield Violation("I5", product, f"has {left} left")
        if left + taken[product] != initial:
            yield Violation(
                "I5", product, f"had {initial}, has {left} left and {taken[product]} held or sold"
            )


@_judges("I6")
def events(facts: Facts) -> Iterator[Violation]:
    """Each change of an order has its event, each event reached every endpoint or is dead, and the
    receiver heard of nothing else."""
    orders = {order.id: order for order in facts.orders}
    queued = Counter((event.order, event.sequence) for event in facts.events)
    made = {(row.endpoint, row.order, row.sequence): row for row in facts.deliveries}
    heard = {one.event for one in facts.heard if one.taken}
    for order in facts.orders:
        for sequence in range(1, order.sequence + 1):
            if queued[order.id, sequence] != 1:
                yield Violation(
                    "I6", order.id, f"has {queued[order.id, sequence]} effects for event {sequence}"
                )
            for endpoint in facts.endpoints:
                row = made.get((endpoint, order.id, sequence))
                if row is None or not (row.delivered or row.dead):
                    yield Violation("I6", order.id, f"event {sequence} never reached {endpoint}")
                elif row.delivered and row.event not in heard:
                    yield Violation("I6", row.event, "is marked delivered, and the receiver never took it")
    for row in facts.deliveries:
        known = orders.get(row.order)
        if known is None or row.sequence > known.sequence:
            yield Violation("I6", row.event, "tells of an order, or a change, that does not exist")
    for one in facts.heard:
        if not one.genuine:
            yield Violation("I6", one.event, "was not signed as the receiver's guide says")
        if one.order not in orders:
            yield Violation("I6", one.event, f"tells of {one.order}, which does not exist")


@_judges("I7")
def nothing_unknown(facts: Facts) -> Iterator[Violation]:
    edge = facts.at - timedelta(seconds=facts.unknown_seconds)
    states = {session.id: session.state for session in facts.sessions}
    for payment in facts.payments:
        if payment.state == "processing" and payment.created_at < edge:
            yield Violation("I7", payment.id, "is still unknown")
        paid = payment.state in ("authorized", "captured")
        if paid and states.get(payment.session) == "completing" and payment.created_at < edge:
            yield Violation("I7", payment.id, "is paid, and its order was never placed")
    for row in facts.keys:
        held = row.lease_until is not None and row.lease_until > facts.at
        if row.state == "in_flight" and held and row.created_at < edge:
            yield Violation("I7", row.key, f"is still being worked on at {row.path}")


@_judges("I8")
def one_answer(facts: Facts) -> Iterator[Violation]:
    for (owner, path, key), number in Counter((row.owner, row.path, row.key) for row in facts.keys).items():
        if number > 1:
            yield Violation("I8", key, f"has {number} rows of {owner} at {path}")
    bodies = defaultdict(set)
    for seen in facts.seen:
        if seen.key and seen.outcome == "ok":
            bodies[seen.path, seen.key].add((seen.status, seen.body))
    for (path, key), answers in bodies.items():
        if len(answers) > 1:
            yield Violation("I8", key, f"was answered in {len(answers)} ways at {path}")


@_judges("I9")
def attempts(facts: Facts) -> Iterator[Violation]:
    for row in facts.challenges:
        if row.attempts > row.allowed:
            yield Violation("I9", row.id, f"took {row.attempts} attempts of {row.allowed}")
        if row.passed > 1:
            yield Violation("I9", row.id, f"was passed {row.passed} times")


@_judges("I11")
def charges(facts: Facts) -> Iterator[Violation]:
    """At most one charge for each key, and a second key for a session only after a known failure."""
    for key, number in Counter(charge.key for charge in facts.charges).items():
        if number > 1:
            yield Violation("I11", key, f"was charged {number} times")
    payments = {payment.id: payment for payment in facts.payments}
    failed_at = {
        move.subject: move.at for move in facts.moves if move.after in KNOWN_FAILURES and move.before
    }
    for charge in facts.charges:
        if charge.key not in payments:
            yield Violation(
                "I11", charge.key, f"is a key of a charge for {charge.session} and no attempt of ours"
            )
    attempts_of: dict[str, list[Payment]] = defaultdict(list)
    for payment in facts.payments:
        attempts_of[payment.session].append(payment)
    for session, rows in attempts_of.items():
        rows.sort(key=lambda row: row.created_at)
        for first, second in pairwise(rows):
            ended = failed_at.get(first.id)
            if first.state not in KNOWN_FAILURES or ended is None or ended > second.created_at:
                yield Violation(
                    "I11", session, f"began {second.id} before it knew that {first.id} had failed"
                )


PROMISES = {"complete": ("completed",), "cancel": ("canceled",), "create": (), "update": ()}
"""What a 2xx to a verb says of the session for ever, when the answer's status says so too."""


@_judges("I12")
def acknowledged(facts: Facts) -> Iterator[Violation]:
    """What a client was told stays true, whatever happened afterwards."""
    states = {session.id: session.state for session in facts.sessions}
    orders = {order.session: order for order in facts.orders}
    for seen in facts.seen:
        if seen.outcome != "ok" or seen.verb not in PROMISES:
            continue
        told = seen.json()
        session = str(told.get("id", ""))
        if session not in states:
            yield Violation("I12", session, f"was answered to {seen.verb} and does not exist")
            continue
        status = told.get("status")
        if status in PROMISES[seen.verb] and states[session] != status:
            yield Violation("I12", session, f"was told to be {status}, and is {states[session]}")
        order = told.get("order")
        if status == "completed" and isinstance(order, dict):
            now = orders.get(session)
            if now is None or now.id != order.get("id"):
                yield Violation("I12", session, f"was told order {order.get('id')}, has {now and now.id}")


@_judges("I15")
def refunds(facts: Facts) -> Iterator[Violation]:
    for charge in facts.charges:
        if charge.refunded > charge.captured:
            yield Violation("I15", charge.id, f"gave back {charge.refunded} of {charge.captured}")
        if charge.captured > charge.amount:
            yield Violation("I15", charge.id, f"took {charge.captured} of {charge.amount}")
    for payment in facts.payments:
        if payment.going_back > payment.amount:
            yield Violation("I15", payment.id, f"is to give back {payment.going_back} of {payment.amount}")

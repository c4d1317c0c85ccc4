"""The auditor finds what is planted, and says nothing of a world in order."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.agents import PlayedAgent
from tests.faults.auditor import CHECKS, audit
from tests.faults.facts import (
    Challenge,
    Charge,
    Delivery,
    Event,
    Facts,
    Heard,
    Hold,
    Key,
    Move,
    Order,
    Payment,
    Session,
    collect,
)
from tests.faults.history import Seen
from tests.operators import open_shop

NOW = datetime(2026, 4, 17, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOW - timedelta(seconds=600 - seconds)


def seen(verb: str, path: str, status: int, body: dict[str, object], *, key: str = "k1", op: int = 1) -> Seen:
    return Seen(op, verb, path, key, status, json.dumps(body), False, 0.0, 0.1, 0.1)


TOLD = {"id": "cs_a", "status": "completed", "order": {"id": "ord_a"}}
COMPLETE = "/checkout_sessions/cs_a/complete"

SOUND = Facts(
    at=NOW,
    sessions=(Session("cs_a", "completed"), Session("cs_b", "canceled")),
    moves=(
        Move("cs_a", "", "open", at(0)),
        Move("cs_a", "open", "completing", at(1)),
        Move("pay_a", "", "processing", at(1)),
        Move("pay_a", "processing", "authorized", at(2)),
        Move("cs_a", "completing", "completed", at(3)),
        Move("pay_a", "authorized", "captured", at(4)),
        Move("cs_b", "", "open", at(0)),
        Move("cs_b", "open", "completing", at(1)),
        Move("pay_b", "", "processing", at(1)),
        Move("pay_b", "processing", "declined", at(2)),
        Move("cs_b", "completing", "open", at(2)),
        Move("cs_b", "open", "completing", at(3)),
        Move("pay_c", "", "processing", at(3)),
        Move("pay_c", "processing", "declined", at(4)),
        Move("cs_b", "completing", "open", at(4)),
        Move("cs_b", "open", "canceled", at(5)),
    ),
    payments=(
        Payment("pay_a", "cs_a", "captured", 1000, "usd", at(1), going_back=400),
        Payment("pay_b", "cs_b", "declined", 1000, "usd", at(1)),
        Payment("pay_c", "cs_b", "declined", 1000, "usd", at(3)),
    ),
    orders=(Order("ord_a", "cs_a", "pay_a", 1000, "usd", 2, refunded=400),),
    holds=(Hold("pay_a", "item_mug", 1, "sold"), Hold("pay_b", "item_mug", 1, "released")),
    available={"item_mug": 9},
    initial={"item_mug": 10},
    keys=(Key("key:1", COMPLETE, "k1", "done", at(1)),),
    events=(Event("ord_a", 1), Event("ord_a", 2)),
    deliveries=(
        Delivery("whe_1", "evt_a_1", "ord_a", 1, delivered=True, dead=False),
        Delivery("whe_1", "evt_a_2", "ord_a", 2, delivered=False, dead=True),
    ),
    endpoints=("whe_1",),
    challenges=(Challenge("int_a", 3, 5, passed=1),),
    charges=(
        Charge("ch_a", "pay_a", "cs_a", "captured", 1000, "usd", captured=1000, refunded=400),
        Charge("ch_b", "pay_b", "cs_b", "declined", 1000, "usd"),
        Charge("ch_c", "pay_c", "cs_b", "voided", 1000, "usd"),
    ),
    heard=(Heard("evt_a_1", "ord_a", taken=False), Heard("evt_a_1", "ord_a", taken=True)),
    seen=(
        seen("complete", COMPLETE, 0, {}),
        seen("complete", COMPLETE, 200, TOLD, op=2),
        seen("complete", COMPLETE, 200, TOLD, op=3),
        seen("cancel", "/checkout_sessions/cs_b/cancel", 200, {"id": "cs_b", "status": "canceled"}, key="k2"),
    ),
)
"""One purchase that was refunded in part, and one that was declined twice and canceled."""


def test_a_world_in_order_has_no_violation() -> None:
    assert audit(SOUND) == []


def test_nothing_at_all_has_no_violation() -> None:
    assert audit(Facts(at=NOW)) == []


def more(name: str, *rows: object) -> Callable[[Facts], Facts]:
    return lambda facts: replace(facts, **{name: (*getattr(facts, name), *rows)})


def without(name: str, number: int) -> Callable[[Facts], Facts]:
    return lambda facts: replace(
        facts, **{name: tuple(row for place, row in enumerate(getattr(facts, name)) if place != number)}
    )


def other(name: str, number: int, **columns: object) -> Callable[[Facts], Facts]:
    return lambda facts: replace(
        facts,
        **{
            name: tuple(
                replace(row, **columns) if place == number else row
                for place, row in enumerate(getattr(facts, name))
            )
        },
    )


LIES: list[tuple[str, str, Callable[[Facts], Facts]]] = [
    ("I1", "a state that does not exist", other("sessions", 0, state="paid")),
    ("I1", "a state that no move led to", other("sessions", 1, state="expired")),
    ("I1", "a move that is not legal", more("moves", Move("cs_a", "completed", "open", at(9)))),
    ("I1", "a move that is missing", without("moves", 3)),
    ("I1", "a move made twice", more("moves", Move("pay_a", "processing", "authorized", at(9)))),
    ("I1", "a log of nobody", more("moves", Move("cs_z", "", "open", at(9)))),
    ("I2", "two orders", more("orders", Order("ord_z", "cs_a", "pay_a", 1000, "usd", 0))),
    ("I3", "an order that nobody paid", without("charges", 0)),
    ("I3", "a lost order", without("orders", 0)),
    ("I3", "a second charge", more("charges", Charge("ch_z", "pay_z", "cs_a", "authorized", 1000, "usd"))),
    ("I3", "another amount", other("charges", 0, amount=1001)),
    ("I3", "another currency", other("charges", 0, currency="eur")),
    ("I3", "another attempt", other("orders", 0, payment="pay_b")),
    ("I3", "money given back that nobody meant", other("charges", 0, refunded=1000)),
    ("I3", "a charge for nobody", more("charges", Charge("ch_z", "pay_a", "cs_z", "captured", 1, "usd", 1))),
    ("I4", "a canceled session that is charged", other("charges", 2, status="authorized")),
    ("I5", "pieces that are gone", other("holds", 0, quantity=2)),
    ("I5", "less than nothing", lambda facts: replace(facts, available={"item_mug": -1})),
    ("I5", "a hold of a session that is over", other("holds", 0, state="held")),
    ("I6", "an order without its event", without("events", 0)),
    ("I6", "an event twice", more("events", Event("ord_a", 1))),
    ("I6", "an endpoint that was never told", without("deliveries", 1)),
    ("I6", "a delivery that is open", other("deliveries", 1, dead=False)),
    ("I6", "a delivery that the receiver never took", without("heard", 1)),
    ("I6", "a change that never was", more("deliveries", Delivery("whe_1", "e", "ord_a", 3, True, False))),
    ("I6", "an order that never was", more("heard", Heard("evt_z_1", "ord_z", taken=True))),
    ("I6", "an event that was not signed", other("heard", 0, genuine=False)),
    ("I7", "an attempt that is unknown for ever", other("payments", 2, state="processing")),
    ("I7", "an order that was never placed", other("sessions", 0, state="completing")),
    (
        "I7",
        "a key that is held for ever",
        other("keys", 0, state="in_flight", lease_until=NOW + timedelta(seconds=9)),
    ),
    ("I8", "two rows for one key", more("keys", Key("key:1", COMPLETE, "k1", "done", at(2)))),
    ("I8", "two answers to one key", more("seen", seen("complete", COMPLETE, 200, {**TOLD, "x": 1}))),
    ("I9", "one attempt too many", other("challenges", 0, attempts=6)),
    ("I9", "a challenge that was passed twice", other("challenges", 0, passed=2)),
    ("I11", "a key charged twice", other("charges", 2, key="pay_b")),
    ("I11", "a key that is not ours", more("charges", Charge("ch_z", "other", "cs_b", "voided", 1, "usd"))),
    ("I11", "a second attempt too early", other("payments", 2, created_at=at(1.5))),
    ("I11", "a second attempt beside one that may pay", other("payments", 1, state="authorized")),
    ("I12", "a purchase that was taken back", other("sessions", 0, state="expired")),
    ("I12", "a session that is gone", without("sessions", 1)),
    ("I12", "another order than was told", other("orders", 0, id="ord_z")),
    ("I15", "more given back than was taken", other("charges", 0, refunded=1001)),
    ("I15", "more taken than was reserved", other("charges", 0, captured=1001)),
    ("I15", "refunds of more than there is", other("payments", 0, going_back=1001)),
]


@pytest.mark.parametrize(("invariant", "lie", "plant"), LIES, ids=[f"{name} {lie}" for name, lie, _ in LIES])
def test_a_planted_lie_is_found(invariant: str, lie: str, plant: Callable[[Facts], Facts]) -> None:
    found = {violation.invariant for violation in audit(plant(SOUND))}

    assert invariant in found, lie


def test_every_invariant_has_a_lie() -> None:
    assert set(CHECKS) == {invariant for invariant, _, _ in LIES}


def test_a_time_out_is_right_in_both_worlds() -> None:
    """Nobody knows after no answer, and after a 5xx: whether it was done or not, nothing is wrong."""
    nobody_knows = (seen("complete", COMPLETE, 0, {}), seen("complete", COMPLETE, 503, {}, key="k9"))
    lost = replace(SOUND, seen=nobody_knows)
    nothing_done = replace(
        lost,
        sessions=(Session("cs_a", "open"),),
        moves=SOUND.moves[:1],
        payments=(),
        orders=(),
        holds=(),
        available={},
        initial={},
        keys=(),
        events=(),
        deliveries=(),
        charges=(),
        heard=(),
    )

    assert audit(lost) == []
    assert audit(nothing_done) == []


def test_the_database_is_read_as_it_is(transactional_db: None) -> None:
    """A purchase through the real product, and the same with a row that lies."""
    from checkout.models import CheckoutSession, SandboxCharge

    agent = open_shop()
    answer = agent.complete(agent.ready())

    def facts() -> Facts:
        charges = [
            Charge(row.reference, row.key, row.session, row.outcome, row.amount, row.currency)
            for row in SandboxCharge.objects.all()
        ]
        told = Seen(1, "complete", COMPLETE, "k", 200, answer.content.decode(), False, 0, 0, 0)
        return collect(charges=charges, heard=(), seen=[told], initial={}, unknown_seconds=120)

    assert answer.status_code == 200
    assert audit(facts()) == []

    CheckoutSession.objects.update(state="canceled")
    assert {violation.invariant for violation in audit(facts())} == {"I1", "I3", "I4", "I12"}
    assert isinstance(agent, PlayedAgent)

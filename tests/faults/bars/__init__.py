"""Every bar of the suite, in the order in which they run."""

from __future__ import annotations

from tests.faults.bars import ends, goods, kills, outages, provider, races, receivers, refunds
from tests.faults.runs import Bar

POSTGRES = ("postgres",)
BOTH = ("postgres", "sqlite")

BARS: tuple[Bar, ...] = (
    Bar("R01", "identical completes with one key", races.r01, BOTH, shares_stage=True),
    Bar("R02", "completes with a key each", races.r02, BOTH, shares_stage=True),
    Bar("R03", "one key with two bodies", races.r03, shares_stage=True),
    Bar("R04", "complete, cancel, deadline and update at once", ends.r04, shares_stage=True),
    Bar("R05", "the same races without guards", ends.r05, shares_stage=True),
    Bar("R08", "the last pieces", goods.r08, shares_stage=True),
    Bar("R11", "prices and stock that change under the buyer", goods.r11, shares_stage=True),
    Bar("R14", "more refunds than money", refunds.r14, shares_stage=True),
    Bar("R06", "workers killed at every boundary", kills.r06, BOTH),
    Bar("R07", "workers that sleep through their lease", kills.r07),
    Bar("R09", "a payment provider that fails in every way", provider.r09, BOTH, pr=POSTGRES),
    Bar("R10", "messages of the provider five times, in any order", provider.r10, BOTH, pr=POSTGRES),
    Bar("R15", "a broker that is down, wiped or silent", outages.r15),
    Bar("R16", "relays killed, a receiver that fails", receivers.r16),
    Bar("R17", "a receiver that is down for days", receivers.r17),
)

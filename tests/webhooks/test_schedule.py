"""When an event is tried again, for how long, and whom a dead receiver slows (R17)."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import format_datetime

import pytest

from gateway.conf import Conf, conf
from gateway.models import Agent, OutboxMessage, WebhookDelivery, WebhookEndpoint
from gateway.webhooks import breaker, checks, deliveries, endpoints, schedule
from gateway.webhooks.sending import Outcome, Verdict
from tests.agents import PlayedAgent
from tests.webhooks.conftest import Clock, buy, relayed, told_at
from tests.webhooks.receiver import Receiver, receiving

DELAYS = (0, 5, 30, 300, 1800, 7200, 18000, 36000, 86400, 86400)


def until_dead(clock: Clock) -> list[float]:
    """The seconds between the tries, each made as soon as it was due."""
    waited = [0.0]
    while True:
        row = WebhookDelivery.objects.get()
        if row.dead_at or row.delivered_at:
            return waited[: row.tries]
        before, tries = clock.now, row.tries
        clock.passes(seconds=(row.next_try_at - clock.now).total_seconds() + 0.001)
        relayed()
        assert WebhookDelivery.objects.get().tries == tries + 1
        waited.append((clock.now - before).total_seconds())


def test_the_defaults_are_the_schedule() -> None:
    assert Conf().WEBHOOK_DELAYS_SECONDS == DELAYS
    assert Conf().WEBHOOK_TIMEOUT_SECONDS == 10.0


@pytest.mark.requirement("R17", "ACP-120")
def test_the_whole_schedule_and_a_replay(
    agent: PlayedAgent, endpoint: WebhookEndpoint, receiver: Receiver, clock: Clock
) -> None:
    """Ten tries, each 20 % sooner or later; then dead, and an operator's replay delivers it."""
    receiver.says = lambda number: 503
    buy(agent)
    relayed()

    waited = until_dead(clock)

    assert len(waited) == len(receiver.heard) == 10
    for seconds, delay in zip(waited[1:], DELAYS[1:], strict=True):
        assert 0.8 * delay - 1 <= seconds <= 1.2 * delay + 1
    assert len({round(seconds / delay, 3) for seconds, delay in zip(waited[1:], DELAYS[1:], strict=True)}) > 5
    row = WebhookDelivery.objects.get()
    assert (row.error, row.status) == ("server_error", 503)
    assert len({heard.id for heard in receiver.heard}) == 1
    clock.passes(days=30)
    relayed()
    assert len(receiver.heard) == 10

    receiver.says = lambda number: 200
    assert deliveries.replay(row.pk)
    assert not deliveries.replay(row.pk)
    relayed()

    row.refresh_from_db()
    assert row.delivered_at
    assert row.dead_at is None
    assert receiver.taken[0].id == receiver.heard[0].id


@pytest.mark.requirement("R17")
def test_a_receiver_that_is_back_after_two_days(
    agent: PlayedAgent, endpoint: WebhookEndpoint, receiver: Receiver, clock: Clock
) -> None:
    began = clock.now
    receiver.says = lambda number: 200 if clock.now - began > timedelta(days=2) else 503
    buy(agent)
    relayed()

    until_dead(clock)

    assert WebhookDelivery.objects.get().delivered_at
    assert 9 <= len(receiver.heard) <= 10


@pytest.mark.requirement("ACP-120")
def test_retry_after_is_heeded(
    agent: PlayedAgent, endpoint: WebhookEndpoint, receiver: Receiver, clock: Clock
) -> None:
    receiver.headers = {"Retry-After": "120"}
    receiver.says = lambda number: 429 if number == 0 else 200
    buy(agent)
    relayed()
    clock.passes(seconds=119)
    relayed()
    assert len(receiver.heard) == 1

    clock.passes(seconds=2)
    relayed()

    assert len(receiver.taken) == 1


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", 0),
        ("0", 0),
        (" 7 ", 7),
        ("86401", 86400),
        ("9" * 5000, 86400),
        ("-5", 0),
        ("1.5", 0),
        ("\u0663", 0),
        ("soon", 0),
        ("Wed, 99 Foo 2026 99:99:99 GMT", 0),
        ("Wed, 21 Oct 2015 07:28:00 -0000", 0),
    ],
)
def test_what_a_receiver_may_ask_for(clock: Clock, text: str, seconds: float) -> None:
    assert schedule.asked_for(text, clock.now) == seconds


def test_a_date_to_come_back_at(clock: Clock) -> None:
    now = clock.now.replace(microsecond=0)

    assert schedule.asked_for(format_datetime(now + timedelta(seconds=90), usegmt=True), now) == 90
    assert schedule.asked_for(format_datetime(now - timedelta(seconds=90), usegmt=True), now) == 0
    assert schedule.asked_for(format_datetime(now + timedelta(days=900), usegmt=True), now) == 86400


# The breaker ---------------------------------------------------------------------------------


def failed(endpoint: WebhookEndpoint, times: int, now: datetime) -> None:
    for _ in range(times):
        breaker.note(endpoint, Verdict(Outcome.AGAIN, 500), now)
    endpoint.refresh_from_db()


def test_an_endpoint_that_fails_is_left_alone_then_tried(endpoint: WebhookEndpoint, clock: Clock) -> None:
    now = clock.now
    failed(endpoint, 4, now)
    assert endpoints.state(endpoint) == "failing"
    assert breaker.wait(endpoint, now) is None

    failed(endpoint, 1, now)
    until = breaker.wait(endpoint, now)
    assert until is not None
    assert 60 <= (until - now).total_seconds() <= 65
    assert endpoints.state(endpoint) == "left alone"

    later = now + timedelta(seconds=61)
    same = WebhookEndpoint.objects.get(pk=endpoint.pk)
    assert breaker.wait(endpoint, later) is None
    assert breaker.wait(same, later) is not None
    breaker.note(endpoint, Verdict(Outcome.TAKEN, 200), later)
    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.open_until, endpoints.state(endpoint)) == (0, None, "works")


def test_waiting_costs_no_try(
    agent: PlayedAgent, endpoint: WebhookEndpoint, receiver: Receiver, clock: Clock
) -> None:
    failed(endpoint, 5, clock.now)
    buy(agent)
    relayed()
    assert (receiver.heard, WebhookDelivery.objects.get().tries) == ([], 0)

    clock.passes(seconds=66)
    relayed()

    assert len(receiver.taken) == 1


@pytest.mark.requirement("R17")
def test_a_receiver_that_hangs_slows_nobody_else(
    agent: PlayedAgent, row: Agent, endpoint: WebhookEndpoint, receiver: Receiver, allow: Callable[..., None]
) -> None:
    """Twenty events for each of two agents, one of whose receivers never answers in time."""
    import threading

    from gateway import relay

    other = Agent.objects.get(name="Other agent")
    with receiving() as well:
        allow(receiver, well, WEBHOOK_TIMEOUT_SECONDS=5.0, RELAY_POLL_SECONDS=0.05)
        told_at(other, well)
        receiver.seconds = 30.0
        for _ in range(10):
            buy(agent)
            buy(PlayedAgent("other-agent-key"))
        OutboxMessage.objects.filter(kind__in=("checkout.capture", "checkout.place_order")).delete()
        began, stop = time.time(), threading.Event()
        working = threading.Thread(target=relay.run_forever, args=(stop,))
        working.start()
        try:
            while len(well.taken) < 10 and time.time() - began < 30:
                time.sleep(0.05)
        finally:
            stop.set()
            working.join(30)

    assert len(well.taken) == 10
    # Behind ten that hang for five seconds each, three at a time, they would wait for longer.
    assert max(heard.at for heard in well.taken) - began < 12.0


# Settings ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({}, []),
        ({"WEBHOOK_DELAYS_SECONDS": []}, ["agentic.E050"]),
        ({"WEBHOOK_DELAYS_SECONDS": [0, -1]}, ["agentic.E050"]),
        ({"WEBHOOK_DELAYS_SECONDS": "0"}, ["agentic.E050"]),
        ({"WEBHOOK_TIMEOUT_SECONDS": 11}, ["agentic.E051"]),
        ({"WEBHOOK_TIMEOUT_SECONDS": 0}, ["agentic.E051"]),
        ({"MESSAGE_LEASE_SECONDS": 20.0}, ["agentic.E052"]),
        ({"WEBHOOK_AT_ONCE": 0}, ["agentic.E053"]),
        ({"WEBHOOK_BREAKER_SECONDS": -1}, ["agentic.E054"]),
        ({"WEBHOOK_OVERLAP_HOURS": True}, ["agentic.E054"]),
    ],
)
def test_settings_that_make_no_sense(
    allow: Callable[..., None], changed: dict[str, object], found: list[str]
) -> None:
    allow(**changed)

    assert [problem.id for problem in checks.webhooks(None)] == found
    assert conf() is not None

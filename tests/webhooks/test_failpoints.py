"""Places where a test makes the machine fail: every one is on the way of a purchase (T97)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from random import Random
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from checkout.models import CheckoutSession, Order
from checkout.states import SessionState
from gateway.models import IdempotentRequest, OutboxMessage, WebhookDelivery, WebhookEndpoint
from interventions import failpoints
from tests.agents import PlayedAgent
from tests.gateway.test_checks import found
from tests.webhooks.conftest import buy, relayed

PLACES = failpoints.NAMES


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []
    monkeypatch.setattr(failpoints, "_armed", names.append)
    return names


def test_a_purchase_reaches_every_one_once_and_in_order(
    agent: PlayedAgent, endpoint: WebhookEndpoint, reached: list[str]
) -> None:
    buy(agent)
    assert reached == [name for name in PLACES if name.startswith("complete.")]

    relayed()

    assert sorted(reached) == sorted(PLACES)


@pytest.mark.parametrize("name", [name for name in PLACES if name.startswith("complete.")])
def test_the_same_request_again_goes_on_after_a_failure_anywhere(agent: PlayedAgent, name: str) -> None:
    session = agent.ready()

    with failpoints.armed(f"{name}=raise#1"):
        first = agent.complete(session, key="k1")
        if name == "complete.claim.after":  # claimed, and nobody is there to give it back
            IdempotentRequest.objects.update(lease_until=None)
        again = agent.complete(session, key="k1")

    assert first.status_code == 500
    assert again.status_code == 200
    assert Order.objects.count() == 1
    assert CheckoutSession.objects.get().state == SessionState.COMPLETED


@pytest.mark.parametrize("name", ["capture.send.before", "capture.send.after"])
def test_an_effect_that_failed_is_tried_again(agent: PlayedAgent, name: str) -> None:
    buy(agent)

    with failpoints.armed(f"{name}=raise#1"):
        relayed()

    failed = OutboxMessage.objects.get(kind="checkout.capture")
    assert (failed.error, failed.tries, failed.done_at) == ("Reached", 1, None)


def test_what_a_receiver_has_and_we_did_not_note_is_sent_again(
    agent: PlayedAgent, endpoint: WebhookEndpoint, receiver: Any
) -> None:
    buy(agent)

    with failpoints.armed("webhook.post.after=raise#1"):
        relayed()

    assert len(receiver.heard) == 1
    assert WebhookDelivery.objects.get().delivered_at is None


def test_nothing_happens_unless_armed() -> None:
    failpoints.arm("")

    for name in PLACES:
        failpoints.reach(name)


@pytest.mark.parametrize(
    "text",
    [
        "complete.after_psp=kill",
        "complete.open.before",
        "complete.open.before=explode",
        "complete.open.before=sleep",
        "complete.open.before=sleep:soon",
        "complete.open.before=raise@1.5",
        "complete.open.before=raise@",
        "complete.open.before=raise#0",
        "complete.open.before=raise#2@0.5",
        "complete.open.before=raise; complete.open.before=kill",
        "seed=seven",
    ],
)
def test_a_typo_is_an_error_at_start(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        failpoints.arm(text)

    with pytest.raises(ImproperlyConfigured, match="FAILPOINTS"):
        found(FAILPOINTS=text)


@pytest.mark.requirement("T97")
def test_outside_the_demo_it_is_an_error_and_nothing_is_armed() -> None:
    plan = "complete.claim.after=raise"
    assert "agentic.E090" not in found(FAILPOINTS=plan)
    assert "agentic.E090" in found(FAILPOINTS=plan, DEMO=False)

    with override_settings(AGENTIC_GATEWAY={**settings.AGENTIC_GATEWAY, "FAILPOINTS": plan, "DEMO": False}):
        failpoints.reach("complete.claim.after")
    with (
        override_settings(AGENTIC_GATEWAY={**settings.AGENTIC_GATEWAY, "FAILPOINTS": plan}),
        pytest.raises(failpoints.Reached),
    ):
        failpoints.reach("complete.claim.after")


def _hits(text: str, rounds: int = 1000, draws: Random | None = None) -> list[int]:
    name = text.partition("=")[0]
    hits = []
    with failpoints.armed(text, draws=draws):
        for number in range(rounds):
            try:
                failpoints.reach(name)
            except failpoints.Reached:
                hits.append(number)
    return hits


def test_a_share_and_the_first_so_many() -> None:
    assert 10 < len(_hits("complete.send.after=raise@0.05; seed=1")) < 120
    assert _hits("complete.send.after=raise@0; seed=1") == []
    assert _hits("complete.send.after=raise#3") == [0, 1, 2]
    assert set(_hits("complete.send.after=raise@0.5#20")) < set(range(20))
    assert len(_hits("complete.send.after=raise@1.0")) == 1000


def test_the_same_seed_draws_the_same_hits_in_one_process() -> None:
    text = "complete.send.after=raise@0.05; seed=7"
    assert _hits(text) == _hits(text)
    assert _hits(text) != _hits(text.replace("7", "8"))
    assert _hits(text, draws=Random(1)) == _hits(text.replace("7", "8"), draws=Random(1))


def test_only_the_first_so_many_whatever_threads_there_are() -> None:
    counted: Counter[bool] = Counter()
    lock = threading.Lock()

    def hit() -> None:
        for _ in range(200):
            try:
                failpoints.reach("complete.send.after")
                raised = False
            except failpoints.Reached:
                raised = True
            with lock:
                counted[raised] += 1

    with failpoints.armed("complete.send.after=raise#100"):
        threads = [threading.Thread(target=hit) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert counted == {True: 100, False: 1500}


def test_sleeping() -> None:
    before = time.monotonic()
    with failpoints.armed("capture.send.before=sleep:0.2"):
        failpoints.reach("capture.send.before")
        failpoints.reach("capture.send.after")

    assert time.monotonic() - before >= 0.2


REACHING = (
    "from interventions import failpoints;"
    "failpoints.arm('complete.send.after={}');"
    "failpoints.reach('complete.send.before');"
    "print('before', flush=True);"
    "failpoints.reach('complete.send.after');"
    "print('after', flush=True)"
)


def test_killing_ends_the_process_at_once() -> None:
    done = subprocess.run([sys.executable, "-c", REACHING.format("kill")], capture_output=True, timeout=90)

    assert (done.returncode, done.stdout) == (-9, b"before\n")


def test_stopping_leaves_it_standing_until_it_is_sent_on() -> None:
    process = subprocess.Popen([sys.executable, "-c", REACHING.format("stop")], stdout=subprocess.PIPE)
    try:
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        os.kill(process.pid, signal.SIGCONT)
        said, _ = process.communicate(timeout=90)
    finally:
        process.kill()
    assert said == b"before\nafter\n"

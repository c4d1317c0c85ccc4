"""Made-up requests at every address of the Interaction API: 2,000, or 10,000 where there are services."""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings

from gateway import keys
from gateway.contact_models import ContactMessage
from gateway.models import IdempotentRequest, OutboxMessage
from gateway.session_models import AgentSession
from tests.hostile.grammar import Sent
from tests.hostile.test_generated import Heard, ask
from tests.hostile.vocabulary import CANARY
from tests.interaction_api import grammar
from tests.interaction_api.probes import EVERY, GATED, probe
from tests.visitors import BASE, configured, offering, visit

COUNT = int(os.environ.get("AGENTIC_HOSTILE_INTERACTION", "10000" if settings.REDIS_URL else "2000"))
SEED = int(os.environ.get("AGENTIC_HOSTILE_SEED", "20260226"))
PARTS = 4


@pytest.fixture
def application(shop: None) -> Iterator[WSGIHandler]:
    """The project as a WSGI server calls it; an exception is an answer here, not a failure."""
    generous = {"session": 100_000, "token": 100_000, "contact": 100_000}
    with (
        configured(
            SITE_CONTACT="shop@merchant.example",
            INTERACTION_RATE=100_000,
            INTERACTION_RATES=generous,
            MAX_SESSIONS=100_000,
            MAX_SESSIONS_TOTAL=100_000,
        ),
        override_settings(DEBUG_PROPAGATE_EXCEPTIONS=False),
        offering(*EVERY, GATED, probe("GET", "/thing/:item_id", name="probe.thing")),
    ):
        yield WSGIHandler()


@pytest.mark.requirement("AJ-037", "AJ-041", "AJ-043", "AJ-049")
@pytest.mark.parametrize("part", range(PARTS))
def test_generated_requests(application: WSGIHandler, part: int) -> None:
    """No 5xx, nothing but the envelope, nothing of what was sent in a refusal; the seed says which."""
    seed = SEED + part
    rng = random.Random(seed)
    print(f"seed {seed}")
    (_, one), (_, two), (ended, gone) = visit(), visit(), visit()
    AgentSession.objects.filter(pk=ended.pk).update(expires_at=ended.created_at)
    tokens, targets = (one, two, gone, "tok_unknown"), grammar.targets()
    statuses: Counter[int] = Counter()
    wrong: list[str] = []

    for number in range(COUNT // PARTS):
        if number % 10 == 0:  # whoever ended it, it lives again
            AgentSession.objects.exclude(pk=ended.pk).update(ended_at=None, ended_because="")
        sent = grammar.request(rng, BASE, tokens, targets)
        heard = ask(application, sent)
        statuses[heard.status] += 1
        if found := list(_faults(sent, heard)):
            wrong.append(f"{found} {sent!r:.1500} {heard!r:.1000}")

    print(dict(statuses))
    assert not wrong, f"seed {seed}: {len(wrong)} bad answers, the first:\n" + "\n".join(wrong[:5])
    assert set(statuses) >= {200, 201, 204, 400, 401, 404, 405}, "the requests do not get far enough"
    assert statuses[200] + statuses[201] > COUNT // PARTS // 20
    assert not _kept_in_the_clear(one, two)


def test_a_seed_gives_the_same_requests_for_ever(application: WSGIHandler) -> None:
    targets = grammar.targets()

    first, again, other = (
        [grammar.request(rng, BASE, ("tok_1",), targets) for _ in range(200)]
        for rng in (random.Random(1), random.Random(1), random.Random(2))
    )

    assert first == again
    assert first != other


def _faults(sent: Sent, heard: Heard) -> Iterator[str]:
    path = sent.path.decode("utf-8", "surrogateescape")
    if path != BASE and not path.startswith(f"{BASE}/"):
        return
    if heard.status >= 500:
        yield "a fault of ours"
    if any("\r" in value or "\n" in value for _, value in heard.headers):
        yield "a header holds a line end"
    if heard.header("Access-Control-Allow-Origin") != "*":
        yield "a browser cannot read it"
    if heard.status == 204 and sent.method == "OPTIONS":
        if heard.body:
            yield "a body where there is none"
        return
    if heard.header("Content-Type") != "application/json; charset=utf-8":
        yield "not JSON"
    if heard.header("Cache-Control") != "no-store":
        yield "it may be cached"
    if sent.method != "HEAD":
        yield from _misshapen(heard)


def _misshapen(heard: Heard) -> Iterator[str]:
    try:
        body = json.loads(heard.body)
    except ValueError:
        yield "not JSON"
        return
    good = heard.status < 400
    if set(body) != {"ok", "data" if good else "error"} or body["ok"] is not good:
        yield "not the envelope"
    elif not good and (not isinstance(body["error"], str) or not body["error"]):
        yield "an error that says nothing"
    elif not good and CANARY in body["error"]:
        yield "it repeats what was sent"


def _kept_in_the_clear(*tokens: str) -> list[str]:
    """Where a token stands in the database as it is."""
    rows = [
        *(str(row) for row in IdempotentRequest.objects.values()),
        *(str(row) for row in OutboxMessage.objects.values()),
        *(str(row) for row in ContactMessage.objects.values()),
        *(str(row) for row in AgentSession.objects.values()),
    ]
    assert keys.digest(tokens[0].encode(), "agent-session") in "".join(rows)
    return [row for row in rows if any(token in row for token in tokens)]

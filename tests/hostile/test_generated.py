"""Made-up requests over all routes, for programs and for people; a thousand, or five thousand where there
are services (R21, T72 to T79)."""

from __future__ import annotations

import io
import os
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings

from checkout.models import CheckoutSession
from gateway.shop.models import Product
from interventions import policy, ports
from interventions.models import Policy
from tests.agents import ADDRESS, BASE, PlayedAgent
from tests.bank import Wire, authenticator
from tests.cards import AUTHENTICATE, authenticating
from tests.hostile import grammar
from tests.hostile.grammar import Known, Sent
from tests.hostile.judging import faults, for_programs
from tests.hostile.vocabulary import CANARY
from tests.interventions.wallet import PlayedWallet
from tests.parts import plugged

COUNT = int(os.environ.get("AGENTIC_HOSTILE_COUNT", "5000" if settings.REDIS_URL else "1000"))
SEED = int(os.environ.get("AGENTIC_HOSTILE_SEED", "20260417"))


@dataclass(frozen=True, slots=True)
class Heard:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


@pytest.fixture
def application(shop: None) -> Iterator[WSGIHandler]:
    """The project as a WSGI server calls it; an exception is an answer here, not a failure."""
    Product.objects.filter(available__gt=1).update(available=1_000_000)
    before = ports.ports()
    ports.plug(
        replace(
            before, providers={**before.providers, **dict.fromkeys(("redirect", "webview"), PlayedWallet())}
        )
    )
    Policy.objects.create(name="Wallet", kinds=["redirect"], enforcement="always", item_tag="screen")
    policy.forget()
    with (
        plugged(authenticator=authenticator(Wire())),
        override_settings(DEBUG_PROPAGATE_EXCEPTIONS=False, ROOT_URLCONF="gateway.project.demo_urls"),
    ):
        yield WSGIHandler()
    ports.plug(before)


@pytest.mark.requirement("ACP-017", "ACP-018", "ACP-050", "ACP-051", "ACP-063", "ACP-070")
@pytest.mark.parametrize("part", range(4))
def test_generated_requests(application: WSGIHandler, part: int) -> None:
    """R21: no 5xx, no HTML for programs, every error and every success fits its schema, and no
    refusal repeats what was sent. AGENTIC_HOSTILE_SEED and _COUNT choose other requests."""
    seed = SEED + part
    rng = random.Random(seed)
    print(f"seed {seed}")
    agent = PlayedAgent()
    statuses: Counter[int] = Counter()
    wrong: list[str] = []
    visited = 0

    for number in range(COUNT // 4):
        if number % 25 == 0:
            known = _stocked(agent)
        sent = grammar.request(rng, known)
        heard = ask(application, sent)
        statuses[heard.status] += 1
        visited += sent.path.startswith(b"/agentic/confirm/") and heard.status in (200, 303, 409, 410)
        if found := _wrong(sent, heard):
            wrong.append(f"{found} {sent!r:.2000} {heard!r:.1000}")

    print(dict(statuses))
    assert not wrong, f"seed {seed}: {len(wrong)} bad answers, the first:\n" + "\n".join(wrong[:5])
    assert set(statuses) >= {200, 201, 400, 401, 404, 405}, "the requests do not get far enough"
    assert statuses[200] + statuses[201] > COUNT // 40
    assert visited, "nobody came to a page that waited for them"
    assert agent.complete(agent.ready()).json()["status"] == "completed"


def test_a_seed_gives_the_same_requests_for_ever() -> None:
    """R21: a failing seed can be tried again."""
    known = Known(("cs_1",), ("ord_1",))

    first, again = (
        [grammar.request(rng, known) for _ in range(200)] for rng in (random.Random(1), random.Random(1))
    )

    assert first == again
    assert first != [grammar.request(random.Random(2), known) for _ in range(200)]


def ask(application: WSGIHandler, sent: Sent) -> Heard:
    """The application's answer to the request as it stands, repaired by no client library."""
    started: list[Any] = []

    def start(status: str, headers: list[tuple[str, str]], problem: Any = None) -> Any:
        started.extend((status, headers))

    response = application(_environ(sent), start)
    try:
        body = b"".join(response)
    finally:
        response.close()
    return Heard(int(started[0].split(" ")[0]), tuple(started[1]), body)


def _environ(sent: Sent) -> dict[str, Any]:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": sent.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": sent.path.decode("latin-1"),
        "QUERY_STRING": sent.query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(sent.body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if sent.chunked:
        environ["HTTP_TRANSFER_ENCODING"] = "chunked"
    elif sent.body:
        environ["CONTENT_LENGTH"] = str(len(sent.body))
    for name, value in sent.headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    path = sent.path.decode("utf-8", "surrogateescape")
    if not for_programs(path) and not environ.get("CONTENT_LENGTH", "0").isdecimal():
        # Django's form parser trusts its HTTP server, which lets no such length through.
        environ["CONTENT_LENGTH"] = str(len(sent.body))
    return environ


def _stocked(agent: PlayedAgent) -> Known:
    """Sessions in every state that an agent can bring about, and an order."""
    completed = agent.complete(agent.ready()).json()
    canceled = agent.cancel(agent.create()).json()
    sessions = [
        agent.ready()["id"],
        agent.ready()["id"],
        agent.create()["id"],
        completed["id"],
        canceled["id"],
    ]
    foreign = PlayedAgent("other-agent-key").create()["id"]
    assert CheckoutSession.objects.filter(pk__in=sessions).count() == len(sessions)
    waiting = agent.create(
        "item_tablet",
        capabilities={"interventions": {"supported": ["redirect"]}},
        fulfillment_details={"address": ADDRESS},
    )
    shown = agent.create(
        "item_headphones",
        capabilities={"interventions": {"supported": ["webview"]}},
        fulfillment_details={"address": ADDRESS},
    )
    tickets = [
        session["intervention_context"]["redirect_url"].removesuffix("/embed").rpartition("/")[2]
        for session in (waiting, shown)
    ]
    return Known(
        (*sessions, foreign, waiting["id"], shown["id"], "cs_0"),
        (completed["order"]["id"],),
        (*tickets, *tickets, "0" * 96),
        (agent.post(AUTHENTICATE, authenticating()).json()["authentication_session_id"], "das_0"),
    )


def _wrong(sent: Sent, heard: Heard) -> list[str]:
    path = sent.path.decode("utf-8", "surrogateescape")
    found = faults(path, heard.status, heard.header, heard.body)
    if for_programs(path):
        if heard.status >= 400 and CANARY.encode() in heard.body:
            found.append("it repeats what was sent")
        if path.startswith(BASE) and heard.header("Cache-Control") != "no-store":
            found.append("it may be cached")
    elif f"<script>{CANARY}".encode() in heard.body:
        found.append("markup that was sent is markup of the page")
    if any("\r" in value or "\n" in value for _, value in heard.headers):
        found.append("a header holds a line end")
    return found

"""The baselines send what the routes send: otherwise `make bench` would compare different work."""

from __future__ import annotations

import pytest
from django.test import Client

from checkout.models import CheckoutSession, Order, StateMove
from gateway import agents
from gateway.models import IdempotentRequest
from gateway.shop import demo
from tests.agents import PlayedAgent
from tests.benchmarks import recording, replaying, statements
from tests.benchmarks.routes import ROUTES, Route
from tests.benchmarks.tapes import Tape, save, shape

pytestmark = pytest.mark.services

BASELINES = ("b0", "b1")


@pytest.fixture
def agent(transactional_db: None) -> PlayedAgent:
    demo.load()
    agents.load_demo()
    recording.tell_numbers_apart()
    return PlayedAgent()


@pytest.fixture(params=ROUTES.values(), ids=str)
def route(request: pytest.FixtureRequest) -> Route:
    return request.param


@pytest.fixture
def tape(agent: PlayedAgent, route: Route) -> Tape:
    # What is read only every few seconds is on no tape.
    recording.ready_session(agent)
    return recording.record(route, agent)


@pytest.fixture
def served(tape: Tape, settings, tmp_path, monkeypatch: pytest.MonkeyPatch):
    """The baselines play the tape as it comes out of its file."""
    save([tape], tmp_path / "tapes.json")
    monkeypatch.setenv(replaying.TAPES, str(tmp_path / "tapes.json"))
    replaying.plays.cache_clear()
    settings.ROOT_URLCONF = "tests.benchmarks.urls"
    settings.MIDDLEWARE = ["tests.benchmarks.baselines.with_length"]
    yield
    replaying.plays.cache_clear()


def test_the_routes_send_the_committed_statements(tape: Tape, route: Route) -> None:
    """After a change on purpose: `python -m tests.benchmarks.statements`."""
    assert tape.shapes() == statements.committed()[route.name]
    assert tape.counted() <= route.most_statements


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("baseline", BASELINES)
def test_a_baseline_sends_the_statements_of_the_route(
    baseline: str, agent: PlayedAgent, tape: Tape, route: Route
) -> None:
    session = recording.ready_session(agent)
    path = route.baseline_path(baseline).format(session=session)

    sent, response = recording.listen(lambda: recording.ask(Client(), route, path, "another-key"))

    assert [entry if isinstance(entry, str) else shape(entry.sql) for entry in sent] == tape.shapes()
    assert response.json() == tape.answer


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("baseline", BASELINES)
@pytest.mark.parametrize("route", [ROUTES["create"]], ids=str)
def test_a_baseline_inserts_rows_of_its_own(baseline: str, route: Route) -> None:
    """Twice the same request, with two keys, is two sessions with their moves and answers."""
    rows = (CheckoutSession.objects.count(), StateMove.objects.count(), IdempotentRequest.objects.count())

    for key in ("k1", "k2"):
        recording.ask(Client(), route, route.baseline_path(baseline), key)

    assert CheckoutSession.objects.count() == rows[0] + 2
    assert StateMove.objects.count() == rows[1] + 2
    assert IdempotentRequest.objects.count() == rows[2] + 2
    assert IdempotentRequest.objects.filter(key="k2", state=IdempotentRequest.DONE).exists()


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("baseline", BASELINES)
@pytest.mark.parametrize("route", [ROUTES["complete"]], ids=str)
def test_a_baseline_really_completes_the_session_it_is_asked_for(
    baseline: str, agent: PlayedAgent, route: Route
) -> None:
    """A conditional UPDATE that meets no row would cost less than the one it stands for."""
    session = CheckoutSession.objects.get(pk=recording.ready_session(agent))

    recording.ask(Client(), route, route.baseline_path(baseline).format(session=session.id), "a-key")

    session.refresh_from_db()
    order = Order.objects.get(session=session)
    assert session.state == "completed"
    assert order.payment.state == "authorized"
    assert IdempotentRequest.objects.get(key="a-key").state == IdempotentRequest.DONE

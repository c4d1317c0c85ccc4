"""Visits of agents, below HTTP: requirement section 1.7, Q10, Q23."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.test import RequestFactory, override_settings

from gateway import relay
from gateway.errors import RateLimited
from gateway.interaction_api import audit, sessions
from gateway.session_models import AgentSession

NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def configured(**keys: Any) -> Any:
    return override_settings(AGENTIC_GATEWAY={**settings.AGENTIC_GATEWAY, **keys})


@pytest.fixture
def clock(db: None) -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The trails that were closed, and why."""
    found: list[tuple[str, str]] = []
    monkeypatch.setattr(audit, "close", lambda session, because: found.append((session.pk, because)))
    return found


pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.requirement("AJ-070", "AJ-078")
def test_a_token_is_long_random_and_kept_as_a_hash() -> None:
    """AJ-070, section 4.1: 256 bits, stored nowhere; six characters tell sessions apart."""
    made = [sessions.create() for _ in range(20)]

    tokens = {token for _, token in made}
    assert len(tokens) == 20
    for session, token in made:
        assert len(token) >= 32 + 4
        assert len(token.removeprefix("tok_")) == 43
        row = AgentSession.objects.filter(pk=session.pk).values().get()
        assert token not in str(row)
        assert token.removeprefix("tok_")[:6] == row["hint"]
        assert token.removeprefix("tok_")[6:] not in str(row)
        assert sessions.by_token(token) == session
    assert len({session.owner for session, _ in made}) == 20


@pytest.mark.requirement("AJ-073")
def test_use_does_not_move_the_deadline(clock: time_machine.Traveller) -> None:
    session, token = sessions.create()
    assert session.expires_at == NOON + timedelta(seconds=1800)

    for _ in range(3):
        clock.shift(599)
        assert sessions.by_token(token) is not None
    clock.shift(2.999)
    assert sessions.by_token(token) is not None
    clock.shift(0.001)

    assert sessions.by_token(token) is None
    assert sessions.ever_by_token(token) == session


@pytest.mark.requirement("AJ-073")
def test_how_long_it_lasts_is_a_setting(clock: time_machine.Traveller) -> None:
    with configured(AGENT_SESSION_SECONDS=60):
        session, _ = sessions.create()

    assert session.expires_at == NOON + timedelta(seconds=60)


@pytest.mark.requirement("AJ-083")
def test_what_an_agent_says_of_itself_is_one_capped_line() -> None:
    """Section 4.10."""
    session, _ = sessions.create(
        agent_name="Bot\r\nX-Evil: 1\x00\x1b[31m\u2028end\x7f",
        agent_version="v" * 500,
        purpose="gift\ud800 " * 500,
    )
    session.refresh_from_db()

    assert session.agent_name == "Bot X-Evil: 1 [31m end"
    assert session.agent_version == "v" * 50
    assert len(session.purpose) == 500 - 1
    assert session.purpose.startswith("gift gift gift")


@pytest.mark.requirement("AJ-072")
@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({}, ""),
        ({"X-Agent-Session": "a"}, "a"),
        ({"X-Agent-Session": " a "}, "a"),
        ({"Authorization": "Bearer b"}, "b"),
        ({"Authorization": "bearer   b "}, "b"),
        ({"Authorization": "Basic b"}, ""),
        ({"Authorization": "Bearer"}, ""),
        ({"Authorization": "Bearer  "}, ""),
        ({"X-Session-Token": "c"}, "c"),
        ({"X-Agent-Session": "a", "Authorization": "Bearer b", "X-Session-Token": "c"}, "a"),
        ({"X-Agent-Session": "  ", "Authorization": "Bearer b", "X-Session-Token": "c"}, "b"),
        ({"X-Agent-Session": "", "Authorization": "Bearer ", "X-Session-Token": "c"}, "c"),
    ],
)
def test_three_headers_in_order_and_blank_ones_are_absent(headers: dict[str, str], token: str) -> None:
    """Q10."""
    assert sessions.token_of(RequestFactory().get("/", headers=headers)) == token


@pytest.mark.parametrize("token", ["", "x", "tok_" + "a" * 43, "tok_" + "a" * 5000, "tok_\ud800\x00ü"])
def test_an_unknown_token_is_no_session(token: str) -> None:
    assert sessions.by_token(token) is None
    assert sessions.ever_by_token(token) is None


def test_a_token_works_while_its_hash_key_is_recognised() -> None:
    """Rotating HASH_KEYS ends no visit before its deadline."""
    _, token = sessions.create()
    old = settings.AGENTIC_GATEWAY["HASH_KEYS"]

    with configured(HASH_KEYS=["demo-a-newer-key-of-enough-length-00", *old]):
        assert sessions.by_token(token) is not None
    with configured(HASH_KEYS=["demo-a-newer-key-of-enough-length-00"]):
        assert sessions.by_token(token) is None


@pytest.mark.requirement("AJ-074")
def test_an_ended_session_is_over_at_once(closed: list[Any]) -> None:
    session, token = sessions.create()
    other, other_token = sessions.create()

    assert sessions.end(session)
    assert not sessions.end(session)

    assert sessions.by_token(token) is None
    assert sessions.by_token(other_token) == other
    session.refresh_from_db()
    assert session.ended_because == "agent"
    assert closed == [(session.pk, "agent")]


def test_an_end_and_its_trail_are_one_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    session, token = sessions.create()

    def broken(session: AgentSession, because: str) -> None:
        raise RuntimeError

    monkeypatch.setattr(audit, "close", broken)
    with pytest.raises(RuntimeError):
        sessions.end(session)

    assert sessions.by_token(token) == session


def test_an_expired_session_cannot_be_ended_by_its_agent(
    clock: time_machine.Traveller, closed: list[Any]
) -> None:
    session, _ = sessions.create()
    clock.shift(1800)

    assert not sessions.end(session)
    assert closed == []


@pytest.mark.requirement("AJ-073")
def test_the_sweep_ends_what_is_overdue_at_its_deadline(
    clock: time_machine.Traveller, closed: list[Any]
) -> None:
    overdue, _ = sessions.create()
    clock.shift(600)
    live, _ = sessions.create()
    clock.shift(1300)

    assert sessions.end_overdue() == 1
    assert sessions.end_overdue() == 0

    overdue.refresh_from_db()
    live.refresh_from_db()
    assert (overdue.ended_at, overdue.ended_because) == (NOON + timedelta(seconds=1800), "deadline")
    assert live.ended_at is None
    assert closed == [(overdue.pk, "deadline")]


def test_the_relay_sweeps_and_purges() -> None:
    assert {"agent_sessions.sweep", "agent_sessions.purge"} <= set(relay.names())


@pytest.mark.requirement("AJ-081")
def test_revoking_all_cuts_off_every_session(clock: time_machine.Traveller, closed: list[Any]) -> None:
    """Section 4.17: in one statement; their trails are closed by the sweep, with the reason."""
    expired, _ = sessions.create()
    clock.shift(1000)
    tokens = [sessions.create()[1] for _ in range(3)]
    by_agent, _ = sessions.create()
    sessions.end(by_agent)
    clock.shift(900)
    closed.clear()

    assert sessions.revoke_all() == 3
    assert sessions.revoke_all() == 0

    assert [sessions.by_token(token) for token in tokens] == [None] * 3
    clock.shift(1)
    assert sessions.end_overdue() == 4
    reasons = dict(AgentSession.objects.values_list("pk", "ended_because"))
    assert reasons.pop(expired.pk) == "deadline"
    assert reasons.pop(by_agent.pk) == "agent"
    assert set(reasons.values()) == {"revoked"}
    ends = set(AgentSession.objects.filter(ended_because="revoked").values_list("ended_at", flat=True))
    assert ends == {NOON + timedelta(seconds=1900)}
    assert sorted(because for _, because in closed) == ["deadline", "revoked", "revoked", "revoked"]
    _, fresh = sessions.create()
    assert sessions.by_token(fresh) is not None


@pytest.mark.requirement("AJ-081")
def test_one_can_be_revoked(closed: list[Any]) -> None:
    session, token = sessions.create()

    assert sessions.revoke(session)
    assert not sessions.revoke(session)

    assert sessions.by_token(token) is None
    assert closed == [(session.pk, "revoked")]


@pytest.mark.requirement("AJ-079", "AJ-061", "AJ-063", "AJ-064")
def test_the_cap_says_when_a_place_is_free(clock: time_machine.Traveller) -> None:
    """AJ-061: after the wait that was named there is room."""
    with configured(MAX_SESSIONS=2):
        sessions.create(opener="a")
        clock.shift(100)
        sessions.create(opener="a")
        clock.shift(0.5)

        with pytest.raises(RateLimited) as refused:
            sessions.create(opener="a")
        assert refused.value.retry_after == 1700
        sessions.create(opener="b")

        clock.shift(refused.value.retry_after)
        sessions.create(opener="a")
        assert AgentSession.objects.filter(opener="a").count() == 3


@pytest.mark.requirement("AJ-063")
def test_ending_a_session_frees_its_place() -> None:
    with configured(MAX_SESSIONS=1):
        session, _ = sessions.create(opener="a")
        with pytest.raises(RateLimited):
            sessions.create(opener="a")

        sessions.end(session)

        sessions.create(opener="a")


@pytest.mark.requirement("AJ-064")
def test_the_wait_is_capped(clock: time_machine.Traveller) -> None:
    with configured(MAX_SESSIONS=1):
        session, _ = sessions.create(opener="a")
        AgentSession.objects.filter(pk=session.pk).update(expires_at=NOON + timedelta(days=9))

        with pytest.raises(RateLimited) as refused:
            sessions.create(opener="a")

    assert refused.value.retry_after == 24 * 3600


def test_there_is_a_cap_for_all_together(clock: time_machine.Traveller) -> None:
    """Section 4.4: also for those whose address nobody knows."""
    with configured(MAX_SESSIONS=1, MAX_SESSIONS_TOTAL=3):
        for opener in ("a", "", ""):
            sessions.create(opener=opener)

        with pytest.raises(RateLimited) as refused:
            sessions.create(opener="b")

    assert refused.value.retry_after == 1800


def test_what_the_seal_refuses_opened_nothing() -> None:
    def refuse(session: AgentSession, token: str) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        sessions.create(seal=refuse)

    assert not AgentSession.objects.exists()


@pytest.mark.requirement("AJ-066")
def test_an_ipv6_network_is_one_opener() -> None:
    """Q23: and the header of whoever asks changes nothing."""

    def opener(address: str, **headers: str) -> str:
        return sessions.opener_of(RequestFactory().get("/", REMOTE_ADDR=address, headers=headers))

    assert opener("2001:db8:1:2::1") == opener("2001:db8:1:2:ffff::9")
    assert opener("2001:db8:1:2::1") != opener("2001:db8:1:3::1")
    assert opener("192.0.2.1") == opener("::ffff:192.0.2.1")
    assert opener("192.0.2.1") != opener("192.0.2.2")
    assert opener("192.0.2.1") == opener(
        "192.0.2.1", **{"X-Forwarded-For": "198.51.100.7", "User-Agent": "x"}
    )
    assert opener("") == ""
    assert "192.0.2.1" not in opener("192.0.2.1")


@pytest.mark.requirement("AJ-080")
def test_a_session_can_be_bound_to_its_address() -> None:
    """Off by default, for agents that call through several addresses."""
    here = RequestFactory().get("/", REMOTE_ADDR="192.0.2.1")
    _, token = sessions.create(opener=sessions.opener_of(here))
    brings = {"X-Agent-Session": token}
    same = RequestFactory().get("/", REMOTE_ADDR="192.0.2.1", headers=brings)
    other = RequestFactory().get("/", REMOTE_ADDR="192.0.2.2", headers=brings)

    assert sessions.of_request(other) is not None
    with configured(SESSION_BOUND_TO_ADDRESS=True):
        assert sessions.of_request(same) is not None
        assert sessions.of_request(other) is None
        newer = ["demo-a-newer-key-of-enough-length-00", *settings.AGENTIC_GATEWAY["HASH_KEYS"]]
        with configured(SESSION_BOUND_TO_ADDRESS=True, HASH_KEYS=newer):
            assert sessions.of_request(same) is not None


def test_old_sessions_are_purged(clock: time_machine.Traveller) -> None:
    sessions.create()
    clock.shift(1800)
    sessions.end_overdue()
    clock.shift(timedelta(days=89))
    young, _ = sessions.create()
    sessions.end(young)

    assert sessions.purge() == 0
    clock.shift(timedelta(days=1, seconds=1))
    assert sessions.purge() == 1

    assert [row.pk for row in AgentSession.objects.all()] == [young.pk]

"""Servers that mean harm: nothing is followed, nothing runs for ever, nothing fills the memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.aauth.agent import Agent, BadAnswer, GaveUp, Habits, NoAnswer
from tests.aauth.stand_ins import Said, Server, Time, identity, problem, serving, waits

BUY = "/buy"
DONE = Said(200, {"id": "cs_1"})


@pytest.fixture
def shop() -> Iterator[Server]:
    with serving() as server:
        server.on("POST", BUY, waits(server))
        yield server


@pytest.fixture
def other() -> Iterator[Server]:
    with serving() as server:
        yield server


def agent(shop: Server, **habits: Any) -> Agent:
    time = Time()
    return Agent(
        identity(),
        resource=shop.origin,
        on_interaction=lambda *_: None,
        habits=Habits(loopback_http=True, **habits),
        clock=time.clock,
        sleep=time.sleep,
    )


@pytest.mark.parametrize("retry_after", ["0", "1", "60", ""])
def test_a_202_for_ever_ends_with_our_patience(shop: Server, retry_after: str) -> None:
    shop.on("GET", "/pending/1", waits(shop, retry_after=retry_after))

    with pytest.raises(GaveUp) as raised:
        agent(shop, patience_seconds=120.0).request("POST", BUY)

    assert raised.value.pending == f"{shop.origin}/pending/1"
    assert len(shop.asked) <= 122


@pytest.mark.parametrize("busy", [problem(429, "slow_down"), Said(503), None])
def test_busy_for_ever_ends_with_our_patience(shop: Server, busy: Said | None) -> None:
    shop.on("GET", "/pending/1", busy)

    with pytest.raises(GaveUp):
        agent(shop, patience_seconds=600.0).request("POST", BUY)


def test_a_wait_beyond_our_patience_is_not_begun(shop: Server) -> None:
    shop.on("POST", BUY, waits(shop, retry_after="999999999"))

    with pytest.raises(GaveUp):
        agent(shop).request("POST", BUY)


def test_numbers_that_are_too_long_are_no_numbers(shop: Server) -> None:
    shop.on("POST", BUY, waits(shop, retry_after="9" * 4000))
    shop.on("GET", "/pending/1", DONE)

    assert agent(shop).request("POST", BUY).status == 200


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 304])
@pytest.mark.parametrize("polled", [False, True])
def test_a_signed_request_follows_nobody(shop: Server, other: Server, status: int, polled: bool) -> None:
    away = Said(status, b"", {"Location": other.origin + "/take"})
    shop.on(*(("GET", "/pending/1") if polled else ("POST", BUY)), away)

    with pytest.raises(BadAnswer, match="follows no redirect"):
        agent(shop).request("POST", BUY)

    assert other.asked == []


@pytest.mark.parametrize("polled", [False, True])
@pytest.mark.parametrize(
    "location",
    [
        "OTHER/pending/1",
        "//OTHER_HOST/pending/1",
        "https://127.0.0.1/pending/1",
        "http://localhost/pending/1",
        "http://user@OWN_HOST/pending/1",
        "ftp://OWN_HOST/pending/1",
        "http://[::1/pending/1",
        "/pending/1#fragment",
        "/pending/ 1",
    ],
)
def test_a_pending_address_elsewhere_is_not_polled(
    shop: Server, other: Server, location: str, polled: bool
) -> None:
    """AA-003: of the same origin as the answering server."""
    for name, value in (
        ("OTHER_HOST", other.authority),
        ("OWN_HOST", shop.authority),
        ("OTHER", other.origin),
    ):
        location = location.replace(name, value)
    bad = Said(202, {"status": "pending"}, {"Location": location})
    shop.on(*(("GET", "/pending/1") if polled else ("POST", BUY)), bad)

    with pytest.raises(BadAnswer):
        agent(shop).request("POST", BUY)

    assert other.asked == []


def test_the_first_202_must_say_where_to_ask(shop: Server) -> None:
    shop.on("POST", BUY, Said(202, {"status": "pending"}))

    with pytest.raises(BadAnswer):
        agent(shop).request("POST", BUY)


def test_a_later_202_without_a_place_is_about_the_same(shop: Server) -> None:
    shop.on("GET", "/pending/1", waits(shop, location=""), DONE)

    assert agent(shop).request("POST", BUY).status == 200


@pytest.mark.parametrize(
    "answer",
    [
        Said(200, b"x" * 5000),
        Said(200, b"x", {"Content-Encoding": "gzip"}),
        Said(200, b"x", {"Content-Encoding": "br, gzip"}),
    ],
)
def test_huge_and_packed_bodies_are_not_read(shop: Server, answer: Said) -> None:
    shop.on("POST", BUY, answer)

    with pytest.raises(NoAnswer):
        agent(shop, most_bytes=4096).request("POST", BUY)


def test_a_body_that_is_no_object_is_empty(shop: Server) -> None:
    for body in (b"", b"[]", b"null", b"\xff\xfe", b"{", b"[" * 50_000, b'"x"'):
        shop.on("POST", BUY, Said(200, body))
        answer = agent(shop).request("POST", BUY)
        assert (answer.status, answer.body) == (200, {})


def test_members_of_the_wrong_kind_are_nothing(shop: Server) -> None:
    shop.on("POST", BUY, Said(403, {"error": {"a": 1}, "detail": 7, "status": ["pending"]}))

    answer = agent(shop).request("POST", BUY)

    assert (answer.error, answer.text("detail"), answer.text("status")) == ("", "", "")


def test_nobody_there(shop: Server) -> None:
    shop.on("POST", BUY, None)

    with pytest.raises(NoAnswer):
        agent(shop).request("POST", BUY)


def test_a_slow_drip_ends(shop: Server) -> None:
    """The whole answer has so much time, not each of its bytes; here none at all."""
    shop.on("POST", BUY, Said(200, b"x" * 4000))

    with pytest.raises(NoAnswer):
        agent(shop, seconds=1e-9).request("POST", BUY)


def test_what_it_raises_and_shows_holds_no_secret(shop: Server) -> None:
    shop.on("POST", BUY, waits(shop, requires='requirement=interaction; url="ftp://x/"; code="SECRET-99"'))

    with pytest.raises(BadAnswer) as raised:
        agent(shop).request("POST", BUY)

    assert "SECRET" not in str(raised.value)

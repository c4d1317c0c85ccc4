"""Wrong links are counted for each address, and right ones are opened all the same (T41, T44, T82)."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.checks import run_checks
from django.http import HttpResponse
from django.test import Client, RequestFactory

from gateway import addresses, tickets
from gateway.person import misses
from gateway.person.misses import KIND, PER_MINUTE, OwnBuckets
from gateway.throttling import Limiter
from interventions.models import Intervention
from tests.agents import PlayedAgent
from tests.people import Person, heading
from tests.person.conftest import code_in_mail

ILL_FORMED = ["x", "0" * 95, "0" * 97, "Z" * 96, "a" * 4000, "%00", "%ff", "é", "..", "0" * 96 + "%0a"]


@pytest.fixture(autouse=True)
def _nothing_counted() -> Iterator[None]:
    misses.forget()
    yield
    misses.forget()


def configured(settings: Any, **changed: Any) -> None:
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, **changed}


def guess(address: str = "192.0.2.1", ticket: str = "", page: str = "", **more: Any) -> HttpResponse:
    path = f"/agentic/confirm/{ticket or secrets.token_hex(48)}{page}"
    return Client(raise_request_exception=False).get(path, REMOTE_ADDR=address, **more)


@pytest.mark.requirement("T41", "T44", "R36")
@pytest.mark.parametrize("page", ["", "/code", "/return"])
def test_the_twenty_first_miss_in_a_minute_is_told_to_wait(db: None, page: str) -> None:
    answers = [guess(page=page) for _ in range(PER_MINUTE + 1)]

    assert {answer.status_code for answer in answers[:-1]} == {404}
    late = answers[-1]
    assert (late.status_code, heading(late)) == (429, "Too many wrong links")
    assert 1 <= int(late.headers["Retry-After"]) <= 3
    assert late.headers["Cache-Control"] == "no-store"
    assert guess("192.0.2.2").status_code == 404, "another address"


@pytest.mark.requirement("T41")
@pytest.mark.parametrize("ticket", ILL_FORMED)
def test_ill_formed_links_are_misses_too(db: None, ticket: str) -> None:
    answers = [guess(ticket=ticket).status_code for _ in range(PER_MINUTE + 1)]

    assert answers[-1] in (429, 404)
    if ticket != "..":  # a client resolves it before it asks
        assert answers[-1] == 429
        assert set(answers[:-1]) == {404}


@pytest.mark.requirement("T44")
def test_a_person_behind_a_busy_address_gets_through(agent: PlayedAgent, sneakers: dict[str, Any]) -> None:
    """From our test client's own address; also to an end, which is no miss."""
    code = code_in_mail()
    person = Person()
    for _ in range(PER_MINUTE + 5):
        last = guess("127.0.0.1")
    assert last.status_code == 429

    page = person.open(sneakers["continue_url"])
    done = person.press(page, "code", code=code)
    again = person.open(sneakers["continue_url"])

    assert page.status_code == 200
    assert heading(done) == "You have confirmed the purchase"
    assert heading(again) == "This purchase is confirmed already"
    assert person.open(sneakers["continue_url"].removesuffix("/code")).status_code == 404


@pytest.mark.requirement("T41", "R36")
def test_guesses_hit_nothing(agent: PlayedAgent, sneakers: dict[str, Any]) -> None:
    """Of 2^256 none is guessed; nor one close to a real one, nor with the id of a real one."""
    real = tickets.ticket(Intervention.objects.get().pk)
    guesses = [secrets.token_hex(48) for _ in range(3_000)]
    guesses += [real[:32] + secrets.token_hex(32) for _ in range(3_000)]
    guesses += [real[:at] + ("0" if real[at] != "0" else "1") + real[at + 1 :] for at in range(len(real))]
    guesses += [real.upper(), real + "0", real[:-1], f" {real}", f"{real}\n"]

    assert [guess for guess in guesses if tickets.read(guess) is not None] == []
    assert tickets.read(real) == Intervention.objects.get().pk


@pytest.mark.requirement("T82")
@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, None, "192.0.2.1"),
        (0, "203.0.113.9", "192.0.2.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "1.1.1.1, 2.2.2.2,203.0.113.9", "203.0.113.9"),
        (2, "1.1.1.1, 203.0.113.9, 10.0.0.1", "203.0.113.9"),
        (2, "203.0.113.9", "192.0.2.1"),
        (1, None, "192.0.2.1"),
        (1, "", "192.0.2.1"),
        (1, "unknown", "192.0.2.1"),
        (1, "203.0.113.9\x00", "192.0.2.1"),
        (1, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        (1, "::ffff:203.0.113.9", "203.0.113.9"),
    ],
)
def test_an_address_is_what_our_own_proxies_say(
    settings: Any, proxies: int, forwarded: str | None, address: str
) -> None:
    configured(settings, PROXIES=proxies)
    header = {} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded}

    assert addresses.of(RequestFactory().get("/", REMOTE_ADDR="192.0.2.1", **header)) == address


@pytest.mark.requirement("T82")
def test_a_header_gives_no_second_budget(db: None) -> None:
    answers = [guess(HTTP_X_FORWARDED_FOR=f"10.0.0.{entry}").status_code for entry in range(PER_MINUTE + 1)]

    assert answers[-1] == 429


@pytest.mark.parametrize("proxies", [-1, 11, "1", 1.0, True, None])
def test_a_wrong_number_of_proxies_is_named(settings: Any, proxies: Any) -> None:
    configured(settings, PROXIES=proxies)

    assert "agentic.E080" in [found.id for found in run_checks(tags=["security"])]


def test_without_an_address_nobody_is_refused(db: None) -> None:
    """Behind a socket of this machine, for instance."""
    assert {guess("").status_code for _ in range(PER_MINUTE + 5)} == {404}


def test_a_process_forgets_who_was_silent_longest() -> None:
    buckets = OwnBuckets(per_minute=1, remembered=2)

    first = [buckets.wait(owner, KIND) for owner in ("a", "b", "b", "c", "a")]

    assert first[:2] == [0, 0]
    assert first[2] > 50
    assert first[3:] == [0, 0], "a was forgotten for c"


def test_a_store_that_is_down_refuses_nobody(db: None, settings: Any) -> None:
    configured(settings, RATE_STORE="redis://127.0.0.1:1/0")

    assert {guess().status_code for _ in range(PER_MINUTE + 5)} == {404}


@pytest.mark.services
def test_all_workers_count_together(db: None) -> None:
    """Two processes' limiters on one store: twenty together."""
    one, other = (Limiter(django_settings.REDIS_URL, {KIND: (20, 20)}, timeout_seconds=20) for _ in range(2))
    owner = uuid.uuid4().hex

    waits = [limiter.wait(owner, KIND) for _ in range(10) for limiter in (one, other)]

    assert set(waits) == {0.0}
    assert one.wait(owner, KIND) > 0
    assert other.wait(owner, KIND) > 0

"""The acquirer's books: what was answered is in them whatever happens, once for each key."""

from __future__ import annotations

import itertools
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acquirer.process import KEY, Acquirer
from tests.wallet.process import http

_numbers = itertools.count(1)
GOOD = {"amount": 4_200, "currency": "usd", "token": "spt_sandbox_ok", "session": "cs_1"}


def key() -> str:
    return f"pay_{next(_numbers)}"


def charge(acquirer: Acquirer, id: str, **changed: Any) -> httpx.Response:
    return acquirer.ask("POST", "/charges", key=id, json={**GOOD, **changed})


def of(acquirer: Acquirer, session: str) -> list[dict[str, Any]]:
    return [row for row in acquirer.charges if row["session"] == session]


def test_one_key_is_one_charge_and_says_the_same_again(acquirer: Acquirer) -> None:
    id = key()

    first, again = (charge(acquirer, id, session="cs_once") for _ in range(2))

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(of(acquirer, "cs_once")) == 1


def test_two_keys_are_two_charges(acquirer: Acquirer) -> None:
    """Otherwise a test of ours that counts charges would prove nothing."""
    charge(acquirer, key(), session="cs_twice")
    charge(acquirer, key(), session="cs_twice")

    assert [row["status"] for row in of(acquirer, "cs_twice")] == ["authorized"] * 2


@pytest.mark.parametrize("changed", [{"amount": 4_201}, {"token": "spt_other"}, {"three_d_secure": True}])
def test_a_key_with_another_body_is_a_conflict(acquirer: Acquirer, changed: dict[str, Any]) -> None:
    id = key()
    charge(acquirer, id)

    refused = charge(acquirer, id, **changed)

    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "key_reused")


def test_a_key_of_a_refund_is_not_one_of_a_charge(acquirer: Acquirer) -> None:
    id = key()
    made = charge(acquirer, id).json()["id"]
    acquirer.ask("POST", f"/charges/{made}/capture")

    refused = acquirer.ask("POST", f"/charges/{made}/refunds", key=id, json={"amount": 1})

    assert refused.status_code == 409


def test_a_key_is_honoured_for_a_day(acquirer: Acquirer) -> None:
    """A retry after that is a second charge: whoever retries has to be quicker."""
    young, old = key(), key()
    for id in (young, old):
        charge(acquirer, id, session="cs_day")
    with sqlite3.connect(acquirer.books) as books:
        books.execute("UPDATE keys SET at = at - 86000 WHERE key = ?", (young,))
        books.execute("UPDATE keys SET at = at - 86500 WHERE key = ?", (old,))

    for id in (young, old):
        charge(acquirer, id, session="cs_day")

    assert sorted(row["key"] for row in of(acquirer, "cs_day")) == sorted([young, old, old])


def test_a_key_that_is_sent_at_once_by_many_is_one_charge(acquirer: Acquirer) -> None:
    id = key()
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: charge(acquirer, id, session="cs_race"), range(24)))

    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1
    assert len(of(acquirer, "cs_race")) == 1


def test_whatever_was_answered_survives_a_kill(tmp_path: Path) -> None:
    """Killed while it was working, in the middle of many."""
    told: list[str] = []
    with Acquirer(tmp_path) as acquirer:
        enough = threading.Event()

        def send(_: int) -> None:
            for _ in range(200):
                id = key()
                try:
                    answer = charge(acquirer, id)
                except httpx.HTTPError:
                    return
                if answer.status_code == 201:
                    told.append(id)
                if len(told) >= 30:
                    enough.set()

        with ThreadPoolExecutor(4) as pool:
            sending = pool.map(send, range(4))
            assert enough.wait(60)
            acquirer.kill()
            list(sending)
        acquirer.start()

        kept = {row["key"] for row in acquirer.charges}
        assert set(told) <= kept
        # And their keys still work.
        assert charge(acquirer, told[0]).headers["Idempotent-Replayed"] == "true"


def test_the_books_are_read_in_pages(acquirer: Acquirer) -> None:
    made = [charge(acquirer, key(), session="cs_pages").json()["id"] for _ in range(120)]

    found: list[str] = []
    after: str | None = "0"
    pages = 0
    while after is not None:
        query = {"since": "2020-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z", "after": after}
        page = acquirer.ask("GET", "/charges", params=query).json()
        found += [row["id"] for row in page["charges"] if row["session"] == "cs_pages"]
        after, pages = page["next"], pages + 1

    assert found == made
    assert pages > 1


@pytest.mark.parametrize("given", ["", "Bearer wrong", f"bearer {KEY}", f"Bearer {KEY}x", "Bearer \xff"])
def test_nobody_else_is_answered(acquirer: Acquirer, given: str) -> None:
    for method, path in (("POST", "/charges"), ("GET", "/charges?key=x"), ("POST", "/control")):
        answer = http.request(
            method, acquirer.origin + path, headers={"Authorization": given.encode("latin-1")}
        )
        assert answer.status_code == 401


@pytest.mark.parametrize(
    "changed",
    [
        {"amount": -1},
        {"amount": "1"},
        {"amount": 1.0},
        {"amount": True},
        {"amount": 2**53},
        {"currency": "USD"},
        {"token": ""},
        {"session": None},
        {"token": "spt_\x00"},
        {"three_d_secure": 1},
        {"more": 1},
    ],
)
def test_what_is_not_in_order_is_refused_and_its_key_is_free(
    acquirer: Acquirer, changed: dict[str, Any]
) -> None:
    id = key()

    assert charge(acquirer, id, **changed).status_code == 400
    assert charge(acquirer, id).status_code == 201


HALF = rb'{"amount": 1, "currency": "usd", "token": "spt_1", "session": "\ud800"}'


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b"[" * 5_000, HALF])
def test_what_is_no_json_is_refused(acquirer: Acquirer, body: bytes) -> None:
    assert acquirer.ask("POST", "/charges", key=key(), content=body).status_code == 400


def test_without_a_key_nothing_is_charged(acquirer: Acquirer) -> None:
    assert acquirer.ask("POST", "/charges", json=GOOD).json()["error"]["code"] == "key_missing"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/charges/ch_000000000000000000000000", 404),
        ("GET", "/nothing", 404),
        ("POST", "/charges/x", 404),
    ],
)
def test_unknown_addresses_are_not_known(acquirer: Acquirer, method: str, path: str, status: int) -> None:
    assert acquirer.ask(method, path).status_code == status


def test_a_token_is_in_no_books(acquirer: Acquirer) -> None:
    charge(acquirer, key(), token="spt_very_secret_token")

    with sqlite3.connect(acquirer.books) as books:
        assert "spt_very_secret_token" not in "".join(books.iterdump())


def test_without_the_switch_it_cannot_be_told_to_fail(tmp_path: Path) -> None:
    with Acquirer(tmp_path, programmable=False) as acquirer:
        assert acquirer.ask("POST", "/control", json={}).status_code == 404
        assert acquirer.ask("GET", "/control/ledger").status_code == 404
        assert charge(acquirer, key()).status_code == 201

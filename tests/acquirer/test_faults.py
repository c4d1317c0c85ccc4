"""How the acquirer misbehaves: every fault does to the books and to the client what it says."""

from __future__ import annotations

import itertools
import time
from typing import Any

import httpx
import pytest

from tests.acquirer.process import Acquirer
from tests.project.server import eventually

_numbers = itertools.count(1)
LONG = 30.0


def key() -> str:
    return f"pay_fault_{next(_numbers)}"


def charge(acquirer: Acquirer, id: str, *, patience: float = LONG) -> httpx.Response:
    body = {"amount": 4_200, "currency": "usd", "token": "spt_sandbox_ok", "session": f"cs_{id}"}
    return acquirer.ask("POST", "/charges", key=id, json=body, timeout=patience)


def known(acquirer: Acquirer, id: str) -> dict[str, Any] | None:
    answer = acquirer.ask("GET", "/charges", params={"key": id})
    return answer.json() if answer.status_code == 200 else None


def test_an_error_before_the_commit_charges_nothing(acquirer: Acquirer) -> None:
    acquirer.faults({"what": "error_before", "path": "/charges"})
    id = key()

    assert charge(acquirer, id).status_code == 500
    assert known(acquirer, id) is None


def test_an_error_after_the_commit_has_charged(acquirer: Acquirer) -> None:
    acquirer.faults({"what": "error_after", "path": "/charges", "times": 1})
    id = key()

    assert charge(acquirer, id).status_code == 500
    assert (known(acquirer, id) or {})["status"] == "authorized"
    assert charge(acquirer, id).headers["Idempotent-Replayed"] == "true"


def test_a_reset_charges_nothing(acquirer: Acquirer) -> None:
    acquirer.faults({"what": "reset_before", "path": "/charges"})
    id = key()

    with pytest.raises(httpx.ReadError):
        charge(acquirer, id)
    assert known(acquirer, id) is None


def test_silence_has_charged_and_lets_go_of_a_client_that_left(acquirer: Acquirer) -> None:
    acquirer.faults({"what": "silent_after", "path": "/charges"})
    id = key()

    with pytest.raises(httpx.ReadTimeout):
        charge(acquirer, id, patience=0.5)
    assert (known(acquirer, id) or {})["status"] == "authorized"
    assert eventually(lambda: held(acquirer) == 0, within=20)


def held(acquirer: Acquirer) -> int:
    """Connections that wait for nothing, by the process's own open files."""
    from pathlib import Path

    listening = f":{acquirer.port:04X}"
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    # 08: the client has gone, and the server still holds its end.
    return sum(line[1].endswith(listening) and line[3] == "08" for line in lines)


def test_silence_ends_after_its_time(acquirer: Acquirer) -> None:
    acquirer.faults({"what": "silent_after", "path": "/charges", "seconds": 0.2})

    with pytest.raises(httpx.RemoteProtocolError):
        charge(acquirer, key())


@pytest.mark.parametrize("what", ["delay", "delay_after"])
def test_a_slow_answer_is_a_whole_answer(acquirer: Acquirer, what: str) -> None:
    acquirer.faults({"what": what, "path": "/charges", "seconds": 0.3})
    began = time.monotonic()

    assert charge(acquirer, key()).status_code == 201
    assert time.monotonic() - began >= 0.3


def test_what_is_slow_before_the_commit_is_not_there_yet(acquirer: Acquirer) -> None:
    """The worst case for whoever asks: the provider knows nothing, and will charge all the same."""
    acquirer.faults({"what": "delay", "path": "/charges", "seconds": 2})
    id = key()

    with pytest.raises(httpx.ReadTimeout):
        charge(acquirer, id, patience=0.3)
    assert known(acquirer, id) is None
    assert eventually(lambda: known(acquirer, id) is not None, within=20)


def test_a_decline_is_on_record(acquirer: Acquirer) -> None:
    acquirer.faults({"what": "decline", "path": "/charges", "times": 1})
    id = key()

    assert charge(acquirer, id).json()["status"] == "declined"
    assert charge(acquirer, id).json()["status"] == "declined"
    assert charge(acquirer, key()).json()["status"] == "authorized"


def test_a_fault_meets_its_path_and_method_alone(acquirer: Acquirer) -> None:
    acquirer.faults({"what": "error_before", "path": "/charges/{id}/capture"})
    made = charge(acquirer, key()).json()["id"]

    assert acquirer.ask("POST", f"/charges/{made}/capture").status_code == 500
    assert acquirer.ask("GET", f"/charges/{made}").json()["status"] == "authorized"
    acquirer.faults({"what": "error_before", "method": "GET"})
    assert acquirer.ask("GET", f"/charges/{made}").status_code == 500
    assert acquirer.ask("POST", f"/charges/{made}/capture").status_code == 200


def test_shares_are_parts_of_one_whole_and_a_seed_draws_the_same(acquirer: Acquirer) -> None:
    faults = [
        {"what": "error_before", "share": 0.5, "path": "/charges"},
        {"what": "decline", "share": 0.5, "path": "/charges"},
    ]

    def run(seed: int) -> list[int]:
        acquirer.faults(*faults, seed=seed)
        return [charge(acquirer, key()).status_code for _ in range(30)]

    first, again, other = run(1), run(1), run(2)
    drawn = acquirer.drawn

    assert first == again != other
    assert sum(drawn.values()) == 30
    assert set(drawn) == {"error_before", "decline"}


@pytest.mark.parametrize(
    "told",
    [
        {"faults": [{"what": "unheard_of"}]},
        {"faults": [{"share": 1}]},
        {"faults": [{"what": "delay", "path": "/other"}]},
        {"faults": [{"what": "delay", "share": "1"}]},
        {"faults": {"what": "delay"}},
        {"webhooks": {"copies": -1}},
        {"more": 1},
    ],
)
def test_what_it_does_not_know_it_refuses(acquirer: Acquirer, told: dict[str, Any]) -> None:
    assert acquirer.ask("POST", "/control", json=told).status_code == 400

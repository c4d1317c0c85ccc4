"""What goes out (requirements 1.4)."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from gateway.interaction_api.capabilities import Call, Capability, Seal
from tests.interaction_api.probes import EVERY, FAILING, GATED, probe
from tests.visitors import Visitor, configured, failed, offering, told, visit


@pytest.fixture(autouse=True)
def offered() -> Iterator[None]:
    with offering(*EVERY, GATED, FAILING):
        yield


def provoked(visitor: Visitor) -> dict[int, Any]:
    """One answer of each kind that there is."""
    answers = [
        visitor.get("/search?q=mug"),
        visitor.get("/search"),
        visitor.post("/gated", {"item_id": "a"}),
        visitor.get("/detail?id=nothing"),
        visitor.ask("PUT", "/search"),
        visitor.get("/probe/fail?with=moved"),
        visitor.post("/probe", raw=b"x" * 1_100_000),
        visitor.get("/probe/fail?with=bug"),
        visitor.get("/probe/fail?with=down"),
    ]
    with configured(INTERACTION_RATE=1):
        visitor.get("/search?q=mug")
        answers.append(visitor.get("/search?q=mug"))
    return {answer.status_code: answer for answer in answers}


@pytest.mark.requirement("AJ-041", "AJ-042", "AJ-043", "AJ-055")
def test_every_answer_is_in_the_envelope(visitor: Visitor) -> None:
    answers = provoked(visitor)

    assert sorted(answers) == [200, 400, 401, 404, 405, 409, 413, 429, 500, 503]
    for status, answer in answers.items():
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8", status
        assert answer.headers["Cache-Control"] == "no-store", status
        assert answer.headers["Access-Control-Allow-Origin"] == "*", status
        assert answer.headers["Request-Id"], status
        assert told(answer) if status == 200 else failed(answer)


@pytest.mark.requirement("AJ-041", "AJ-045")
@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/nothing",
        "/search/more",
        "/cart/nothing/at/all",
        "/%0A",
        "//search",
        "/detail/",
        "/session/x",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "TRACE"])
def test_what_is_not_there_says_so(visitor: Visitor, path: str, method: str) -> None:
    answer = visitor.ask(method, path)

    assert answer.status_code in (400, 404)
    assert failed(answer)


@pytest.mark.requirement("AJ-041")
@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\xff\xfe",
        b'{"a": NaN}',
        b"{}{}",
        b'{"item_id": "\\ud800"}',
        b"\x00",
    ],
)
def test_a_body_that_is_none_is_told_so(visitor: Visitor, raw: bytes) -> None:
    answer = visitor.post("/probe", raw=raw)

    assert answer.status_code == 400
    assert failed(answer)


@pytest.mark.requirement("AJ-042")
def test_data_is_there_even_if_there_is_none(visitor: Visitor) -> None:
    def nothing(call: Call, seal: Seal) -> None:
        seal(None)

    with offering(Capability("probe.none", "GET", "/none", nothing)):
        assert json.loads(visitor.get("/none").content) == {"ok": True, "data": None}


@pytest.mark.requirement("AJ-044")
def test_a_capability_says_what_it_makes(visitor: Visitor) -> None:
    _, visitor.token = visit()

    assert told(visitor.post("/gated", {"item_id": "a"}), 201)
    assert told(visitor.post("/probe", {"item_id": "a"}), 200)
    assert told(visitor.post("/session"), 201)


@pytest.mark.requirement("AJ-045", "AJ-048", "AJ-114")
@pytest.mark.parametrize(
    ("fault", "status", "wait", "says"),
    [
        ("refused", 400, None, "The cart is empty."),
        ("closed", 400, None, "finished"),
        ("gone", 404, None, "There is no such line."),
        ("unknown_item", 404, None, "item_id: "),
        ("moved", 409, "1", "try again"),
        ("in_flight", 409, "1", "still being processed"),
        ("provider", 503, "1", "settled"),
        ("down", 503, "2", "Try again"),
        ("bug", 500, None, "Something went wrong on our side"),
    ],
)
def test_each_refusal_has_its_status(
    visitor: Visitor, fault: str, status: int, wait: str | None, says: str
) -> None:
    """What stays as it is is 400 or 404, whose text clients show; what passes says when to come back."""
    answer = visitor.get(f"/probe/fail?with={fault}")

    assert answer.status_code == status
    assert answer.headers.get("Retry-After") == wait
    assert says in failed(answer)


@pytest.mark.requirement("AJ-045", "AJ-114")
def test_without_a_session_it_is_401_and_a_new_one_cures_it(visitor: Visitor) -> None:
    """The same answer for a token that is missing, unknown, ended or blank."""
    ended, stale = visit()
    type(ended).objects.filter(pk=ended.pk).update(expires_at=ended.created_at)
    heard = []
    for token in ("", stale, "tok_unknown", " ", "\x7f", "x" * 5_000, "ü"):
        visitor.token = token
        heard.append(visitor.post("/gated", {"item_id": "a"}))

    assert {answer.status_code for answer in heard} == {401}
    assert len({answer.content for answer in heard}) == 1
    assert heard[0].headers["WWW-Authenticate"]
    assert "X-Agent-Session" in failed(heard[0])
    visitor.token = ""
    visitor.token = told(visitor.post("/session"), 201)["session_token"]
    assert told(visitor.post("/gated", {"item_id": "a"}), 201)


@pytest.mark.requirement("AJ-047")
def test_what_is_deleted_is_answered_with_a_body(visitor: Visitor) -> None:
    assert told(visitor.ask("DELETE", "/probe", {"item_id": "a"}))["params"]["item_id"] == "a"
    visitor.token = told(visitor.post("/session"), 201)["session_token"]
    assert told(visitor.ask("DELETE", "/session"))["ended_at"]


@pytest.mark.requirement("AJ-049")
def test_a_fault_of_ours_tells_nothing_of_us(visitor: Visitor, caplog: pytest.LogCaptureFixture) -> None:
    """A generic text, and an id that the log has too."""
    with caplog.at_level(logging.INFO):
        answer = visitor.get("/probe/fail?with=bug")
        named = visitor.get("/probe/fail?with=bug", Request_Id="mine-1")
        forged = visitor.get("/probe/fail?with=bug", Request_Id="a b\tc")

    assert answer.status_code == 500
    assert "tok_1" not in answer.content.decode() + caplog.text
    assert "ValueError" not in answer.content.decode()
    assert re.fullmatch(r"req_[0-9a-f]{32}", answer.headers["Request-Id"])
    assert answer.headers["Request-Id"] in caplog.text
    assert named.headers["Request-Id"] == "mine-1"
    assert "mine-1" in caplog.text
    assert re.fullmatch(r"req_[0-9a-f]{32}", forged.headers["Request-Id"])


@pytest.mark.requirement("AJ-049")
def test_a_database_that_is_away_is_503(visitor: Visitor) -> None:
    def away(call: Call, seal: Seal) -> None:
        raise OperationalError("the password is hunter2")

    with offering(Capability("probe.away", "GET", "/away", away)):
        answer = visitor.get("/away")

    assert answer.status_code == 503
    assert "hunter2" not in failed(answer)


def test_a_handler_that_answers_twice_or_never_is_a_fault(visitor: Visitor) -> None:
    with offering(
        Capability("probe.never", "GET", "/never", lambda call, seal: None),
        Capability("probe.strange", "GET", "/strange", lambda call, seal: seal({1: object()})),
    ):
        assert visitor.get("/never").status_code == 500
        assert visitor.get("/strange").status_code == 500


@pytest.mark.requirement("AJ-050", "AJ-062")
def test_how_it_stands_is_on_every_answer(visitor: Visitor) -> None:
    answers = provoked(visitor)

    for status, answer in answers.items():
        assert re.fullmatch(r"\d+", answer.headers["X-RateLimit-Remaining"]), status
        assert re.fullmatch(r"\d{10}", answer.headers["X-RateLimit-Reset"]), status
    assert answers[429].headers["X-RateLimit-Remaining"] == "0"


@pytest.mark.requirement("AJ-052")
def test_nothing_is_kept_by_caches_and_nothing_varies(visitor: Visitor) -> None:
    opened = visitor.post("/session")

    assert opened.status_code == 201
    assert opened.headers["Cache-Control"] == "no-store"
    assert "Vary" not in opened.headers
    assert "Set-Cookie" not in opened.headers


@pytest.mark.requirement("AJ-053")
@pytest.mark.parametrize(
    "path", ["/search?q=mug", "/browse", "/detail?id=item_mug", "/detail?id=none", "/search"]
)
def test_head_is_get_without_a_body(visitor: Visitor, path: str) -> None:
    got, head = visitor.get(path), visitor.ask("HEAD", path)

    assert head.content == b""
    assert head.status_code == got.status_code
    assert head.headers["Content-Length"] == str(len(got.content))
    assert head.headers["Content-Type"] == got.headers["Content-Type"]


@pytest.mark.requirement("AJ-054")
@pytest.mark.parametrize("path", ["/search", "/gated", "/session", "/nothing", ""])
def test_a_browser_may_ask_first(visitor: Visitor, path: str) -> None:
    """Not counted, no session, whatever is there."""
    with configured(INTERACTION_RATE=1):
        answers = [visitor.ask("OPTIONS", path) for _ in range(5)]
        assert visitor.get("/search?q=mug").status_code == 200
        answers.append(visitor.ask("OPTIONS", path))

    for answer in answers:
        assert answer.status_code == 204
        assert answer.content == b""
        assert "DELETE" in answer.headers["Access-Control-Allow-Methods"]
        assert int(answer.headers["Access-Control-Max-Age"]) > 0


@pytest.mark.requirement("AJ-045")
def test_a_wrong_method_names_the_right_ones(visitor: Visitor) -> None:
    answer = visitor.ask("DELETE", "/search")

    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"
    assert "GET" in failed(answer)
    session = visitor.ask("PATCH", "/session")
    assert session.status_code == 405
    assert "POST" in session.headers["Allow"]
    assert failed(session)


@pytest.mark.requirement("AJ-045")
def test_a_handoff_tells_where_and_how_long(visitor: Visitor) -> None:
    """All five members (Q11); without the first three it is a fault of ours, not a dead end."""
    link = {
        "handoff_url": "https://shop.example/x",
        "expires_at": "2026-02-19T13:30:00Z",
        "message": "Go on.",
    }

    def hand_over(call: Call, seal: Seal) -> None:
        seal({name: link[name] for name in call.others.get("tell", list(link))})

    with offering(probe(path="/hand", name="probe.hand", handler=hand_over, params={}, human_handoff=True)):
        data = told(visitor.post("/hand"))
        assert visitor.post("/hand", {"tell": ["handoff_url", "message"]}).status_code == 500

    assert data == {**link, "checkout_url": link["handoff_url"], "human_handoff": True}


def test_what_writes_nothing_opens_no_transaction(visitor: Visitor) -> None:
    """Each one is a write lock on SQLite: strangers who look around must not hold up who buys."""
    with CaptureQueriesContext(connection) as asked:
        assert visitor.get("/search?q=mug").status_code == 200
        assert visitor.get("/search").status_code == 400
        assert visitor.get("/nothing").status_code == 404

    assert asked.captured_queries
    assert not [query["sql"] for query in asked.captured_queries if not query["sql"].startswith("SELECT")]

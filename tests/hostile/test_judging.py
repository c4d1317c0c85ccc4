"""The judge of the hostile tests is itself judged: each kind of bad answer is noticed."""

from __future__ import annotations

import json

import pytest

from tests.hostile.judging import faults, for_programs
from tests.hostile.sockets import parse

ERROR = {"type": "invalid_request", "code": "invalid", "message": "No."}
SESSIONS = "/agentic/acp/checkout_sessions"


def judged(path: str, status: int, body: bytes, content_type: str = "application/json") -> list[str]:
    return faults(path, status, {"content-type": content_type}.get, body)  # type: ignore[arg-type]


def test_a_good_refusal_has_no_faults() -> None:
    """ACP-017."""
    assert judged(SESSIONS, 400, json.dumps(ERROR).encode()) == []


@pytest.mark.parametrize(
    ("path", "status", "body", "content_type"),
    [
        (SESSIONS, 500, json.dumps(ERROR).encode(), "application/json"),
        (SESSIONS, 404, b"<!doctype html>", "text/html"),
        (SESSIONS, 404, b"<!doctype html>", "application/json"),
        (SESSIONS, 400, json.dumps({"error": ERROR}).encode(), "application/json"),
        (SESSIONS, 400, json.dumps({**ERROR, "type": "oops"}).encode(), "application/json"),
        (SESSIONS, 201, b"{}", "application/json"),
        ("/agentic/nothing", 200, b"{}", "application/json"),
        ("/.well-known/acp.json", 200, b"{}", "application/json"),
        ("/agentic/orders/ord_1", 500, b"", "text/html"),
        ("/agentic/orders/ord_1", 404, b"Traceback (most recent call last)", "text/html"),
    ],
)
def test_a_bad_answer_is_noticed(path: str, status: int, body: bytes, content_type: str) -> None:
    """R21."""
    assert judged(path, status, body, content_type)


def test_pages_may_be_html_and_nothing_else_may() -> None:
    assert not for_programs("/agentic/orders/ord_1")
    assert not for_programs("/nothing")
    assert for_programs("/agentic/orders/ord_1/more")
    assert for_programs("/healthz")


def test_answers_on_one_connection_are_told_apart() -> None:
    """T80: one answer too many is how smuggling shows."""
    interim = b"HTTP/1.1 100 Continue\r\n\r\n"
    counted = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nserver: x\r\n\r\n{}"
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    refused = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"

    answers, rest = parse(interim + counted + chunked + refused + b"HTTP/1.1 2", ended=False)

    assert [(answer.status, answer.body) for answer in answers] == [(201, b"{}"), (200, b"{}"), (400, b"")]
    assert [answer.by_the_server for answer in answers] == [False, False, True]
    assert rest == b"HTTP/1.1 2"

"""Every answer of this suite is judged by `tests/answers.py`; here, that it judges."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.http import HttpResponse

from gateway.acp import refusals
from tests import answers
from tests.agents import PlayedAgent

PATH = "/agentic/acp/checkout_sessions"


def answer(status: int, body: Any) -> HttpResponse:
    return HttpResponse(json.dumps(body), status=status, content_type="application/json")


@pytest.mark.requirement("ACP-017", "ACP-050", "ACP-051")
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"type": "invalid_request", "code": "x", "message": "m", "details": {}}),
        (503, {"error": {"type": "service_unavailable", "code": "x", "message": "m"}}),
        (500, {"type": "processing_error", "code": "x"}),
        (404, []),
    ],
)
def test_an_error_of_another_shape_fails_the_test_that_got_it(status: int, body: Any) -> None:
    with pytest.raises(AssertionError):
        answers.judge("POST", PATH, None, answer(status, body))


@pytest.mark.requirement("ACP-050", "ACP-051")
@pytest.mark.parametrize("member", [{"debug": 1}, {"order": None}, {"intervention_context": {"type": "otp"}}])
def test_a_session_with_a_member_too_many_fails_the_test_that_got_it(
    agent: PlayedAgent, member: dict[str, Any]
) -> None:
    session = agent.create()

    with pytest.raises(AssertionError):
        answers.judge("GET", PATH, None, answer(200, {**session, **member}))
    answers.judge("GET", PATH, None, answer(200, session))


@pytest.mark.requirement("ACP-017")
def test_what_an_exception_becomes_is_judged_too(agent: PlayedAgent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "_body", lambda *_: {"oops": True})

    with pytest.raises(AssertionError, match="Error"):
        agent.get("/nothing")

"""Pages of other origins (requirements 1.5)."""

from __future__ import annotations

import pytest
from django.test import Client

from gateway.interaction_api.capabilities import Call, Capability, Seal
from tests.interaction_api.probes import FAILING, GATED
from tests.visitors import Visitor, configured, failed, offering, told, visit

AGENT, OTHER = "https://agent.example", "https://other.example"


@pytest.mark.requirement("AJ-055", "AJ-057", "AJ-058")
def test_every_page_may_read_and_send(visitor: Visitor) -> None:
    """On success, errors and a preflight; all three ways to bring a token, and no credentials ever."""
    with offering(FAILING, GATED):
        answers = [
            visitor.get("/search?q=mug", Origin=AGENT),
            visitor.get("/search", Origin=AGENT),
            visitor.post("/gated", Origin=AGENT),
            visitor.get("/nothing", Origin=AGENT),
            visitor.get("/probe/fail?with=bug", Origin=AGENT),
            visitor.ask("OPTIONS", "/search", Origin=AGENT, Access_Control_Request_Method="GET"),
        ]
    with configured(INTERACTION_RATE=1):
        visitor.get("/search?q=mug")
        answers.append(visitor.get("/search?q=mug", Origin=AGENT))

    assert [answer.status_code for answer in answers] == [200, 400, 401, 404, 500, 204, 429]
    for answer in answers:
        sent = {name.strip() for name in answer.headers["Access-Control-Allow-Headers"].split(",")}
        read = {name.strip() for name in answer.headers["Access-Control-Expose-Headers"].split(",")}
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert {"Content-Type", "X-Agent-Session", "Authorization", "X-Session-Token"} <= sent
        assert {"Retry-After", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Link", "ETag"} <= read
        assert answer.headers["Access-Control-Max-Age"]
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert "Origin" not in answer.headers.get("Vary", "")


@pytest.mark.requirement("AJ-056")
def test_chosen_origins_are_named_one_at_a_time(visitor: Visitor) -> None:
    with configured(INTERACTION_ORIGINS=[AGENT, "https://second.example"]):
        chosen = visitor.get("/search?q=mug", Origin=AGENT)
        stranger = visitor.get("/search?q=mug", Origin=OTHER)
        nobody = visitor.get("/search?q=mug")

    assert chosen.headers["Access-Control-Allow-Origin"] == AGENT
    for answer in (stranger, nobody):
        assert answer.status_code == 200
        assert not [name for name in answer.headers if name.startswith("Access-Control-")]
    assert [answer.headers["Vary"] for answer in (chosen, stranger, nobody)] == ["Origin"] * 3


@pytest.mark.requirement("AJ-058")
def test_no_cookie_is_read_or_set(visitor: Visitor) -> None:
    """Not even one that holds a live token: what no page can send along needs no guard against forging."""
    _, token = visit()
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    for name in ("X-Agent-Session", "session_token", "sessionid"):
        client.cookies[name] = token

    def look(call: Call, seal: Seal) -> None:
        seal({"owner": call.session and call.session.owner})

    with offering(GATED, Capability("probe.look", "POST", "/look", look)):
        gated = client.post(
            f"{visitor.base}/gated", b"{}", content_type="application/json", headers={"Origin": AGENT}
        )
        free = client.post(f"{visitor.base}/look", b"{}", content_type="application/json")

    assert gated.status_code == 401
    assert failed(gated)
    assert told(free) == {"owner": None}
    assert not free.cookies


@pytest.mark.requirement("AJ-059")
@pytest.mark.parametrize("path", ["/", "/healthz", "/agentic/acp/checkout_sessions", "/admin/login/"])
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_the_rest_of_the_site_stays_as_it_is(visitor: Visitor, path: str, method: str) -> None:
    answer = Client(raise_request_exception=False).generic(method, path, headers={"Origin": AGENT})

    assert not [name for name in answer.headers if name.startswith("Access-Control-")]
    assert answer.status_code != 204

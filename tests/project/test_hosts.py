"""A wrong Host below the protocol paths is JSON (recipes.md 3)."""

from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory

from gateway.project.hosts import UnknownHost


@pytest.mark.parametrize(
    "path", ["/agentic/acp/checkout_sessions", "/agentic/nothing", "/.well-known/acp.json"]
)
@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "not a host", "localhost.evil.example", ""]
)
def test_a_wrong_host_is_a_flat_error_below_the_protocol_paths(path: str, host: str) -> None:
    """Recipes.md 3: DisallowedHost is HTML and comes before any view of ours."""
    answered = Client().get(path, headers={"host": host})

    assert answered.status_code == 400
    assert answered.headers["Content-Type"] == "application/json"
    assert answered.json()["type"] == "invalid_request"
    assert answered.json()["code"] == "invalid_host"
    assert "evil" not in answered.content.decode()


def test_a_right_host_is_passed_on() -> None:
    """The middleware decides about the host and nothing else."""
    seen = HttpResponse("through")

    answered = UnknownHost(lambda request: seen)(
        RequestFactory().get("/agentic/acp/x", headers={"host": "localhost"})
    )

    assert answered is seen


def test_other_pages_keep_djangos_own_answer() -> None:
    """People get a page, not JSON."""
    answered = Client(raise_request_exception=False).get("/admin/", headers={"host": "evil.example"})

    assert answered.status_code == 400
    assert answered.headers["Content-Type"].startswith("text/html")


@pytest.mark.requirement("AJ-041", "AJ-043")
def test_below_the_base_of_the_interaction_api_it_is_in_the_envelope(client: Client) -> None:
    answered = client.get("/.well-known/agents/api/search?q=mug", headers={"host": "evil.example"})

    assert answered.status_code == 400
    assert answered.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answered.headers["Access-Control-Allow-Origin"] == "*"
    assert answered.json() == {"ok": False, "error": "The Host header names a host that is not served here."}


@pytest.mark.requirement("AJ-041")
@pytest.mark.parametrize("path", ["/.well-known/agents.json", "/.well-known/agents.txt", "/agents.json"])
def test_so_it_is_where_agents_find_the_documents(client: Client, path: str) -> None:
    answered = client.get(path, headers={"host": "evil.example"})

    assert answered.status_code == 400
    assert answered.headers["Access-Control-Allow-Origin"] == "*"
    assert answered.json()["ok"] is False


@pytest.mark.requirement("AJ-108")
def test_a_wrong_host_writes_no_token_into_the_log(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING", "django.request")
    client.get("/.well-known/agents/api/audit/tok_secret", headers={"host": "evil.example"})

    assert "tok_secret" not in caplog.text

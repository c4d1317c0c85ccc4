"""The examples of the specification, as they are written (seed 003). Those of sessions, the cart and the
handoff are with them."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from tests.visitors import Visitor, configured, failed, told


@pytest.mark.requirement("AJ-031", "AJ-032", "AJ-041")
def test_two_search(visitor: Visitor) -> None:
    answer = Client().get("/.well-known/agents/api/search?q=blue+mugs")

    assert answer.status_code == 200
    body = json.loads(answer.content)
    assert set(body) == {"ok", "data"}
    assert body["ok"] is True
    assert set(body["data"]) >= {"results", "total", "page"}
    assert [entry["id"] for entry in body["data"]["results"]] == ["prod_9f8e7d"]
    assert (body["data"]["total"], body["data"]["page"]) == (1, 1)


@pytest.mark.requirement("AJ-032")
def test_a_get_with_its_query(visitor: Visitor) -> None:
    data = told(visitor.get("/search?q=blue+mugs&limit=10"))

    assert [entry["name"] for entry in data["results"]] == ["Ocean Blue Mug"]


@pytest.mark.requirement("AJ-031", "AJ-041")
def test_three_detail(visitor: Visitor) -> None:
    answer = Client().get("/.well-known/agents/api/detail?id=prod_9f8e7d")

    assert answer.status_code == 200
    body = json.loads(answer.content)
    assert body["ok"] is True
    assert body["data"]["id"] == "prod_9f8e7d"
    assert body["data"]["name"] == "Ocean Blue Mug"
    assert body["data"]["price"] == 28.00
    assert isinstance(body["data"]["price"], float)


@pytest.mark.requirement("AJ-041", "AJ-045")
def test_an_error(visitor: Visitor) -> None:
    answer = visitor.get("/search")

    assert answer.status_code == 400
    assert json.loads(answer.content) == {"ok": False, "error": "The parameter 'q' is required."}


@pytest.mark.requirement("AJ-060")
def test_over_the_limit(visitor: Visitor) -> None:
    """The sentence of the example, with the number of the header in it."""
    with configured(INTERACTION_RATE=1):
        assert visitor.get("/search?q=mug").status_code == 200
        answer = visitor.get("/search?q=mug")

    assert answer.status_code == 429
    seconds = int(answer.headers["Retry-After"])
    assert 1 <= seconds <= 60
    assert failed(answer) == f"Rate limit exceeded. Retry after {seconds} seconds."


@pytest.mark.requirement("AJ-055")
def test_the_headers_for_browsers(visitor: Visitor) -> None:
    answer = visitor.get("/search?q=mug")

    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert {"Content-Type", "X-Agent-Session"} <= {
        name.strip() for name in answer.headers["Access-Control-Allow-Headers"].split(",")
    }
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, POST, PUT, PATCH, DELETE, OPTIONS"

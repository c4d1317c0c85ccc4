"""Neither REST_FRAMEWORK nor MIDDLEWARE of the merchant changes what an agent gets (decision 11)."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pytest
from django.test import Client
from rest_framework.settings import api_settings

from tests.mounting.inside.assistant import Assistant, order
from tests.mounting.merchant.accounts.models import Customer

PREFIX = "/shop/api/agents"


def in_chunks_of(body: bytes) -> dict[str, Any]:
    """The WSGI environment of a request whose body came in chunks, as servers hand it over."""
    return {
        "CONTENT_TYPE": "application/json",
        "HTTP_TRANSFER_ENCODING": "chunked",
        "wsgi.input": BytesIO(body),
    }


@pytest.fixture
def customer(shelves: None) -> Client:
    """A browser in which a customer of the merchant's is signed in."""
    client = Client()
    client.force_login(Customer.objects.create(email="carla@kundin.example"))
    return client


# --- The merchant's own views, so that his settings are known to be in force --------------------


def test_his_own_api_is_his_own(customer: Client) -> None:
    """Pages of one, his words for errors, HTML for browsers, 406 for what he has not got."""
    stranger = Client().get("/shop/api/products/")
    listed = customer.get("/shop/api/open-products/")
    browsed = customer.get("/shop/api/open-products/", headers={"Accept": "text/html"})

    assert (stranger.status_code, stranger.json()) == (403, {"fehler": 403})
    assert (listed.json()["count"], len(listed.json()["results"])) == (3, 1)
    assert browsed.headers["Content-Type"].startswith("text/html")


def test_his_own_api_refuses_what_it_cannot_render_and_counts(shelves: None) -> None:
    statuses = [
        Client().get("/shop/api/open-products/", headers={"Accept": accept}).status_code
        for accept in ("application/xml", "*/*", "*/*", "*/*")
    ]

    assert statuses == [406, 200, 200, 429]


def test_his_own_views_are_in_a_transaction(shelves: None) -> None:
    assert "Mit Transaktion" in Client().get("/shop/cart/").text


def test_his_own_pages_want_a_customer(customer: Client) -> None:
    assert Client().get("/shop/account/").status_code == 302
    assert customer.get("/shop/account/").text == "Hallo"


# --- REST_FRAMEWORK -----------------------------------------------------------------------------


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "text/html;q=1, */*;q=0", "nonsense"])
def test_agents_get_json_whatever_they_accept(assistant: Assistant, accept: str) -> None:
    """No browsable page, no 406, and `format` in the query means nothing."""
    opened = assistant.post("/checkout_sessions", order(), Accept=accept)
    session = assistant.get(f"/checkout_sessions/{opened.json()['id']}?format=api", Accept=accept)

    assert (opened.status_code, session.status_code) == (201, 200)
    assert {opened.headers["Content-Type"], session.headers["Content-Type"]} == {"application/json"}


def test_nobody_is_throttled_by_the_merchants_rates(assistant: Assistant) -> None:
    """Two a day in his settings."""
    session = assistant.create()

    statuses = {assistant.get(f"/checkout_sessions/{session['id']}").status_code for _ in range(6)}
    statuses |= {Client().get("/.well-known/acp.json").status_code for _ in range(6)}

    assert statuses == {200}


def test_a_signed_in_customer_is_no_agent(customer: Client, assistant: Assistant) -> None:
    """T06: cookies open nothing; with a key they change nothing."""
    session = assistant.create()
    path = f"{assistant.base}/checkout_sessions/{session['id']}"

    bare = customer.get(path, headers={"API-Version": "2026-04-17"})
    with_key = customer.get(path, headers=assistant.headers())

    assert (bare.status_code, bare.json()["code"]) == (401, "unauthorized")
    assert with_key.json() == session


def test_no_default_of_the_merchants_is_an_attribute_of_our_views() -> None:
    """Whatever DRF adds to its settings: each policy of a view of ours is named by us."""
    from gateway.acp.views import CheckoutSessions, Nothing
    from gateway.health import Healthz

    policies = {
        "renderer_classes": api_settings.DEFAULT_RENDERER_CLASSES,
        "parser_classes": api_settings.DEFAULT_PARSER_CLASSES,
        "authentication_classes": api_settings.DEFAULT_AUTHENTICATION_CLASSES,
        "throttle_classes": api_settings.DEFAULT_THROTTLE_CLASSES,
        "permission_classes": api_settings.DEFAULT_PERMISSION_CLASSES,
        "content_negotiation_class": api_settings.DEFAULT_CONTENT_NEGOTIATION_CLASS,
        "metadata_class": api_settings.DEFAULT_METADATA_CLASS,
        "versioning_class": api_settings.DEFAULT_VERSIONING_CLASS,
    }
    for view in (CheckoutSessions, Nothing, Healthz):
        assert [name for name, value in policies.items() if getattr(view, name) == value] == []


# --- MIDDLEWARE ---------------------------------------------------------------------------------


def test_a_middleware_that_reads_the_body_takes_nothing_away(assistant: Assistant) -> None:
    """T72: with a length it has read the body, which is used; a chunked one it saw as empty."""
    measured = assistant.post("/checkout_sessions", order())
    chunked = in_chunks_of(json.dumps(order()).encode())
    in_chunks = assistant.post("/checkout_sessions", b"", environ=chunked)

    assert (measured.status_code, in_chunks.status_code) == (201, 201)
    assert measured.headers["X-Audit"].startswith(f"{measured.wsgi_request.META['CONTENT_LENGTH']} bytes")
    assert in_chunks.headers["X-Audit"].startswith("0 bytes")


@pytest.mark.parametrize("size", [262_145, 1_000_000])
def test_a_body_over_the_cap_is_refused_in_the_dialect(assistant: Assistant, size: int) -> None:
    """ACP 413, measured or in chunks, although the middleware read all of it."""
    body = b'{"a": "' + b"x" * size + b'"}'
    chunked = in_chunks_of(body)

    for response in (
        assistant.post("/checkout_sessions", body),
        assistant.post("/checkout_sessions", b"", environ=chunked),
    ):
        assert (response.status_code, response.json()["code"]) == (413, "payload_too_large")


def test_cookies_and_a_missing_csrf_token_stop_no_agent(assistant: Assistant, customer: Client) -> None:
    """CsrfViewMiddleware is on, and checks: an agent has no token and no page to take it from."""
    strict = Client(enforce_csrf_checks=True)
    strict.cookies.update(customer.cookies)
    assistant.http = strict

    assert assistant.post("/checkout_sessions", order()).status_code == 201


def test_an_agent_is_not_taken_for_a_customer(assistant: Assistant, customer: Client) -> None:
    """`request.user` stays the merchant's: who audits or stamps rows with it finds his own users."""
    anonymous = assistant.post("/checkout_sessions", order())
    assistant.http.cookies = customer.cookies
    browsing = assistant.post("/checkout_sessions", order())

    assert (anonymous.status_code, browsing.status_code) == (201, 201)
    assert anonymous.headers["X-Audit"].endswith("from nobody")
    assert browsing.headers["X-Audit"].endswith("from carla@kundin.example")


@pytest.mark.parametrize(
    "path",
    [
        f"{PREFIX}/orders/ord_unknown",
        f"{PREFIX}/healthz",
        f"{PREFIX}/acp/checkout_sessions",
        f"{PREFIX}/nothing",
        "/.well-known/acp.json",
        "/shop/api/agents-docs/docs/",
        "/shop/api/agents-docs/schema/",
    ],
)
def test_nothing_of_ours_sends_a_stranger_to_the_login_page(shelves: None, path: str) -> None:
    """LoginRequiredMiddleware is on: the buyer of an agent's order has no account with the merchant."""
    response = Client().get(path)

    assert response.status_code in (200, 401, 404, 405)
    assert "Location" not in response.headers

"""Health and the buyer's order page (decision 5, pages)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from gateway import agents
from gateway.models import OutboxMessage
from gateway.shop import demo
from tests.agents import ADDRESS, BUYER, PlayedAgent

ASKED: dict[str, Any] = {
    "capabilities": {"interventions": {"supported": ["otp"]}},
    "buyer": BUYER,
    "fulfillment_details": {"address": ADDRESS},
}
"""A session whose buyer is asked for a one-time code."""


@pytest.fixture
def agent(transactional_db: None) -> PlayedAgent:
    demo.load()
    agents.load_demo()
    return PlayedAgent()


def test_healthz_needs_nothing(client: Client) -> None:
    response = client.get("/healthz")

    assert response.status_code == 200
    assert response.json()["status"] == "ok"


@pytest.mark.django_db
def test_readyz_judges_every_part(client: Client) -> None:
    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json()["parts"] == {"database": "ok", "migrations": "ok", "relay": "ok", "schemas": "ok"}


@pytest.mark.django_db
def test_readyz_notices_a_relay_that_is_missing_or_late(client: Client, settings: Any) -> None:
    OutboxMessage.objects.create(kind="x", due_at=timezone.now() - timedelta(minutes=5))
    late = client.get("/readyz")
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "RELAY": "thread"}
    missing = client.get("/readyz")

    assert (late.status_code, late.json()["parts"]["relay"]) == (503, "late")
    assert (missing.status_code, missing.json()["parts"]["relay"]) == (503, "no heartbeat")
    assert late.headers["Retry-After"] == "2"


def test_the_order_page_shows_what_was_paid_and_not_where_it_goes(agent: PlayedAgent, client: Client) -> None:
    session = agent.ready({"id": "item_mug", "quantity": 2}, buyer={"email": "ada@example.com"})
    order = agent.complete(session).json()["order"]

    response = client.get(order["permalink_url"].removeprefix("http://localhost:8000"))

    page = response.content.decode()
    assert response.status_code == 200
    assert order["order_number"] in page
    assert "56.00 USD" in page
    for private in ("ada@example.com", "Market Street", "Lovelace"):
        assert private not in page


def test_the_order_page_is_locked_down(agent: PlayedAgent, client: Client) -> None:
    """reliability-security T08, T39, T88: no script, no frame, no referrer, not cached."""
    url = agent.complete(agent.ready()).json()["order"]["permalink_url"].removeprefix("http://localhost:8000")

    headers = client.get(url).headers

    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    for posting in (client, Client(enforce_csrf_checks=True)):
        refused = posting.post(url)
        assert (refused.status_code, refused.content) == (405, b"")


@pytest.mark.django_db
@pytest.mark.parametrize("order_id", ["ord_0", "x" * 500, "%00", "%ff"])
def test_an_unknown_order_is_a_page_for_people(client: Client, order_id: str) -> None:
    response = client.get(f"/agentic/orders/{order_id}")

    assert response.status_code == 404
    assert "We cannot find this order" in response.content.decode()


@pytest.mark.django_db
def test_the_demo_operator_can_log_in(client: Client) -> None:
    """The demo store contract: admin / admin; loading again changes nothing."""
    from django.core.management import call_command

    for _ in range(2):
        call_command("agentic_demo_load")

    assert client.login(username="admin", password="admin")


@pytest.mark.requirement("ACP-014")
def test_the_order_page_speaks_the_buyers_language(agent: PlayedAgent, client: Client) -> None:
    """Amounts too: a comma where people read a comma."""
    session = agent.ready({"id": "item_sofa", "quantity": 4}, locale="de-AT")
    url = agent.complete(session).json()["order"]["permalink_url"].removeprefix("http://localhost:8000")

    response = client.get(url)

    page = response.content.decode()
    assert response.headers["Content-Language"] == "de"
    assert '<html lang="de">' in page
    assert "Was gekauft wurde" in page
    assert "1.800,00 USD" in page


def test_a_page_without_a_buyer_speaks_the_browsers_language(db: None, client: Client) -> None:
    page = client.get("/agentic/confirm/unknown", headers={"Accept-Language": "de-CH,en;q=0.5"})

    assert page.status_code == 404
    assert "Wir finden diese Seite nicht" in page.content.decode()


@pytest.mark.requirement("T08")
def test_a_page_that_breaks_is_a_page_and_its_link_is_in_no_log(
    agent: PlayedAgent, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Django would log the address, and answer with a page of the merchant's."""
    url = agent.create("item_sneakers", **ASKED)["continue_url"].removeprefix("http://localhost:8000")
    monkeypatch.setattr("gateway.person.topic.purchase.of_session", lambda _: 1 / 0)

    answer = Client(raise_request_exception=False).get(url)

    assert answer.status_code == 500
    assert "Something went wrong at our side" in answer.content.decode()
    assert answer.headers["Cache-Control"] == "no-store"
    assert "ZeroDivisionError at test_pages.py" in caplog.text
    assert url.split("/")[3] not in caplog.text


def test_a_form_that_cannot_be_read_is_refused(agent: PlayedAgent, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 10
    url = agent.create("item_sneakers", **ASKED)["continue_url"].removeprefix("http://localhost:8000")

    answer = Client(raise_request_exception=False).post(url, {f"f{n}": "x" for n in range(20)})

    assert answer.status_code == 400
    assert "We could not take this answer" in answer.content.decode()

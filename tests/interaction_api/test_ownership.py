"""Who may do what at the addresses of the Interaction API (R31): every gated one, by everybody there is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from gateway.interaction_api import legality, registry, sessions
from gateway.session_models import AgentSession
from tests.agents import PlayedAgent
from tests.interaction_api.probes import GATED
from tests.visitors import Visitor, offering, told, visit

NOT_SAID = {"Request-Id", "X-RateLimit-Remaining", "X-RateLimit-Reset"}
"""What differs from one request to the next, whoever asks."""
BODY = {"item_id": "prod_9f8e7d", "quantity": 1}


@pytest.fixture(autouse=True)
def offered() -> Iterator[None]:
    with offering(GATED):
        yield


def gated() -> list[tuple[str, str]]:
    """Every method and address that needs a session."""
    found = [
        address
        for capability in registry.all()
        if capability.requires_session
        for address in legality.addresses(capability)
    ]
    return [*found, ("DELETE", "/session")]


def heard(answer: HttpResponse) -> tuple[int, bytes, dict[str, str]]:
    return answer.status_code, answer.content, {k: v for k, v in answer.items() if k not in NOT_SAID}


@pytest.mark.requirement("AJ-045")
def test_only_a_live_session_opens_anything(shop: None) -> None:
    """None, unknown, ended, expired, revoked, an ACP key, the operator's cookie: all the same answer."""
    operator = Client(raise_request_exception=False)
    operator.force_login(User.objects.create_superuser("olga"))
    past = timezone.now() - timedelta(hours=1)
    ended, expired, (revoked, revoked_token) = visit(ended_at=past)[1], visit(expires_at=past)[1], visit()
    sessions.revoke(revoked)
    with_cookie = Visitor()
    with_cookie.http = operator
    strangers = {
        "none": Visitor(address="203.0.113.1"),
        "unknown": Visitor("tok_unknown", address="203.0.113.2"),
        "ended": Visitor(ended, address="203.0.113.3"),
        "expired": Visitor(expired, address="203.0.113.4"),
        "revoked": Visitor(revoked_token, address="203.0.113.5"),
        "acp key": Visitor("demo-agent-key", address="203.0.113.6"),
        "cookie": with_cookie,
    }
    assert len(gated()) >= 2

    for method, path in gated():
        answers = {who: heard(visitor.ask(method, path, BODY)) for who, visitor in strangers.items()}
        bearer = heard(
            Visitor(address="203.0.113.7").ask(method, path, BODY, Authorization="Bearer demo-agent-key")
        )

        assert answers["none"][0] == 401, (method, path)
        assert all(answer == answers["none"] for answer in (*answers.values(), bearer)), (method, path)
    assert not AgentSession.objects.filter(ended_at=None, expires_at__gt=timezone.now()).exists()


def test_a_visit_acts_for_itself_alone(shop: None) -> None:
    """Its owner is its own, whatever the body says."""
    (first, one), (second, two) = visit(), visit()
    body = {**BODY, "owner": second.owner, "session_id": second.pk, "session_token": two}

    assert told(Visitor(one).post("/gated", body), 201)["owner"] == first.owner
    assert told(Visitor(two).post("/gated", body), 201)["owner"] == second.owner


def test_a_token_opens_nothing_else(shop: None) -> None:
    """Not the routes of other protocols, nor the pages of the operator (Q10)."""
    _, token = visit()

    assert PlayedAgent(token).get("/checkout_sessions/cs_0").status_code == 401
    admin = Client().get("/admin/", headers={"X-Agent-Session": token, "Authorization": f"Bearer {token}"})
    assert admin.status_code == 302

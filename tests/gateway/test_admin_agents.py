"""What operators do with agents and their keys (issue 2 "Admin", T94, T95)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from gateway import agents
from gateway.models import Agent
from tests.agents import PlayedAgent
from tests.operators import act, listing, log_in, open_shop, page

KEY = re.compile(r"agk_[A-Za-z0-9_-]{43}")
NO_KEYS = {"keys-TOTAL_FORMS": "0", "keys-INITIAL_FORMS": "0"}
UNSIGNED = {
    "signature_policy": "when_present",
    "signing_keys-TOTAL_FORMS": "0",
    "signing_keys-INITIAL_FORMS": "0",
}


@pytest.fixture
def agent(db: None) -> PlayedAgent:
    return open_shop()


@pytest.fixture
def operator(db: None) -> Client:
    return log_in()


def test_a_new_agent_has_its_key_shown_once(operator: Client, agent: PlayedAgent) -> None:
    """T94: in that one answer; not in a cookie, a session, the history or any later page."""
    answer = operator.post(listing(Agent) + "add/", {"name": "Botanist", "label": "staging"})

    made = KEY.search(answer.text)
    assert answer.status_code == 200
    assert made is not None
    key = made.group()
    row = Agent.objects.get(name="Botanist")
    assert agents.by_key(key) == row
    assert row.keys.get().label == "staging"
    assert "no-store" in answer.headers["Cache-Control"]
    assert key not in str(answer.cookies)
    assert all(key not in str(session.get_decoded()) for session in Session.objects.all())
    assert [entry.object_id for entry in LogEntry.objects.all()] == [row.pk]
    assert key not in LogEntry.objects.get().change_message
    for address in (page(row), listing(Agent), page(row).replace("/change/", "/history/")):
        assert key not in operator.get(address).text
    assert PlayedAgent(key).create("item_mug")["currency"] == "usd"


def test_two_agents_cannot_have_one_name(operator: Client, agent: PlayedAgent) -> None:
    answer = operator.post(listing(Agent) + "add/", {"name": "Demo agent", "label": ""})

    assert "already exists" in answer.text
    assert KEY.search(answer.text) is None
    assert Agent.objects.filter(name="Demo agent").count() == 1


def test_switching_an_agent_off_refuses_its_keys(operator: Client, agent: PlayedAgent) -> None:
    row = Agent.objects.get(name="Demo agent")
    answer = operator.post(page(row), {**UNSIGNED, **NO_KEYS, "name": "Renamed"})

    assert answer.status_code == 302
    row.refresh_from_db()
    assert (row.name, row.active) == ("Renamed", False)
    assert agent.get("/checkout_sessions/cs_x").status_code == 401


def test_an_inline_cannot_change_or_delete_a_key(operator: Client, agent: PlayedAgent) -> None:
    """T95: posted by hand, because the page has no fields for it."""
    row = Agent.objects.get(name="Demo agent")
    key = row.keys.get()
    inline = {
        "keys-TOTAL_FORMS": "2",
        "keys-INITIAL_FORMS": "1",
        "keys-0-id": key.pk,
        "keys-0-agent": row.pk,
        "keys-0-label": "stolen",
        "keys-0-DELETE": "on",
        "keys-1-agent": row.pk,
        "keys-1-label": "new",
    }

    answer = operator.post(page(row), {"name": row.name, "active": "on", **UNSIGNED, **inline})

    assert answer.status_code == 302
    assert [(kept.pk, kept.label) for kept in row.keys.all()] == [(key.pk, key.label)]


def test_rotating_says_so_and_shows_the_new_key_once(operator: Client, agent: PlayedAgent) -> None:
    """T94, T95: asked first; then the old key stops and the new one works."""
    row = Agent.objects.get(name="Demo agent")

    asked = act(operator, row, "rotate", reason=None)

    assert "older keys stop working" in asked.text
    assert agents.by_key("demo-agent-key") == row

    done = act(operator, row, "rotate", reason="leaked", keep_hours="0", label="new")

    made = KEY.search(done.text)
    assert made is not None
    assert agents.by_key("demo-agent-key") is None
    assert agents.by_key(made.group()) == row
    assert LogEntry.objects.get().change_message == "New key, the older ones work for 0 hours: leaked"
    assert made.group() not in operator.get(page(row)).text


def test_rotating_can_leave_the_old_key_a_while(operator: Client, agent: PlayedAgent) -> None:
    row = Agent.objects.get(name="Demo agent")

    act(operator, row, "rotate", keep_hours="2")

    assert agents.by_key("demo-agent-key") == row
    ends = row.keys.exclude(expires_at=None).get().expires_at
    assert abs(ends - timezone.now() - timedelta(hours=2)) < timedelta(minutes=1)


def test_revoking_refuses_every_key(operator: Client, agent: PlayedAgent) -> None:
    row = Agent.objects.get(name="Demo agent")

    answer = act(operator, row, "revoke", reason="contract ended", back="1")

    assert agents.by_key("demo-agent-key") is None
    assert answer.redirect_chain[-1][0] == page(row)
    assert LogEntry.objects.get().change_message == "Revoked 1 key(s): contract ended"
    assert agents.by_key("other-agent-key") is not None


def test_one_key_is_revoked(operator: Client, agent: PlayedAgent) -> None:
    row = Agent.objects.get(name="Demo agent")
    spare = agents.rotate(row, keep_hours=1)
    key = row.keys.order_by("pk").first()

    act(operator, key, "revoke", reason="lost laptop")
    act(operator, key, "revoke", reason="again")

    assert agents.by_key("demo-agent-key") is None
    assert agents.by_key(spare) == row
    assert [entry.change_message for entry in LogEntry.objects.order_by("pk")] == [
        "The key is revoked: lost laptop",
        "The key is revoked already: again",
    ]


def test_agents_stay(operator: Client, agent: PlayedAgent) -> None:
    """Sessions and orders name them by text, which no constraint would protect."""
    row = Agent.objects.get(name="Demo agent")

    assert operator.post(page(row).replace("/change/", "/delete/"), {"post": "yes"}).status_code == 403
    assert "delete_selected" not in operator.get(listing(Agent)).text


@pytest.mark.parametrize("action", ["rotate", "revoke"])
def test_who_may_look_may_not_act(agent: PlayedAgent, action: str) -> None:
    """T95."""
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename="view_agent"))
    client = Client()
    client.force_login(clerk)
    row = Agent.objects.get(name="Demo agent")

    answer = act(client, row, action, keep_hours="0")

    assert KEY.search(answer.text) is None
    assert agents.by_key("demo-agent-key") == row
    assert f'value="{action}"' not in client.get(page(row)).text

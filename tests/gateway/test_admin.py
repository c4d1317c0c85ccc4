"""The operator's screens of agents, keys, idempotent requests, the outbox and the relay.

Issue 2 "Admin"; reliability-security T19, T52, T94, T95.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from checkout.models import CheckoutSession, Order, Payment, SandboxCharge, StateMove
from gateway import agents, sealed, signing_keys
from gateway.conf import conf
from gateway.models import Agent, AgentKey, AgentSigningKey, IdempotentRequest, OutboxMessage, RelayLease
from tests.agents import PlayedAgent
from tests.operators import act, listing, log_in, open_shop, page

MODELS = (Agent, AgentKey, AgentSigningKey, IdempotentRequest, OutboxMessage, RelayLease)
READ_ONLY = (AgentKey, AgentSigningKey, IdempotentRequest, OutboxMessage, RelayLease)
PURCHASE = (CheckoutSession, Payment, Order, StateMove, SandboxCharge)
CANARY = "canary-7b1f"
KEY = re.compile(r"agk_[A-Za-z0-9_-]{43}")


@pytest.fixture
def agent(db: None) -> PlayedAgent:
    return open_shop()


@pytest.fixture
def operator(db: None) -> Client:
    return log_in()


@pytest.fixture
def rows(agent: PlayedAgent) -> None:
    """At least one row of every model."""
    assert agent.complete(agent.ready("item_mug")).status_code == 200
    now = timezone.now()
    signing_keys.add_secret(Agent.objects.get(name="Demo agent"))
    RelayLease.objects.create(name="relay", holder="host:1:abc", until=now, beat_at=now)


# --- Pages -------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_lists_and_pages_open(operator: Client, rows: None, model: Any) -> None:
    row = model.objects.first()

    shown = operator.get(listing(model))

    assert shown.status_code == 200
    assert page(row) in shown.text
    assert operator.get(page(row)).status_code == 200


@pytest.mark.parametrize("model", MODELS)
def test_empty_lists_say_what_would_be_here(operator: Client, model: Any) -> None:
    text = admin.site.get_model_admin(model).empty_list_text  # type: ignore[attr-defined]

    assert text
    assert text in operator.get(listing(model)).text.replace("&#x27;", "'")


@pytest.mark.parametrize("model", READ_ONLY)
def test_nothing_can_be_edited(operator: Client, rows: None, model: Any) -> None:
    """T95: no add, no delete, and a posted form changes nothing."""
    row = model.objects.first()
    before = model.objects.filter(pk=row.pk).values().get()

    added = operator.post(listing(model) + "add/", {})
    deleted = operator.post(page(row).replace("/change/", "/delete/"), {"post": "yes"})
    changed = operator.post(
        page(row), {"label": "x", "state": "done", "status": "1", "kind": "x", "holder": "x"}
    )

    assert [added.status_code, deleted.status_code, changed.status_code] == [403, 403, 403]
    assert model.objects.filter(pk=row.pk).values().get() == before


@pytest.mark.parametrize("model", [Agent, AgentKey, IdempotentRequest, OutboxMessage])
def test_a_list_costs_the_same_with_more_rows(
    operator: Client, rows: None, agent: PlayedAgent, model: Any
) -> None:
    """One query for the page and one for the count, whatever is on it."""
    operator.get(listing(model))
    with CaptureQueriesContext(connection) as few:
        operator.get(listing(model))
    before = model.objects.count()
    for number in range(3):
        agent.complete(agent.ready("item_mug"))
        agents.enrol(f"Agent {number}")

    with CaptureQueriesContext(connection) as many:
        operator.get(listing(model))

    of_table = [query for query in many if f'FROM "{model._meta.db_table}"' in query["sql"]]
    assert model.objects.count() > before
    assert len(many) == len(few)
    assert len([query for query in of_table if "COUNT(*)" not in query["sql"]]) == 1
    assert len(of_table) == 2


# --- Secrets -------------------------------------------------------------------------------------


def test_no_page_shows_a_secret(operator: Client, rows: None) -> None:
    """T19, T94: keys, digests, fingerprints, hash secrets, tokens and stored answers, on every
    list, page and history there is, also of the purchase and for what an operator did."""
    IdempotentRequest.objects.update(body=CANARY, fingerprint=CANARY)
    agent = Agent.objects.get(name="Demo agent")
    made = KEY.search(act(operator, agent, "rotate", keep_hours="1").text)
    assert made is not None
    secrets = {
        CANARY,
        made.group(),
        "demo-agent-key",
        "spt_sandbox_ok",
        *conf().HASH_KEYS,
        *AgentKey.objects.values_list("digest", flat=True),
        *(sealed_secret := AgentSigningKey.objects.values_list("sealed_secret", flat=True)),
        *(sealed.unseal(entry, signing_keys.PURPOSE).decode() for entry in sealed_secret),
    }
    addresses = [reverse("admin:index")]
    for model in (*MODELS, *PURCHASE):
        addresses.append(listing(model))
        for row in model.objects.all():
            addresses += [page(row), page(row).replace("/change/", "/history/")]

    assert len(addresses) > 40
    for address in addresses:
        answer = operator.get(address)
        assert answer.status_code == 200, address
        assert [secret for secret in secrets if secret in answer.text] == [], address


@pytest.mark.parametrize(
    ("model", "query"),
    [
        (AgentKey, {"digest__startswith": "a"}),
        (Agent, {"keys__digest__startswith": "a"}),
        (Agent, {"signing_keys__sealed_secret__startswith": "g"}),
        (AgentSigningKey, {"sealed_secret__startswith": "g"}),
        (IdempotentRequest, {"body__contains": "a"}),
        (IdempotentRequest, {"fingerprint__startswith": "a"}),
        (OutboxMessage, {"payload__contains": "a"}),
    ],
)
def test_no_filter_can_guess_a_secret(
    operator: Client, rows: None, model: Any, query: dict[str, str]
) -> None:
    """T94: the admin would answer any look-up on a column, one letter at a time."""
    assert operator.get(listing(model), query).status_code == 400


@pytest.mark.parametrize("model", [AgentKey, IdempotentRequest])
def test_no_search_reads_a_secret(operator: Client, rows: None, model: Any) -> None:
    IdempotentRequest.objects.update(body=CANARY, fingerprint=CANARY)
    row = model.objects.first()

    for term in (CANARY, getattr(row, "digest", CANARY)):
        assert not operator.get(listing(model), {"q": term}).context["cl"].result_list


# --- Idempotent requests --------------------------------------------------------------------------


def test_what_an_agent_put_into_a_key_is_shown_as_text(operator: Client, agent: PlayedAgent) -> None:
    """T52: the key and the path are the agent's words."""
    IdempotentRequest.objects.create(
        owner=Agent.objects.get(name="Demo agent").owner,
        method="POST",
        path="/<script>alert(1)</script>\u202e",
        key="<img src=x onerror=alert(1)>\u2066",
        fingerprint="f",
        state=IdempotentRequest.DONE,
        status=201,
    )

    for address in (listing(IdempotentRequest), page(IdempotentRequest.objects.get())):
        text = operator.get(address).text
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;\\u202e" in text
        assert "&lt;img src=x onerror=alert(1)&gt;\\u2066" in text
        assert not {"\u202e", "\u2066"} & set(text)
        assert "Demo agent" in text


def test_idempotent_requests_are_found(operator: Client, agent: PlayedAgent) -> None:
    agent.post(
        "/checkout_sessions",
        {"line_items": [{"id": "item_mug"}], "currency": "usd", "capabilities": {}},
        key="my-key-1",
    )
    row = IdempotentRequest.objects.get()
    other = Agent.objects.get(name="Other agent")

    for term, count in (
        ("my-key-1", 1),
        (row.path, 1),
        ("demo AGENT", 1),
        (row.owner, 1),
        (other.name, 0),
        ("my", 0),
    ):
        assert (
            len(operator.get(listing(IdempotentRequest), {"q": term}).context["cl"].result_list) == count
        ), term


# --- The outbox ----------------------------------------------------------------------------------


@pytest.fixture
def messages(db: None) -> dict[str, OutboxMessage]:
    """One message in each state."""
    now = timezone.now()
    later = now + timedelta(hours=1)
    columns: dict[str, dict[str, Any]] = {
        "due": {},
        "waiting": {"due_at": later, "tries": 1, "error": "ConnectionError"},
        "leased": {"lease_until": later, "tries": 1},
        "done": {"done_at": now, "tries": 1},
        "dead": {"dead_at": now, "tries": 10, "error": "CaptureRefused"},
    }
    return {
        name: OutboxMessage.objects.create(kind=f"probe.{name}", payload={"payment": "pay_1"}, **more)
        for name, more in columns.items()
    }


@pytest.mark.parametrize("state", ["due", "waiting", "leased", "done", "dead"])
def test_messages_are_listed_by_state(
    operator: Client, messages: dict[str, OutboxMessage], state: str
) -> None:
    shown = operator.get(listing(OutboxMessage), {"progress": state})

    assert list(shown.context["cl"].result_list) == [messages[state]]
    assert f'<td class="field-progress">{state}</td>' in shown.text


def test_dead_messages_run_again(operator: Client, messages: dict[str, OutboxMessage]) -> None:
    """The dead one is due with all its tries; the others are as they were."""
    before = list(OutboxMessage.objects.exclude(pk=messages["dead"].pk).order_by("pk").values())
    ids = [message.pk for message in messages.values()]
    data = {"action": "run_again", "_selected_action": ids, "confirmed": "1", "reason": "provider is back"}

    answer = operator.post(listing(OutboxMessage), data, follow=True)

    revived = messages["dead"]
    revived.refresh_from_db()
    assert (revived.dead_at, revived.tries) == (None, 0)
    assert revived.due_at <= timezone.now()
    assert list(OutboxMessage.objects.exclude(pk=revived.pk).order_by("pk").values()) == before
    assert f"Message {revived.pk} (probe.dead) is due again." in answer.text
    said = {entry.object_id: entry.change_message for entry in LogEntry.objects.all()}
    assert said[revived.pk] == "Run again (due again): provider is back"
    assert said[messages["done"].pk] == "Run again (not dead, left alone): provider is back"


def test_only_dead_messages_have_the_button(operator: Client, messages: dict[str, OutboxMessage]) -> None:
    offered = [
        state for state, row in messages.items() if 'value="run_again"' in operator.get(page(row)).text
    ]

    assert offered == ["dead"]


def test_messages_are_found(operator: Client, messages: dict[str, OutboxMessage]) -> None:
    for term in (messages["dead"].pk, "probe.dead"):
        found = operator.get(listing(OutboxMessage), {"q": term}).context["cl"].result_list
        assert list(found) == [messages["dead"]]

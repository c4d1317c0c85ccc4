"""What operators see of a person server, and the two things that they decide there (T19, T52, T94, T95)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from gateway import bindings, keys, sealed
from gateway.person_models import AgentBinding, Grant, IssuedToken, Summons
from interventions.reach_models import ReachAttempt, ReachChannel
from tests.operators import act, listing, log_in, page
from tests.person.accounts import agent, granted

MODELS = (AgentBinding, Grant, IssuedToken, Summons, ReachChannel)
SECRET = "canary-5d2e"
WORDS = "<script>alert(1)</script>\u202e"
PERSON = "account-77"


class Known:
    """Somebody with an account, as the tests' rows need them."""

    id = PERSON


@pytest.fixture
def operator(db: None) -> Client:
    return log_in()


def add(number: int = 0) -> None:
    """One row of every model, with a secret in every column that keeps one."""
    who = agent(f"aauth:shopper{number}@agents.example", f"Shopper {number}")
    now = timezone.now()
    grant = granted(Known(), agent=who, justification=WORDS, scope=WORDS)  # type: ignore[arg-type]
    common = {"owner": who.owner, "person": PERSON, "expires_at": now + timedelta(minutes=5)}
    IssuedToken.objects.create(
        jti=f"{number}-jti", grant=grant, typ="aa-auth+jwt", audience="https://books.example", **common
    )
    kept = sealed.seal(SECRET.encode(), "test")
    row = Summons.objects.create(
        kind=Summons.QUESTION,
        url="https://pay.example/7",
        code=SECRET,
        answer=SECRET,
        description=WORDS,
        question=WORDS,
        fingerprint=f"{SECRET}{number}",
        wording="draft-11",
        **common,
    )
    channel = ReachChannel.objects.create(
        person=PERSON,
        kind="web_push",
        label=WORDS,
        address=SECRET,
        fingerprint=keys.digest(kept.encode(), "t"),
    )
    ReachAttempt.objects.create(subject=row.pk, channel=channel, kind="web_push", result="taken")


@pytest.mark.parametrize("model", MODELS)
def test_lists_and_pages_open_and_nothing_can_be_edited(operator: Client, model: Any) -> None:
    empty = admin.site.get_model_admin(model).empty_list_text  # type: ignore[attr-defined]
    assert empty in operator.get(listing(model)).text
    add()
    row = model.objects.get()

    shown = operator.get(listing(model))

    assert page(row) in shown.text
    assert operator.get(page(row)).status_code == 200
    denied = [
        operator.post(listing(model) + "add/", {}),
        operator.post(page(row), {"state": "granted", "person": "me", "enabled": "1"}),
        operator.post(page(row).replace("/change/", "/delete/"), {"post": "yes"}),
    ]
    assert [answer.status_code for answer in denied] == [403] * 3


def test_no_page_shows_a_secret_or_runs_what_an_agent_wrote(operator: Client) -> None:
    add()
    hidden = {SECRET, ReachChannel.objects.get().fingerprint}

    for model in MODELS:
        row = model.objects.get()
        for address in (listing(model), page(row), page(row).replace("/change/", "/history/")):
            text = operator.get(address).text
            assert [secret for secret in hidden if secret in text] == [], address
            assert "<script>alert" not in text
            assert "\u202e" not in text
    assert "web_push: taken" in operator.get(page(Summons.objects.get())).text


@pytest.mark.parametrize("model", MODELS)
def test_a_list_costs_the_same_with_more_rows(operator: Client, model: Any) -> None:
    add()
    operator.get(listing(model))
    with CaptureQueriesContext(connection) as few:
        operator.get(listing(model))
    for number in range(1, 4):
        add(number)
    with CaptureQueriesContext(connection) as many:
        operator.get(listing(model))

    of_table = [query["sql"] for query in many if f'FROM "{model._meta.db_table}"' in query["sql"]]
    assert len(many) == len(few)
    assert len(of_table) == 2
    assert SECRET not in str(of_table)
    for column in ("code", "answer", "address", "fingerprint"):
        assert f'"{model._meta.db_table}"."{column}"' not in str(of_table)


@pytest.mark.parametrize("model", MODELS)
def test_filters_and_searches_are_answered_by_an_index(operator: Client, model: Any) -> None:
    for number in range(3):
        add(number)
    table = model._meta.db_table
    asked: list[dict[str, str]] = [{}, {"q": PERSON}]
    if model in (AgentBinding, Grant, Summons):
        asked.append({"q": agent("aauth:shopper1@agents.example").owner})
    asked += {
        AgentBinding: [{"state": "revoked"}],
        Grant: [{"state__exact": "asked"}, {"q": "grt_0"}],
        Summons: [{"state__exact": "waiting"}, {"q": "smn_0"}],
        ReachChannel: [{"kind__exact": "web_push"}, {"q": "rch_0"}],
        IssuedToken: [{"q": "1-jti"}],
    }[model]

    for query in asked:
        with CaptureQueriesContext(connection) as statements:
            found = operator.get(listing(model), query)
        assert found.status_code == 200, query
        rows = [
            entry["sql"]
            for entry in statements
            if f'FROM "{table}"' in entry["sql"] and "COUNT(*)" not in entry["sql"]
        ]
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN QUERY PLAN {rows[0]}")
                plan = " | ".join(str(line[3]) for line in cursor.fetchall())
            assert f"SCAN {table} USING INDEX" in plan or f"SEARCH {table} USING" in plan, (query, plan)


@pytest.mark.requirement("AA-213")
def test_an_operator_revokes_an_agent_with_a_reason(operator: Client) -> None:
    add()
    row = AgentBinding.objects.get()

    asked = act(operator, row, "revoke", reason=None)
    assert "They stay tied to their persons" in asked.text
    assert bindings.person_of(row.owner) == PERSON
    act(operator, row, "revoke")

    assert bindings.person_of(row.owner) == ""
    assert Grant.objects.get().state == "revoked"
    assert Summons.objects.get().state == "failed"
    assert LogEntry.objects.get().change_message == "Revoked: because"
    act(operator, row, "revoke")
    assert LogEntry.objects.first().change_message == "Nothing to take back: because"  # type: ignore[union-attr]


def test_an_operator_takes_a_grant_back_with_a_reason(operator: Client) -> None:
    add()
    row = Grant.objects.get()

    act(operator, row, "take_back")

    assert Grant.objects.get().state == "revoked"
    assert bindings.person_of(row.owner) == PERSON
    assert LogEntry.objects.get().change_message == "Taken back: because"


@pytest.mark.parametrize("model", [AgentBinding, Grant])
def test_looking_is_not_deciding(db: None, model: Any) -> None:
    """T95: the change permission of the model is asked for."""
    add()
    row = model.objects.get()
    clerk = User.objects.create_user("clerk", is_staff=True)
    name = f"view_{model._meta.model_name}"
    clerk.user_permissions.add(
        Permission.objects.get(codename=name, content_type__app_label="agentic_gateway")
    )
    client = Client()
    client.force_login(clerk)

    assert client.get(page(row)).status_code == 200
    act(client, row, "revoke" if model is AgentBinding else "take_back")

    assert bindings.person_of(row.owner) == PERSON
    assert Grant.objects.get().state == "granted"
    assert not LogEntry.objects.exists()

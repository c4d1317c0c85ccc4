"""What a person's own agent may know of their account, and what it is asked for first: AA-008 to AA-010,
AA-401, AA-410, AA-412, decision 31."""

from __future__ import annotations

import time

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from gateway import account_facts, bindings
from gateway.aauth import account, jwk, tokens
from gateway.aauth.person_server import issuing
from gateway.person_models import Grant
from tests.aauth.person_server.accounts import (
    ACCOUNT,
    DOCUMENT,
    PERSON_REQUIRED,
    US,
    OwnAgent,
    asks,
    auth_token,
    having_accounts,
    on_record,
    ordered,
    person_token,
    resource_token,
    someone,
    subject,
)
from tests.aauth.persons import body

# What it asks for -----------------------------------------------------------------------


@pytest.mark.requirement("AA-009", "AA-410")
def test_an_agent_that_names_no_person_is_asked_for_its_persons_token(agent: OwnAgent) -> None:
    answer = asks(agent)
    bare = Client().get(ACCOUNT)

    assert (answer.status_code, body(answer)["error"]) == (401, "person_token_required")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "Signature-Error" not in answer.headers
    assert (bare.status_code, bare.headers["Signature-Error"]) == (401, "error=invalid_signature")
    for told in (answer, bare):
        assert told.headers["AAuth-Requirement"] == PERSON_REQUIRED
        assert told.headers["Link"] == DOCUMENT
        assert told.headers["Cache-Control"] == "no-store"
        assert "AAuth" not in told.headers


@pytest.mark.requirement("AA-009", "AA-410", "AA-412")
def test_who_brings_the_persons_token_is_told_what_to_ask_them_for(agent: OwnAgent, ada: str) -> None:
    token = person_token(agent, ada, jti="p1", mission_s256="m", tenant="t")

    answer = asks(agent, token)
    narrow = asks(agent, token, "?scope=orders")

    assert (answer.status_code, body(answer)["error"]) == (401, "auth_token_required")
    assert answer.headers["AAuth-Requirement"].startswith('requirement=auth-token; resource-token="')
    assert answer.headers["Link"] == DOCUMENT
    header, said = resource_token(answer)
    assert header["typ"] == "aa-resource+jwt"
    assert {name: said[name] for name in said if name not in ("iat", "exp", "jti")} == {
        "iss": US,
        "dwk": "aauth-resource.json",
        "aud": US,
        "ps": US,
        "sub": subject(ada),
        "presented_jti": "p1",
        "agent_jkt": agent.thumbprint,
        "scope": "profile orders",
        "mission_s256": "m",
        "tenant": "t",
    }
    assert abs(said["iat"] - time.time()) < 60
    assert said["exp"] - said["iat"] == 300
    _, other = resource_token(narrow)
    assert other["scope"] == "orders"
    assert other["jti"] != said["jti"]


def test_who_was_granted_less_is_asked_for_what_is_missing(agent: OwnAgent, ada: str) -> None:
    token = auth_token(agent, ada, "profile", jti="a1")

    answers = [asks(agent, token, query) for query in ("?scope=orders", "?scope=profile%20orders")]

    for answer, scope in zip(answers, ("orders", "profile orders"), strict=True):
        assert answer.status_code == 401
        _, said = resource_token(answer)
        assert (said["scope"], said["presented_jti"], said["sub"]) == (scope, "a1", subject(ada))


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("?scope=payments", "invalid_scope"),
        ("?scope=orders,profile", "invalid_scope"),
        ("?scope=", "invalid_request"),
        ("?scope=orders&scope=profile", "invalid_request"),
    ],
)
def test_a_scope_that_cannot_be_meant_is_refused(agent: OwnAgent, query: str, error: str) -> None:
    answer = asks(agent, query=query)

    assert (answer.status_code, body(answer)["error"]) == (400, error)
    assert "AAuth-Requirement" not in answer.headers


@pytest.mark.requirement("AA-401")
def test_what_is_needed_is_signed(agent: OwnAgent, ada: str) -> None:
    """Nobody on the way asks for more in the agent's name."""
    signed = agent.signed("GET", ACCOUNT, signature_key=agent.by(auth_token(agent, ada)))

    answer = agent.raw("GET", f"{ACCOUNT}?scope=orders", b"", signed)

    assert answer.status_code == 401
    assert answer.headers["Signature-Error"].startswith("error=invalid_input")
    assert '"@query"' in answer.headers["Signature-Error"]


def test_it_is_not_there_unless_we_are_a_person_server(counter: None) -> None:
    with OwnAgent(AAUTH_PERSON_SERVER=False) as agent:
        answer, unknown = asks(agent), agent.get(f"{ACCOUNT}s")

    assert answer.status_code == 404
    assert answer.content == unknown.content


def test_it_is_only_read(agent: OwnAgent) -> None:
    answer = agent.post(ACCOUNT, {})

    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")


# What it tells --------------------------------------------------------------------------


@pytest.mark.requirement("AA-008", "AA-410", "AA-412")
def test_what_was_granted_is_told(agent: OwnAgent, ada: str) -> None:
    token = auth_token(agent, ada)
    first, second = (ordered(agent.owner, amount, ago)[0] for amount, ago in ((1999, 2), (500, 1)))

    answer = asks(agent, token)

    assert answer.status_code == 200
    assert "AAuth-Requirement" not in answer.headers
    assert "Link" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"
    assert body(answer) == {
        "scope": "profile orders",
        "profile": {"name": "Ada Byron", "email": "ada@example.com"},
        "orders": [
            {
                "id": order.pk,
                "status": "confirmed",
                "total": order.amount,
                "currency": "usd",
                "placed_at": order.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "permalink": f"{US}/agentic/orders/{order.pk}",
            }
            for order in (second, first)
        ],
    }


@pytest.mark.parametrize(
    ("granted", "query", "members"),
    [
        ("profile", "", {"scope", "profile"}),
        ("orders", "", {"scope", "orders"}),
        ("profile orders", "?scope=profile", {"scope", "profile"}),
        ("loyalty", "", {"scope"}),
        ("loyalty orders", "?scope=loyalty%20orders", {"scope", "orders"}),
        ("gone orders", "", {"scope", "orders"}),
    ],
)
def test_no_more_is_told_than_was_granted_and_needed(
    counter: None,
    granted: str,
    query: str,
    members: set[str],
) -> None:
    with having_accounts(OwnAgent(AAUTH_SCOPES={"loyalty": "Your points"})) as agent:
        answer = asks(agent, auth_token(agent, someone(), granted), query)

    assert answer.status_code == 200
    assert set(body(answer)) == members
    assert set(body(answer)["scope"].split()) <= {"profile", "orders", "loyalty"}


def test_orders_are_those_of_the_persons_agents(agent: OwnAgent, ada: str) -> None:
    """Not a stranger's, and not what an agent ordered after they had revoked it."""
    bob = someone("bob")
    for owner, person in (("aauth:a|1", ada), ("aauth:a|2", ada), ("aauth:a|3", bob)):
        bindings.bind(owner, person)
    before = ordered("aauth:a|2", 2, 5)
    bindings.revoke("aauth:a|2", ada)
    after = ordered("aauth:a|2", 3, -5)
    theirs = ordered("aauth:a|1", 1, 1)
    foreign = ordered("aauth:a|3", 4) + ordered("key:1", 5)

    listed = [order.id for order in account_facts.orders(ada)]

    assert listed == [order.pk for order in theirs + before]
    assert not {order.pk for order in after + foreign} & set(listed)
    assert account_facts.orders(someone("cleo")) == []


def test_no_more_than_fifty_orders_are_told(agent: OwnAgent, ada: str) -> None:
    bindings.bind(agent.owner, ada)
    ordered(agent.owner, 1, 9, count=60)
    newest = ordered(agent.owner, 2)[0]

    listed = account_facts.orders(ada)

    assert len(listed) == 50
    assert listed[0].id == newest.pk


def test_looking_costs_few_statements_and_writes_nothing(agent: OwnAgent, ada: str) -> None:
    token = auth_token(agent, ada)
    ordered(agent.owner, 1, count=3)
    asks(agent, token)

    with CaptureQueriesContext(connection) as seen:
        answer = asks(agent, token)

    assert answer.status_code == 200
    assert len(seen) <= 8
    assert all(query["sql"].startswith("SELECT") for query in seen.captured_queries)


def test_an_agent_that_asks_without_end_is_told_to_wait(
    agent: OwnAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "PER_MINUTE", 2)

    *_, answer = (asks(agent) for _ in range(3))

    assert (answer.status_code, body(answer)["error"]) == (429, "slow_down")
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.requirement("AA-414")
def test_the_demo_is_such_a_shop_at_an_address_of_this_machine(counter: None) -> None:
    """Only there our own name may be another than an https one (decision 4)."""
    demo = "http://localhost:8000"
    with having_accounts(OwnAgent(person_server=demo, PUBLIC_URL=demo)) as agent:
        ada = someone()
        on_record(agent, ada, {"jti": "unused"}, tokens.PERSON)
        grant = Grant.objects.get()
        Grant.objects.filter(pk=grant.pk).update(
            kind=Grant.AUTH_TOKEN, audience=demo, scope="profile", key=jwk.public_jwk(agent.key)
        )
        token = issuing.body_of(Grant.objects.get())["auth_token"]

        asked = asks(agent, authority="localhost:8000")
        told = asks(agent, token, authority="localhost:8000")

    assert (asked.status_code, asked.headers["AAuth-Requirement"]) == (401, PERSON_REQUIRED)
    assert (told.status_code, body(told)["scope"]) == (200, "profile")

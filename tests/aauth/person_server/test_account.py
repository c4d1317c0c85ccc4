"""What a person's own agent may know of their account, and what it is asked for first: AA-008 to AA-010,
AA-401, AA-410, AA-412, decision 31."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from gateway import account_facts, bindings
from gateway.aauth import account, jwk, tokens
from gateway.aauth.person_server import keys
from gateway.models import Agent
from gateway.person_models import Grant, IssuedToken
from gateway.person_states import GrantState
from tests.aauth.agents import Provider, SignedAgent, encoded
from tests.aauth.person_server.accounts import (
    ACCOUNT,
    DOCUMENT,
    US,
    OwnAgent,
    auth_token,
    claims,
    having_accounts,
    on_record,
    ordered,
    person_token,
    someone,
    subject,
)
from tests.aauth.persons import body, counter  # noqa: F401  (a fixture)

PERSON_REQUIRED = "requirement=person-token"


@pytest.fixture
def agent(counter: None) -> Iterator[OwnAgent]:  # noqa: F811
    with having_accounts(OwnAgent()) as agent:
        yield agent


@pytest.fixture
def ada(agent: OwnAgent) -> str:
    return someone()


def asks(agent: OwnAgent, token: str = "", query: str = "", **options: Any) -> HttpResponse:
    named = {"signature_key": agent.by(token)} if token else {}
    return agent.get(ACCOUNT + query, **{**named, **options})


def resource_token(answer: HttpResponse, header: str = "AAuth-Requirement") -> tuple[dict[str, Any], Any]:
    """Header and claims of the token in a challenge, which we have signed."""
    text = answer.headers[header].partition('resource-token="')[2].partition('"')[0]
    first, said, _ = text.split(".")
    told = [json.loads(base64.urlsafe_b64decode(part + "===")) for part in (first, said)]
    read = tokens.read(text, accept=(tokens.RESOURCE,), audience=US, lenient=True)
    tokens.verify(read, keys.jwks()["keys"][0])
    return told[0], told[1]


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


def test_it_is_not_there_unless_we_are_a_person_server(counter: None) -> None:  # noqa: F811
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
    counter: None,  # noqa: F811
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

    found = [order.id for order in account_facts.orders(ada)]

    assert found == [order.pk for order in theirs + before]
    assert not {order.pk for order in after + foreign} & set(found)
    assert account_facts.orders(someone("cleo")) == []


def test_no_more_than_fifty_orders_are_told(agent: OwnAgent, ada: str) -> None:
    bindings.bind(agent.owner, ada)
    ordered(agent.owner, 1, 9, count=60)
    newest = ordered(agent.owner, 2)[0]

    found = account_facts.orders(ada)

    assert len(found) == 50
    assert found[0].id == newest.pk


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


# What is refused ------------------------------------------------------------------------


def expired(agent: OwnAgent, ada: str) -> str:
    return auth_token(agent, ada, iat=int(time.time()) - 7200, exp=int(time.time()) - 3600)


def for_somebody_else(agent: OwnAgent, ada: str) -> str:
    return auth_token(agent, ada, aud="https://other.example")


def for_another_key(agent: OwnAgent, ada: str) -> str:
    return auth_token(agent, ada, cnf={"jwk": jwk.public_jwk(SignedAgent("thief").key)})


def for_no_key(agent: OwnAgent, ada: str) -> str:
    return auth_token(agent, ada, cnf=None)


def revoked(agent: OwnAgent, ada: str) -> str:
    token = auth_token(agent, ada)
    IssuedToken.objects.update(revoked_at="2026-01-01T00:00Z")
    return token


def of_a_grant_taken_back(agent: OwnAgent, ada: str) -> str:
    token = auth_token(agent, ada)
    Grant.objects.update(state=GrantState.REVOKED)
    return token


def of_an_agent_taken_back(agent: OwnAgent, ada: str) -> str:
    token = auth_token(agent, ada)
    bindings.revoke(agent.owner, ada)
    return token


def never_given(agent: OwnAgent, ada: str) -> str:
    return keys.sign(claims(agent, ada, ps=US, scope="orders"), tokens.AUTH)


def with_anothers_name(agent: OwnAgent, ada: str) -> str:
    return auth_token(agent, ada, sub=subject(someone("bob")))


def tampered(agent: OwnAgent, ada: str) -> str:
    first, said, signature = auth_token(agent, ada, "profile").split(".")
    told = json.loads(base64.urlsafe_b64decode(said + "==="))
    return f"{first}.{encoded(json.dumps({**told, 'scope': 'profile orders'}).encode())}.{signature}"


def signed_by_its_holder(agent: OwnAgent, ada: str) -> str:
    said = claims(agent, ada, ps=US, scope="orders")
    on_record(agent, ada, said, tokens.AUTH)
    kid = keys.jwks()["keys"][0]["kid"]
    return tokens.issue(said, agent.key, kid, tokens.AUTH)


def unsigned(agent: OwnAgent, ada: str) -> str:
    return _reheaded(agent, ada, "none", lambda signed, key: b"")


def signed_with_our_public_key(agent: OwnAgent, ada: str) -> str:
    return _reheaded(agent, ada, "HS256", lambda signed, key: hmac.digest(key, signed, hashlib.sha256))


def under_an_old_name_of_the_algorithm(agent: OwnAgent, ada: str) -> str:
    return _reheaded(agent, ada, "EdDSA", lambda signed, key: b"x" * 64)


def _reheaded(agent: OwnAgent, ada: str, alg: str, sign: Callable[[bytes, bytes], bytes]) -> str:
    ours = keys.jwks()["keys"][0]
    header = {"typ": tokens.AUTH, "alg": alg, "kid": ours["kid"]}
    said = auth_token(agent, ada).split(".")[1]
    signed = f"{encoded(json.dumps(header).encode())}.{said}"
    public = base64.urlsafe_b64decode(ours["x"] + "===")
    return f"{signed}.{encoded(sign(signed.encode(), public)) or 'AA'}"


def of_an_access_server(agent: OwnAgent, ada: str) -> str:
    return auth_token(agent, ada, dwk="aauth-access.json")


def on_anothers_word(agent: OwnAgent, ada: str) -> str:
    return auth_token(agent, ada, ps="https://person.example")


def with_an_actor(agent: OwnAgent, ada: str) -> str:
    return auth_token(agent, ada, act={"sub": "x"})


def our_own_resource_token(agent: OwnAgent, ada: str) -> str:
    return resource_text(asks(agent, person_token(agent, ada)))


def resource_text(answer: HttpResponse) -> str:
    return answer.headers["AAuth-Requirement"].partition('resource-token="')[2].partition('"')[0]


def of_a_server_that_nobody_pinned(agent: OwnAgent, ada: str) -> str:
    other = Provider("https://person.example")
    said = claims(agent, ada, iss=other.issuer, ps=other.issuer, scope="orders")
    return other.token(said, typ=tokens.AUTH)


REFUSED = [
    (expired, "expired_jwt"),
    (for_somebody_else, "invalid_jwt"),
    (for_another_key, "invalid_signature"),
    (for_no_key, "invalid_jwt"),
    (revoked, "revoked_jwt"),
    (of_a_grant_taken_back, "revoked_jwt"),
    (of_an_agent_taken_back, "revoked_jwt"),
    (never_given, "revoked_jwt"),
    (with_anothers_name, "revoked_jwt"),
    (tampered, "invalid_jwt"),
    (signed_by_its_holder, "invalid_jwt"),
    (unsigned, "invalid_jwt"),
    (signed_with_our_public_key, "invalid_jwt"),
    (under_an_old_name_of_the_algorithm, "invalid_jwt"),
    (of_an_access_server, "invalid_jwt"),
    (on_anothers_word, "invalid_jwt"),
    (with_an_actor, "invalid_jwt"),
    (our_own_resource_token, "invalid_jwt"),
    (of_a_server_that_nobody_pinned, "invalid_jwt"),
]


@pytest.mark.requirement("AA-407", "AA-410", "AA-412")
@pytest.mark.parametrize(("made", "error"), REFUSED, ids=[made.__name__ for made, _ in REFUSED])
def test_a_token_that_does_not_count_opens_nothing(
    agent: OwnAgent, ada: str, made: Callable[[OwnAgent, str], str], error: str
) -> None:
    answer = asks(agent, made(agent, ada))

    assert answer.status_code == 401
    assert answer.headers["Signature-Error"] == f"error={error}"
    assert body(answer)["error"] == error
    assert answer.headers["Link"] == DOCUMENT
    if error != "invalid_signature":
        assert answer.headers["AAuth-Requirement"] == PERSON_REQUIRED
    assert "resource-token" not in answer.headers.get("AAuth-Requirement", "")


@pytest.mark.requirement("AA-412")
def test_a_persons_name_grants_nothing_whatever_it_says(agent: OwnAgent, ada: str) -> None:
    answer = asks(agent, person_token(agent, ada, scope="profile orders"))

    assert (answer.status_code, body(answer)["error"]) == (401, "auth_token_required")


@pytest.mark.requirement("AA-410")
def test_people_of_another_person_server_have_no_account_here(counter: None) -> None:  # noqa: F811
    """Their agents are told at once, and nobody is sent there with a challenge."""
    other, own = Provider("https://person.example"), Provider()
    pinned = {**other.pinned(), **own.pinned()}
    with having_accounts(OwnAgent(provider=own, AAUTH_ISSUERS=pinned)) as agent:
        ada = someone()
        said = claims(agent, ada, iss=other.issuer)
        answers = [
            asks(agent, other.token(said, typ=tokens.PERSON)),
            asks(agent, other.token({**said, "ps": other.issuer, "scope": "orders"}, typ=tokens.AUTH)),
            asks(OwnAgent("guest", other.issuer, provider=own)),
        ]

    for answer in answers:
        assert (answer.status_code, body(answer)["error"]) == (403, "unknown_person")
        assert US in body(answer)["detail"]
        assert not {"AAuth-Requirement", "Signature-Error", "AAuth"} & set(answer.headers)


@pytest.mark.parametrize("closed", ["account", "agent"])
def test_nothing_is_told_of_a_closed_account_nor_to_an_agent_that_is_blocked(
    agent: OwnAgent, ada: str, closed: str
) -> None:
    token = auth_token(agent, ada)
    asks(agent)
    if closed == "account":
        get_user_model().objects.update(is_active=False)
    else:
        Agent.objects.filter(issuer=agent.provider.issuer).update(active=False)

    answer = asks(agent, token)

    error = "unknown_person" if closed == "account" else "agent_refused"
    assert (answer.status_code, body(answer)["error"]) == (403, error)


@pytest.mark.requirement("AA-410", "AA-412")
@pytest.mark.parametrize("make", [person_token, auth_token])
@pytest.mark.parametrize("path", ["/agentic/acp/checkout_sessions/cs_1", "/agentic/aauth/pending/x"])
def test_what_names_a_person_opens_nothing_that_an_agent_token_does(
    agent: OwnAgent, ada: str, path: str, make: Callable[..., str]
) -> None:
    """Nor once it was verified here, and is remembered."""
    token = make(agent, ada)
    asks(agent, token)

    answer = agent.get(path, {"API-Version": "2026-04-17"}, signature_key=agent.by(token))

    assert answer.status_code == 401
    assert answer.headers["Signature-Error"] == "error=invalid_jwt"
    assert answer.headers["AAuth-Requirement"] == "requirement=agent-token"


# Older wordings -------------------------------------------------------------------------


@pytest.mark.requirement("AA-405", "AA-410")
@pytest.mark.parametrize("wording", ["draft-11", "dual", "seed"])
def test_agents_of_older_texts_are_challenged_at_once(counter: None, wording: str) -> None:  # noqa: F811
    with having_accounts(OwnAgent(AAUTH_WORDING=wording)) as agent:
        agent.key = agent.provider.key
        answer = asks(agent, query="?scope=orders", signature_key=agent.by_its_name)

        assert answer.status_code == 401
        if wording == "draft-11":
            assert answer.headers["Signature-Error"] == "error=invalid_signature"
            assert not {"AAuth", "AAuth-Requirement"} & set(answer.headers)
            return
        header, said = resource_token(answer, "AAuth")
        assert (header["typ"], header["alg"]) == ("resource+jwt", "EdDSA")
        assert {name: said[name] for name in ("iss", "aud", "agent", "agent_jkt", "scope")} == {
            "iss": US,
            "aud": US,
            "agent": agent.provider.issuer,
            "agent_jkt": agent.thumbprint,
            "scope": "orders",
        }
        assert answer.headers["AAuth"].startswith('require=auth-token; resource-token="')
        assert answer.headers["AAuth"].endswith(f'auth-server="{US}"')
        assert answer.headers["AAuth-Requirement"].startswith('requirement=auth-token; resource-token="')
    if wording == "seed":
        assert answer.content == b"Authorization required"
        assert answer.headers["Content-Type"].startswith("text/plain")
    else:
        assert body(answer)["detail"] == "Authorization required"


@pytest.mark.requirement("AA-405", "AA-410")
@pytest.mark.parametrize("wording", ["draft-11", "dual", "seed"])
def test_a_bare_key_is_nobodys(counter: None, wording: str) -> None:  # noqa: F811
    """There is no person to ask: it is told to say who it is."""
    with having_accounts(OwnAgent(AAUTH_WORDING=wording)) as agent:
        answer = asks(agent, signature_key=agent.by_its_key)

    assert answer.status_code == 401
    if wording == "draft-11":
        assert answer.headers["Signature-Error"] == "error=unsupported_scheme"
        assert answer.headers["AAuth-Requirement"] == PERSON_REQUIRED
    else:
        assert body(answer)["error"] == "agent_token_required"
        assert answer.headers["AAuth-Requirement"] == "requirement=agent-token"
        assert answer.headers["AAuth"] == "require=identity"


@pytest.mark.requirement("AA-412")
@pytest.mark.parametrize("wording", ["draft-11", "dual", "seed"])
def test_a_token_of_older_texts_opens_it_where_they_are_understood(counter: None, wording: str) -> None:  # noqa: F811
    with having_accounts(OwnAgent(AAUTH_WORDING=wording)) as agent:
        ada = someone()
        said = {**claims(agent, ada, scope="profile"), "agent": agent.sub}
        on_record(agent, ada, said, tokens.AUTH)

        answer = asks(agent, keys.sign(said, tokens.OLDER_AUTH))

        if wording == "draft-11":
            assert answer.headers["Signature-Error"] == "error=invalid_jwt"
            return
        profile = {"name": "Ada Byron", "email": "ada@example.com"}
        assert answer.status_code == 200
        expected: dict[str, Any] = {"scope": "profile", "profile": profile}
        if wording == "seed":
            expected |= {
                "message": "Access granted",
                "scheme": "jwt",
                "token_type": "auth+jwt",
                "method": "GET",
                "agent": agent.sub,
                "agent_delegate": None,
            }
        assert body(answer) == expected

"""Who the account stays closed to: tokens that do not count, people of other servers, agents that are kept
out; and what such tokens open elsewhere, which is nothing (AA-407, AA-410, AA-412)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from gateway import bindings
from gateway.aauth import jwk, tokens
from gateway.aauth.person_server import keys, revoking
from gateway.models import Agent
from gateway.person_models import Grant, IssuedToken
from gateway.person_states import GrantState
from tests.aauth.agents import Provider, SignedAgent, encoded
from tests.aauth.person_server.accounts import (
    DOCUMENT,
    PERSON_REQUIRED,
    US,
    OwnAgent,
    asks,
    auth_token,
    claims,
    having_accounts,
    on_record,
    person_token,
    resource_text,
    someone,
    subject,
)
from tests.aauth.persons import body


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


def its_own_that_its_provider_took_back(agent: OwnAgent, ada: str) -> str:
    said = agent.claims()
    revoking.record(agent.provider.issuer, said["jti"], timezone.now() + timedelta(hours=1))
    return agent.provider.token(said)


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
    (its_own_that_its_provider_took_back, "revoked_jwt"),
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
def test_people_of_another_person_server_have_no_account_here(counter: None) -> None:
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

"""The tokens that are given out: what they say, for how long, and where they are kept: nowhere (AA-217)."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from gateway import bindings, periodic
from gateway.aauth import signatures, tokens
from gateway.aauth.person_server import issuing, keys, revoking
from gateway.aauth.problems import Problem
from gateway.person_models import DirectedSubject, Grant, IssuedToken, RevokedToken
from tests.aauth.person_server.desk import (
    AUTH,
    ELSEWHERE,
    PERSON,
    SCOPE,
    US,
    Desk,
    body,
    claims_of,
    header_of,
    record_of,
    verified,
)
from tests.visitors import configured

pytestmark = pytest.mark.requirement("AA-217")


def seconds(desk: Desk, grant: Grant) -> int:
    told = claims_of(next(iter(issuing.body_of(grant).values())))
    return told["exp"] - told["iat"]


def test_a_person_token_says_who_and_nothing_else(desk: Desk) -> None:
    grant = desk.granted()
    told = issuing.body_of(grant)

    assert set(told) == {"person_token", "expires_in"}
    assert 3590 <= told["expires_in"] <= 3600
    token = told["person_token"]
    assert header_of(token) == {
        "typ": "aa-person+jwt",
        "alg": "Ed25519",
        "kid": keys.jwks()["keys"][0]["kid"],
    }
    claims = verified(token)
    assert claims == {
        "iss": US,
        "dwk": "aauth-person.json",
        "aud": ELSEWHERE,
        "sub": issuing.subject_of(desk.person, ELSEWHERE),
        "jti": record_of(token).pk,
        "cnf": {"jwk": signatures.public_jwk(desk.agent.key)},
        "iat": claims["iat"],
        "exp": claims["iat"] + 3600,
    }
    read = tokens.read(token, accept=(tokens.PERSON,), audience=ELSEWHERE, ours=US)
    assert read.subject == claims["sub"]


def test_an_auth_token_says_what_was_granted_and_names_no_agent(desk: Desk) -> None:
    grant = desk.granted(Grant.AUTH_TOKEN, account="work")
    told = issuing.body_of(grant)

    assert set(told) == {"auth_token", "expires_in"}
    claims = verified(told["auth_token"])
    assert header_of(told["auth_token"])["typ"] == "aa-auth+jwt"
    assert {name: claims[name] for name in ("iss", "ps", "aud", "scope", "account", "dwk")} == {
        "iss": US,
        "ps": US,
        "aud": ELSEWHERE,
        "scope": SCOPE,
        "account": "work",
        "dwk": "aauth-person.json",
    }
    assert not {"agent", "act", "email", "name"} & set(claims)
    assert "account" not in verified(issuing.body_of(desk.granted(Grant.AUTH_TOKEN))["auth_token"])
    tokens.read(told["auth_token"], accept=(tokens.AUTH,), audience=ELSEWHERE, ours=US)
    row = record_of(told["auth_token"])
    assert (row.grant, row.typ, row.owner, row.person, row.audience, row.scope) == (
        grant,
        "aa-auth+jwt",
        desk.agent.owner,
        desk.person,
        ELSEWHERE,
        SCOPE,
    )
    assert row.expires_at.timestamp() == pytest.approx(claims["exp"], abs=1)


def test_the_older_wording_names_the_agent(desk: Desk) -> None:
    owner = "aauth:https://agents.example|https://agents.example"
    told = issuing.body_of(desk.granted(Grant.AUTH_TOKEN, owner=owner, older=True))

    assert set(told) == {"auth_token", "expires_in", "token_type"}
    assert header_of(told["auth_token"])["typ"] == told["token_type"] == "auth+jwt"
    assert header_of(told["auth_token"])["alg"] == "EdDSA"
    claims = verified(told["auth_token"])
    assert (claims["agent"], claims["scope"]) == ("https://agents.example", SCOPE)
    assert claims["cnf"] == {"jwk": signatures.public_jwk(desk.agent.key)}
    read = tokens.read(told["auth_token"], accept=(tokens.AUTH,), audience=ELSEWHERE, lenient=True, ours=US)
    assert (read.older, read.typ, read.subject) == (True, tokens.AUTH, claims["sub"])


def test_one_person_has_another_name_at_each_resource_and_always_the_same(desk: Desk) -> None:
    first = verified(desk.shown())["sub"]
    assert verified(desk.shown())["sub"] == first
    assert verified(issuing.body_of(desk.granted(Grant.AUTH_TOKEN))["auth_token"])["sub"] == first
    third = verified(desk.shown(audience="https://third.example"))["sub"]
    other = verified(desk.shown(person="another"))["sub"]
    assert len({first, third, other, desk.person}) == 4
    assert DirectedSubject.objects.count() == 3


def test_the_same_grant_gives_the_same_token_and_one_record(desk: Desk) -> None:
    grant = desk.granted()
    first = issuing.body_of(grant)["person_token"]
    with time_machine.travel(timezone.now() + timedelta(minutes=30)):
        later = issuing.body_of(Grant.objects.get(pk=grant.pk))
    assert later["person_token"] == first
    assert 1700 <= later["expires_in"] <= 1800
    assert IssuedToken.objects.count() == 1


def test_no_token_outlives_what_it_was_asked_with(desk: Desk) -> None:
    now = int(timezone.now().timestamp())
    assert seconds(desk, desk.granted()) == 3600
    assert 95 <= seconds(desk, desk.granted(presented={"exp": now + 100})) <= 100
    assert 3595 <= seconds(desk, desk.granted(presented={"exp": now + 9000})) <= 3600
    with configured(AAUTH_TOKEN_SECONDS=600):
        assert seconds(desk, desk.granted()) == 600
    with pytest.raises(Problem) as refused:
        issuing.body_of(desk.granted(presented={"exp": now - 1}))
    assert (refused.value.status, refused.value.code) == (408, "expired")
    assert IssuedToken.objects.count() == 4


def test_what_was_taken_back_is_given_no_more(desk: Desk) -> None:
    for columns in ({"state": "revoked"}, {"state": "granted"}):
        grant = desk.granted(**columns)
        if grant.state == "granted":
            issuing.body_of(grant)
            revoking.of_grant(grant)
        with pytest.raises(Problem) as refused:
            issuing.body_of(grant)
        assert (refused.value.status, refused.value.code) == (403, "revoked")


# At once ---------------------------------------------------------------------------------------


def test_who_they_are_is_told_again_until_it_is_taken_back(desk: Desk) -> None:
    grant = desk.granted(decided_at=timezone.now() - timedelta(days=90))
    desk.agent.renew()  # another key, as agents get them now and then
    answer = desk.ask(PERSON, {"resource": ELSEWHERE})

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    claims = verified(body(answer)["person_token"])
    assert claims["cnf"] == {"jwk": signatures.public_jwk(desk.agent.key)}
    assert claims["exp"] <= claims_of(desk.agent.token)["exp"]
    assert record_of(body(answer)["person_token"]).grant == grant
    again = body(desk.ask(PERSON, {"resource": ELSEWHERE}))["person_token"]
    assert claims_of(again)["jti"] != claims["jti"]
    assert not desk.asked
    assert desk.ask(PERSON, {"resource": "https://third.example"}).status_code == 202
    Grant.objects.update(state="revoked")
    assert desk.ask(PERSON, {"resource": ELSEWHERE}).status_code == 202
    Grant.objects.update(state="granted")
    get_user_model().objects.update(is_active=False)
    assert desk.ask(PERSON, {"resource": ELSEWHERE}).status_code == 202
    get_user_model().objects.update(is_active=True)
    bindings.revoke(desk.agent.owner, desk.person)
    assert desk.ask(PERSON, {"resource": ELSEWHERE}).status_code == 202


def test_what_was_opened_is_opened_again_within_its_hour_and_not_beyond(desk: Desk) -> None:
    decided = timezone.now() - timedelta(minutes=40)
    grant = desk.granted(Grant.AUTH_TOKEN, decided_at=decided)
    answer = desk.auth()

    assert answer.status_code == 200, answer.content
    claims = verified(body(answer)["auth_token"])
    assert claims["exp"] <= decided.timestamp() + 3600
    assert record_of(body(answer)["auth_token"]).grant == grant
    assert not desk.asked
    for changed in ({"scope": "data.read"}, {"account": "work"}):
        shown = desk.shown()
        assert desk.auth(desk.resource_token(shown, **changed), shown).status_code == 202
    Grant.objects.filter(pk=grant.pk).update(decided_at=timezone.now() - timedelta(minutes=61))
    assert desk.auth().status_code == 202
    Grant.objects.filter(pk=grant.pk).update(decided_at=decided)
    assert desk.auth().status_code == 200
    desk.agent.renew()
    assert desk.auth().status_code == 202


def test_the_older_wording_asks_each_time(desk: Desk) -> None:
    claims = desk.agent.claims(ps=None)
    desk.granted(Grant.AUTH_TOKEN, older=True)
    desk.granted(Grant.AUTH_TOKEN)
    desk.agent.token = desk.agent.provider.token(claims, typ="agent+jwt", alg="EdDSA")

    assert desk.ask(AUTH, {"resource_token": desk.older_token()}).status_code == 202


# Nothing is kept ---------------------------------------------------------------------------------


@pytest.mark.requirement("T94")
def test_no_token_is_in_a_row_a_log_or_a_repr(desk: Desk, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG)
    grant = desk.granted(Grant.AUTH_TOKEN)
    shown = desk.shown()
    given = [
        issuing.body_of(grant)["auth_token"],
        body(desk.ask(PERSON, {"resource": ELSEWHERE}))["person_token"],
    ]
    wanted = desk.resource_token(shown, scope="other")
    desk.auth(wanted, shown)
    desk.auth(wanted + "x", shown)
    kept = repr([desk.asked, grant, *IssuedToken.objects.all()]) + caplog.text
    for model in apps.get_models():
        if model._meta.managed and model._meta.app_label.startswith("agentic"):
            kept += json.dumps(list(model._default_manager.values()), cls=DjangoJSONEncoder, default=str)
    for token in (*given, shown, wanted, desk.agent.token):
        assert token.rsplit(".", 1)[1] not in kept
        assert token.split(".")[1] not in kept


def test_records_are_forgotten_a_day_after_their_tokens(desk: Desk) -> None:
    token = claims_of(desk.shown())
    revoking.record(ELSEWHERE, "theirs", timezone.now() + timedelta(hours=1))
    assert issuing.purge() == 0
    with time_machine.travel(timezone.now() + timedelta(hours=26)):
        assert issuing.purge() == 2
        assert issuing.purge() == 0
    assert not IssuedToken.objects.filter(pk=token["jti"]).exists()
    assert not RevokedToken.objects.exists()
    assert "aauth.tokens.purge" in periodic.names()

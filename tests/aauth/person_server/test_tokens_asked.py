"""What an agent can ask its person's server for, and how it is refused (AA-200, AA-216, AA-217)."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from gateway import agents, bindings, grants, windows
from gateway.aauth import signatures
from gateway.aauth.person_server import issuing, judging, keys, revoking, token_views
from gateway.aauth.problems import Problem
from gateway.models import Agent
from gateway.person_models import Grant, IssuedToken, RevokedToken
from tests.aauth.agents import Provider, SignedAgent
from tests.aauth.person_server.desk import (
    AUTH,
    ELSEWHERE,
    OLDER,
    PERSON,
    SCOPE,
    US,
    Desk,
    body,
    claims_of,
    opened,
    problem,
)
from tests.visitors import configured

INVALID, EXPIRED, REVOKED = "invalid_resource_token", "expired_resource_token", "revoked_resource_token"


@pytest.mark.requirement("AA-217")
def test_a_person_token_is_asked_for_a_resource_in_the_agents_words(desk: Desk) -> None:
    asked = {"resource": ELSEWHERE, "justification": "To **book**.", "capabilities": ["interaction", "x"]}
    answer = desk.ask(PERSON, asked | {"login_hint": "ada", "prompt": "login", "device": "Phone"})

    assert answer.status_code == 202
    [(wanted, able)] = desk.asked
    assert able == {"interaction", "x"}
    assert (wanted.owner, wanted.kind, wanted.audience) == (desk.agent.owner, "person", ELSEWHERE)
    assert (wanted.scope, wanted.justification, wanted.older) == ("", "To **book**.", False)
    assert wanted.key == signatures.public_jwk(desk.agent.key)
    agent = claims_of(desk.agent.token)
    assert wanted.presented == {"agent_token": agent["jti"], "agent_exp": agent["exp"], "exp": agent["exp"]}


@pytest.mark.requirement("AA-217")
def test_an_auth_token_is_asked_for_what_the_resource_token_says(desk: Desk) -> None:
    shown = desk.shown()
    token = desk.resource_token(shown, account="work")
    answer = desk.auth(token, shown, justification="Because.")

    assert answer.status_code == 202, answer.content
    [(wanted, able)] = desk.asked
    assert not able
    assert (wanted.owner, wanted.kind, wanted.audience) == (desk.agent.owner, "auth", ELSEWHERE)
    assert (wanted.scope, wanted.account, wanted.justification) == (SCOPE, "work", "Because.")
    assert wanted.request_id == claims_of(token)["jti"]
    assert wanted.presented["jti"] == claims_of(shown)["jti"]
    assert wanted.presented["sub"] == claims_of(shown)["sub"]
    assert wanted.presented["exp"] == claims_of(shown)["exp"]
    assert not wanted.older


def test_the_older_and_dual_wordings_need_not_show_the_presented_token_again(desk: Desk) -> None:
    token = desk.resource_token(desk.shown())

    assert desk.ask(AUTH, {"resource_token": token}).status_code == 202
    with configured(AAUTH_WORDING="draft-11"):
        assert problem(desk.ask(AUTH, {"resource_token": token})) == (400, "invalid_request")
        assert desk.auth().status_code == 202


def test_what_we_ask_for_as_a_resource_is_read_without_asking_ourselves(desk: Desk) -> None:
    shown = desk.shown(audience=US)
    ours = {**claims_of(desk.resource_token(shown)), "iss": US}

    assert desk.auth(keys.sign(ours, "aa-resource+jwt"), shown).status_code == 202
    assert desk.asked[0][0].audience == US


def test_what_an_agent_can_do_is_remembered_where_it_is_somebodys(desk: Desk) -> None:
    desk.bind()
    desk.ask(PERSON, {"resource": ELSEWHERE, "capabilities": ["interaction"]})
    desk.ask(PERSON, {"resource": ELSEWHERE})

    known = bindings.of(desk.agent.owner)
    assert known is not None
    assert known.capabilities == ["interaction"]


# Refusals of the request -----------------------------------------------------------------------


@pytest.mark.requirement("AA-216")
def test_a_malformed_request_names_its_member(desk: Desk) -> None:
    for member, path, sent in (
        ("resource", PERSON, {}),
        ("resource", PERSON, {"resource": 5}),
        ("resource", PERSON, {"resource": "https://resource.example:8443"}),
        ("resource", PERSON, {"resource": "http://resource.example"}),
        ("resource", PERSON, {"resource": "https://resource.example/"}),
        ("justification", PERSON, {"resource": ELSEWHERE, "justification": 1}),
        ("justification", PERSON, {"resource": ELSEWHERE, "justification": "x" * 5001}),
        ("capabilities", PERSON, {"resource": ELSEWHERE, "capabilities": "interaction"}),
        ("capabilities", PERSON, {"resource": ELSEWHERE, "capabilities": ["x y"]}),
        ("capabilities", PERSON, {"resource": ELSEWHERE, "capabilities": [1]}),
        ("capabilities", PERSON, {"resource": ELSEWHERE, "capabilities": ["x"] * 21}),
        ("mission_s256", PERSON, {"resource": ELSEWHERE, "mission_s256": "x"}),
        ("subagent_token", PERSON, {"resource": ELSEWHERE, "subagent_token": None}),
        ("resource_token", AUTH, {}),
        ("resource_token", AUTH, {"resource_token": ["x"]}),
        (
            "presented_token",
            AUTH,
            {"resource_token": desk.resource_token(desk.shown()), "presented_token": 1},
        ),
    ):
        answer = desk.ask(path, sent)
        assert problem(answer) == (400, "invalid_request"), sent
        assert body(answer)["detail"].startswith(member), sent
    for junk in (b"{", b"[]", b'{"resource":1,"resource":2}'):
        assert problem(desk.ask(PERSON, junk)) == (400, "invalid_request")
    upstream = {"resource": ELSEWHERE, "upstream_token": "x"}
    assert problem(desk.ask(PERSON, upstream)) == (400, "invalid_upstream_token")
    assert not desk.asked


def test_a_request_that_is_not_signed_as_it_has_to_be_is_none(desk: Desk) -> None:
    bare = Client().post(PERSON, {"resource": ELSEWHERE}, content_type="application/json")
    assert bare.status_code == 401
    assert bare.headers["Signature-Error"] == "error=invalid_signature"
    assert bare.headers["AAuth-Requirement"] == "requirement=agent-token"
    swapped = desk.ask(PERSON, {"resource": ELSEWHERE}, sent=b'{"resource":"https://other.example"}')
    assert swapped.status_code == 401
    signed = desk.agent.signed("POST", PERSON, b'{"resource":"https://resource.example"}')
    assert (
        desk.agent.raw("POST", PERSON, b'{"resource":"https://resource.example"}', signed).status_code == 202
    )
    assert (
        desk.agent.raw("POST", PERSON, b'{"resource":"https://resource.example"}', signed).status_code == 401
    )
    assert desk.agent.get(PERSON).status_code == 405
    # A person token is no agent token, whoever gave it.
    desk.agent.token = desk.shown()
    assert desk.ask(PERSON, {"resource": ELSEWHERE}).headers["Signature-Error"] == "error=invalid_jwt"


def test_only_agents_of_ours_are_served(desk: Desk) -> None:
    asked = {"resource": ELSEWHERE}
    for server in ("https://other.example", None):
        desk.agent.token = desk.agent.provider.token(desk.agent.claims(ps=server))
        assert problem(desk.ask(PERSON, asked)) == (403, "agent_refused")
        assert problem(desk.auth()) == (403, "agent_refused")
    desk.agent.token = desk.agent.provider.token(desk.agent.claims(parent_agent="aauth:boss@agents.example"))
    assert problem(desk.ask(PERSON, asked)) == (403, "agent_refused")
    desk.agent.renew()
    asked = {"resource": "https://third.example"}
    assert desk.ask(PERSON, asked).status_code == 202
    row = agents.of_owner(desk.agent.owner)
    assert isinstance(row, Agent)
    agents.block(row)
    assert problem(desk.ask(PERSON, asked)) == (403, "agent_refused")


def test_nothing_is_there_while_it_is_switched_off(desk: Desk) -> None:
    for changed in ({"AAUTH_PERSON_SERVER": False}, {"AAUTH_KEYS": ""}, {"AAUTH": False}):
        with configured(**changed):
            for path in (PERSON, AUTH, OLDER):
                there, never = desk.ask(path, {}), desk.ask(path + "x", {})
                assert (there.status_code, there.content) == (404, never.content)
    with configured(AAUTH_WORDING="draft-11"):
        assert desk.ask(OLDER, {}).status_code == 404
        assert desk.ask(AUTH, {}).status_code == 400


def test_an_agent_that_asks_too_often_waits(desk: Desk, monkeypatch: Any) -> None:
    monkeypatch.setattr(token_views, "PER_MINUTE", 2)
    windows.forget()
    answers = [desk.ask(PERSON, {"resource": f"https://r{n}.example"}) for n in range(3)]

    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert problem(answers[-1]) == (429, "slow_down")
    assert int(answers[-1].headers["Retry-After"]) > 0


@pytest.mark.requirement("AA-416")
def test_a_revoked_agent_token_opens_nothing_here(desk: Desk) -> None:
    later = timezone.now() + timedelta(hours=1)
    revoking.record(desk.agent.provider.issuer, claims_of(desk.agent.token)["jti"], later)

    answer = desk.ask(PERSON, {"resource": ELSEWHERE})
    assert answer.status_code == 401
    assert answer.headers["Signature-Error"] == "error=revoked_jwt"
    desk.agent.renew()
    assert desk.ask(PERSON, {"resource": ELSEWHERE}).status_code == 202


# Refusals of tokens ------------------------------------------------------------------------------

NOW = int(time.time())

WRONG_RESOURCE: list[tuple[Callable[[Desk, str], str], str]] = [
    (lambda desk, shown: "no.token.at_all", INVALID),
    (lambda desk, shown: shown, INVALID),
    (lambda desk, shown: desk.resource_token(shown, typ="aa-auth+jwt"), INVALID),
    (lambda desk, shown: desk.resource_token(shown)[:-6] + "AAAAAA", INVALID),
    (
        lambda desk, shown: Provider(ELSEWHERE, "resource-1").token(claims_of(desk.resource_token(shown))),
        INVALID,
    ),
    (lambda desk, shown: desk.resource_token(shown, iss="https://unheard.example"), INVALID),
    (lambda desk, shown: desk.resource_token(shown, dwk="aauth-person.json"), INVALID),
    (lambda desk, shown: desk.resource_token(shown, aud="shop"), INVALID),
    (lambda desk, shown: desk.resource_token(shown, ps="https://other.example"), INVALID),
    (lambda desk, shown: desk.resource_token(shown, sub="somebody-else"), INVALID),
    (lambda desk, shown: desk.resource_token(shown, sub=None), INVALID),
    (lambda desk, shown: desk.resource_token(shown, agent_jkt="x" * 43), INVALID),
    (lambda desk, shown: desk.resource_token(shown, presented_jti="another"), INVALID),
    (lambda desk, shown: desk.resource_token(shown, scope=None), INVALID),
    (lambda desk, shown: desk.resource_token(shown, scope="a  b"), INVALID),
    (lambda desk, shown: desk.resource_token(shown, scope="x" * 1001), INVALID),
    (lambda desk, shown: desk.resource_token(shown, scope=["a"]), INVALID),
    (lambda desk, shown: desk.resource_token(shown, account=7), INVALID),
    (lambda desk, shown: desk.resource_token(shown, mission_s256="x"), INVALID),
    (lambda desk, shown: desk.resource_token(shown, interaction={"url": "https://x.example"}), INVALID),
    (lambda desk, shown: desk.resource_token(shown, exp=NOW - 5), EXPIRED),
    (lambda desk, shown: desk.resource_token(shown, iat=NOW + 3600, exp=NOW + 7200), "clock_skew"),
    (lambda desk, shown: desk.older_token(), INVALID),  # the agent's own wording is the newest
]


@pytest.mark.requirement("AA-216")
def test_a_resource_token_that_does_not_fit_is_told_so(desk: Desk) -> None:
    shown = desk.shown()
    for number, (made, error) in enumerate(WRONG_RESOURCE):
        windows.forget()
        assert problem(desk.auth(made(desk, shown), shown)) == (400, error), number
    forged = Provider(ELSEWHERE, "resource-1").token(
        claims_of(desk.resource_token(shown, exp=NOW - 5)), typ="aa-resource+jwt"
    )
    assert problem(desk.auth(forged, shown)) == (400, INVALID)  # only what was signed can have expired
    elsewhere = desk.resource_token(shown, aud="https://access.example")
    assert problem(desk.auth(elsewhere, shown)) == (502, "as_unreachable")
    token = desk.resource_token(shown)
    revoking.record(ELSEWHERE, claims_of(token)["jti"], timezone.now() + timedelta(hours=1))
    assert problem(desk.auth(token, shown)) == (400, REVOKED)
    assert not desk.asked


@pytest.mark.requirement("AA-216", "AA-412")
def test_a_presented_token_that_does_not_count_is_told_so(desk: Desk) -> None:
    shown = desk.shown()
    fits = claims_of(shown)
    other = signatures.public_jwk(signatures.new_key())
    invalid = "invalid_presented_token"
    for made, error in (
        ("no.token.at_all", invalid),
        (desk.agent.token, invalid),
        (desk.resource_token(shown), invalid),
        (keys.sign({**fits, "aud": "https://third.example"}, "aa-person+jwt"), invalid),
        (keys.sign({**fits, "cnf": {"jwk": other}}, "aa-person+jwt"), invalid),
        (keys.sign({**fits, "exp": fits["iat"] + 7200}, "aa-person+jwt"), invalid),
        (desk.resource.token(fits, typ="aa-person+jwt"), invalid),
        (keys.sign({**fits, "exp": NOW - 1, "iat": NOW - 90}, "aa-person+jwt"), "expired_presented_token"),
        (keys.sign({**fits, "jti": "never-given"}, "aa-person+jwt"), INVALID),
    ):
        windows.forget()
        assert problem(desk.auth(desk.resource_token(shown), made)) == (400, error), claims_or(made)
    # Signed by us, and given to nobody.
    made_up = keys.sign({**fits, "jti": "never-given"}, "aa-person+jwt")
    assert problem(desk.auth(presented=made_up)) == (400, invalid)
    IssuedToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert problem(desk.auth(presented=shown)) == (400, "expired_presented_token")
    IssuedToken.objects.update(expires_at=timezone.now() + timedelta(hours=1), revoked_at=timezone.now())
    assert problem(desk.auth(presented=shown)) == (400, "revoked_presented_token")
    assert problem(desk.ask(AUTH, {"resource_token": desk.resource_token(shown)})) == (
        400,
        "revoked_presented_token",
    )
    assert not desk.asked


def claims_or(token: str) -> Any:
    return claims_of(token) if token.count(".") == 2 and not token.startswith("no.") else token


def test_a_token_of_another_agent_or_person_helps_nobody(desk: Desk) -> None:
    """Whoever got hold of it, or was bound to somebody else since, is not that person's agent (T01, T53)."""
    shown = desk.shown()
    theirs = desk.shown(owner="aauth:https://agents.example|aauth:other@agents.example")
    assert problem(desk.auth(presented=theirs)) == (400, "invalid_presented_token")
    subject = claims_of(shown)["sub"]
    mixed = desk.resource_token(shown, sub=issuing.subject_of("somebody-else", ELSEWHERE))
    assert subject != claims_of(mixed)["sub"]
    assert problem(desk.ask(AUTH, {"resource_token": mixed})) == (400, INVALID)
    bindings.revoke(desk.agent.owner, desk.person)
    assert problem(desk.auth(presented=shown)) == (400, "revoked_presented_token")


@pytest.mark.requirement("AA-216")
def test_a_parent_asks_for_its_sub_agent(desk: Desk) -> None:
    small = SignedAgent("shopper+search1", provider=desk.agent.provider, person_server=US)
    claims = small.claims(parent_agent=desk.agent.sub)
    asked = {"resource": ELSEWHERE, "subagent_token": small.provider.token(claims)}

    assert desk.ask(PERSON, asked).status_code == 202
    wanted = desk.asked[0][0]
    assert wanted.owner == desk.agent.owner
    assert wanted.key == signatures.public_jwk(small.key)
    shown = desk.shown(key=dict(wanted.key))
    token = desk.resource_token(shown, agent_jkt=small.thumbprint)
    assert desk.auth(token, shown, subagent_token=asked["subagent_token"]).status_code == 202
    assert problem(desk.auth(token, shown)) == (400, INVALID)  # bound to the sub-agent, who is not named
    invalid = "invalid_subagent_token"
    for changed, error in (
        ({"parent_agent": None}, invalid),
        ({"parent_agent": "aauth:boss@agents.example"}, invalid),
        ({"ps": "https://other.example"}, invalid),
        ({"exp": NOW - 1}, "expired_subagent_token"),
    ):
        made = small.provider.token({k: v for k, v in {**claims, **changed}.items() if v is not None})
        assert problem(desk.ask(PERSON, asked | {"subagent_token": made})) == (400, error), changed
    assert problem(desk.ask(PERSON, asked | {"subagent_token": shown})) == (400, invalid)
    RevokedToken.objects.create(
        issuer=small.provider.issuer, jti=claims["jti"], expires_at=timezone.now() + timedelta(hours=1)
    )
    assert problem(desk.ask(PERSON, asked)) == (400, "revoked_subagent_token")


# The older wording -------------------------------------------------------------------------------


@pytest.mark.parametrize("wording", ["dual", "seed"])
def test_an_agent_of_the_older_wording_asks_with_what_it_knows(desk: Desk, wording: str) -> None:
    server = desk.agent.provider
    by = signatures.by_jwks_uri(server.issuer, "aauth-agent.json", server.kid)
    desk.agent.key = server.key

    def ask(path: str, **changed: Any) -> HttpResponse:
        token = desk.older_token(**{"agent": server.issuer, **changed})
        return desk.ask(path, {"resource_token": token}, signature_key=by)

    with configured(AAUTH_WORDING=wording):
        for path in (AUTH, OLDER):
            assert ask(path).status_code == 202
        wanted = desk.asked[-1][0]
        assert (wanted.owner, wanted.older) == (f"aauth:{server.issuer}|{server.issuer}", True)
        assert (wanted.scope, wanted.audience) == (SCOPE, ELSEWHERE)
        assert wanted.presented == {"resource_token": wanted.request_id}
        assert wanted.key == signatures.public_jwk(server.key)
        for changed in (
            {"agent": "https://other.example"},
            {"agent_jkt": "x" * 43},
            {"aud": "shop"},
            {"sub": 5},
        ):
            assert problem(ask(OLDER, **changed)) == (400, INVALID), changed
        assert problem(desk.ask(PERSON, {"resource": ELSEWHERE}, signature_key=by)) == (403, "agent_refused")
        key = signatures.by_key(signatures.public_jwk(server.key))
        bare = desk.ask(OLDER, {"resource_token": desk.older_token()}, signature_key=key)
        assert problem(bare) == (403, "agent_refused")
    with configured(AAUTH_WORDING="draft-11"):
        assert ask(AUTH).status_code == 401


def test_an_older_agent_token_needs_no_person_server(desk: Desk) -> None:
    claims = desk.agent.claims(ps=None, sub="shopper")
    desk.agent.token = desk.agent.provider.token(claims, typ="agent+jwt", alg="EdDSA")

    answer = desk.ask(OLDER, {"resource_token": desk.older_token(agent="shopper")})
    assert answer.status_code == 202, answer.content
    assert desk.asked[0][0].older
    claims["ps"] = "https://other.example"
    desk.agent.token = desk.agent.provider.token(claims, typ="agent+jwt", alg="EdDSA")
    assert problem(desk.ask(OLDER, {"resource_token": desk.older_token(agent="shopper")}))[0] == 403


# Another request instead -------------------------------------------------------------------------


@pytest.mark.requirement("AA-107")
def test_a_request_is_replaced_by_one_of_the_same_resource_for_the_same_person(desk: Desk) -> None:
    shown = desk.shown()
    assert desk.auth(presented=shown).status_code == 202
    wanted = desk.asked[0][0]
    grant = desk.granted(Grant.AUTH_TOKEN, state="asked", decided_at=None, presented=dict(wanted.presented))

    def instead(**changed: Any) -> Any:
        token = desk.resource_token(shown, **{"scope": "data.read", **changed})
        return judging.replaced(grant, {"resource_token": token, "presented_token": shown})

    narrower = instead()
    assert (narrower.scope, narrower.audience, narrower.owner) == ("data.read", ELSEWHERE, desk.agent.owner)
    assert {**narrower.presented, "resource_token": wanted.request_id} == wanted.presented
    assert narrower.request_id == narrower.presented["resource_token"] != wanted.request_id
    for changed in ({"agent_jkt": "x" * 43}, {"sub": "other"}, {"ps": "https://other.example"}):
        with pytest.raises(Problem) as refused:
            instead(**changed)
        assert refused.value.code == INVALID
    grant.audience = "https://third.example"
    with pytest.raises(Problem, match="same resource"):
        instead()
    with pytest.raises(Problem, match="auth token"):
        judging.replaced(desk.granted(), {})


def test_a_person_server_in_the_strict_wording_serves_the_newest(
    transactional_db: None, monkeypatch: Any
) -> None:
    from gateway.aauth.person_server import asking

    with opened(AAUTH_WORDING="draft-11") as desk:
        monkeypatch.setattr(asking, "begin", desk.begin)
        assert desk.ask(PERSON, {"resource": ELSEWHERE}).status_code == 202
        assert desk.auth().status_code == 202
        older = desk.ask(AUTH, {"resource_token": desk.older_token()})
        assert problem(older) == (400, INVALID)


def test_a_sub_agents_key_that_is_none_is_told_so(desk: Desk) -> None:
    small = SignedAgent("shopper+search1", provider=desk.agent.provider, person_server=US)
    sound = signatures.public_jwk(small.key)
    for key in ({}, {"kty": ["OKP"], "crv": "Ed25519"}, {"kty": "oct", "k": "x"}, {**sound, "x": "short"}):
        claims = small.claims(parent_agent=desk.agent.sub, cnf={"jwk": key})
        asked = {"resource": ELSEWHERE, "subagent_token": small.provider.token(claims)}
        assert problem(desk.ask(PERSON, asked)) == (400, "invalid_subagent_token"), key
    assert not desk.asked


@pytest.mark.requirement("T40")
def test_nothing_is_asked_for_that_no_page_would_show(desk: Desk) -> None:
    shown = desk.shown()
    for most, status in ((grants.MOST_SCOPES, 202), (grants.MOST_SCOPES + 1, 400)):
        scope = " ".join(f"s{n}" for n in range(most))
        assert desk.auth(desk.resource_token(shown, scope=scope), shown).status_code == status


def test_the_jti_of_an_older_token_is_plain_text(desk: Desk) -> None:
    claims = desk.agent.claims(ps=None, sub="shopper")
    desk.agent.token = desk.agent.provider.token(claims, typ="agent+jwt", alg="EdDSA")
    for jti in ("a\x00b", {"a": 1}, "\ud800"):
        token = desk.older_token(agent="shopper", jti=jti)
        assert problem(desk.ask(OLDER, {"resource_token": token})) == (400, INVALID), jti

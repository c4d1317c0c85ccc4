"""Who an agent is: its keys, its tokens, the file that keeps them, and who believes the demo's."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from joserfc import jwt
from joserfc.jwk import OKPKey

from gateway.aauth import pinning_checks, signatures
from gateway.aauth.agent import (
    BadIdentity,
    NotSigned,
    Provider,
    create_identity,
    load_identity,
    new_provider_key,
    public_part,
    who_signed,
)
from gateway.conf import DEMO_ISSUER, DEMO_ISSUER_KEY
from tests.aauth.stand_ins import PROVIDER

if TYPE_CHECKING:
    from pytest_django import Settings


def claims(token: str) -> Any:
    return jwt.decode(token, OKPKey.import_key(public_part(PROVIDER.jwk)), algorithms=["Ed25519"]).claims


@pytest.mark.requirement("AA-411")
def test_a_token_is_renewed_before_it_ends() -> None:
    now = [1_800_000_000.0]
    identity = PROVIDER.identity(now=lambda: now[0])
    first = identity.token()
    now[0] += 3000
    assert identity.token() == first

    now[0] += 500

    second = identity.token()
    assert claims(second)["jti"] != claims(first)["jti"]
    assert claims(second)["cnf"] == claims(first)["cnf"]
    assert claims(second)["exp"] == int(now[0]) + 3600


def test_a_person_server_is_named_in_the_token() -> None:
    provider = Provider(PROVIDER.issuer, PROVIDER.subject, PROVIDER.jwk, "https://person.example")

    assert claims(provider.identity().token())["ps"] == "https://person.example"
    assert "ps" not in claims(PROVIDER.identity().token())


def test_the_file_keeps_the_agent_and_is_nobody_elses(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "agent.json"
    made = create_identity(path, PROVIDER)

    kept = load_identity(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert kept == made
    first, second = kept.identity(), load_identity(path).identity()
    assert claims(first.token())["cnf"] == claims(second.token())["cnf"]
    assert claims(first.token())["sub"] == PROVIDER.subject
    with pytest.raises(FileExistsError):
        create_identity(path, PROVIDER)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"issuer": "a", "subject": "b", "key": 1, "provider_key": 2}', "\xff"]
)
def test_a_file_that_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "agent.json"
    path.write_bytes(text.encode("latin-1"))

    with pytest.raises(BadIdentity):
        load_identity(path)


@pytest.mark.parametrize("key", [{}, {"kty": "RSA"}, public_part(PROVIDER.jwk)])
def test_a_provider_needs_its_private_key(key: dict[str, Any]) -> None:
    with pytest.raises(BadIdentity) as raised:
        Provider("https://a.example", "aauth:a@a.example", key).identity()

    assert str(PROVIDER.jwk["d"]) not in str(raised.value)


def test_no_key_is_shown(tmp_path: Path) -> None:
    kept = create_identity(tmp_path / "agent.json", PROVIDER)
    whole = json.loads((tmp_path / "agent.json").read_text())

    for shown in (repr(kept), repr(kept.provider), repr(kept.identity())):
        assert whole["key"]["d"] not in shown
        assert whole["provider_key"]["d"] not in shown


def signed(identity: Any, target: str = "/x?a=b", body: bytes = b"{}") -> dict[str, str]:
    path, _, query = target.partition("?")
    headers = {"content-type": "application/json"}
    message = signatures.Message("POST", "person.example", path, query=query, headers=headers, body=body)
    added = signatures.sign(message, identity.key, signature_key=identity.signature_key)
    return headers | {name.lower(): value for name, value in added.items()}


def test_whoever_is_asked_can_see_who_signed() -> None:
    issuers = {PROVIDER.issuer: public_part(PROVIDER.jwk)}
    headers = signed(PROVIDER.identity())

    found = who_signed("POST", "person.example", "/x?a=b", headers, b"{}", issuers=issuers)

    assert found["sub"] == PROVIDER.subject
    others: list[dict[str, Any]] = [
        {"method": "PUT"},
        {"authority": "other.example"},
        {"target": "/x?a=c"},
        {"body": b"[]"},
        {"headers": {**headers, "content-type": "text/plain"}},
        {"headers": {}},
        {"issuers": {}},
        {"issuers": {"https://other.example": public_part(PROVIDER.jwk)}},
        {"issuers": {PROVIDER.issuer: public_part(new_provider_key("one"))}},
    ]
    for changed in others:
        given: dict[str, Any] = {
            "method": "POST",
            "authority": "person.example",
            "target": "/x?a=b",
            "headers": headers,
            "body": b"{}",
            "issuers": issuers,
            **changed,
        }
        with pytest.raises(NotSigned):
            who_signed(**given)


def test_a_token_of_yesterday_is_none() -> None:
    identity = PROVIDER.identity(now=lambda: 1_700_000_000.0)
    issuers = {PROVIDER.issuer: public_part(PROVIDER.jwk)}

    with pytest.raises(NotSigned):
        who_signed("POST", "person.example", "/x?a=b", signed(identity), b"{}", issuers=issuers)


@pytest.mark.parametrize(
    "pinned",
    [
        {DEMO_ISSUER: {"base_url": "https://agents.demo.example"}},
        {"https://mine.example": {"keys": [{**DEMO_ISSUER_KEY, "kid": "mine"}]}},
        {"https://mine.example": {"keys": [{"kid": "demo-only-agents", "x": "abc"}]}},
    ],
)
def test_the_demos_agents_are_believed_in_the_demo_alone(pinned: Any, settings: Settings) -> None:
    """Decision 4."""
    there = {**settings.AGENTIC_GATEWAY, "AAUTH_ISSUERS": pinned}
    settings.AGENTIC_GATEWAY = {**there, "DEMO": True}
    assert pinning_checks.demo_issuer(None) == []

    settings.AGENTIC_GATEWAY = {**there, "DEMO": False}

    assert [found.id for found in pinning_checks.demo_issuer(None)] == ["agentic.E197"]


@pytest.mark.parametrize("pinned", [{}, [], {"https://mine.example": {"keys": [{"kid": "a", "x": "b"}]}}, 7])
def test_other_issuers_are_no_concern(pinned: Any, settings: Settings) -> None:
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "DEMO": False, "AAUTH_ISSUERS": pinned}

    assert pinning_checks.demo_issuer(None) == []

"""Older wordings (aauth.md 1f): understood by `dual` and `seed`, counted, and refused by `draft-11`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import override_settings

from gateway import identities
from gateway.aauth import signatures
from gateway.models import Agent
from tests.aauth.agents import ISSUER, SignedAgent
from tests.agents import MINIMAL

SESSIONS = "/agentic/acp/checkout_sessions"
HEADERS = {"API-Version": "2026-04-17", "Idempotency-Key": "one"}
BODY = b'{"line_items": [{"id": "item_mug"}], "currency": "usd", "capabilities": {}}'


@pytest.fixture(params=["draft-11", "dual", "seed"])
def wording(request: pytest.FixtureRequest, signer: SignedAgent) -> Iterator[str]:
    with override_settings(AGENTIC_GATEWAY=signer.configured(AAUTH_WORDING=request.param)):
        yield request.param


def understood(wording: str) -> tuple[int, ...]:
    return (401,) if wording == "draft-11" else (201,)


def the_agent() -> Agent:
    return Agent.objects.exclude(issuer="").get()


def test_a_signature_in_base64url(signer: SignedAgent, wording: str) -> None:
    while True:
        signed = signer.signed("POST", SESSIONS, BODY, HEADERS)
        value = signed["Signature"]
        older = value.replace("+", "-").replace("/", "_").replace("=:", ":").replace("=:", ":")
        if older != value:
            break
    older = "sig=" + older.removeprefix("sig").removeprefix("=")

    answer = signer.raw("POST", SESSIONS, BODY, {**signed, "Signature": older})

    assert (answer.status_code,) == understood(wording), answer.content
    if wording != "draft-11":
        assert the_agent().legacy_requests == 1


def test_a_key_as_an_inner_list(signer: SignedAgent, wording: str) -> None:
    key = f'(scheme=jwt jwt="{signer.token}")'
    signed = signer.signed("POST", SESSIONS, BODY, HEADERS, signature_key=key)

    answer = signer.raw("POST", SESSIONS, BODY, signed)

    assert (answer.status_code,) == understood(wording), answer.content


def test_a_bare_key(signer: SignedAgent, wording: str) -> None:
    """Somebody who holds a key: recorded as that, and never as an agent of anybody."""
    by = signatures.by_key(signatures.public_jwk(signer.key))

    answer = signer.send("POST", SESSIONS, BODY, HEADERS, signature_key=by)

    assert (answer.status_code,) == understood(wording), answer.content
    if wording == "draft-11":
        assert answer.headers["Signature-Error"] == "error=unsupported_scheme"
        assert answer.headers["Accept-Signature-Scheme"] == "jwt"
        assert answer.headers["AAuth-Requirement"] == "requirement=agent-token"
        return
    assert (the_agent().issuer, the_agent().identity) == ("jkt", signer.thumbprint)
    assert identities.of(answer.wsgi_request).assurance == identities.PSEUDONYM
    assert the_agent().legacy_requests == 1


def test_a_server_that_signs_as_itself(signer: SignedAgent, wording: str) -> None:
    signer.key = signer.provider.key
    by = signatures.by_jwks_uri(ISSUER, "aauth-agent.json", signer.provider.kid)

    answer = signer.send("POST", SESSIONS, BODY, HEADERS, signature_key=by)

    assert (answer.status_code,) == understood(wording), answer.content
    if wording != "draft-11":
        assert (the_agent().issuer, the_agent().identity) == (ISSUER, ISSUER)
        assert identities.of(answer.wsgi_request).assurance == identities.SERVER


def test_the_newest_wording_is_counted_nowhere(signer: SignedAgent, wording: str) -> None:
    assert signer.acp("/checkout_sessions", MINIMAL).status_code == 201
    assert the_agent().legacy_requests == 0

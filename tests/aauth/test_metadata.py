"""What we publish of ourselves, and what the settings may say: AA-082, AA-414, AA-415, decisions 4 and 29."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from tests.aauth.agents import ISSUER, Provider, SignedAgent
from tests.gateway.test_checks import found
from tests.visitors import configured

PATH = "/.well-known/aauth-resource.json"


@pytest.mark.requirement("AA-082", "AA-401", "AA-415")
def test_the_document_promises_what_works() -> None:
    with configured(AAUTH=True, AAUTH_KEYS="", DOCS_URL="https://shop.example/docs", LOGO="logo.svg"):
        answer = Client().get(PATH)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert json.loads(answer.content) == {
        "issuer": "http://localhost:8000",
        "name": "Demo Shop",
        "access_mode": "agent-token",
        "signature_window": 60,
        "additional_signature_components": ["content-type", "content-digest"],
        "accept_signature_algs": ["Ed25519", "ES256"],
        "documentation_uri": "https://shop.example/docs",
    }


def test_it_may_be_cached_by_everybody() -> None:
    with configured(AAUTH=True):
        answer = Client().get(PATH, headers={"Request-Id": "one"})
        again = Client().get(PATH, headers={"If-None-Match": answer.headers["ETag"]})

    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    assert "Request-Id" not in answer.headers
    assert again.status_code == 304


def test_other_methods_are_refused_in_words_of_the_protocol() -> None:
    with configured(AAUTH=True):
        answer = Client().post(PATH)

    assert answer.status_code == 405
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_it_is_not_there_while_it_is_off() -> None:
    with configured(AAUTH=False):
        assert Client().get(PATH).status_code == 404


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"AAUTH": "yes"}, "agentic.E190"),
        ({"AAUTH_WORDING": "draft-10"}, "agentic.E190"),
        ({"AAUTH_UNKNOWN_AGENTS": "hope"}, "agentic.E190"),
        ({"AAUTH_UNANSWERED": "shrug"}, "agentic.E190"),
        ({"AAUTH_SIGNATURE_SECONDS": 1}, "agentic.E191"),
        ({"AAUTH_SIGNATURE_SECONDS": 60.5}, "agentic.E191"),
        ({"AAUTH_PENDING_SECONDS": "900"}, "agentic.E191"),
        ({"AAUTH_WAIT_SECONDS": 60}, "agentic.E191"),
        ({"AAUTH_WAITING": -1}, "agentic.E191"),
        ({"AAUTH_WAITING": True}, "agentic.E191"),
        ({"AAUTH_WORDING": "seed", "DEMO": False}, "agentic.E192"),
        ({"AAUTH": True, "DEMO": False, "PUBLIC_URL": "https://shop.example:8443"}, "agentic.E193"),
        ({"AAUTH": True, "DEMO": False, "PUBLIC_URL": "https://Shop.example"}, "agentic.E193"),
        ({"AAUTH_ISSUERS": ["x"]}, "agentic.E194"),
        ({"AAUTH_ISSUERS": {"https://agents.example:8443": {"keys": []}}}, "agentic.E194"),
        ({"AAUTH_ISSUERS": {ISSUER: {"keys": []}}}, "agentic.E194"),
        ({"AAUTH_ISSUERS": {ISSUER: "x"}}, "agentic.E194"),
        ({"AAUTH_ISSUERS": {ISSUER: {"keys": [{"kid": "one", "kty": "RSA"}]}}}, "agentic.E194"),
        ({"AAUTH_ISSUERS": {ISSUER: {"base_url": "http://10.0.0.1"}}}, "agentic.E194"),
        ({"AAUTH_ISSUERS": {ISSUER: {"base_url": "http://127.0.0.1:1"}}, "DEMO": False}, "agentic.E194"),
        ({"AAUTH_ISSUERS": {ISSUER: {"base_url": "https://a.example", "keys": []}}}, "agentic.E194"),
    ],
)
def test_a_setting_that_means_nothing_is_named(changed: dict[str, Any], expected: str) -> None:
    assert expected in found(**changed)


@pytest.mark.parametrize(
    "changed",
    [
        {"AAUTH_WORDING": "draft-11"},
        {"AAUTH_WORDING": "seed"},
        {"AAUTH_ISSUERS": Provider().pinned()},
        {"AAUTH_ISSUERS": {ISSUER: {"base_url": "http://127.0.0.1:8123"}}},
        {"AAUTH_WAIT_SECONDS": 0, "AAUTH_WAITING": 0},
    ],
)
def test_what_means_something_is_clean(changed: dict[str, Any]) -> None:
    assert not {entry for entry in found(AAUTH=True, **changed) if entry.startswith("agentic.E19")}


def test_a_name_alone_will_do_outside_the_demo() -> None:
    changed = found(AAUTH=True, AAUTH_ISSUERS={}, DEMO=False, PUBLIC_URL="https://shop.example")

    assert not {entry for entry in changed if entry.startswith("agentic.E19")}


def test_the_agent_of_the_tests_is_configured_cleanly() -> None:
    with SignedAgent():
        assert not {entry for entry in found() if entry.startswith("agentic.E19")}

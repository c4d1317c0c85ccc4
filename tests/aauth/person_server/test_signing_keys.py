"""The keys that we sign tokens with: their file, what is published of them, and what is said when they are
wrong (AA-200, AA-406, AA-413, AA-415; T94)."""

from __future__ import annotations

import json
import os
import stat
from base64 import urlsafe_b64decode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.core.management import CommandError, call_command
from django.test import Client

from gateway.aauth import tokens
from gateway.aauth.person_server import keys
from gateway.key_rings import KeyFile, Unusable
from tests.gateway.test_checks import found
from tests.visitors import configured

JWKS = "/agentic/aauth/jwks"
PERSON = "/.well-known/aauth-person.json"
RESOURCE = "/.well-known/aauth-resource.json"


@pytest.fixture
def path(tmp_path: Path, settings: Any) -> Path:
    path = tmp_path / "keys" / "aauth.json"
    changed = {"AAUTH": True, "AAUTH_PERSON_SERVER": True, "AAUTH_KEYS": str(path)}
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, **changed}
    return path


def entries(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text("utf-8"))["keys"]


def published(path: str = JWKS) -> Any:
    answer = Client().get(path)
    assert answer.status_code == 200, answer.content
    return json.loads(answer.content)


def decoded(segment: str) -> bytes:
    return urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def verifies(token: str, jwks: Any) -> bool:
    """As a stranger verifies it: by `kid`, with nothing of ours."""
    head, claims, signature = token.split(".")
    header = json.loads(decoded(head))
    [jwk] = [key for key in jwks["keys"] if key["kid"] == header["kid"]] or [None]
    if jwk is None:
        return False
    assert {name: jwk[name] for name in ("kty", "crv", "alg", "use")} == {
        "kty": "OKP",
        "crv": "Ed25519",
        "alg": "Ed25519",
        "use": "sig",
    }
    try:
        Ed25519PublicKey.from_public_bytes(decoded(jwk["x"])).verify(
            decoded(signature), f"{head}.{claims}".encode()
        )
    except InvalidSignature:
        return False
    return True


@pytest.mark.requirement("T94")
def test_the_command_makes_replaces_and_lists_keys_and_shows_no_secret(path: Path, capsys: Any) -> None:
    call_command("agentic_aauth_key", "create")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    secrets = [entries(path)[0]["private_key"]]
    with pytest.raises(CommandError, match="exists"):
        call_command("agentic_aauth_key", "create")
    call_command("agentic_aauth_key", "create", "--unless-there")
    call_command("agentic_aauth_key", "rotate")
    secrets.append(entries(path)[0]["private_key"])
    call_command("agentic_aauth_key", "list")

    said = capsys.readouterr()
    assert [line.split()[0] for line in said.out.splitlines()[-2:]] == [key["id"] for key in entries(path)]
    assert ["private_key" in entry for entry in entries(path)] == [True, False]
    told = said.out + said.err + repr(keys.ring()) + repr(published())
    assert not [secret for secret in secrets if secret in told]


def test_a_file_of_the_audit_trails_form_is_read(path: Path) -> None:
    """Both are one form: what one command made is no mystery to the other."""
    KeyFile("AUDIT_KEYS").create(path)

    assert keys.usable()
    assert published()["keys"][0]["kid"] == entries(path)[0]["id"]


@pytest.mark.requirement("AA-406", "AA-413")
def test_what_is_signed_is_verified_with_what_is_published(path: Path) -> None:
    keys.FILE.create(path)
    token = keys.sign({"iss": "https://shop.example", "n": 1}, tokens.PERSON)

    assert json.loads(decoded(token.split(".")[0])) == {
        "typ": "aa-person+jwt",
        "alg": "Ed25519",
        "kid": entries(path)[0]["id"],
    }
    assert verifies(token, published())
    assert token == keys.sign({"iss": "https://shop.example", "n": 1}, tokens.PERSON)
    older = keys.sign({"n": 1}, tokens.OLDER_AUTH)
    assert json.loads(decoded(older.split(".")[0]))["alg"] == "EdDSA"
    assert verifies(older, published())


@pytest.mark.requirement("AA-413")
def test_a_retired_key_is_published_as_long_as_its_tokens_live(path: Path) -> None:
    keys.FILE.create(path)
    token = keys.sign({"n": 1}, tokens.AUTH)
    keys.FILE.rotate(path)

    assert verifies(token, published())
    assert verifies(keys.sign({"n": 1}, tokens.AUTH), published())
    assert [key["kid"] for key in published()["keys"]] == [entry["id"] for entry in entries(path)]
    retired = datetime.now(UTC)
    with time_machine.travel(retired + timedelta(hours=1, minutes=5), tick=False):
        assert verifies(token, published())
    with time_machine.travel(retired + timedelta(hours=2), tick=False):
        assert not verifies(token, published())
        assert len(published()["keys"]) == 1
        assert keys.of_kid(entries(path)[1]["id"]) is None


def test_the_keys_are_for_everybody_and_not_for_long(path: Path) -> None:
    keys.FILE.create(path)
    answer = Client().get(JWKS, headers={"Request-Id": "one"})

    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert answer.headers["Content-Type"] == "application/json"
    assert "Request-Id" not in answer.headers
    assert Client().get(JWKS, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    assert Client().post(JWKS).status_code == 405


@pytest.mark.requirement("AA-200", "AA-415")
def test_the_documents_promise_what_works(path: Path) -> None:
    keys.FILE.create(path)
    person, resource = published(PERSON), published(RESOURCE)

    base = "http://localhost:8000/agentic/aauth"
    assert person["issuer"] == "http://localhost:8000"
    assert person["jwks_uri"] == resource["jwks_uri"] == f"{base}/jwks"
    assert person["name"] == "Demo Shop"
    assert {"profile", "orders"} <= set(person["scopes_supported"])
    assert set(person["scopes_supported"]) == set(resource["scope_descriptions"])
    assert not {"mission_endpoint", "permission_endpoint", "audit_endpoint"} & set(person)
    assert "interaction_endpoint" not in person or person["interaction_endpoint"].startswith(base)


@pytest.mark.requirement("AA-200")
def test_nothing_is_published_while_it_does_not_work(path: Path) -> None:
    assert Client().get(PERSON).status_code == 404  # there is no file
    assert Client().get(JWKS).status_code == 404
    keys.FILE.create(path)
    for changed in ({"AAUTH": False}, {"AAUTH_PERSON_SERVER": False}):
        with configured(**changed):
            assert Client().get(PERSON).status_code == 404
    with configured(AAUTH=False):
        assert Client().get(JWKS).status_code == 404
    path.write_text("{}")
    with pytest.raises(Unusable, match="AAUTH_KEYS"):
        keys.sign({}, tokens.AUTH)
    assert Client().get(PERSON).status_code == Client().get(JWKS).status_code == 404


def test_what_is_wrong_with_the_settings_is_named(path: Path) -> None:
    assert not found()  # the demo makes its file when it starts
    assert found(DEMO=False) >= {"agentic.E201"}
    keys.FILE.create(path)
    assert not found()
    assert found(AAUTH_KEYS="") == {"agentic.E200"}
    assert not found(AAUTH_KEYS="", AAUTH_PERSON_SERVER=False)
    assert found(AAUTH=False) == found(AAUTH_PERSON_SERVER="yes") == {"agentic.E198"}
    assert found(AAUTH_TOKEN_SECONDS=3601) == found(AAUTH_TOKEN_SECONDS=1.5) == {"agentic.E199"}
    for scopes in (["calendar"], {"my calendar": "x"}, {"calendar": ""}, {"": "x"}, {"calendar": 5}):
        assert "agentic.E203" in found(AAUTH_SCOPES=scopes), scopes
    assert not found(AAUTH_SCOPES={"calendar": "Your calendar"})
    for mode, expected in ((0o644, "agentic.E202"), (0o640, "agentic.W200")):
        os.chmod(path, mode)
        assert found() == {expected}
    path.write_text("[]")
    assert "agentic.E201" in found()

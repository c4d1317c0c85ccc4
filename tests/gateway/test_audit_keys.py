"""The keys of audit trails: a file of their own, one that signs, all that did published (AJ-107, T94)."""

from __future__ import annotations

import json
import os
import re
import stat
import threading
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_public_key,
)
from django.core.management import CommandError, call_command

from gateway import audit_keys, key_rings
from tests.gateway.test_checks import found
from tests.interaction_api.trails import kept

pytestmark = pytest.mark.requirement("AJ-107")


@pytest.fixture
def path(tmp_path: Path, settings: Any) -> Path:
    path = tmp_path / "keys" / "audit.json"
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "AUDIT": True, "AUDIT_KEYS": str(path)}
    return path


def entries(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text("utf-8"))["keys"]


def ids(path: Path) -> list[str]:
    return [entry["id"] for entry in entries(path)]


@pytest.mark.requirement("T94")
def test_a_key_is_made_for_its_owner_alone(path: Path, capsys: Any) -> None:
    call_command("agentic_audit_key", "create")

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    [entry] = entries(path)
    assert entry["public_key"] in capsys.readouterr().out
    assert os.listdir(path.parent) == ["audit.json"]
    load_der_public_key(b64decode(entry["public_key"])).verify(  # type: ignore[union-attr,call-arg]
        b64decode(audit_keys.ring().sign(b"x")), b"x"
    )


@pytest.mark.requirement("T94")
def test_no_command_shows_a_private_half(path: Path, capsys: Any) -> None:
    for verb in ("create", "rotate", "list"):
        call_command("agentic_audit_key", verb)

    said = capsys.readouterr()
    secret = entries(path)[0]["private_key"]
    assert secret not in said.out + said.err
    assert secret not in repr(audit_keys.ring())


def test_an_existing_file_is_never_replaced(path: Path) -> None:
    call_command("agentic_audit_key", "create")
    before = path.read_bytes()

    with pytest.raises(CommandError, match="exists"):
        call_command("agentic_audit_key", "create")
    call_command("agentic_audit_key", "create", "--unless-there")

    assert path.read_bytes() == before


def test_rotation_keeps_the_public_half_and_destroys_the_private_one(path: Path, capsys: Any) -> None:
    call_command("agentic_audit_key", "create")
    first = audit_keys.ring().current

    call_command("agentic_audit_key", "rotate")
    call_command("agentic_audit_key", "rotate")
    capsys.readouterr()
    call_command("agentic_audit_key", "list")

    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in listed] == ids(path)
    assert len(listed) == 3
    assert ["signs" in line for line in listed] == [True, False, False]
    assert ["private_key" in entry for entry in entries(path)] == [True, False, False]
    assert entries(path)[2]["public_key"] == first.public_key
    assert entries(path)[2]["retired_at"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_running_process_notices_a_new_key(path: Path) -> None:
    audit_keys.create(path)
    before = audit_keys.ring()
    assert audit_keys.ring() is before

    new = audit_keys.rotate(path)

    assert audit_keys.ring().current.id == new.id != before.current.id


@pytest.mark.requirement("T94")
def test_who_could_read_the_file_can_read_the_rotated_one(path: Path, monkeypatch: Any) -> None:
    """Rotated by root, it would else be the server's no more."""
    audit_keys.create(path)
    path.chmod(0o640)
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(key_rings.os, "fchown", lambda handle, uid, gid: given.append((uid, gid)))

    audit_keys.rotate(path)

    assert given == [(os.getuid(), path.stat().st_gid)]
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_rotation_that_could_not_keep_the_owner_is_none(path: Path, monkeypatch: Any) -> None:
    audit_keys.create(path)
    before = path.read_bytes()

    def refused(*_: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(key_rings.os, "fchown", refused)
    with pytest.raises(CommandError, match="not permitted"):
        call_command("agentic_audit_key", "rotate")

    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["audit.json"]


def test_of_many_who_create_one_does(path: Path) -> None:
    came: list[str] = []
    gate = threading.Barrier(8)

    def one() -> None:
        gate.wait(30)
        try:
            audit_keys.create(path)
            came.append("made")
        except audit_keys.AlreadyThere:
            came.append("was there")

    crowd = [threading.Thread(target=one) for _ in range(8)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join(30)

    assert sorted(came) == ["made"] + ["was there"] * 7
    assert len(entries(path)) == 1


def test_without_a_file_every_verb_says_so(path: Path, settings: Any) -> None:
    for verb in ("rotate", "list"):
        with pytest.raises(CommandError):
            call_command("agentic_audit_key", verb)
    with pytest.raises(audit_keys.Unusable, match="cannot be read"):
        audit_keys.ring()
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "AUDIT_KEYS": ""}
    with pytest.raises(CommandError, match="AUDIT_KEYS"):
        call_command("agentic_audit_key", "create")


def spoilt(entry: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return {"keys": [{**entry, **changed}]}


def foreign() -> str:
    key = generate_private_key(SECP256R1())
    return b64encode(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())).decode()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda entry: [],
        lambda entry: {"keys": []},
        lambda entry: {"keys": [1]},
        lambda entry: spoilt(entry, private_key=""),
        lambda entry: spoilt(entry, private_key="!"),
        lambda entry: spoilt(entry, private_key="AAAA"),
        lambda entry: spoilt(entry, private_key=foreign()),
        lambda entry: spoilt(entry, id="0" * 16),
        lambda entry: spoilt(entry, public_key="AAAA"),
        lambda entry: {"keys": [entry, entry]},
        lambda entry: {"keys": [{name: value for name, value in entry.items() if name != "id"}]},
    ],
)
def test_a_file_in_no_order_is_told_without_its_content(path: Path, spoil: Any) -> None:
    audit_keys.create(path)
    [entry] = entries(path)
    path.write_text(json.dumps(spoil(entry)), "utf-8")

    with pytest.raises(audit_keys.Unusable) as refused:
        audit_keys.ring()

    assert "AUDIT_KEYS" in str(refused.value)
    assert not re.search(r"[A-Za-z0-9+/]{24,}", str(refused.value))


# Checks --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"AUDIT": "yes"}, "agentic.E170"),
        ({"AUDIT_KEEP_DAYS": 29}, "agentic.E171"),
        ({"AUDIT_KEEP_DAYS": 30.5}, "agentic.E171"),
        ({"AUDIT": True, "AUDIT_KEYS": ""}, "agentic.E172"),
        ({"AUDIT": True, "AUDIT_KEYS": 7}, "agentic.E172"),
    ],
)
@pytest.mark.requirement("AJ-100")
def test_a_wrong_setting_is_named(changed: dict[str, Any], problem: str) -> None:
    assert problem in found(**changed)


def test_trails_without_a_usable_key_are_an_error(tmp_path: Path) -> None:
    away = str(tmp_path / "nowhere.json")
    assert "agentic.E173" in found(AUDIT=True, AUDIT_KEYS=away, DEMO=False)
    assert "agentic.E173" not in found(AUDIT=True, AUDIT_KEYS=away), "the demo makes its own at its start"
    (tmp_path / "bad.json").write_text("{}", "utf-8")
    assert "agentic.E173" in found(AUDIT=True, AUDIT_KEYS=str(tmp_path / "bad.json"))


@pytest.mark.requirement("T94")
@pytest.mark.parametrize(
    ("mode", "problem"), [(0o604, "agentic.E174"), (0o640, "agentic.W170"), (0o600, None)]
)
def test_a_key_that_others_can_use_is_told_of(tmp_path: Path, mode: int, problem: str | None) -> None:
    with kept(tmp_path) as path:
        path.chmod(mode)
        problems = {entry for entry in found(AUDIT=True, AUDIT_KEYS=str(path)) if "17" in entry}

    assert problems == ({problem} if problem else set())


def test_a_session_is_known_as_long_as_its_trail(tmp_path: Path) -> None:
    with kept(tmp_path) as path:
        ours = {"AUDIT": True, "AUDIT_KEYS": str(path)}
        assert "agentic.E176" in found(**ours, AUDIT_KEEP_DAYS=91)
        assert "agentic.E176" not in found(**ours, AUDIT_KEEP_DAYS=91, AGENT_SESSION_KEEP_DAYS=91)


@pytest.mark.django_db
@pytest.mark.requirement("AJ-106")
def test_a_database_without_its_rules_is_told_of() -> None:
    from django.db import connection

    from gateway import audit_checks

    assert audit_checks.rules(None, databases=["default"]) == []
    on = " ON agentic_audit_event" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER agentic_audit_event_fixed{on}")

    [problem] = audit_checks.rules(None, databases=["default"])

    assert problem.id == "agentic.E175"
    assert "agentic_audit_event_fixed" in problem.msg

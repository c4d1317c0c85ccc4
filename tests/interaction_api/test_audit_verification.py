"""Whoever has an artifact can tell whether it is what we signed, without us (AJ-103)."""

from __future__ import annotations

import copy
import json
import runpy
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from gateway import audit_keys
from gateway.interaction_api import audit, audit_artifact
from gateway.interaction_api import audit_verification as verification
from gateway.models import AuditEvent, AuditSeal, AuditTrail
from tests.interaction_api.trails import call, ended, shopped, visit

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("AJ-103")]

DOCS = Path(__file__).parents[2] / "docs"
SCRIPT = DOCS / "verify_audit.py"


@pytest.fixture
def artifact(audit_keys_file: Path) -> dict[str, Any]:
    session = visit()
    shopped(session)
    return audit.document(ended(session))


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to everything in `value`."""
    if way:
        yield way
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for name, inner in members:
        yield from places(inner, (*way, name))


def altered(artifact: dict[str, Any], way: tuple[Any, ...], value: Any) -> dict[str, Any]:
    copied = copy.deepcopy(artifact)
    holder: Any = copied
    for name in way[:-1]:
        holder = holder[name]
    holder[way[-1]] = value(holder[way[-1]]) if callable(value) else value
    return copied


def without(artifact: dict[str, Any], way: tuple[Any, ...]) -> dict[str, Any]:
    copied = copy.deepcopy(artifact)
    holder: Any = copied
    for name in way[:-1]:
        holder = holder[name]
    del holder[way[-1]]
    return copied


def other(value: Any) -> Any:
    match value:
        case str():
            return ("A" if value[:1] != "A" else "B") + value[1:]
        case int():
            return value + 1
        case dict():
            return {**value, "more": 1}
        case _:
            return [*value, {}]


def again_signed(artifact: dict[str, Any], key: audit_keys.Ring) -> dict[str, Any]:
    """What somebody with a key of their own makes of it: everything in order but the key."""
    public = key.current
    made = {**artifact, "key_id": public.id, "public_key": public.public_key}
    made["signature"] = key.sign(made["root_hash"].encode())
    del made["artifact_signature"]
    made["artifact_signature"] = key.sign(audit_artifact.signed_bytes(made))
    return made


TAMPERING: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    **{
        name: partial(altered, way=(name,), value=other)
        for name in (
            *("session_id", "site", "created_at", "ended_at", "sealed_because", "agent", "events"),
            *("root_hash", "signature", "key_id", "public_key", "artifact_signature"),
        )
    },
    "an event less": lambda artifact: altered(artifact, ("events",), lambda events: [events[0], events[2]]),
    "the last event less": lambda artifact: altered(artifact, ("events",), lambda events: events[:2]),
    "another order": lambda artifact: altered(artifact, ("events",), lambda events: events[::-1]),
    "a quantity": lambda artifact: altered(artifact, ("events", 1, "params", "quantity"), 3),
    "denied": lambda artifact: altered(artifact, ("events", 0, "policy_result"), "deny"),
    "one member more": lambda artifact: {**artifact, "more": 1},
    "no form": lambda artifact: {"events": "none"},
}


def ran(*arguments: str | Path) -> tuple[int, str]:
    """The script as a process of its own, which has nothing of ours at hand."""
    ended = subprocess.run(
        [sys.executable, "-I", str(SCRIPT), *map(str, arguments)],
        cwd="/",
        env={},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ended.returncode, ended.stdout + ended.stderr


def written(folder: Path, artifact: Any) -> Path:
    path = folder / "artifact.json"
    path.write_text(json.dumps(artifact), "utf-8")
    return path


def test_the_script_accepts_what_was_exported(artifact: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "exported.json"
    call_command("agentic_audit", "export", "--session", AuditTrail.objects.get().pk, "--output", str(path))
    raw = b64encode(b64decode(artifact["public_key"])[-32:]).decode()

    for given in (path, written(tmp_path, {"ok": True, "data": artifact})):
        for keys in ([artifact["public_key"]], [raw], ["A" * 43 + "=", artifact["public_key"]]):
            status, said = ran(given, *keys)

            assert (status, said[:5]) == (0, "valid"), said


@pytest.mark.parametrize("how", TAMPERING)
def test_the_script_refuses_what_was_altered(artifact: dict[str, Any], tmp_path: Path, how: str) -> None:
    path = written(tmp_path, TAMPERING[how](artifact))

    status, said = ran(path, artifact["public_key"])

    assert status == 1
    assert said.startswith("REFUSED: ")
    with pytest.raises(CommandError, match="REFUSED: "):
        call_command("agentic_audit", "verify", str(path))


def test_another_key_is_none_of_ours(artifact: dict[str, Any], tmp_path: Path, settings: Any) -> None:
    foreign = tmp_path / "foreign.json"
    audit_keys.create(foreign)
    forged = again_signed(artifact, audit_keys.FILE._ring(foreign.read_bytes()))

    status, said = ran(written(tmp_path, forged), artifact["public_key"])

    assert (status, "another key" in said) == (1, True)
    assert ran(written(tmp_path, forged), forged["public_key"])[0] == 0
    assert verification.flaw(forged, [artifact["public_key"]]) is not None
    assert verification.flaw(artifact, []) is not None


def test_nothing_in_it_can_be_altered_added_or_left_out(artifact: dict[str, Any]) -> None:
    """Everything, one thing at a time, for both who verify."""
    script = runpy.run_path(str(SCRIPT))
    keys = [artifact["public_key"]]

    def accepted(tampered: dict[str, Any]) -> list[str]:
        found = [] if verification.flaw(tampered, keys) is not None else ["ours"]
        try:
            script["verify"](tampered, keys)
        except (ValueError, KeyError, TypeError, AttributeError):
            return found
        return [*found, "the script"]

    assert accepted(artifact) == ["ours", "the script"]
    ways = list(places(artifact))
    assert len(ways) > 40
    assert [way for way in ways if accepted(altered(artifact, way, other))] == []
    assert [way for way in ways if accepted(altered(artifact, way, None))] == []
    assert [way for way in ways if accepted(without(artifact, way))] == []


def test_another_spelling_of_a_signature_is_refused(artifact: dict[str, Any]) -> None:
    """Base64 has some bits to spare at its end."""
    last = artifact["artifact_signature"][-3]
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    twin = letters[letters.index(last) ^ 1]
    respelt = {**artifact, "artifact_signature": artifact["artifact_signature"][:-3] + twin + "=="}

    assert b64decode(respelt["artifact_signature"]) == b64decode(artifact["artifact_signature"])
    assert verification.flaw(respelt, [artifact["public_key"]]) is not None


@pytest.mark.parametrize("junk", [None, 1, "x", [], {}, {"events": [1]}, {"events": [{"prev_hash": ""}]}])
def test_what_is_no_artifact_is_told_so(junk: Any, audit_keys_file: Path) -> None:
    assert verification.flaw(junk, []) is not None


def test_a_file_that_cannot_be_read_is_told_so(tmp_path: Path, audit_keys_file: Path) -> None:
    (tmp_path / "none.json").write_text("{", "utf-8")

    for name in ("none.json", "nowhere.json"):
        assert ran(tmp_path / name, "A" * 43 + "=")[0] == 1
        with pytest.raises(CommandError):
            call_command("agentic_audit", "verify", str(tmp_path / name))
    assert "python verify_audit.py" in ran()[1]


def test_the_script_is_the_one_in_the_guide() -> None:
    assert f"```python\n{SCRIPT.read_text('utf-8')}```" in (DOCS / "audit.md").read_text("utf-8")


# Our own database ----------------------------------------------------------------------------


def test_a_trail_is_verified_where_it_is(audit_keys_file: Path, capsys: Any) -> None:
    running = visit()
    shopped(running)
    sealed = visit("tok_2")
    call(sealed)
    ended(sealed)

    for arguments in (("--session", running.pk), ("--session", sealed.pk), ("--all",)):
        call_command("agentic_audit", "verify", *arguments)

    assert capsys.readouterr().out.splitlines() == [
        f"{running.pk}: 3 events, open",
        "valid: 1 trails",
        f"{sealed.pk}: 1 events, sealed",
        "valid: 1 trails",
        "valid: 2 trails",
    ]


def test_an_older_key_still_verifies(artifact: dict[str, Any], audit_keys_file: Path, tmp_path: Path) -> None:
    audit_keys.rotate(audit_keys_file)

    call_command("agentic_audit", "verify", str(written(tmp_path, artifact)))
    call_command("agentic_audit", "verify", "--all")


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE agentic_audit_event SET document = '{}' WHERE sequence = 2", "altered"),
        ("UPDATE agentic_audit_event SET hash = 'x' WHERE sequence = 2", "altered"),
        ("DELETE FROM agentic_audit_event WHERE sequence = 2", "missing"),
        ("DELETE FROM agentic_audit_event WHERE sequence = 3", "missing"),
        ("UPDATE agentic_audit_trail SET sequence = 2", "missing"),
        ("UPDATE agentic_audit_seal SET document = '{}'", "over this artifact"),
        ("UPDATE agentic_audit_seal SET root_hash = 'x'", "root hash"),
        ("UPDATE agentic_audit_seal SET events = 2", "every event"),
    ],
)
def test_what_got_past_the_rules_of_the_database_is_found(
    artifact: dict[str, Any], unruled: None, statement: str, says: str, capsys: Any
) -> None:
    """An owner of the tables can take the rules down. The signature stays."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement)

    with pytest.raises(CommandError, match="REFUSED"):
        call_command("agentic_audit", "verify", "--all")
    assert says in capsys.readouterr().err


def test_a_seal_that_is_gone_is_missed(artifact: dict[str, Any], unruled: None, capsys: Any) -> None:
    """Without it nothing says that the events are those that were signed."""
    AuditSeal.objects.all().delete()

    with pytest.raises(CommandError, match="REFUSED"):
        call_command("agentic_audit", "verify", "--all")
    assert "seal is missing" in capsys.readouterr().err


def test_the_trail_of_another_session_is_found(artifact: dict[str, Any], unruled: None, capsys: Any) -> None:
    """Whole and signed, and yet not what this session did."""
    good = AuditTrail.objects.values("sequence", "head", "opened_at", "sealed_at").get()
    bad = visit("tok_2")
    AuditTrail.objects.filter(pk=bad.pk).update(**good)
    AuditEvent.objects.update(trail=bad.pk)
    AuditSeal.objects.update(trail=bad.pk)
    AuditTrail.objects.exclude(pk=bad.pk).delete()

    with pytest.raises(CommandError, match="REFUSED"):
        call_command("agentic_audit", "verify", "--all")
    assert "another session" in capsys.readouterr().err


def test_a_member_that_is_there_twice_is_refused(artifact: dict[str, Any], tmp_path: Path) -> None:
    """A reader may see the first of them, and who verifies the last."""
    path = written(tmp_path, artifact)
    path.write_text('{"site": "https://another.example", ' + path.read_text("utf-8")[1:], "utf-8")

    status, said = ran(path, artifact["public_key"])

    assert (status, said[:9]) == (1, "REFUSED: ")
    with pytest.raises(CommandError):
        call_command("agentic_audit", "verify", str(path))


def test_a_key_of_no_known_kind_is_refused(artifact: dict[str, Any], tmp_path: Path) -> None:
    unknown = b64encode(bytes.fromhex("300f300606042a030405030500616263" + "64")).decode()
    forged = {**artifact, "public_key": unknown}

    assert verification.flaw(forged, [artifact["public_key"]]) == "it is not in the form of an artifact"
    status, said = ran(written(tmp_path, forged), artifact["public_key"])
    assert (status, said[:9]) == (1, "REFUSED: ")


def test_export_says_why_there_is_nothing(audit_keys_file: Path) -> None:
    session = visit()

    with pytest.raises(CommandError, match="still open"):
        call_command("agentic_audit", "export", "--session", session.pk)
    with pytest.raises(CommandError, match="no session"):
        call_command("agentic_audit", "export", "--session", "ase_none")
    with pytest.raises(CommandError, match="no trail"):
        call_command("agentic_audit", "verify", "--session", "ase_none")
    assert not AuditEvent.objects.exists()


@pytest.fixture
def unruled(artifact: dict[str, Any]) -> None:
    """The database without its rules, until the test is rolled back."""
    from importlib import import_module

    from django.apps import apps
    from django.db import connection

    migration = import_module("gateway.migrations.0008_append_only_audit")

    class Editor:
        pass

    editor: Any = Editor()
    editor.connection = connection
    migration.disarm(apps, editor)

"""The key by which push services know us: one file, for its owner alone, and never shown."""

from __future__ import annotations

import stat
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.core.management import CommandError, call_command

from gateway import push_checks
from tests.reaching.browsers import raw


@pytest.fixture
def path(tmp_path: Path, settings: Any) -> Path:
    named = tmp_path / "new" / "key.pem"
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "REACH_PUSH_KEY": str(named)}
    return named


def command(*given: str) -> str:
    told = StringIO()
    call_command("agentic_push_key", *given, stdout=told)
    return told.getvalue().strip()


def found() -> list[str | None]:
    return [problem.id for problem in push_checks.push(None)]


def test_a_key_is_made_once_and_only_its_public_half_is_shown(path: Path) -> None:
    made = command("create")

    assert len(raw(made)) == 65
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["key.pem"]
    before = path.read_bytes()
    with pytest.raises(CommandError, match="exists already"):
        command("create")
    assert command("create", "--unless-there") == ""
    assert command("show") == made
    assert path.read_bytes() == before
    assert found() == []


def test_what_is_wrong_with_the_file_is_said_and_nothing_of_it(path: Path, settings: Any) -> None:
    assert found() == [], "the demo makes its own when it starts"
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "DEMO": False}
    assert found() == ["agentic.E270"]
    path.parent.mkdir()
    foreign = ed25519.Ed25519PrivateKey.generate()
    other = ec.generate_private_key(ec.SECP384R1())
    pem = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for content in (b"nothing", b"", foreign.private_bytes(*pem), other.private_bytes(*pem)):
        path.write_bytes(content)
        with pytest.raises(CommandError, match="REACH_PUSH_KEY"):
            command("show")
        assert "agentic.E270" in found()
    path.unlink()
    command("create")
    path.chmod(0o640)
    assert found() == ["agentic.E271"]


@pytest.mark.parametrize(
    ("changed", "problems"),
    [
        ({"REACH_PUSH_CONTACT": ""}, ["agentic.E272"]),
        ({"REACH_PUSH_CONTACT": "", "SITE_CONTACT": "shop@shop.example"}, []),
        ({"REACH_PUSH_CONTACT": "", "PUBLIC_URL": "https://shop.example"}, []),
        ({"REACH_PUSH_KEY": ""}, []),
    ],
    ids=["nobody", "site-contact", "public-url", "not-wanted"],
)
def test_somebody_can_be_written_to(
    path: Path, settings: Any, changed: dict[str, Any], problems: list[str]
) -> None:
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, **changed}

    assert found() == problems


def test_without_the_extra_the_setting_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interventions.channels.web_push.LIBRARIES", ("no_such_library_here",))

    (problem,) = push_checks.push(None)
    assert problem.id == "agentic.W270"
    assert "REACH_PUSH_KEY" in problem.msg
    assert "[push]" in (problem.hint or "")

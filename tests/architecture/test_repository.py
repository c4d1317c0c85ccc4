"""What is committed names no machine and no private address (dependencies.md 8)."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_constraints_hold_versions_and_no_address() -> None:
    """Dependencies.md 8: a lock file with URLs would carry the index of whoever made it."""
    constraints = (ROOT / "constraints.txt").read_text()

    assert "://" not in constraints
    assert "--" not in constraints
    assert re.search(r"^django==5\.2", constraints, re.MULTILINE)
    assert len(constraints.splitlines()) > 50
    assert re.search(r" ; ", constraints), "the environment markers were stripped"


def test_no_two_checks_share_an_id() -> None:
    """Whoever silences one by SILENCED_SYSTEM_CHECKS must not silence another."""
    places: dict[str, set[str]] = {}
    for file in (ROOT / "gateway").rglob("*.py"):
        for found in re.findall(r'id="(agentic\.[EW]\d+)"', file.read_text()):
            places.setdefault(found, set()).add(file.name)

    assert len(places) > 20
    assert {found: files for found, files in places.items() if len(files) > 1} == {}

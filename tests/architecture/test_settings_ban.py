"""`django.conf` is read in one place (architecture.md, `gateway/conf.py`)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def ruff(text: str, path: str) -> subprocess.CompletedProcess[str]:
    """What ruff says about `text` if it were the file at `path`."""
    command = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--no-cache",
        "--select",
        "TID251",
        "--stdin-filename",
        path,
        "-",
    ]
    return subprocess.run(
        command, cwd=ROOT, input=text, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_tree_reads_settings_in_the_allowed_places_only() -> None:
    """Recipes.md 7."""
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--select", "TID251", "."]

    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize(
    "path",
    [
        "gateway/planted.py",
        "gateway/acp/views.py",
        "checkout/services.py",
        "interventions/planted.py",
        "gateway/shop/x.py",
    ],
)
@pytest.mark.parametrize(
    "line", ["from django.conf import settings", "import django.conf", "from django.conf.urls import include"]
)
def test_reading_settings_elsewhere_is_refused(path: str, line: str) -> None:
    """Recipes.md 7: import-linter cannot forbid a submodule of a foreign package, ruff can."""
    checked = ruff(line + "\n", path)

    assert checked.returncode == 1
    assert "TID251" in checked.stdout


@pytest.mark.parametrize(
    "path", ["gateway/conf.py", "gateway/project/urls.py", "manage.py", "tests/gateway/test_anything.py"]
)
def test_reading_settings_is_allowed_where_it_belongs(path: str) -> None:
    """Recipes.md 7."""
    checked = ruff("from django.conf import settings\n\nprint(settings)\n", path)

    assert checked.returncode == 0, checked.stdout

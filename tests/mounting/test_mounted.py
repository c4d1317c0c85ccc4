"""The gateway in somebody else's project (issue 3 "Mounting", decisions 1, 3, 6, 11).

The merchant has settings of his own, so his tests run in a process of their own. By hand:

    python -m pytest tests/mounting/inside --confcutdir=tests/mounting/inside \\
      --ds=tests.mounting.merchant.settings
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from gateway.conf import KEYS
from tests.mounting.merchant import settings as merchant

ROOT = Path(__file__).resolve().parents[2]
INSIDE = "tests/mounting/inside"
SETTINGS = "tests.mounting.merchant.settings"
FEWEST_TESTS = 160
"""So many there are at least; fewer would mean that some were not found."""

WITHOUT_A_CATALOG = """
import django
from django.conf import settings
from django.core.management import call_command
del settings.AGENTIC_GATEWAY["CATALOG"]
django.setup()
call_command("check")
"""


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Python with the merchant's settings and nothing of this run's."""
    foreign = ("PYTEST_", "DJANGO_")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    environ |= {"MERCHANT_FOLDER": str(folder), "DJANGO_SETTINGS_MODULE": SETTINGS}
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.requirement("ACP-030", "ACP-187", "ACP-241")
def test_the_merchants_project_works_with_the_gateway_in_it(tmp_path: Path) -> None:
    """Every test in `inside`, on SQLite or on the PostgreSQL of this run; none skipped, none lost."""
    report = tmp_path / "inside.xml"
    options = (f"--ds={SETTINGS}", f"--confcutdir={INSIDE}", "-p", "no:cacheprovider", "-p", "no:xdist", "-q")

    done = run(tmp_path, "-m", "pytest", INSIDE, *options, f"--junitxml={report}")

    assert done.returncode == 0, done.stdout + done.stderr
    suite = ElementTree.parse(report).getroot()[0]
    counted = {name: int(suite.attrib[name]) for name in ("tests", "errors", "failures", "skipped")}
    assert counted.pop("tests") >= FEWEST_TESTS
    assert set(counted.values()) == {0}, done.stdout


def test_a_part_that_is_missing_is_named_by_the_check_command(tmp_path: Path) -> None:
    """Architecture, "Settings and mounting": Django starts, and `manage.py check` says what to do."""
    done = run(tmp_path, "-c", WITHOUT_A_CATALOG)

    assert done.returncode == 1
    assert "AGENTIC_GATEWAY['CATALOG'] is missing." in done.stderr
    assert done.stderr.count("agentic.E") == 1


def test_the_readme_mounts_as_the_merchant_does() -> None:
    """The chapter "Mounting it" is this project: the same keys, the same apps, the same includes."""
    chapter = (ROOT / "README.md").read_text().split("## Mounting it")[1].split("\n## ")[0]
    blocks = re.findall(r"```python\n(.*?)```", chapter, re.DOTALL)
    tree = ast.parse("\n".join(blocks))
    given = {node.targets[0].id: node.value for node in tree.body if isinstance(node, ast.Assign)}
    keys = {ast.literal_eval(key) for key in given["AGENTIC_GATEWAY"].keys}
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    urls = (ROOT / "tests/mounting/merchant/urls.py").read_text()

    assert keys <= KEYS
    assert keys == set(merchant.AGENTIC_GATEWAY) - {"STRICT_RESPONSES"}
    assert {"interventions", "checkout", "gateway"} <= texts & set(merchant.INSTALLED_APPS)
    includes = {
        text for text in texts if isinstance(text, str) and re.fullmatch(r"gateway\.\w+(\.urls)?", text)
    }
    assert includes >= {"gateway.urls", "gateway.well_known"}
    assert all(f'include("{name}")' in urls for name in includes if name != "gateway.shop")

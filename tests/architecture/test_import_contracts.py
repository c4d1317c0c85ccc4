"""Who may import whom (architecture.md). A contract that cannot break guards nothing: each one is
seen to hold on the tree and to break on a planted violation."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("gateway", "checkout", "interventions", "schemas")
CONTRACTS = {
    contract["id"]: contract
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
}

PLANTED = [
    ("layers", "checkout/planted.py", "import gateway.conf"),
    ("layers", "interventions/planted.py", "import checkout.models"),
    ("layers", "interventions/planted.py", "import gateway.models"),
    ("schemas-leaf", "schemas/planted.py", "import django.http"),
    ("schemas-leaf", "schemas/planted.py", "import checkout.models"),
    ("schemas-leaf", "schemas/planted.py", "import gateway.models"),
    ("schemas-readers", "checkout/planted.py", "import schemas"),
    ("schemas-readers", "interventions/planted.py", "from schemas import anything"),
    ("domain-without-http", "checkout/planted.py", "from rest_framework.views import APIView"),
    ("domain-without-http", "interventions/planted.py", "import drf_spectacular.utils"),
    ("domain-without-http", "checkout/planted.py", "import httpx"),
    ("domain-without-http", "checkout/planted.py", "import schemas"),
    ("stripe", "checkout/planted.py", "import stripe"),
    ("stripe", "gateway/planted.py", "from stripe import StripeClient"),
    ("push", "gateway/planted.py", "from pywebpush import webpush"),
    ("push", "interventions/planted.py", "import requests"),
    ("protocols", "gateway/acp/planted.py", "import gateway.person"),
    ("protocols", "gateway/person/planted.py", "import gateway.acp"),
    ("protocols", "gateway/webhooks/planted.py", "import gateway.acp.wire"),
    ("protocols", "gateway/acp/planted.py", "import gateway.webhooks"),
    ("project", "gateway/planted.py", "import gateway.project.settings"),
    ("project", "checkout/planted.py", "import gateway.project.settings"),
    ("demo", "gateway/demo/planted.py", "import gateway.models"),
    ("demo", "gateway/demo/planted.py", "import checkout.models"),
    ("demo", "gateway/demo/planted.py", "import gateway.aauth.signatures"),
    ("demo", "gateway/demo/planted.py", "import gateway.aauth.agent.client"),
    ("demo", "gateway/demo/planted.py", "import django"),
    ("demo", "gateway/demo/planted.py", "import sqlite3"),
    ("aauth-core", "gateway/aauth/jwk.py", "import gateway.conf"),
    ("aauth-core", "gateway/aauth/tokens.py", "import django"),
    ("agent", "gateway/aauth/agent/planted.py", "import django"),
    ("agent", "gateway/aauth/agent/planted.py", "import gateway.aauth.parking"),
    ("agent", "gateway/aauth/agent/planted.py", "import interventions.weblinks"),
    ("wallet", "gateway/wallet/planted.py", "import gateway.models"),
    ("wallet", "gateway/wallet/planted.py", "import interventions.ports"),
    ("wallet", "gateway/wallet/planted.py", "import httpx"),
    ("wallet", "gateway/wallet/planted.py", "import checkout.payments.sandbox_bank"),
    ("wallet-readers", "gateway/planted.py", "import gateway.wallet.books"),
    ("wallet-readers", "checkout/planted.py", "import gateway.wallet.challenges"),
    ("wallet-readers", "interventions/planted.py", "import gateway.wallet.tokens"),
    ("acquirer", "gateway/acquirer/planted.py", "import gateway.conf"),
    ("acquirer", "gateway/acquirer/planted.py", "import gateway.wallet.books"),
    ("acquirer", "gateway/acquirer/planted.py", "import checkout.payments.acquirer"),
    ("acquirer", "gateway/acquirer/planted.py", "import interventions.http"),
    ("acquirer", "gateway/acquirer/planted.py", "import django"),
    ("acquirer", "gateway/acquirer/planted.py", "import httpx"),
    ("acquirer-readers", "gateway/planted.py", "import gateway.acquirer.ledger"),
    ("acquirer-readers", "checkout/planted.py", "import gateway.acquirer.charges"),
]


def lint(tree: Path, *contracts: str) -> subprocess.CompletedProcess[str]:
    # As a module, with `tree` as the working folder: the copy comes before the installed packages.
    run = "import sys; from importlinter.cli import lint_imports_command as c; sys.path.insert(0, '.'); c()"
    return subprocess.run(
        [
            sys.executable,
            "-c",
            run,
            "--no-cache",
            "--no-logo",
            *(f"--contract={contract}" for contract in contracts),
        ],
        cwd=tree,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the packages to plant things in."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_every_contract_holds_on_the_tree() -> None:
    """Architecture, "Who may import whom"."""
    checked = lint(ROOT)

    assert checked.returncode == 0, checked.stdout + checked.stderr
    said = " ".join(checked.stdout.split())
    assert [
        contract["name"] for contract in CONTRACTS.values() if f"{contract['name']} KEPT" not in said
    ] == []


@pytest.mark.parametrize(("contract", "file", "line"), PLANTED)
def test_a_contract_breaks_on_a_planted_violation(tree: Path, contract: str, file: str, line: str) -> None:
    """Architecture, "Who may import whom"; recipes.md 7."""
    (tree / file).write_text(line + "\n")

    checked = lint(tree, contract)

    assert checked.returncode == 1, checked.stdout + checked.stderr
    assert f"{CONTRACTS[contract]['name']} BROKEN" in " ".join(checked.stdout.split())
    planted = file.removesuffix(".py").replace("/", ".")
    assert planted in checked.stdout


def test_every_contract_has_a_planted_violation() -> None:
    """Recipes.md 7: "Give every contract one planted violation in a test"."""
    assert {contract for contract, _, _ in PLANTED} == set(CONTRACTS)


def test_every_protocol_package_is_independent_of_the_others() -> None:
    """Architecture: packages under `gateway/` with a wire.py speak a protocol."""
    speaking = {f"gateway.{wire.parent.name}" for wire in (ROOT / "gateway").glob("*/wire.py")}

    assert speaking <= set(CONTRACTS["protocols"]["modules"])

"""docs/errors.md lists what the code can answer: all of it, and nothing else."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from rest_framework.exceptions import ParseError

from checkout import errors as domain
from gateway import app_endpoint, intake, payment_webhook, strict_json
from gateway import errors as door
from gateway.aauth.signature_problem import TITLES
from gateway.acp import delegated_refusals, refusals, versions
from schemas import facade

ROOT = Path(settings.PROJECT_DIR)
PAGE = ROOT / "docs" / "errors.md"
OURS = ("checkout", "gateway", "interventions")

HEADS = (door.GatewayError, intake.IntakeError, domain.CheckoutError)
"""Heads of families: raised through their members only."""

NOT_FOR_AGENTS = (payment_webhook.NotGenuine, app_endpoint.NotGenuine, app_endpoint.NobodyThere)
"""Told to the payment provider, and to the merchant's own server."""

OTHERS = ("gateway.interaction_api.", "gateway.aauth.")
"""Where refusals live that are told in another form: the Interaction API's own, and AAuth's."""

NOT_BY_CODE = (domain.NotAvailable,)
"""Told by the Interaction API alone, wherever it lives."""

ROW = re.compile(r"^\| (?P<kind>\w+) \| `(?P<code>\w+)` \| (?P<meaning>[^|]+) \| (?P<remedy>[^|]+) \|$", re.M)


def rows() -> list[tuple[str, str]]:
    """Both tables: status or type, and code."""
    return [(row["kind"], row["code"]) for row in ROW.finditer(PAGE.read_text(encoding="utf-8"))]


# Errors ----------------------------------------------------------------------------------


def family(head: type[Exception]) -> Iterator[type[Exception]]:
    """Every class of ours below this one."""
    for kind in head.__subclasses__():
        if kind.__module__.split(".")[0] in OURS:
            if not kind.__module__.startswith(OTHERS) and kind not in NOT_BY_CODE:
                yield kind
            yield from family(kind)


def examples_of(kind: type[Exception]) -> list[Exception]:
    """This exception, once for each code it can have."""
    if issubclass(kind, door.VersionProblem):
        return [version_problem(None), version_problem("2025-01-01")]
    if issubclass(kind, door.MethodRefused):
        return [kind(["GET"])]
    if issubclass(kind, intake.BadHeader):
        return [kind("Request-Id", "is too long")]
    if issubclass(kind, door.NotVerified):
        return [kind(code, "", {}) for code in TITLES]
    return [kind()]


def version_problem(asked: str | None) -> door.VersionProblem:
    with pytest.raises(door.VersionProblem) as refused:
        versions.asked_for(asked)
    return refused.value


def worded() -> set[tuple[str, str]]:
    """Status and code of every refusal that ACP can word."""
    problems: list[Exception] = [strict_json.BadJSON("No."), ParseError(), RuntimeError()]
    for head in HEADS:
        for kind in family(head):
            problems += [] if kind in NOT_FOR_AGENTS else examples_of(kind)
    found: set[tuple[str, str]] = set()
    for dialect in (refusals, delegated_refusals.PAYMENT, delegated_refusals.AUTHENTICATION):
        for problem in problems:
            status, body, _ = dialect.refusal(problem)
            found.add((str(status), body["code"]))
    return found


def test_every_error_of_the_code_is_on_the_page_and_no_other(client: Client) -> None:
    """ACP-018: `code` is free text, so the page is where an agent's author learns what there is."""
    refused = client.get("/agentic/acp/checkout_sessions/x", headers={"Host": "elsewhere.example"})
    host = (str(refused.status_code), refused.json()["code"])
    listed = [row for row in rows() if row[0].isdigit()]

    assert len(listed) == len(set(listed))
    assert set(listed) == worded() | {host}


def test_the_heads_of_the_families_are_never_raised() -> None:
    """Their codes say nothing to anybody, so the page does not have them."""
    names = {head.__name__ for head in HEADS}
    raised = {
        getattr(target, "id", getattr(target, "attr", ""))
        for tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise) and node.exc is not None
        for target in [node.exc.func if isinstance(node.exc, ast.Call) else node.exc]
    }

    assert "NoPendingIntervention" in raised
    assert not raised & names


def test_bad_json_has_one_code() -> None:
    """`BadJSON` takes a code; nobody gives it one, so the page has all there are."""
    calls = [call for tree in sources() for call in calls_of(tree, "BadJSON")]

    assert len(calls) > 10
    assert all(len(call.args) < 3 and not call.keywords for call in calls)


# Messages --------------------------------------------------------------------------------


def sources(*, but: str = "") -> list[ast.Module]:
    """Every module of ours, those of one package left out."""
    files = [file for package in OURS for file in sorted((ROOT / package).rglob("*.py"))]
    files = [file for file in files if not but or but not in file.parts]
    return [ast.parse(file.read_text(encoding="utf-8")) for file in files]


def calls_of(tree: ast.AST, name: str) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and name in (getattr(node.func, "id", ""), getattr(node.func, "attr", ""))
    ]


def told() -> set[tuple[str, str]]:
    """Type and code of every message that is written down in the code, those without a code left out."""
    found: set[tuple[str, str]] = set()
    for tree in sources(but="aauth"):
        found |= {("error", word(call.args[0])) for call in calls_of(tree, "_notice")}
        passing_on = [call for notice in functions(tree, "_notice") for call in calls_of(notice, "problem")]
        for call in calls_of(tree, "problem"):
            if call not in passing_on:
                found.add((word(call.args[0]), word(call.args[1])))
    return {entry for entry in found if entry[0] != "info"}


def functions(tree: ast.AST, name: str) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == name]


def word(node: ast.expr) -> str:
    """A text written down. One that is worked out could be anything: write it down instead."""
    assert isinstance(node, ast.Constant), f"line {node.lineno}: {ast.unparse(node)}"
    assert isinstance(node.value, str)
    return node.value


@pytest.mark.requirement("ACP-063")
def test_every_message_of_the_code_is_on_the_page_and_no_other() -> None:
    """ACP-063: types and codes, found in the source."""
    listed = [row for row in rows() if not row[0].isdigit()]

    assert len(listed) == len(set(listed))
    assert set(listed) == told()


@pytest.mark.requirement("ACP-063")
def test_the_protocol_knows_the_codes_of_the_messages() -> None:
    """ACP-063: those are from a closed list."""
    for level, code in told():
        schema = facade.bundled(f"Message{level.capitalize()}")

        assert code in schema["properties"]["code"]["enum"], code


# The page --------------------------------------------------------------------------------


def test_the_page_is_in_order_and_every_line_of_its_tables_is_read() -> None:
    """A row that the pattern above overlooks would be checked by nobody."""
    text = PAGE.read_text(encoding="utf-8")
    found = rows()
    lines = [line for line in text.splitlines() if line.startswith("| ") and "what to do" not in line]

    assert len(lines) == len(found) > 40
    assert found == sorted(found)


def test_the_refusals_of_the_document_are_on_the_page() -> None:
    """What docs/openapi.json shows is explained here."""
    document = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))
    shown = {
        (status, example["value"]["code"])
        for entry in document["paths"].values()
        for operation in entry.values()
        for status, answer in operation["responses"].items()
        for content in answer.get("content", {}).values()
        for example in content.get("examples", {}).values()
        if "code" in example["value"]
    }

    assert len(shown) > 20
    assert shown <= set(rows())

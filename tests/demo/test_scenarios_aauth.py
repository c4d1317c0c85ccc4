"""The scenarios of agents that sign, over HTTP against a live server."""

from __future__ import annotations

from pathlib import Path

import pytest

from checkout.models import Order, SandboxCharge
from gateway.conf import DEMO_ISSUER, DEMO_ISSUER_KEY
from gateway.demo import identity, person_server
from gateway.demo.commandline import main
from gateway.demo.scenarios import SCENARIOS
from gateway.models import Agent
from gateway.pending_models import PendingRequest
from interventions.models import Clarification

pytestmark = pytest.mark.one_database(
    "The demo agent sees HTTP alone; the addresses that it asks are tried on both."
)

NAMES = [name for name in SCENARIOS if name.startswith("aauth_")]


def played(capsys: pytest.CaptureFixture[str], merchant: str, scenario: str, *more: str) -> str:
    code = main(["--url", merchant, "--scenario", scenario, *more])
    said = capsys.readouterr().out
    assert code == 0, said
    return said


def states() -> list[str]:
    return list(PendingRequest.objects.order_by("created_at").values_list("state", flat=True))


@pytest.mark.requirement("AA-001", "AA-022", "AA-302")
def test_a_call_waits_until_its_person_has_confirmed(
    merchant: str, mailbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = played(capsys, merchant, "aauth_approve", "--verbose")

    assert "<- 202 Accepted" in said
    assert "requirement=interaction" in said
    assert states() == ["resolved"]
    assert Order.objects.count() == SandboxCharge.objects.count() == 1
    agent = Agent.objects.get(issuer=DEMO_ISSUER)
    assert Order.objects.get().owner == agent.owner
    assert "eyJ" not in said, "no token is shown"


@pytest.mark.requirement("AA-010")
def test_the_merchant_approves_and_one_complete_is_enough(
    merchant: str, mailbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = played(capsys, merchant, "aauth_merchant")

    assert "requirement=approval" in said
    assert said.count("/complete") == 1
    assert Order.objects.count() == SandboxCharge.objects.count() == 1


@pytest.mark.requirement("AA-027", "AA-028")
@pytest.mark.parametrize(
    ("name", "states_then", "orders"),
    [
        ("aauth_deny", ["denied"], 0),
        ("aauth_abandon", ["abandoned"], 0),
        ("aauth_expire", ["expired", "resolved"], 0),
        ("aauth_cancel", ["canceled"], 0),
    ],
)
def test_each_end(
    merchant: str,
    mailbox: Path,
    name: str,
    states_then: list[str],
    orders: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    played(capsys, merchant, name)

    assert states() == states_then
    assert Order.objects.count() == SandboxCharge.objects.count() == orders


@pytest.mark.requirement("AA-100", "AA-101", "AA-104")
@pytest.mark.parametrize(
    ("name", "sources", "orders"),
    [
        ("aauth_question_rule", ["rule", "rule"], 1),
        ("aauth_question_operator", ["operator"], 1),
        ("aauth_question_person", ["person"], 0),
        ("aauth_no_questions", [], 1),
    ],
)
def test_each_question(
    merchant: str,
    mailbox: Path,
    name: str,
    sources: list[str],
    orders: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    played(capsys, merchant, name)

    assert list(Clarification.objects.values_list("source", flat=True)) == sources
    assert {row.state for row in Clarification.objects.all()} <= {Clarification.ANSWERED}
    assert Order.objects.count() == orders


@pytest.mark.requirement("AA-300", "AA-302", "AA-303", "AA-304")
@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("aauth_person_server")])
def test_each_person_server(
    merchant: str, mailbox: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = played(capsys, merchant, name)

    assert states() == ["resolved"]
    assert ("The agent shows its person" in said) is (name != "aauth_person_server")


def test_the_demos_agents_have_the_key_that_is_pinned() -> None:
    assert identity.ISSUER == DEMO_ISSUER
    assert {name: value for name, value in identity.KEY.items() if name != "d"} == DEMO_ISSUER_KEY


def test_the_person_server_believes_nobody_else() -> None:
    server = person_server.PersonServer("http://127.0.0.1:1", person_server.REACHES)

    answer = server.answer("POST", person_server.ENDPOINT, {}, b'{"url": "https://a.example/", "code": "A"}')

    assert answer.status == 401
    assert server.shown is None

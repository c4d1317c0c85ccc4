"""The scenarios in which the shop speaks for its shoppers, over HTTP against a live server."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from checkout.models import Order
from gateway import shoppers
from gateway.demo import shopper
from gateway.demo.commandline import main
from gateway.demo.scenarios import SCENARIOS
from gateway.person_models import AgentBinding, Grant, Summons

ENDS = {
    "ps_live_session": ["engaged"],
    "ps_no_channel": ["failed"],
    "ps_channel_dies": ["failed"],
    "ps_question": ["answered"],
    "ps_max_wait": ["unreached"],
    "ps_unreachable": ["failed"],
}
GRANTED = {
    "ps_authorization": ["granted", "granted"],
    "ps_authorization_no_questions": ["granted", "granted"],
    "ps_revoked": ["denied", "revoked", "revoked"],
}


def played(capsys: pytest.CaptureFixture[str], merchant: str, scenario: str) -> str:
    code = main(["--url", merchant, "--scenario", scenario, "--verbose"])
    said = capsys.readouterr().out
    assert code == 0, said
    assert not re.search(r"eyJ[\w-]{8,}", said), "no token is shown"
    return said


@pytest.mark.requirement("AA-204", "AA-205", "AA-207", "AA-208", "AA-209", "AA-211", "AA-300", "AA-304")
@pytest.mark.parametrize("name", list(ENDS))
def test_the_person_is_brought_or_not(
    merchant: str, mailbox: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    played(capsys, merchant, name)

    about_purchases = Summons.objects.exclude(description__contains="whose agent")
    assert [row.state for row in about_purchases] == ENDS[name]
    assert Order.objects.count() == (1 if name == "ps_live_session" else 0)


@pytest.mark.requirement("AA-213", "AA-217")
@pytest.mark.parametrize("name", list(GRANTED))
def test_the_person_allows_or_not(
    merchant: str, mailbox: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    played(capsys, merchant, name)

    assert sorted(row.state for row in Grant.objects.all()) == GRANTED[name]
    assert [row.revoked_at is not None for row in AgentBinding.objects.all()] == [name == "ps_revoked"]


def test_every_scenario_is_here() -> None:
    assert {*ENDS, *GRANTED} == {name for name in SCENARIOS if name.startswith("ps_")}


def test_the_demos_shoppers_are_the_shops() -> None:
    known = {(account.email, account.name) for account in (shopper.ALEX, shopper.SAM)}

    assert known == set(shoppers.DEMO_PERSONS)
    assert {account.password for account in (shopper.ALEX, shopper.SAM)} == {shoppers.DEMO_PASSWORD}

"""One token, many payments at the same instant, on PostgreSQL, with a negative control (ACP-200, T56)."""

from __future__ import annotations

import threading
from datetime import datetime

import pytest

from checkout.models import Order, SandboxCharge
from checkout.payments.sandbox import SandboxProvider
from checkout.payments.sandbox_vault import SandboxVault
from checkout.payments.vault import Redeemed, Redemption
from checkout.ports import Attempt, Authorized, Instrument
from checkout.sandbox_models import SandboxToken
from tests.agents import PlayedAgent, paying
from tests.cards import token_for
from tests.crowd import WAIT_SECONDS, at_once
from tests.parts import plugged

pytestmark = pytest.mark.services

CROWD = 20


class Hurried(SandboxVault):
    """Everybody has looked at the token before anybody uses it."""

    def __init__(self, crowd: int) -> None:
        self._gate = threading.Barrier(crowd)

    def _use(self, row: SandboxToken, use: Redemption, now: datetime) -> bool:
        self._gate.wait(WAIT_SECONDS)
        return super()._use(row, use, now)


class Trusting(Hurried):
    """The negative control: what was looked at is believed."""

    def _use(self, row: SandboxToken, use: Redemption, now: datetime) -> bool:
        self._gate.wait(WAIT_SECONDS)
        row.used_by = use.attempt_id
        row.save(update_fields=["used_by"])
        return True


def payments(vault: SandboxVault, token: str, session: str) -> list[object]:
    """What a crowd of attempts hears that pay with one token."""

    def pay(number: int) -> object:
        paid_with = Instrument("sandbox_card", "card", "spt", token)
        return SandboxProvider(vault=vault).authorize(
            Attempt(f"pay_{number}", session, 100, "usd", paid_with)
        )

    return at_once(CROWD, pay)


@pytest.mark.requirement("ACP-200")
def test_of_many_payments_with_one_token_one_is_made(agent: PlayedAgent) -> None:
    session = agent.ready()
    token = token_for(agent, session)

    outcomes = payments(Hurried(CROWD), token, session["id"])

    assert sum(isinstance(outcome, Authorized) for outcome in outcomes) == 1
    assert SandboxCharge.objects.filter(outcome="authorized").count() == 1
    winner = SandboxCharge.objects.get(outcome="authorized")
    assert SandboxToken.objects.get().used_by == winner.key
    assert set(SandboxCharge.objects.exclude(pk=winner.pk).values_list("decline_code", flat=True)) == {
        "token_used"
    }


def test_the_race_is_real(agent: PlayedAgent) -> None:
    """Without the conditional statement more than one payment is made."""
    session = agent.ready()
    token = token_for(agent, session)

    outcomes = payments(Trusting(CROWD), token, session["id"])

    assert sum(isinstance(outcome, Authorized) for outcome in outcomes) > 1


@pytest.mark.requirement("ACP-200")
def test_two_sessions_and_one_token(agent: PlayedAgent) -> None:
    """Each completes by itself; the token pays for its own."""
    sessions = [agent.ready() for _ in range(6)]
    token = token_for(agent, sessions[0])

    with plugged(payments=SandboxProvider(vault=SandboxVault())):
        answers = at_once(
            len(sessions), lambda number: PlayedAgent().complete(sessions[number], paying(token)).json()
        )

    assert [answer["status"] for answer in answers] == ["completed"] + ["ready_for_payment"] * 5
    assert Order.objects.count() == 1


@pytest.mark.requirement("ACP-202", "ACP-094")
def test_one_key_and_a_crowd_is_one_card(agent: PlayedAgent) -> None:
    from tests.cards import DELEGATE, delegating

    body = delegating()

    answers = at_once(CROWD, lambda _: PlayedAgent().post(DELEGATE, body, key="k1"))

    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert SandboxToken.objects.count() == 1


def test_a_repeat_of_the_winner_is_the_winner(agent: PlayedAgent) -> None:
    """The same attempt may come as often as it likes, at once too."""
    session = agent.ready()
    token = token_for(agent, session)
    use = Redemption("pay_1", session["id"], 100, "usd", "sandbox-merchant")

    found = at_once(CROWD, lambda _: Hurried(1).redeem(token, use))

    assert all(isinstance(entry, Redeemed) for entry in found)

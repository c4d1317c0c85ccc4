"""Everybody at once, at the moment the buyer comes back: on PostgreSQL, with a negative control."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from checkout import obligations, responses
from checkout.models import CheckoutSession, Order, SandboxCharge
from interventions import policy, ports
from interventions.models import Intervention, Policy
from tests.acp.test_redirect import REDIRECT, Person
from tests.agents import ADDRESS, PlayedAgent
from tests.crowd import at_once
from tests.interventions.wallet import PlayedWallet

pytestmark = pytest.mark.services

ROUNDS = 5
HINT = {"intervention_response": {"type": "redirect_complete"}}
MORE = {"line_items": [{"id": "item_tablet", "quantity": 2}]}


@pytest.fixture
def busy_wallet(shop: None) -> Iterator[PlayedWallet]:
    before, made = ports.ports(), PlayedWallet()
    ports.plug(replace(before, providers={**before.providers, "redirect": made}))
    Policy.objects.all().delete()
    Policy.objects.create(name="Wallet", kinds=["redirect"], enforcement="always", item_tag="screen")
    policy.forget()
    yield made
    ports.plug(before)


def everybody(wallet: PlayedWallet) -> tuple[CheckoutSession, list[int]]:
    """Buyer, agent and relay act on one session at the same moment; how it ended, and the statuses."""
    session = PlayedAgent().create(
        "item_tablet", capabilities=REDIRECT, fulfillment_details={"address": ADDRESS}
    )
    person = Person()
    brought = wallet.decide(person.leave(session), "approved")

    def update(body: dict[str, Any]) -> Any:
        return PlayedAgent().post(f"/checkout_sessions/{session['id']}", body)

    crowd: list[Callable[[], Any]] = [
        *[lambda: PlayedAgent().complete(session)] * 4,
        *[lambda: update(HINT)] * 2,
        lambda: update({}),
        lambda: update(MORE),
        *[lambda: person.come_back(session, brought)] * 2,
        *[lambda: responses.settled(session["id"])] * 2,
    ]
    answers = at_once(len(crowd), lambda number: crowd[number]())
    return CheckoutSession.objects.get(pk=session["id"]), [answer.status_code for answer in answers if answer]


def unconfirmed_orders() -> list[str]:
    """Orders for which nobody said yes to this amount."""
    said = set(Intervention.objects.filter(state="passed").values_list("subject", "amount"))
    return [order.id for order in Order.objects.all() if (order.session_id, order.amount) not in said]


@pytest.mark.requirement("ACP-160")
def test_no_order_without_a_yes_to_exactly_that(busy_wallet: PlayedWallet) -> None:
    """T55, T56, T59, decision 21: whoever is first, one yes is for one cart and one charge."""
    for _ in range(ROUNDS):
        session, statuses = everybody(busy_wallet)

        assert all(status < 500 for status in statuses), statuses
        charges = SandboxCharge.objects.filter(session=session.id)
        assert [charge.amount for charge in charges] == (
            [session.total] if session.state == "completed" else []
        )
        still_open = Intervention.objects.filter(subject=session.id, state__in=("pending", "interacting"))
        waiting = obligations.pending(session)
        assert [row.id for row in still_open] == ([waiting["id"]] if waiting else [])

    assert unconfirmed_orders() == []


def test_without_the_binding_a_yes_pays_for_another_cart(
    busy_wallet: PlayedWallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: what was confirmed is taken for anything."""
    monkeypatch.setattr(obligations, "binding", lambda session: "anything")
    session = PlayedAgent().create(
        "item_tablet", capabilities=REDIRECT, fulfillment_details={"address": ADDRESS}
    )
    person = Person()
    person.come_back(session, busy_wallet.decide(person.leave(session), "approved"))

    changed = PlayedAgent().update(session, MORE)
    PlayedAgent().complete(changed)

    assert len(unconfirmed_orders()) == 1

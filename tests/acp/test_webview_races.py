"""Everybody at once, at the moment the buyer has answered in the widget: on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from checkout.models import CheckoutSession, SandboxCharge
from interventions import policy, ports
from interventions.models import Intervention, InterventionMove
from tests.acp.test_webview import OURS, WEBVIEW, Framed, hidden
from tests.agents import ADDRESS, PlayedAgent
from tests.crowd import at_once
from tests.interventions.wallet import PlayedWallet

pytestmark = pytest.mark.services

ROUNDS = 5
HINT = {"intervention_response": {"type": "webview_complete"}}


@pytest.fixture
def busy_wallet(shop: None) -> Iterator[PlayedWallet]:
    before, made = ports.ports(), PlayedWallet()
    ports.plug(replace(before, providers={**before.providers, "webview": made}))
    policy.forget()
    yield made
    ports.plug(before)


@pytest.mark.requirement("ACP-160")
@pytest.mark.parametrize("decision", ["approved", "denied"])
def test_one_verdict_and_one_charge_at_most(busy_wallet: PlayedWallet, decision: str) -> None:
    """The widget's message twice, the agent's word twice, and payment: the books are asked by all of
    them, and one of them has moved it."""
    for _ in range(ROUNDS):
        details = {"address": ADDRESS}
        session = PlayedAgent().create("item_headphones", capabilities=WEBVIEW, fulfillment_details=details)
        buyer = Framed(session)
        buyer.press("continue")
        busy_wallet.decide(buyer.widget, decision)
        fields = {**hidden(buyer.page), "answer": "finished"}

        def finish(path: str = buyer.path, fields: dict[str, str] = fields) -> Any:
            return PlayedAgent().http.post(path, fields, headers={"Origin": OURS})

        def tell(session_id: str = session["id"]) -> Any:
            return PlayedAgent().post(f"/checkout_sessions/{session_id}", HINT)

        def pay(session: dict[str, Any] = session) -> Any:
            return PlayedAgent().complete(session)

        crowd: list[Callable[[], Any]] = [finish, finish, tell, tell, pay, pay]
        answers = at_once(len(crowd), lambda number, crowd=crowd: crowd[number]())

        assert all(answer.status_code < 500 for answer in answers if answer), answers
        rows = Intervention.objects.filter(subject=session["id"]).order_by("created_at")
        assert rows[0].state == ("passed" if decision == "approved" else "denied")
        assert InterventionMove.objects.filter(intervention=rows[0], to_state=rows[0].state).count() == 1
        charges = SandboxCharge.objects.filter(session=session["id"]).count()
        state = CheckoutSession.objects.get(pk=session["id"]).state
        assert charges == (1 if state == "completed" else 0)
        assert decision == "approved" or not charges

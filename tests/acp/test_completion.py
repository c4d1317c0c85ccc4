"""Paying: requirements B, decision 25 and 36, reliability-security group F."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from checkout import completion, effects, ports, settlement
from checkout.errors import ProviderUnavailable
from checkout.models import Order, Payment, SandboxCharge, StateMove
from checkout.payments.sandbox import SandboxProvider
from checkout.payments.sandbox_bank import SandboxBank
from checkout.payments.vault import Redeemer
from checkout.ports import Attempt, Authorized, Outcome
from gateway import delivery
from gateway.models import IdempotentRequest, OutboxMessage
from gateway.shop.models import Hold, Product
from tests.agents import ADDRESS, PlayedAgent, codes, paying, total
from tests.parts import plugged


@pytest.mark.requirement("ACP-030", "ACP-033", "ACP-072", "ACP-183")
def test_a_paid_session_has_its_order(agent: PlayedAgent) -> None:
    """ACP-033: completed, with id, session and permalink; the amount is what was shown."""
    session = agent.ready({"id": "item_mug", "quantity": 2}, order_notes="Ring twice")

    response = agent.complete(session)

    paid = response.json()
    assert response.status_code == 200
    assert paid["status"] == "completed"
    assert paid["order"]["checkout_session_id"] == session["id"]
    assert paid["order"]["permalink_url"] == f"http://localhost:8000/agentic/orders/{paid['order']['id']}"
    assert paid["order"]["confirmation"]["order_notes"] == "Ring twice"
    assert Order.objects.get().amount == SandboxCharge.objects.get().amount == total(session)
    assert agent.retrieve(session) == paid


@pytest.mark.requirement("ACP-039")
def test_stock_moves_with_the_order(agent: PlayedAgent) -> None:
    """Stock is held before the money and sold with the order."""
    before = Product.objects.get(pk="item_mug").available

    agent.complete(agent.ready({"id": "item_mug", "quantity": 3}))

    assert Product.objects.get(pk="item_mug").available == before - 3
    assert list(Hold.objects.values_list("state", flat=True)) == ["sold"]


@pytest.mark.requirement("ACP-0.1")
def test_every_move_is_in_the_log(agent: PlayedAgent) -> None:
    """Each move of session and payment, with who caused it."""
    session = agent.ready()

    agent.complete(session)

    payment = Payment.objects.get()
    moves = StateMove.objects.values_list("subject", "from_state", "to_state")
    assert list(moves) == [
        (session["id"], "", "open"),
        (session["id"], "open", "completing"),
        (payment.id, "", "processing"),
        (payment.id, "processing", "authorized"),
        (session["id"], "completing", "completed"),
    ]


def test_effects_are_queued_with_the_order_and_capture_the_money(agent: PlayedAgent) -> None:
    """Decision 36: capture after the order; doing an effect twice does it once."""
    agent.complete(agent.ready())
    payment = Payment.objects.get()

    queued = {row.kind: row.payload for row in OutboxMessage.objects.all()}
    for _ in range(2):
        effects.capture(queued["checkout.capture"])
        effects.place_order(queued["checkout.place_order"])

    assert set(queued) == {"checkout.capture", "checkout.place_order", "checkout.order_event"}
    assert Payment.objects.get().state == "captured"
    assert SandboxCharge.objects.get().captured == payment.amount


def test_capture_can_wait_for_the_shipment(agent: PlayedAgent, settings: Any) -> None:
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "CAPTURE": "on_shipment"}

    agent.complete(agent.ready())

    assert not OutboxMessage.objects.filter(kind="checkout.capture").exists()
    assert Payment.objects.get().state == "authorized"


@pytest.mark.requirement("ACP-036", "ACP-183")
def test_a_declined_payment_leaves_the_session_payable(agent: PlayedAgent) -> None:
    """ACP-036: 200, `payment_declined`, no order, the stock free again; then another card works."""
    session = agent.ready()
    before = Product.objects.get(pk="item_mug").available

    declined = agent.complete(session, paying("spt_sandbox_declined"))

    assert declined.status_code == 200
    assert declined.json()["status"] == "ready_for_payment"
    assert codes(declined.json()) == ["payment_declined"]
    assert "order" not in declined.json()
    assert Product.objects.get(pk="item_mug").available == before
    assert agent.complete(session).json()["status"] == "completed"
    assert sorted(Payment.objects.values_list("state", flat=True)) == ["authorized", "declined"]


@pytest.mark.requirement("ACP-039")
def test_a_changed_price_is_shown_and_not_charged(agent: PlayedAgent) -> None:
    """ACP-039, decision 25: 200 with a warning; the next complete pays the new total."""
    session = agent.ready()
    Product.objects.filter(pk="item_mug").update(unit_price=2900)

    warned = agent.complete(session)

    assert warned.status_code == 200
    assert warned.json()["status"] == "ready_for_payment"
    assert codes(warned.json()) == ["price_change"]
    assert not SandboxCharge.objects.exists()
    assert agent.complete(session).json()["status"] == "completed"
    assert SandboxCharge.objects.get().amount == total(warned.json())


@pytest.mark.requirement("ACP-038", "ACP-039")
def test_stock_that_went_is_said_and_nothing_is_charged(agent: PlayedAgent) -> None:
    """ACP-038."""
    session = agent.ready("item_last")
    Product.objects.filter(pk="item_last").update(available=0)

    answered = agent.complete(session)

    assert answered.status_code == 200
    assert answered.json()["status"] == "not_ready_for_payment"
    assert codes(answered.json()) == ["out_of_stock"]
    assert not Payment.objects.exists()


@pytest.mark.requirement("ACP-038")
def test_an_unready_session_is_not_charged(agent: PlayedAgent) -> None:
    """ACP-038: 200 with the reason, no attempt."""
    answered = agent.complete(agent.create())

    assert answered.status_code == 200
    assert answered.json()["status"] == "not_ready_for_payment"
    assert not Payment.objects.exists()


@pytest.mark.requirement("ACP-179", "ACP-180")
@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        (paying(handler="elsewhere"), "invalid", "$.payment_data.handler_id"),
        (paying(credential="pan"), "unsupported", "$.payment_data.instrument.credential.type"),
        (
            {"payment_data": {"purchase_order_number": "4711"}},
            "approval_required",
            "$.payment_data.purchase_order_number",
        ),
    ],
)
def test_a_tender_nobody_takes_is_a_message(
    agent: PlayedAgent, body: dict[str, Any], code: str, param: str
) -> None:
    """ACP-179, ACP-180, ACP-186: the session stays payable."""
    answered = agent.complete(agent.ready(), body)

    assert answered.status_code == 200
    assert answered.json()["status"] == "ready_for_payment"
    assert codes(answered.json()) == [code]
    assert answered.json()["messages"][0]["param"] == param
    assert not Payment.objects.exists()


@pytest.mark.requirement("ACP-042", "ACP-072")
def test_a_completed_session_takes_no_second_payment(agent: PlayedAgent) -> None:
    """Decision 25: 405 on a finished session, with another key."""
    session = agent.ready()
    agent.complete(session)

    again = agent.complete(session)

    assert again.status_code == 405
    assert again.json()["code"] == "session_not_modifiable"
    assert SandboxCharge.objects.count() == 1


def test_no_transaction_is_open_during_the_call(agent: PlayedAgent) -> None:
    """Decision 36: the provider is called between the transactions."""
    seen = []

    class Watched(SandboxProvider):
        def authorize(self, attempt: Attempt) -> Outcome:
            seen.append((connection.in_atomic_block, Payment.objects.get(pk=attempt.id).state))
            return super().authorize(attempt)

    with plugged(payments=Watched()):
        agent.complete(agent.ready())

    assert seen == [(False, "processing")]


class Silent(SandboxProvider):
    """Takes the money, and then never answers: what an agent must not pay for twice."""

    def __init__(self, bank: SandboxBank | None = None, vault: Redeemer | None = None) -> None:
        super().__init__(bank, vault)
        self.silent = True

    def authorize(self, attempt: Attempt) -> Outcome:
        outcome = super().authorize(attempt)
        if self.silent:
            raise ProviderUnavailable
        return outcome

    def resume(self, attempt: Attempt, result: Any) -> Outcome:
        if self.silent:
            raise ProviderUnavailable
        return super().resume(attempt, result)

    def retrieve(self, attempt: Attempt) -> Any:
        if self.silent:
            raise ProviderUnavailable
        return super().retrieve(attempt)


@pytest.mark.requirement("ACP-021", "ACP-023", "ACP-095", "ACP-098")
def test_an_unknown_outcome_is_not_a_refusal_and_the_retry_goes_on(agent: PlayedAgent) -> None:
    """Decision 24 and 36: 503, still completing; the same key ends in the one charge and order."""
    session = agent.ready()
    provider = Silent()

    with plugged(payments=provider):
        first = agent.complete(session, key="k1")
        other_key = agent.complete(session, key="k2")
        status = agent.retrieve(session)["status"]
        provider.silent = False
        retried = agent.complete(session, key="k1")

    assert first.status_code == 503
    assert first.json()["type"] == "service_unavailable"
    assert first.headers["Retry-After"]
    assert other_key.status_code == 409
    assert other_key.json()["code"] == "conflict"
    assert status == "complete_in_progress"
    assert retried.status_code == 200
    assert "Idempotent-Replayed" not in retried.headers
    assert retried.json()["status"] == "completed"
    assert SandboxCharge.objects.count() == Order.objects.count() == 1


@pytest.mark.requirement("ACP-0.1", "ACP-043")
def test_a_session_being_paid_is_neither_changed_nor_canceled(agent: PlayedAgent) -> None:
    """ACP-043, C-50: 409 while the outcome is unknown."""
    session = agent.ready()

    with plugged(payments=Silent()):
        agent.complete(session)
        updated = agent.post(f"/checkout_sessions/{session['id']}", {})
        canceled = agent.cancel(session)

    assert (updated.status_code, canceled.status_code) == (409, 409)


def test_the_sweep_settles_what_no_retry_came_for(agent: PlayedAgent) -> None:
    """reliability-security 1.2: unknown until the provider says so, then rolled forward."""
    session = agent.ready()
    provider = Silent()

    with plugged(payments=provider):
        agent.complete(session, key="k1")
        with time_machine.travel(timezone.now() + timedelta(seconds=61)):
            effects.sweep()
            still = agent.retrieve(session)["status"]
        provider.silent = False
        with time_machine.travel(timezone.now() + timedelta(seconds=130)):
            effects.sweep()
            settled = agent.retrieve(session)
            late_retry = agent.complete(session, key="k1")

    assert still == "complete_in_progress"
    assert settled["status"] == "completed"
    assert late_retry.json() == settled
    assert SandboxCharge.objects.count() == Order.objects.count() == 1


def test_an_attempt_the_provider_never_saw_is_given_up(agent: PlayedAgent) -> None:
    """Known not to have happened, after longer than any call can take: the session is open again."""
    session = agent.ready()
    before = Product.objects.get(pk="item_mug").available

    class Lost(SandboxProvider):
        def authorize(self, attempt: Attempt) -> Outcome:
            raise ProviderUnavailable

    with plugged(payments=Lost()):
        agent.complete(session)
    effects.sweep()
    early = agent.retrieve(session)["status"]
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        effects.sweep()
        late = agent.retrieve(session)

    assert early == "complete_in_progress"
    assert late["status"] == "ready_for_payment"
    assert codes(late) == ["payment_declined"]
    assert Product.objects.get(pk="item_mug").available == before


def test_money_that_comes_after_the_attempt_was_given_up_is_voided(agent: PlayedAgent) -> None:
    """A zombie's authorization (T69): the attempt had been closed, so nothing is kept."""
    session = agent.ready()

    class GivenUpMeanwhile(SandboxProvider):
        def authorize(self, attempt: Attempt) -> Outcome:
            with time_machine.travel(timezone.now() + timedelta(seconds=61)):
                settlement.settle(attempt.id)
            return super().authorize(attempt)

    with plugged(payments=GivenUpMeanwhile()):
        answered = agent.complete(session)

        delivery.deliver_due()

    assert answered.status_code == 409
    assert SandboxCharge.objects.get().outcome == "voided"
    assert not Order.objects.exists()


@pytest.mark.requirement("ACP-095", "ACP-098")
def test_a_crash_after_the_money_is_rolled_forward_by_the_same_key(
    agent: PlayedAgent, monkeypatch: Any
) -> None:
    """Between P2 and P3: 500, then the retry places the order without a second charge."""
    session = agent.ready()
    whole = completion.finish
    monkeypatch.setattr(completion, "finish", _crash)

    crashed = agent.complete(session, key="k1")
    monkeypatch.setattr(completion, "finish", whole)
    retried = agent.complete(session, key="k1")

    assert crashed.status_code == 500
    assert crashed.json()["type"] == "processing_error"
    assert retried.json()["status"] == "completed"
    assert SandboxCharge.objects.count() == Order.objects.count() == 1


def test_a_crash_after_the_money_is_rolled_forward_by_the_sweep(agent: PlayedAgent, monkeypatch: Any) -> None:
    session = agent.ready()
    whole = completion.finish
    monkeypatch.setattr(completion, "finish", _crash)
    agent.complete(session)
    monkeypatch.setattr(completion, "finish", whole)

    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        effects.sweep()

    assert agent.retrieve(session)["status"] == "completed"


def test_a_provider_that_captures_at_once(agent: PlayedAgent) -> None:
    """Decision 36: providers that only know immediate payment capture at P2."""

    class Immediate(SandboxProvider):
        def authorize(self, attempt: Attempt) -> Outcome:
            outcome = super().authorize(attempt)
            assert isinstance(outcome, Authorized)
            return Authorized(outcome.reference, captured=True)

    with plugged(payments=Immediate()):
        agent.complete(agent.ready())

    assert Payment.objects.get().state == "captured"
    assert not OutboxMessage.objects.filter(kind="checkout.capture").exists()


@pytest.mark.requirement("ACP-022", "ACP-103")
def test_no_token_is_stored_anywhere(agent: PlayedAgent) -> None:
    """ACP-022, T19, T71: neither in a row of ours nor in the kept answer."""
    agent.complete(agent.ready(), paying("spt_canary_1234567890"))

    for model in (Payment, Order, SandboxCharge, IdempotentRequest, OutboxMessage, StateMove):
        for row in model.objects.values():
            assert "canary" not in str(row), model


@pytest.mark.requirement("ACP-075")
def test_the_sweep_expires_sessions_and_frees_forgotten_stock(agent: PlayedAgent) -> None:
    session = agent.ready()
    before = Product.objects.get(pk="item_pens").available
    from django.db import transaction

    with transaction.atomic():
        ports.ports().inventory.hold(
            "forgotten", [ports.Wanted("item_pens", 5)], until=timezone.now() + timedelta(minutes=15)
        )

    with time_machine.travel(timezone.now() + timedelta(hours=7)):
        effects.sweep()
        effects.sweep()

    assert StateMove.objects.filter(subject=session["id"], to_state="expired").count() == 1
    assert Product.objects.get(pk="item_pens").available == before


@pytest.mark.requirement("ACP-045")
def test_a_buyer_given_with_complete_is_in_the_order(agent: PlayedAgent) -> None:
    session = agent.ready()

    agent.complete(session, {**paying(), "buyer": {"email": "ada@example.com"}, "order_notes": "Thanks"})

    order = Order.objects.get()
    assert order.buyer == {"email": "ada@example.com"}
    assert order.notes == "Thanks"
    assert order.fulfillment_details == {"address": ADDRESS}


def _crash(*_: Any, **__: Any) -> None:
    raise MemoryError

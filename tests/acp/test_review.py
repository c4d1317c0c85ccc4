"""What a second pair of eyes found: each test failed before its correction."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from checkout import effects, ports, settlement
from checkout.errors import ProviderUnavailable
from checkout.models import CheckoutSession, Order, Payment, SandboxCharge, StateMove
from checkout.payments.sandbox import SandboxProvider
from checkout.ports import ActionRequired, Attempt, Authorized, Outcome
from gateway import delivery, idempotency
from gateway.models import IdempotentRequest, OutboxMessage
from gateway.shop.models import Hold, Product
from tests.agents import ADDRESS, MINIMAL, PlayedAgent, codes, paying, total
from tests.parts import plugged


def after(seconds: float) -> Any:
    return time_machine.travel(timezone.now() + timedelta(seconds=seconds))


def deliver_everything() -> None:
    """The outbox, long enough from now that nothing waits."""
    with after(3600):
        for _ in range(5):
            delivery.deliver_due()


@pytest.mark.parametrize("number", ["1e15", "1e20", "-1e18", "123456789012345678.5"])
def test_a_number_the_database_would_change_is_refused(agent: PlayedAgent, number: str) -> None:
    """T62, T76: PostgreSQL gives 1e20 back as an integer that no answer can hold."""
    raw = b'{"line_items":[{"id":"item_mug"}],"currency":"usd","capabilities":{},"metadata":{"x":%s}}'

    response = agent.post("/checkout_sessions", raw=raw % number.encode())

    assert response.status_code == 400
    assert response.json()["code"] == "invalid_json"


@pytest.mark.parametrize("number", ["1e14", "0.1", "-2.5e-7", "1.0"])
def test_numbers_in_metadata_survive_the_database(agent: PlayedAgent, number: str) -> None:
    raw = b'{"line_items":[{"id":"item_mug"}],"currency":"usd","capabilities":{},"metadata":{"x":%s}}'

    session = agent.post("/checkout_sessions", raw=raw % number.encode()).json()

    assert agent.retrieve(session)["metadata"]["x"] == float(number)


def test_a_claim_that_was_taken_over_opens_no_attempt(agent: PlayedAgent, monkeypatch: Any) -> None:
    """T69: paused before the first phase, overtaken, and then too late. Nothing is charged behind
    an answer that said so."""
    session = agent.ready()
    whole = idempotency.claim
    answers = []

    def paused(where: idempotency.Slot) -> Any:
        held = whole(where)
        monkeypatch.setattr(idempotency, "claim", whole)
        IdempotentRequest.objects.filter(key="k1").update(lease_until=timezone.now() - timedelta(seconds=1))
        Product.objects.filter(pk="item_mug").update(unit_price=2900)
        answers.append(PlayedAgent().complete(session, key="k1"))
        return held

    monkeypatch.setattr(idempotency, "claim", paused)
    zombie = agent.complete(session, key="k1")

    assert codes(answers[0].json()) == ["price_change"]
    assert zombie.status_code == 409
    assert not SandboxCharge.objects.exists()
    assert not Payment.objects.exists()


class GivenUpMeanwhile(SandboxProvider):
    """While the call runs, somebody decides that it never arrived."""

    def __init__(self, *, captured: bool = False, void_fails: int = 0) -> None:
        self.captured, self.void_fails = captured, void_fails

    def authorize(self, attempt: Attempt) -> Outcome:
        with after(61):
            settlement.settle(attempt.id)
        outcome = super().authorize(attempt)
        if self.captured and isinstance(outcome, Authorized):
            self.capture(attempt, outcome.reference)
            return Authorized(outcome.reference, captured=True)
        return outcome

    def void(self, attempt: Attempt, reference: str) -> None:
        if self.void_fails:
            self.void_fails -= 1
            raise ProviderUnavailable
        super().void(attempt, reference)


def test_a_late_authorization_is_voided_even_when_the_first_try_fails(agent: PlayedAgent) -> None:
    """Decision 7, T57: the undoing is an effect, tried until it is done."""
    session = agent.ready()

    with plugged(payments=GivenUpMeanwhile(void_fails=2)):
        answered = agent.complete(session)
        deliver_everything()
        with after(7200):
            delivery.deliver_due()

    assert answered.status_code == 409
    assert SandboxCharge.objects.get().outcome == "voided"
    assert Payment.objects.get().reference == SandboxCharge.objects.get().reference


@pytest.mark.requirement("ACP-098")
def test_late_captured_money_is_given_back(agent: PlayedAgent) -> None:
    """Decision 36: captured and no order means a refund, once."""
    session = agent.ready()

    with plugged(payments=GivenUpMeanwhile(captured=True)):
        agent.complete(session)
        deliver_everything()
        settlement.undo(Payment.objects.get().id)

    charge = SandboxCharge.objects.get()
    assert sum(charge.refunds.values()) == charge.amount
    assert not Order.objects.exists()


def test_an_attempt_given_up_is_asked_about_once_more(agent: PlayedAgent) -> None:
    """A crash between the provider's yes and our void: the money does not stay taken."""
    session = agent.ready()

    class Crashing(SandboxProvider):
        def authorize(self, attempt: Attempt) -> Outcome:
            with after(61):
                settlement.settle(attempt.id)
            super().authorize(attempt)
            raise MemoryError

    with plugged(payments=Crashing()):
        assert agent.complete(session).status_code == 500
        deliver_everything()

    assert SandboxCharge.objects.get().outcome == "voided"


def test_an_authorization_that_needs_a_person_is_voided(agent: PlayedAgent) -> None:
    """Nobody can be carried through 3-D Secure here: given up, and the hold on the money goes."""

    class Asking(SandboxProvider):
        def authorize(self, attempt: Attempt) -> Outcome:
            super().authorize(attempt)
            return ActionRequired(f"sbx_{attempt.id}", "3ds")

    with plugged(payments=Asking()):
        answered = agent.complete(agent.ready())
        deliver_everything()

    assert codes(answered.json()) == ["intervention_required"]
    assert SandboxCharge.objects.get().outcome == "voided"


def test_a_resumed_call_is_not_given_up_while_it_runs(agent: PlayedAgent) -> None:
    """Decision 36: unknown is never declined; the clock starts again with each call."""
    session = agent.ready()

    class Down(SandboxProvider):
        def authorize(self, attempt: Attempt) -> Outcome:
            raise ProviderUnavailable

    class Swept(SandboxProvider):
        def authorize(self, attempt: Attempt) -> Outcome:
            effects.sweep()
            return super().authorize(attempt)

    with plugged(payments=Down()):
        agent.complete(session, key="k1")
    with after(61), plugged(payments=Swept()):
        resumed = agent.complete(session, key="k1")

    assert resumed.json()["status"] == "completed"


def test_one_bad_payment_does_not_stop_the_sweep(agent: PlayedAgent) -> None:
    """One part that breaks on one payment: the others are settled, and stock is freed."""
    sessions = [agent.ready("item_mug"), agent.ready("item_pens")]

    class Down(SandboxProvider):
        def authorize(self, attempt: Attempt) -> Outcome:
            super().authorize(attempt)
            raise ProviderUnavailable

    with plugged(payments=Down()):
        for session in sessions:
            agent.complete(session)
    bad = Payment.objects.get(session=sessions[0]["id"]).id
    Hold.objects.create(key="forgotten", product_id="item_ring", quantity=1, until=timezone.now())

    class Broken(SandboxProvider):
        def retrieve(self, attempt: Attempt) -> Any:
            if attempt.id == bad:
                raise KeyError("a defect of the part")
            return super().retrieve(attempt)

    with after(61), plugged(payments=Broken()):
        effects.sweep()

    assert CheckoutSession.objects.get(pk=sessions[1]["id"]).state == "completed"
    assert not Hold.objects.filter(key="forgotten", state="held").exists()


def test_an_outage_asks_about_every_payment_in_turn(agent: PlayedAgent) -> None:
    """The provider is down: each sweep asks about another one, not the same again."""
    asked: list[str] = []

    class Down(SandboxProvider):
        def authorize(self, attempt: Attempt) -> Outcome:
            raise ProviderUnavailable

        def retrieve(self, attempt: Attempt) -> Any:
            asked.append(attempt.id)
            raise ProviderUnavailable

    with plugged(payments=Down()):
        for _ in range(3):
            agent.complete(agent.ready("item_pens"))
        with after(61):
            for _ in range(3):
                effects.sweep()

    assert len(asked) == len(set(asked)) == 3


def test_a_session_settled_long_after_its_deadline_is_expired_and_not_charged(agent: PlayedAgent) -> None:
    """reliability-security 1.2: the recoverer voids when the deadline passed meanwhile."""
    session = agent.ready()

    class Silent(SandboxProvider):
        def authorize(self, attempt: Attempt) -> Outcome:
            super().authorize(attempt)
            raise ProviderUnavailable

    with plugged(payments=Silent()):
        agent.complete(session)
    with after(2 * 24 * 3600):
        effects.sweep()
        effects.sweep()
        for _ in range(3):
            delivery.deliver_due()
        seen = agent.retrieve(session)

    assert seen["status"] == "expired"
    assert not Order.objects.exists()
    assert SandboxCharge.objects.get().outcome == "voided"


@pytest.mark.requirement("ACP-022")
def test_no_exception_text_reaches_the_log(agent: PlayedAgent, caplog: pytest.LogCaptureFixture) -> None:
    """ACP-022, T93: a part may put a token or an address into its messages."""

    class Chatty(SandboxProvider):
        def authorize(self, attempt: Attempt) -> Outcome:
            raise ValueError(f"No such token: {attempt.instrument.token if attempt.instrument else ''}")

    class Chained(SandboxProvider):
        def authorize(self, attempt: Attempt) -> Outcome:
            try:
                raise ValueError("token spt_canary_42")
            except ValueError as problem:
                raise ProviderUnavailable from problem

    with caplog.at_level(logging.DEBUG):
        for part in (Chatty(), Chained()):
            with plugged(payments=part):
                agent.complete(agent.ready(), paying("spt_canary_42"))

    ours = [record for record in caplog.records if record.name.startswith("agentic")]
    assert any("ValueError" in record.getMessage() for record in ours)
    text = "".join(logging.Formatter().format(record) for record in caplog.records)
    assert "spt_canary_42" not in text


@pytest.mark.requirement("ACP-045")
@pytest.mark.parametrize(
    "metadata", [{"x": "y" * 9_000, "z": "y" * 9_000}, {f"n{number}": 1 for number in range(51)}]
)
def test_metadata_has_a_size(agent: PlayedAgent, metadata: dict[str, Any]) -> None:
    """T66: what is stored and echoed with every answer is bounded."""
    response = agent.post("/checkout_sessions", {**MINIMAL, "metadata": metadata})

    assert response.status_code == 400
    assert response.json()["param"] == "$.metadata"


def test_an_unknown_session_leaves_no_row(agent: PlayedAgent) -> None:
    """T66: what changed nothing is not kept; asking again gives the same answer anyway."""
    for verb, body in (("", {}), ("/cancel", None), ("/complete", paying())):
        assert agent.post(f"/checkout_sessions/cs_{'0' * 32}{verb}", body).status_code == 404

    assert not IdempotentRequest.objects.exists()


def test_the_purge_leaves_what_is_being_worked_on(agent: PlayedAgent) -> None:
    where = idempotency.slot("key:a", "POST", "/x", "k1", b"{}")
    held = idempotency.claim(where)
    assert isinstance(held, idempotency.Claim)
    IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(hours=49))

    assert idempotency.purge() == 0
    idempotency.finish(held, 200, b"{}")
    assert idempotency.purge() == 1


def test_the_purge_takes_more_than_one_batch(agent: PlayedAgent, monkeypatch: Any) -> None:
    monkeypatch.setattr(idempotency, "PURGE_BATCH", 2)
    for number in range(5):
        agent.post("/checkout_sessions", MINIMAL, key=f"k{number}")
    IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(hours=49))

    assert idempotency.purge() == 5


def test_a_card_number_is_no_idempotency_key(agent: PlayedAgent) -> None:
    """Decision 26: keys are stored and shown to operators."""
    response = agent.post("/checkout_sessions", MINIMAL, key="4242424242424242")

    assert response.status_code == 400
    assert response.json()["code"] == "raw_card_data_not_accepted"
    assert "4242" not in response.content.decode()
    assert not IdempotentRequest.objects.exists()


@pytest.mark.requirement("ACP-020", "ACP-029")
def test_goods_taken_off_the_shelf_are_a_message(agent: PlayedAgent) -> None:
    """ACP-020, ACP-215: the line stays and says so; only a line asked for now is a 400."""
    session = agent.ready("item_mug", "item_pens")
    Product.objects.filter(pk="item_pens").update(active=False)

    updated = agent.update(session, {})
    completed = agent.complete(session)
    asked_anew = agent.post("/checkout_sessions", {**MINIMAL, "line_items": [{"id": "item_pens"}]})

    assert codes(updated) == ["out_of_stock"]
    assert [line["item"]["id"] for line in updated["line_items"]] == ["item_mug", "item_pens"]
    assert completed.json()["status"] == "not_ready_for_payment"
    assert asked_anew.status_code == 400


@pytest.mark.requirement("ACP-285", "ACP-286", "ACP-287")
def test_complete_applies_a_contact_and_refuses_another_address(agent: PlayedAgent) -> None:
    """ACP-285 to ACP-287: goods never go where the total was not computed for."""
    session = agent.ready()
    elsewhere = {**ADDRESS, "line_one": "2 Other Street"}

    refused = agent.complete(session, {**paying(), "fulfillment_details": {"address": elsewhere}})
    same = agent.complete(
        session, {**paying(), "fulfillment_details": {"address": ADDRESS, "email": "ada@example.com"}}
    )

    assert refused.status_code == 409
    assert refused.json()["code"] == "conflict"
    assert refused.json()["param"] == "$.fulfillment_details.address"
    assert "Retry-After" not in refused.headers
    assert same.json()["status"] == "completed"
    assert Order.objects.get().fulfillment_details == {"address": ADDRESS, "email": "ada@example.com"}


@pytest.mark.requirement("ACP-044", "ACP-058")
def test_a_selection_names_items_of_the_session(agent: PlayedAgent) -> None:
    """ACP-044, C-28: line ids or item ids, nothing else."""
    session = agent.ready()
    option = session["fulfillment_options"][0]
    choice = {"type": option["type"], "option_id": option["id"]}

    wrong = agent.update(session, {"selected_fulfillment_options": [{**choice, "item_ids": ["nonsense"]}]})
    right = agent.update(session, {"selected_fulfillment_options": [{**choice, "item_ids": ["li_1"]}]})

    assert codes(wrong) == ["invalid"]
    assert wrong["messages"][0]["param"] == "$.selected_fulfillment_options[0].item_ids"
    assert right["status"] == "ready_for_payment"


@pytest.mark.requirement("ACP-059", "ACP-064")
def test_a_country_must_be_a_code(agent: PlayedAgent) -> None:
    """ACP-059: two letters, or no tax can be told; the message names the member."""
    session = agent.create(fulfillment_details={"address": {**ADDRESS, "country": "Neverland"}})

    assert session["status"] == "not_ready_for_payment"
    assert session["messages"][0]["param"] == "$.fulfillment_details.address.country"


@pytest.mark.requirement("ACP-033")
def test_a_complete_that_lost_to_the_sweep_still_answers_the_order(agent: PlayedAgent) -> None:
    """Both asked the provider; the slower one finds the order placed and says so."""
    session = agent.ready()

    class Overtaken(SandboxProvider):
        def authorize(self, attempt: Attempt) -> Outcome:
            outcome = super().authorize(attempt)
            settlement.settle(attempt.id)
            return outcome

    with plugged(payments=Overtaken()):
        answered = agent.complete(session)

    assert answered.status_code == 200
    assert answered.json()["status"] == "completed"
    assert Order.objects.count() == SandboxCharge.objects.count() == 1
    assert total(answered.json()) == total(session)
    assert StateMove.objects.filter(to_state="completed").count() == 1
    assert ports.ports().payments is not None
    assert OutboxMessage.objects.filter(kind="checkout.place_order").count() == 1

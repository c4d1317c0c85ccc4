"""3-D Secure that the agent runs itself: acp.md B, D, J, K, decisions 16, 17, 22, T33, T34, T38."""

from __future__ import annotations

import base64
import logging
import uuid
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from checkout import effects, settlement
from checkout.errors import ProviderUnavailable
from checkout.models import Order, Payment, SandboxCharge
from checkout.payments.sandbox import SandboxProvider
from checkout.ports import Attempt, Outcome
from gateway import delivery
from gateway.models import IdempotentRequest
from gateway.shop.models import Product
from interventions.models import Intervention
from tests.agents import ADDRESS, PlayedAgent, codes, paying, total
from tests.bank import Wire, banked, provider, run
from tests.parts import plugged

AGENT = {"interventions": {"supported": ["3ds", "otp"]}}
PLAIN = {"interventions": {"supported": ["3ds"]}}
ASKING = paying("spt_sandbox_3ds_challenge")


@pytest.fixture
def asked(wire: Wire, agent: PlayedAgent) -> dict[str, Any]:
    """A session whose payment waits for the holder of the card."""
    session = agent.ready(capabilities=AGENT)
    answered = agent.complete(session, ASKING)
    assert answered.status_code == 200, answered.content
    return answered.json()


def bringing(result: dict[str, Any], token: str = "spt_sandbox_3ds_challenge") -> dict[str, Any]:
    return {**paying(token), "authentication_result": result}


def invented(**changed: str) -> dict[str, Any]:
    """A result in perfect form, which no bank ever made."""
    details = {
        "three_ds_cryptogram": base64.b64encode(b"x" * 20).decode(),
        "electronic_commerce_indicator": "05",
        "transaction_id": str(uuid.uuid4()),
        "version": "2.2.0",
        **changed,
    }
    return {"outcome": "authenticated", "outcome_details": details}


@pytest.mark.requirement(
    "ACP-037", "ACP-071", "ACP-139", "ACP-150", "ACP-167", "ACP-168", "IT-13", "IT-16", "IT-27"
)
def test_the_session_says_what_the_issuer_wants(agent: PlayedAgent, asked: dict[str, Any]) -> None:
    """200 in its status, the parameters at the top, and a context that only names the type."""
    assert asked["status"] == "authentication_required"
    assert "order" not in asked
    metadata = asked["authentication_metadata"]
    assert metadata["directory_server"] == "visa"
    assert set(metadata["acquirer_details"]) == {
        "acquirer_bin",
        "acquirer_country",
        "acquirer_merchant_id",
        "merchant_name",
    }
    context = asked["intervention_context"]
    assert set(context) == {"intervention_type", "expires_at", "provider"}
    assert context["intervention_type"] == "3ds"
    assert asked["continue_url"].startswith("http://localhost:8000/agentic/confirm/")
    assert codes(asked) == ["intervention_required"]
    assert agent.retrieve(asked) == asked
    assert agent.update(asked, {}) == asked
    assert Payment.objects.get().state == "requires_action"


@pytest.mark.requirement("ACP-165")
def test_an_agent_of_the_released_protocol_gets_no_context(agent: PlayedAgent, wire: Wire) -> None:
    session = agent.ready(capabilities=PLAIN)

    answered = agent.complete(session, ASKING).json()

    assert answered["status"] == "authentication_required"
    assert "authentication_metadata" in answered
    assert "intervention_context" not in answered


@pytest.mark.requirement("ACP-033", "ACP-169", "ACP-170", "ACP-171", "ACP-172")
def test_the_result_of_the_agent_ends_in_the_order(agent: PlayedAgent, asked: dict[str, Any]) -> None:
    paid = agent.complete(asked, bringing(run(asked)))

    assert paid.status_code == 200, paid.content
    assert paid.json()["status"] == "completed"
    assert "intervention_context" not in paid.json()
    assert "authentication_metadata" not in paid.json()
    assert "continue_url" not in paid.json()
    payment = Payment.objects.get()
    assert (payment.state, payment.liability_shift) == ("authorized", "confirmed")
    assert SandboxCharge.objects.get().amount == Order.objects.get().amount == total(asked)
    assert "authentication" not in Order.objects.get().quote
    assert Intervention.objects.get().state == "passed"


@pytest.mark.requirement("ACP-035", "ACP-139")
def test_complete_without_the_result_changes_nothing(agent: PlayedAgent, asked: dict[str, Any]) -> None:
    refused = agent.complete(asked, ASKING)

    assert refused.status_code == 400
    assert refused.json()["type"] == "invalid_request"
    assert refused.json()["code"] == "requires_3ds"
    assert refused.json()["param"] == "$.authentication_result"
    assert agent.retrieve(asked) == asked
    assert SandboxCharge.objects.get().outcome == "challenged"


@pytest.mark.requirement("ACP-173")
def test_a_result_nobody_asked_for_is_ignored(agent: PlayedAgent, wire: Wire) -> None:
    session = agent.ready(capabilities=AGENT)

    paid = agent.complete(session, bringing(invented(), token="spt_sandbox_ok"))

    assert paid.json()["status"] == "completed"
    payment = Payment.objects.get()
    assert (payment.liability_shift, payment.ds_transaction_id) == ("", "")


@pytest.mark.requirement("ACP-172", "T33", "R32")
def test_an_invented_result_is_declined(agent: PlayedAgent, asked: dict[str, Any]) -> None:
    """R32: in perfect form, and the issuer never made it."""
    answered = agent.complete(asked, bringing(invented()))

    assert answered.status_code == 200
    assert answered.json()["status"] == "ready_for_payment"
    assert codes(answered.json()) == ["payment_declined"]
    payment = Payment.objects.get()
    assert (payment.state, payment.liability_shift) == ("declined", "")
    assert not Order.objects.exists()


@pytest.mark.requirement("T34")
def test_a_result_for_another_payment_is_declined(agent: PlayedAgent, asked: dict[str, Any]) -> None:
    """A genuine proof counts for the payment that it was made for, and no other."""
    other = agent.complete(agent.ready("item_pens", capabilities=AGENT), ASKING).json()

    answered = agent.complete(asked, bringing(run(other)))

    assert codes(answered.json()) == ["payment_declined"]
    assert not Order.objects.exists()


@pytest.mark.requirement("T33")
@pytest.mark.parametrize(
    ("changed", "member"),
    [
        ({"three_ds_cryptogram": "no base64 at all"}, "three_ds_cryptogram"),
        ({"three_ds_cryptogram": base64.b64encode(b"x" * 19).decode()}, "three_ds_cryptogram"),
        ({"three_ds_cryptogram": base64.b64encode(b"x" * 21).decode()}, "three_ds_cryptogram"),
        ({"electronic_commerce_indicator": "02"}, "electronic_commerce_indicator"),
        ({"electronic_commerce_indicator": "01"}, "electronic_commerce_indicator"),
        ({"transaction_id": "4711"}, "transaction_id"),
        ({"transaction_id": ""}, "transaction_id"),
    ],
)
def test_a_result_without_the_form_of_one_is_refused(
    agent: PlayedAgent, asked: dict[str, Any], wire: Wire, changed: dict[str, str], member: str
) -> None:
    """400 before the provider is asked; what was sent is not repeated, and nothing changed."""
    before = len(wire.sent)

    refused = agent.complete(asked, bringing(invented(**changed)))

    assert refused.status_code == 400
    assert refused.json()["code"] == "invalid"
    assert refused.json()["param"] == f"$.authentication_result.outcome_details.{member}"
    assert "no base64" not in refused.content.decode()
    assert len(wire.sent) == before
    assert agent.retrieve(asked) == asked


@pytest.mark.requirement("T33")
def test_an_authentication_counts_once(
    agent: PlayedAgent, asked: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Its transaction id in another session: 400, an error in the log, the payment untouched."""
    result = run(asked)
    agent.complete(asked, bringing(result))
    other = agent.complete(agent.ready("item_pens", capabilities=AGENT), ASKING).json()
    result["outcome_details"]["transaction_id"] = result["outcome_details"]["transaction_id"].upper()

    with caplog.at_level(logging.ERROR, "agentic.completion"):
        refused = agent.complete(other, bringing(result))

    assert refused.status_code == 400
    assert refused.json()["param"] == "$.authentication_result.outcome_details.transaction_id"
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert agent.retrieve(other) == other


@pytest.mark.requirement("ACP-169", "ACP-171")
@pytest.mark.parametrize("outcome", ["denied", "rejected"])
def test_a_holder_who_says_no_is_not_charged(agent: PlayedAgent, asked: dict[str, Any], outcome: str) -> None:
    before = Product.objects.get(pk="item_mug").available

    answered = agent.complete(asked, bringing({"outcome": outcome}))

    assert answered.status_code == 200
    assert answered.json()["status"] == "ready_for_payment"
    assert codes(answered.json()) == ["payment_declined"]
    assert Product.objects.get(pk="item_mug").available == before + 1
    assert Intervention.objects.get().state == "denied"
    assert SandboxCharge.objects.get().outcome == "declined"
    assert agent.complete(answered.json()).json()["status"] == "completed"


@pytest.mark.requirement("ACP-171", "ACP-172")
def test_a_no_stays_a_no_whatever_the_provider_makes_of_it(agent: PlayedAgent, wire: Wire) -> None:
    """An agent's word completes nothing, but it may end something: what was authorized is undone."""

    class Eager(SandboxProvider):
        def resume(self, attempt: Attempt, result: Any) -> Outcome:
            SandboxCharge.objects.filter(key=attempt.id).update(outcome="authorized")
            return self.retrieve(attempt)  # type: ignore[return-value]

    with banked(provider(wire, Eager)):
        session = agent.complete(agent.ready(capabilities=AGENT), ASKING).json()
        answered = agent.complete(session, bringing({"outcome": "denied"}))
        delivery.deliver_due()

    assert codes(answered.json()) == ["payment_declined"]
    assert SandboxCharge.objects.get().outcome == "voided"


@pytest.mark.requirement("ACP-169", "ACP-171")
@pytest.mark.parametrize("outcome", ["abandoned", "canceled"])
def test_a_holder_who_leaves_may_come_back(agent: PlayedAgent, asked: dict[str, Any], outcome: str) -> None:
    answered = agent.complete(asked, bringing({"outcome": outcome}))

    assert answered.json()["status"] == "authentication_required"
    assert answered.json()["authentication_metadata"] == asked["authentication_metadata"]
    assert codes(answered.json()) == ["intervention_required", "info"]
    assert agent.complete(asked, bringing(run(asked))).json()["status"] == "completed"


@pytest.mark.requirement("ACP-169", "ACP-171")
@pytest.mark.parametrize("outcome", ["not_supported", "internal_error", "processing_error"])
@pytest.mark.parametrize("setting", ["decline", "authorize"])
def test_what_cannot_be_run_is_up_to_the_merchant(
    agent: PlayedAgent, wire: Wire, settings: Any, outcome: str, setting: str
) -> None:
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "UNAUTHENTICATED": setting}
    with banked(provider(wire)):
        session = agent.complete(
            agent.ready(capabilities=AGENT), paying("spt_sandbox_3ds_unavailable")
        ).json()
        assert run(session)["outcome"] == "not_supported"
        answered = agent.complete(session, bringing({"outcome": outcome}))
        delivery.deliver_due()

    if setting == "authorize":
        assert answered.json()["status"] == "completed"
        assert Payment.objects.get().liability_shift == "not_confirmed"
    else:
        assert codes(answered.json()) == ["payment_declined"]
        assert Payment.objects.get().state == "declined"
        assert SandboxCharge.objects.get().outcome in ("declined", "voided")


@pytest.mark.requirement("ACP-171", "T33")
def test_an_agent_cannot_talk_the_issuer_out_of_asking(agent: PlayedAgent, wire: Wire, settings: Any) -> None:
    """`not_supported` is a claim too: the issuer could very well ask."""
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "UNAUTHENTICATED": "authorize"}
    with banked(provider(wire)):
        session = agent.complete(agent.ready(capabilities=AGENT), ASKING).json()
        answered = agent.complete(session, bringing({"outcome": "not_supported"}))
        delivery.deliver_due()

    assert codes(answered.json()) == ["payment_declined"]
    assert SandboxCharge.objects.get().outcome == "voided"


def test_without_a_challenge_nothing_is_asked(agent: PlayedAgent, wire: Wire) -> None:
    paid = agent.complete(agent.ready(), paying("spt_sandbox_3ds_frictionless"))

    assert paid.json()["status"] == "completed"
    assert Payment.objects.get().liability_shift == "confirmed"
    assert wire.sent == []


@pytest.mark.requirement("ACP-134", "ACP-164")
@pytest.mark.parametrize(
    "capabilities",
    [
        {},
        {"interventions": {"supported": ["otp"]}},
        {"interventions": {"supported": ["redirect"], "redirect_context": "none"}},
        {"interventions": {"supported": ["redirect"], "max_redirects": 0}},
    ],
)
def test_an_agent_that_can_do_neither_is_told_and_not_charged(
    agent: PlayedAgent, wire: Wire, capabilities: dict[str, Any]
) -> None:
    session = agent.ready(capabilities=capabilities)

    answered = agent.complete(session, ASKING)
    delivery.deliver_due()

    assert answered.status_code == 200
    assert answered.json()["status"] == "ready_for_payment"
    assert codes(answered.json()) == ["intervention_required"]
    assert "3ds" in answered.json()["messages"][0]["content"]
    assert SandboxCharge.objects.get().outcome == "voided"
    assert agent.complete(session).json()["status"] == "completed"


@pytest.mark.requirement("ACP-040", "ACP-043", "ACP-148", "T38")
def test_cancel_gives_the_attempt_up(agent: PlayedAgent, asked: dict[str, Any]) -> None:
    before = Product.objects.get(pk="item_mug").available

    canceled = agent.cancel(asked)
    delivery.deliver_due()

    assert canceled.status_code == 200
    assert canceled.json()["status"] == "canceled"
    for member in ("intervention_context", "authentication_metadata", "continue_url"):
        assert member not in canceled.json()
    assert SandboxCharge.objects.get().outcome == "voided"
    assert Intervention.objects.get().state == "canceled"
    assert Product.objects.get(pk="item_mug").available == before + 1
    assert agent.complete(asked, bringing(run(asked))).status_code == 405


@pytest.mark.requirement("ACP-148", "T38")
@pytest.mark.parametrize(
    "change",
    [
        {"line_items": [{"id": "item_mug", "quantity": 2}]},
        {"fulfillment_details": {"address": {**ADDRESS, "line_one": "2 Market Street"}}},
        {"buyer": {"email": "eve@example.com"}},
    ],
)
def test_another_purchase_is_another_payment(
    agent: PlayedAgent, asked: dict[str, Any], change: dict[str, Any]
) -> None:
    """Decision 21: what was asked was for exactly this."""
    result = run(asked)

    changed = agent.update(asked, change)
    late = agent.complete(changed, bringing(result))
    delivery.deliver_due()

    assert changed["status"] == "ready_for_payment"
    assert "authentication_metadata" not in changed
    assert changed["messages"] == []
    assert late.json()["status"] == "authentication_required"
    assert late.json()["authentication_metadata"] != asked["authentication_metadata"]
    assert SandboxCharge.objects.order_by("created_at").first().outcome == "voided"
    assert not Order.objects.exists()


def test_what_is_not_paid_for_changes_nothing(agent: PlayedAgent, asked: dict[str, Any]) -> None:
    again = agent.update(asked, {"order_notes": "Ring twice", "fulfillment_details": {"address": ADDRESS}})

    assert again == asked
    paid = agent.complete(asked, bringing(run(asked))).json()
    assert paid["order"]["confirmation"]["order_notes"] == "Ring twice"


@pytest.mark.requirement("ACP-075", "ACP-148", "T38")
@pytest.mark.parametrize("by", ["retrieve", "update", "complete", "complete with a result", "sweep"])
def test_the_time_to_confirm_ends(agent: PlayedAgent, asked: dict[str, Any], by: str) -> None:
    """Open again, with the reason; the stock is free, and what may come of the attempt is undone."""
    result = run(asked)
    before = Product.objects.get(pk="item_mug").available

    with time_machine.travel(timezone.now() + timedelta(seconds=601)):
        match by:
            case "retrieve":
                answered = agent.retrieve(asked)
            case "update":
                answered = agent.update(asked, {})
            case "complete":
                answered = agent.complete(asked, ASKING).json()
            case "complete with a result":
                answered = agent.complete(asked, bringing(result)).json()
            case _:
                effects.sweep()
                answered = agent.retrieve(asked)
        delivery.deliver_due()

    assert answered["status"] == "ready_for_payment"
    assert codes(answered) == ["expired"]
    for member in ("intervention_context", "authentication_metadata", "continue_url"):
        assert member not in answered
    assert Product.objects.get(pk="item_mug").available == before + 1
    assert Intervention.objects.get().state == "expired"
    assert SandboxCharge.objects.get().outcome == "voided"
    assert not Order.objects.exists()


def test_the_challenge_ends_with_the_session(agent: PlayedAgent, wire: Wire) -> None:
    session = agent.ready(capabilities=AGENT)

    with time_machine.travel(timezone.now() + timedelta(hours=6) - timedelta(seconds=30)):
        asked = agent.complete(session, ASKING).json()
    with time_machine.travel(timezone.now() + timedelta(hours=6, seconds=30)):
        late = agent.retrieve(asked)

    assert asked["intervention_context"]["expires_at"] <= session["expires_at"]
    assert late["status"] == "expired"


@pytest.mark.requirement("ACP-091", "ACP-095")
def test_the_second_complete_is_one_request_too(agent: PlayedAgent, asked: dict[str, Any]) -> None:
    """Its key replays; an unknown outcome is gone on with under the same key."""
    body = bringing(run(asked))

    class Silent(SandboxProvider):
        silent = True

        def resume(self, attempt: Attempt, result: Any) -> Outcome:
            outcome = super().resume(attempt, result)
            if self.silent:
                raise ProviderUnavailable
            return outcome

    quiet = provider(Wire(), Silent)
    with banked(quiet):
        unknown = agent.complete(asked, body, key="k2")
        between = agent.retrieve(asked)
        other = agent.complete(asked, body, key="k3")
        canceled = agent.cancel(asked)
        quiet.silent = False  # type: ignore[attr-defined]
        paid = agent.complete(asked, body, key="k2")
        again = agent.complete(asked, body, key="k2")

    assert unknown.status_code == 503
    assert between["status"] == "complete_in_progress"
    assert "authentication_metadata" not in between
    assert (other.status_code, canceled.status_code) == (409, 409)
    assert paid.json()["status"] == "completed"
    assert again.json() == paid.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert Order.objects.count() == SandboxCharge.objects.count() == 1


def test_a_lost_second_complete_is_settled_by_the_sweep(agent: PlayedAgent, asked: dict[str, Any]) -> None:
    body = bringing(run(asked))

    class Down(SandboxProvider):
        def resume(self, attempt: Attempt, result: Any) -> Outcome:
            raise ProviderUnavailable

    with banked(provider(Wire(), Down)):
        agent.complete(asked, body)
        with time_machine.travel(timezone.now() + timedelta(seconds=61)):
            effects.sweep()
            back = agent.retrieve(asked)

    assert back == {**asked, "updated_at": back["updated_at"]}
    assert agent.complete(asked, body).json()["status"] == "completed"


@pytest.mark.requirement("ACP-022", "ACP-103")
def test_no_proof_is_kept(agent: PlayedAgent, asked: dict[str, Any]) -> None:
    result = run(asked)
    agent.complete(asked, bringing(result))

    secret = result["outcome_details"]["three_ds_cryptogram"]
    for model in (Payment, Order, SandboxCharge, IdempotentRequest, Intervention):
        for row in model.objects.values():
            assert secret not in str(row), model


def test_no_link_to_the_page_is_kept(agent: PlayedAgent, wire: Wire) -> None:
    session = agent.ready(capabilities=AGENT)
    asked = agent.complete(session, ASKING, key="k1")

    ticket = asked.json()["continue_url"].rpartition("/")[2]
    assert all(ticket not in row.body for row in IdempotentRequest.objects.all())
    assert agent.complete(session, ASKING, key="k1").json() == asked.json()


def test_a_silent_bank_is_an_unknown_outcome(agent: PlayedAgent, wire: Wire) -> None:
    session = agent.ready(capabilities=AGENT)
    wire.silent = True
    first = agent.complete(session, ASKING, key="k1")
    wire.silent = False

    assert first.status_code == 503
    assert agent.complete(session, ASKING, key="k1").json()["status"] == "authentication_required"


def test_settling_twice_is_settling_once(agent: PlayedAgent, asked: dict[str, Any]) -> None:
    """The provider is asked, and an agent's claim is no part of it."""
    run(asked)  # the proof is with the agent, and was not brought

    for _ in range(2):
        settlement.settle(Payment.objects.get().pk)

    assert agent.retrieve(asked) == asked


def test_without_a_bank_a_challenge_is_a_refusal(agent: PlayedAgent) -> None:
    with plugged(payments=SandboxProvider()):
        answered = agent.complete(agent.ready(capabilities=AGENT), ASKING)

    assert codes(answered.json()) == ["payment_declined"]

"""Payment handlers in a session, and paying with them: requirement L, acp.md 0.3 step 9."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from checkout.models import Payment, SandboxCharge
from checkout.payments.sandbox import HANDLERS, SandboxProvider
from checkout.ports import Attempt, Handler, Outcome
from tests.agents import BUYER, PlayedAgent, codes, paying
from tests.parts import plugged

PLAIN = HANDLERS[0]
WITH_CODE = replace(PLAIN, id="card_with_code", needs=frozenset({"otp"}))
WITH_PAGE = replace(PLAIN, id="card_with_page", needs=frozenset({"webview"}))
UNDELEGATED = replace(
    PLAIN, id="wallet", requires_delegate_payment=False, credential_types=("agentic_token", "spt")
)

OTP = {"interventions": {"supported": ["otp"]}}


class Several(SandboxProvider):
    """The sandbox with these handlers."""

    def __init__(self, *handlers: Handler) -> None:
        self.listed = handlers

    def handlers(self, *, currency: str) -> Sequence[Handler]:
        return self.listed


def offered(session: dict[str, Any]) -> list[str]:
    return [entry["id"] for entry in session["capabilities"]["payment"]["handlers"]]


def test_a_handler_that_needs_what_the_agent_cannot_do_is_left_out(agent: PlayedAgent) -> None:
    """0.3 step 9: out of the list, and no use at complete either."""
    with plugged(payments=Several(PLAIN, WITH_CODE, WITH_PAGE)):
        plain = agent.ready()
        capable = agent.ready(capabilities=OTP, buyer=BUYER)
        refused = agent.complete(plain, paying(handler=WITH_CODE.id)).json()
        paid = agent.complete(capable, paying(handler=WITH_CODE.id)).json()

    assert offered(plain) == offered(refused) == [PLAIN.id]
    assert offered(capable) == offered(paid) == [PLAIN.id, WITH_CODE.id]
    assert "needs" not in capable["capabilities"]["payment"]["handlers"][1]
    assert (codes(refused), refused["status"]) == (["invalid"], "ready_for_payment")
    assert paid["status"] == "completed"


@pytest.mark.requirement("ACP-185")
def test_a_payable_session_always_has_a_handler(agent: PlayedAgent) -> None:
    """All of them may ask for what this agent cannot do: then all are offered."""
    with plugged(payments=Several(WITH_CODE, WITH_PAGE)):
        session = agent.ready()
        paid = agent.complete(session, paying(handler=WITH_PAGE.id)).json()

    assert offered(session) == [WITH_CODE.id, WITH_PAGE.id]
    assert paid["status"] == "completed"


@pytest.mark.requirement("ACP-137", "ACP-180")
def test_handlers_are_judged_anew_for_every_answer(agent: PlayedAgent) -> None:
    session = agent.ready()

    with plugged(payments=Several(replace(PLAIN, id="another"))):
        seen = agent.retrieve(session)
        refused = agent.complete(session).json()

    assert offered(session) == [PLAIN.id]
    assert offered(seen) == ["another"]
    assert codes(refused) == ["invalid"]
    assert refused["messages"][0]["param"] == "$.payment_data.handler_id"
    assert not Payment.objects.exists()


@pytest.mark.requirement("ACP-180", "ACP-181")
@pytest.mark.parametrize("named", ["elsewhere", "", 7, {"id": "sandbox_card"}])
def test_an_instrument_of_another_handler_is_not_charged(agent: PlayedAgent, named: Any) -> None:
    """`instrument.handler_id`, where it is, is the handler's; the message repeats nothing of it."""
    body = paying()
    body["payment_data"]["instrument"]["handler_id"] = named

    refused = agent.complete(agent.ready(), body)

    assert refused.status_code == 200
    assert codes(refused.json()) == ["invalid"]
    assert refused.json()["messages"][0]["param"] == "$.payment_data.instrument.handler_id"
    assert not Payment.objects.exists()


@pytest.mark.requirement("ACP-180", "ACP-181")
def test_an_instrument_that_names_its_handler_is_taken(agent: PlayedAgent) -> None:
    body = paying()
    body["payment_data"]["instrument"] |= {"handler_id": "sandbox_card", "id": "pi_1", "display": {"a": 1}}

    assert agent.complete(agent.ready(), body).json()["status"] == "completed"


@pytest.mark.requirement("ACP-179")
@pytest.mark.parametrize(("handler", "status"), [(PLAIN, "ready_for_payment"), (UNDELEGATED, "completed")])
def test_a_handler_that_requires_delegation_takes_delegated_tokens_only(
    agent: PlayedAgent, handler: Handler, status: str
) -> None:
    """C-51: `agentic_token` only where no delegation is required, whatever the provider lists."""
    generous = replace(handler, credential_types=("agentic_token", "spt"))

    with plugged(payments=Several(generous)):
        answered = agent.complete(agent.ready(), paying(handler=handler.id, credential="agentic_token"))

    assert answered.json()["status"] == status
    assert codes(answered.json()) == ([] if status == "completed" else ["unsupported"])


@pytest.mark.requirement("ACP-186")
@pytest.mark.parametrize(
    ("payment", "member"),
    [
        ({"purchase_order_number": "PO-1", "payment_terms": "net_30"}, "purchase_order_number"),
        ({**paying()["payment_data"], "approval_required": True}, "approval_required"),
    ],
)
def test_what_somebody_would_have_to_approve_is_not_charged(
    agent: PlayedAgent, payment: dict[str, Any], member: str
) -> None:
    answered = agent.complete(agent.ready(), {"payment_data": payment}).json()

    assert answered["status"] == "ready_for_payment"
    assert codes(answered) == ["approval_required"]
    assert answered["messages"][0]["param"] == f"$.payment_data.{member}"
    assert not SandboxCharge.objects.exists()


@pytest.mark.requirement("ACP-046")
def test_the_provider_hears_what_the_agent_says_of_the_payer(agent: PlayedAgent) -> None:
    """Billing address and risk signals reach the provider and nobody else; no repr shows them."""
    heard: list[Attempt] = []
    address = {"country": "US", "postal_code": "94105"}
    signals = {"ip_address": "192.0.2.7", "device_fingerprint": "canary-print"}

    class Listening(SandboxProvider):
        def authorize(self, attempt: Attempt) -> Outcome:
            heard.append(attempt)
            return super().authorize(attempt)

    body = paying() | {"risk_signals": signals}
    body["payment_data"]["billing_address"] = address
    with plugged(payments=Listening()):
        paid = agent.complete(agent.ready(), body)

    instrument = heard[0].instrument
    assert instrument is not None
    assert (instrument.billing_address, instrument.risk_signals) == (address, signals)
    assert "canary" not in repr(heard[0])
    assert "canary" not in paid.content.decode()


@pytest.mark.requirement("ACP-184", "ACP-174")
def test_every_member_of_a_handler_is_shown(agent: PlayedAgent) -> None:
    shown = agent.create()["capabilities"]["payment"]["handlers"][0]

    assert shown["display_order"] == 1
    assert shown["requires_delegate_payment"] is True
    assert shown["requires_pci_compliance"] is False
    assert shown["config"]["psp"] == shown["psp"]
    assert len(shown["instrument_schemas"]) >= 1

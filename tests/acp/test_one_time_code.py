"""The one-time code over ACP: requirements I and J, decisions 15 to 22, reliability-security B."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from checkout.models import CheckoutSession, Order, SandboxCharge
from gateway import delivery
from gateway.models import IdempotentRequest, OutboxMessage
from interventions.models import Intervention, Policy
from tests.agents import ADDRESS, BUYER, PlayedAgent, codes, paying

OTP = {"interventions": {"supported": ["otp", "3ds"], "max_interaction_depth": 2}}
DETAILS = {"address": ADDRESS, "email": "ada@example.com"}


@pytest.fixture
def sneakers(agent: PlayedAgent) -> dict[str, Any]:
    """A session that waits for a one-time code."""
    return agent.create("item_sneakers", capabilities=OTP, fulfillment_details=DETAILS, buyer=BUYER)


def code_in_mail() -> str:
    """What the buyer reads, once the relay has delivered it."""
    delivery.deliver_due()
    found = re.findall(r"\b\d{6}\b", mail.outbox[-1].body)
    assert len(found) == 1
    return found[0]


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def answered(agent: PlayedAgent, session: dict[str, Any], code: str, **more: Any) -> dict[str, Any]:
    return agent.update(session, {"intervention_response": {"type": "otp", "code": code}, **more})


@pytest.mark.requirement(
    "ACP-0.4", "ACP-141", "ACP-144", "ACP-146", "ACP-147", "ACP-149", "ACP-152", "ACP-165"
)
def test_a_session_that_needs_a_code_says_so_and_one_is_sent(
    agent: PlayedAgent, sneakers: dict[str, Any]
) -> None:
    """ACP-144 to ACP-149, ACP-152: pending context, masked hint, message, mail within the first round."""
    context = sneakers["intervention_context"]

    assert sneakers["status"] == "authentication_required"
    assert codes(sneakers) == ["intervention_required"]
    assert sneakers["messages"][0]["resolution"] == "requires_buyer_input"
    assert sneakers["capabilities"]["interventions"] == {
        "supported": ["3ds", "otp"],
        "required": ["otp"],
        "enforcement": "always",
    }
    assert sneakers["capabilities"]["extensions"] == [{"name": "intervention_types@2026-02-17"}]
    assert set(context) == {"intervention_type", "challenge_hint", "expires_at"}
    assert context["intervention_type"] == "otp"
    assert "ada@" not in context["challenge_hint"]
    assert context["challenge_hint"].endswith("example.com")
    assert agent.retrieve(sneakers) == sneakers
    code = code_in_mail()
    assert mail.outbox[-1].to == ["ada@example.com"]
    assert "129.99" in mail.outbox[-1].body or "USD" in mail.outbox[-1].body
    assert "Demo agent" in mail.outbox[-1].body
    assert len(code) == 6


@pytest.mark.requirement("ACP-0.4", "ACP-148", "ACP-151", "ACP-156", "IT-03", "IT-19", "IT-21")
def test_the_right_code_makes_it_payable(agent: PlayedAgent, sneakers: dict[str, Any]) -> None:
    """ACP-156: context and message are gone; complete then pays."""
    ready = answered(agent, sneakers, code_in_mail())

    assert ready["status"] == "ready_for_payment"
    assert "intervention_context" not in ready
    assert ready["messages"] == []
    assert agent.complete(ready).json()["status"] == "completed"
    assert Order.objects.count() == 1


@pytest.mark.requirement("ACP-130", "ACP-164")
def test_complete_before_the_code_is_refused(agent: PlayedAgent, sneakers: dict[str, Any]) -> None:
    """ACP-164: 400, and nothing is charged."""
    refused = agent.complete(sneakers)

    assert refused.status_code == 400
    assert refused.json()["code"] == "intervention_required"
    assert refused.json()["param"] == "$.intervention_response"
    assert not SandboxCharge.objects.exists()


@pytest.mark.requirement("ACP-157")
def test_a_wrong_code_leaves_it_pending(agent: PlayedAgent, sneakers: dict[str, Any]) -> None:
    """ACP-157, decision 19: 200, the context stays, the attempts left are told."""
    code = code_in_mail()

    answer = answered(agent, sneakers, wrong(code))

    assert answer["status"] == "authentication_required"
    assert answer["intervention_context"] == sneakers["intervention_context"]
    assert codes(answer) == ["intervention_required", "invalid"]
    assert answer["messages"][1]["param"] == "$.intervention_response.code"
    assert "Attempts left: 4." in answer["messages"][1]["content"]
    assert answered(agent, sneakers, code)["status"] == "ready_for_payment"


@pytest.mark.requirement("ACP-148", "ACP-157")
def test_after_the_last_attempt_the_right_code_is_refused_too(
    agent: PlayedAgent, sneakers: dict[str, Any]
) -> None:
    """T13, T16: five comparisons, then the intervention has failed and its context is gone."""
    code = code_in_mail()
    for _ in range(5):
        last = answered(agent, sneakers, wrong(code))

    late = agent.post(
        f"/checkout_sessions/{sneakers['id']}", {"intervention_response": {"type": "otp", "code": code}}
    )

    assert "intervention_context" not in last
    assert last["status"] == "not_ready_for_payment"
    assert "rate_limited" in codes(last)
    assert late.status_code == 400
    assert late.json()["code"] == "no_pending_intervention"
    assert agent.complete(sneakers).json()["status"] == "not_ready_for_payment"
    assert not SandboxCharge.objects.exists()


def test_the_tenth_wrong_code_cancels_the_session(agent: PlayedAgent, sneakers: dict[str, Any]) -> None:
    """T13: a new challenge after the cool-down gives no more than ten attempts in all."""
    code = code_in_mail()
    for _ in range(5):
        answered(agent, sneakers, wrong(code))
    with time_machine.travel(timezone.now() + timedelta(seconds=90)):
        again = agent.update(sneakers, {})
        assert again["status"] == "authentication_required"
        code = code_in_mail()
        for _ in range(5):
            last = answered(agent, sneakers, wrong(code))

    assert last["status"] == "canceled"
    assert "intervention_context" not in last
    assert CheckoutSession.objects.get().state == "canceled"


@pytest.mark.requirement("ACP-148", "ACP-155")
def test_an_expired_code_and_a_fresh_one(agent: PlayedAgent, sneakers: dict[str, Any]) -> None:
    """Decision 18, 19, ACP-155: GET shows it, any update starts a new challenge."""
    old = code_in_mail()

    with time_machine.travel(timezone.now() + timedelta(seconds=301)):
        seen = agent.retrieve(sneakers)
        late = answered(agent, sneakers, old)
        fresh = agent.update(sneakers, {})
        new = code_in_mail()
        ready = answered(agent, sneakers, new)

    assert seen["status"] == "not_ready_for_payment"
    assert codes(seen) == ["expired"]
    assert "intervention_context" not in seen
    assert "expired" in codes(late)
    assert fresh["status"] == "authentication_required"
    assert ready["status"] == "ready_for_payment"


def test_resend_sends_another_code_and_voids_the_first(agent: PlayedAgent, sneakers: dict[str, Any]) -> None:
    """Decision 19: within the caps; too soon is told in a message."""
    first = code_in_mail()
    ask = {"intervention_response": {"type": "otp", "resend": True}}

    soon = agent.update(sneakers, ask)
    with time_machine.travel(timezone.now() + timedelta(seconds=45)):
        agent.update(sneakers, ask)
        second = code_in_mail()
        void = answered(agent, sneakers, first) if first != second else None
        ready = answered(agent, sneakers, second)

    assert "rate_limited" in codes(soon)
    assert len(mail.outbox) == 2
    assert void is None or "invalid" in codes(void)
    assert ready["status"] == "ready_for_payment"


def test_without_an_address_for_the_code_it_is_asked_for(agent: PlayedAgent) -> None:
    """Decision 19: `missing` at $.buyer.email, no challenge until it is there."""
    session = agent.create("item_sneakers", capabilities=OTP, fulfillment_details={"address": ADDRESS})

    assert session["status"] == "not_ready_for_payment"
    assert codes(session) == ["missing"]
    assert session["messages"][0]["param"] == "$.buyer.email"
    assert not Intervention.objects.exists()
    assert agent.update(session, {"buyer": BUYER})["status"] == "authentication_required"


@pytest.mark.requirement("ACP-159")
@pytest.mark.parametrize(
    "change",
    [{"line_items": [{"id": "item_sneakers", "quantity": 2}]}, {"buyer": {"email": "eve@example.com"}}],
)
def test_what_was_passed_stays_bound(
    agent: PlayedAgent, sneakers: dict[str, Any], change: dict[str, Any]
) -> None:
    """Decision 21: pass at 129.99, then raise the quantity or change the e-mail: required again."""
    answered(agent, sneakers, code_in_mail())

    changed = agent.update(sneakers, change)
    refused = agent.complete(sneakers)

    assert changed["status"] == "authentication_required"
    assert refused.status_code == 400
    assert not SandboxCharge.objects.exists()


def test_fields_and_an_answer_together(agent: PlayedAgent, sneakers: dict[str, Any]) -> None:
    """Decision 19: the fields come first; what voids the challenge costs no attempt, and a wrong
    code does not undo the fields."""
    code = code_in_mail()

    kept = answered(agent, sneakers, wrong(code), order_notes="Ring twice")
    voided = answered(agent, sneakers, code, line_items=[{"id": "item_sneakers", "quantity": 2}])

    assert "invalid" in codes(kept)
    assert CheckoutSession.objects.get().extras["order_notes"] == "Ring twice"
    assert voided["status"] == "authentication_required"
    assert voided["line_items"][0]["quantity"] == 2
    assert Intervention.objects.get(state="pending").attempts == 0


@pytest.mark.requirement("T20", "IT-32")
def test_a_code_in_the_notes_is_masked_before_it_is_stored(
    agent: PlayedAgent, sneakers: dict[str, Any]
) -> None:
    """Also beside an answer; and the code itself still counts."""
    code = code_in_mail()

    ready = answered(agent, sneakers, code, order_notes=f"my code is {code}")

    assert ready["status"] == "ready_for_payment"
    assert CheckoutSession.objects.get().extras["order_notes"] == "my code is ******"
    assert not any(f"my code is {code}" in kept.body for kept in IdempotentRequest.objects.all())


@pytest.mark.requirement("ACP-153", "IT-26")
def test_an_unknown_answer_verifies_nothing(agent: PlayedAgent, sneakers: dict[str, Any]) -> None:
    """ACP-153, decision 15: 200, the rest applies, `unsupported` at the type."""
    answer = agent.update(sneakers, {"intervention_response": {"type": "telepathy"}, "order_notes": "x"})

    assert answer["status"] == "authentication_required"
    assert codes(answer) == ["intervention_required", "unsupported"]
    assert answer["messages"][1]["param"] == "$.intervention_response.type"
    assert Intervention.objects.get().attempts == 0


@pytest.mark.requirement("ACP-158")
@pytest.mark.parametrize(
    ("response", "code", "param"),
    [
        ({"type": "redirect_complete", "callback_data": "a=b"}, "invalid", "$.intervention_response.type"),
        ({"type": "otp"}, "missing", "$.intervention_response.code"),
    ],
)
def test_an_answer_that_does_not_fit_is_400(
    agent: PlayedAgent, sneakers: dict[str, Any], response: dict[str, Any], code: str, param: str
) -> None:
    """ACP-158, T22: no comparison, no state change, and nothing else of the request applies."""
    refused = agent.post(
        f"/checkout_sessions/{sneakers['id']}", {"intervention_response": response, "order_notes": "x"}
    )

    assert refused.status_code == 400
    assert (refused.json()["code"], refused.json()["param"]) == (code, param)
    assert Intervention.objects.get().attempts == 0
    assert "order_notes" not in CheckoutSession.objects.get().extras


@pytest.mark.requirement("ACP-158")
def test_nothing_pending(agent: PlayedAgent) -> None:
    """Decision 15."""
    session = agent.ready()

    refused = agent.post(
        f"/checkout_sessions/{session['id']}", {"intervention_response": {"type": "otp", "code": "123456"}}
    )

    assert refused.status_code == 400
    assert refused.json()["code"] == "no_pending_intervention"


FULL_WIDTH = "".join(chr(0xFF10 + digit) for digit in range(1, 7))


@pytest.mark.parametrize("code", ["12345", "abcdef", FULL_WIDTH, "+123456", "9" * 40])
def test_a_malformed_code_costs_no_attempt(agent: PlayedAgent, sneakers: dict[str, Any], code: str) -> None:
    """T21."""
    answer = answered(agent, sneakers, code)

    assert "invalid" in codes(answer)
    assert Intervention.objects.get().attempts == 0


def test_spaces_and_hyphens_are_forgiven(agent: PlayedAgent, sneakers: dict[str, Any]) -> None:
    """T21."""
    code = code_in_mail()

    assert answered(agent, sneakers, f" {code[:3]}-{code[3:]} ")["status"] == "ready_for_payment"


@pytest.mark.requirement("ACP-0.3", "ACP-073", "ACP-130", "ACP-134", "ACP-135", "ACP-165")
@pytest.mark.parametrize("capabilities", [{}, {"interventions": {"supported": ["3ds"]}}])
def test_an_agent_that_cannot_is_told_at_create(agent: PlayedAgent, capabilities: dict[str, Any]) -> None:
    """ACP-134, ACP-135, T35, decision 16: never a 4xx, no context, nothing outside its own schema."""
    session = agent.create("item_sneakers", capabilities=capabilities, fulfillment_details=DETAILS)

    assert session["status"] == "not_ready_for_payment"
    assert codes(session) == ["intervention_required"]
    assert "otp" in session["messages"][0]["content"]
    assert "intervention_context" not in session
    assert session["capabilities"]["interventions"]["required"] == []
    assert "extensions" not in session["capabilities"]
    assert agent.complete(session).json()["status"] == "not_ready_for_payment"
    assert not Intervention.objects.exists()
    assert not SandboxCharge.objects.exists()


@pytest.mark.requirement("ACP-128", "ACP-129", "ACP-134")
def test_an_agent_that_names_the_extension_sees_what_it_lacks(agent: PlayedAgent) -> None:
    """ACP-128: required is reported even when the agent cannot do it."""
    session = agent.create(
        "item_sneakers", capabilities={"extensions": ["intervention_types"]}, fulfillment_details=DETAILS
    )

    assert session["status"] == "not_ready_for_payment"
    assert session["capabilities"]["interventions"] == {
        "supported": [],
        "required": ["otp"],
        "enforcement": "always",
    }


@pytest.mark.requirement("ACP-126")
def test_other_goods_need_nothing(agent: PlayedAgent) -> None:
    session = agent.ready("item_mug", capabilities=OTP, buyer=BUYER)

    assert session["capabilities"]["interventions"] == {"supported": ["3ds", "otp"]}
    assert not Intervention.objects.exists()


@pytest.mark.requirement("ACP-137")
def test_a_policy_by_amount(agent: PlayedAgent) -> None:
    """Operators' data: what is dear needs a code; below it nobody is asked."""
    Policy.objects.create(name="Dear", minimum_amount=50_000, kinds=["otp"], enforcement="always")
    members: dict[str, Any] = {"capabilities": OTP, "fulfillment_details": DETAILS}

    assert agent.create({"id": "item_mug", "quantity": 1}, **members)["status"] == "ready_for_payment"
    assert agent.create({"id": "item_mug", "quantity": 20}, **members)["status"] == "authentication_required"


@pytest.mark.requirement("ACP-0.3", "ACP-135")
def test_a_conditional_policy_only_informs(agent: PlayedAgent) -> None:
    """acp.md 0.3, step 8: the status is left, the buyer may be asked later."""
    Policy.objects.update(enforcement="conditional")
    Policy.objects.get(item_tag="limited-edition").save()

    session = agent.create("item_sneakers", fulfillment_details=DETAILS)

    assert session["status"] == "ready_for_payment"
    assert [message["type"] for message in session["messages"]] == ["info"]


@pytest.mark.requirement("ACP-148")
def test_cancel_and_expiry_end_what_was_asked(agent: PlayedAgent, sneakers: dict[str, Any]) -> None:
    """ACP-148: the context goes, and the code in the mail opens nothing any more."""
    canceled = agent.cancel(sneakers).json()

    assert "intervention_context" not in canceled
    assert Intervention.objects.get().state == "canceled"
    assert delivery.deliver_due() >= 1
    assert mail.outbox == []


@pytest.mark.requirement("ACP-090", "ACP-162")
def test_each_attempt_needs_its_own_key(agent: PlayedAgent, sneakers: dict[str, Any]) -> None:
    """ACP-162, T18: a replay costs nothing; another code under the key is 422 without comparing."""
    code = code_in_mail()
    path = f"/checkout_sessions/{sneakers['id']}"
    bodies = [{"intervention_response": {"type": "otp", "code": value}} for value in (wrong(code), code)]

    first = agent.post(path, bodies[0], key="k1")
    replay = agent.post(path, bodies[0], key="k1")
    other = agent.post(path, bodies[1], key="k1")

    assert replay.content == first.content
    assert replay.headers["Idempotent-Replayed"] == "true"
    assert other.status_code == 422
    assert Intervention.objects.get().attempts == 1


def test_a_lost_answer_to_the_right_code_is_given_again(agent: PlayedAgent, sneakers: dict[str, Any]) -> None:
    """A crash after the code was taken: the same key ends in the same session."""
    code = code_in_mail()
    path = f"/checkout_sessions/{sneakers['id']}"
    body = {"intervention_response": {"type": "otp", "code": code}}
    agent.post(path, body, key="k1")
    IdempotentRequest.objects.filter(key="k1").update(state="in_flight", lease_until=timezone.now())

    again = agent.post(path, body, key="k1")

    assert again.status_code == 200
    assert again.json()["status"] == "ready_for_payment"


@pytest.mark.requirement("ACP-103", "ACP-159")
def test_no_code_is_stored_anywhere(agent: PlayedAgent, sneakers: dict[str, Any]) -> None:
    """T19, ACP-159: neither in a row, nor in a queue, nor in a kept answer."""
    code = code_in_mail()
    answered(agent, sneakers, wrong(code))
    answered(agent, sneakers, code)

    for model in (Intervention, IdempotentRequest, OutboxMessage, CheckoutSession):
        for row in model.objects.values():
            assert not re.search(rf"(?<![0-9a-f]){code}(?![0-9a-f])", str(row)), model


def test_the_statement_budget_holds_without_a_policy_hit(agent: PlayedAgent) -> None:
    """The design's budget: a session that needs nobody costs what it did."""
    from tests.acp.test_statements import statements
    from tests.agents import MINIMAL

    agent.create()

    assert len(statements(lambda: agent.post("/checkout_sessions", MINIMAL))) == 6
    assert paying()["payment_data"]["handler_id"] == "sandbox_card"


@pytest.mark.parametrize("address", ['"ada"@example.com', "ada@[1.2.3.4]"])
def test_no_code_goes_to_a_spelling_in_disguise(agent: PlayedAgent, address: str) -> None:
    """T12, T14: a quoted local part has many spellings, each with counters of its own."""
    session = agent.create(
        "item_sneakers",
        capabilities=OTP,
        fulfillment_details={"address": ADDRESS},
        buyer={"email": address},
    )

    assert codes(session) == ["missing"]
    assert not Intervention.objects.exists()


def test_an_answer_that_was_taken_over_changes_nothing(
    agent: PlayedAgent, sneakers: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """T69: a request that slept through its lease neither changes the session nor costs an attempt."""
    from gateway import idempotency

    whole = idempotency.claim
    path = f"/checkout_sessions/{sneakers['id']}"
    body = {
        "intervention_response": {"type": "otp", "code": wrong(code_in_mail())},
        "line_items": [{"id": "item_sneakers", "quantity": 3}],
    }

    def paused(where: idempotency.Slot) -> Any:
        held = whole(where)
        monkeypatch.setattr(idempotency, "claim", whole)
        IdempotentRequest.objects.filter(key="k1").update(lease_until=timezone.now() - timedelta(seconds=1))
        PlayedAgent().post(path, body, key="k1")
        PlayedAgent().update(sneakers, {"line_items": [{"id": "item_sneakers", "quantity": 1}]})
        return held

    monkeypatch.setattr(idempotency, "claim", paused)
    late = agent.post(path, body, key="k1")

    assert late.status_code == 409
    assert agent.retrieve(sneakers)["line_items"][0]["quantity"] == 1


def test_an_update_during_the_last_attempt_takes_nothing_away(
    agent: PlayedAgent, sneakers: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fifth code is counted and being compared; somebody updates; the right code still passes."""
    from interventions import services

    code = code_in_mail()
    for _ in range(4):
        answered(agent, sneakers, wrong(code))
    whole = services.codes.same

    def slowly(*values: str) -> bool:
        monkeypatch.setattr(services.codes, "same", whole)
        PlayedAgent().update(sneakers, {})
        return whole(*values)

    monkeypatch.setattr(services.codes, "same", slowly)

    assert answered(agent, sneakers, code)["status"] == "ready_for_payment"


@pytest.mark.requirement("ACP-022")
def test_the_body_is_forgotten_once_it_was_read(agent: PlayedAgent, sneakers: dict[str, Any]) -> None:
    """T19: a middleware that logs bodies afterwards finds no code and no token."""
    response = agent.post(
        f"/checkout_sessions/{sneakers['id']}", {"intervention_response": {"type": "otp", "code": "123456"}}
    )

    assert b"123456" not in response.wsgi_request.body


def test_a_crash_after_the_right_code_is_no_wrong_code(
    agent: PlayedAgent, sneakers: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pass is committed, the answer is not: the retry says ready, and so does complete."""
    from checkout import responses

    path = f"/checkout_sessions/{sneakers['id']}"
    body = {"intervention_response": {"type": "otp", "code": code_in_mail()}}
    whole = responses.reprice
    monkeypatch.setattr(responses, "reprice", _crash)
    assert agent.post(path, body, key="k1").status_code == 500
    monkeypatch.setattr(responses, "reprice", whole)

    retried = agent.post(path, body, key="k1").json()

    assert retried["status"] == "ready_for_payment"
    assert retried["messages"] == []


def test_complete_after_a_crash_behind_the_right_code(
    agent: PlayedAgent, sneakers: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from checkout import responses

    body = {"intervention_response": {"type": "otp", "code": code_in_mail()}}
    monkeypatch.setattr(responses, "reprice", _crash)
    agent.post(f"/checkout_sessions/{sneakers['id']}", body)

    assert agent.complete(sneakers).json()["status"] == "completed"


@pytest.mark.parametrize(
    "change",
    [
        {"fulfillment_details": {"name": "Eve"}},
        {
            "fulfillment_groups": [
                {
                    "id": "g1",
                    "item_ids": ["li_1"],
                    "destination_type": "shipping",
                    "fulfillment_details": DETAILS,
                }
            ]
        },
        {
            "selected_fulfillment_options": [
                {"type": "shipping", "option_id": "ship_express", "item_ids": ["li_1"]}
            ]
        },
    ],
)
def test_where_and_to_whom_it_goes_is_bound_too(
    agent: PlayedAgent, sneakers: dict[str, Any], change: dict[str, Any]
) -> None:
    """Decision 21: every member that says where the goods go."""
    answered(agent, sneakers, code_in_mail())

    assert agent.update(sneakers, change)["status"] == "authentication_required"


def test_a_row_that_sent_nothing_ends_with_the_session(agent: PlayedAgent, sneakers: dict[str, Any]) -> None:
    """T38: also one that a cap kept from sending, which no context shows."""
    CheckoutSession.objects.update(quote={**CheckoutSession.objects.get().quote, "pending": None})

    agent.cancel(sneakers)

    assert Intervention.objects.get().state == "canceled"


def _crash(*_: Any, **__: Any) -> None:
    raise MemoryError

"""A purchase's agent is asked before its person is, and answers at the pending URL (AA-100 to AA-114)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db.models import F
from django.utils import timezone

from checkout.approvals import decide
from checkout.models import Approval, CheckoutSession, Order, Payment, SandboxCharge
from checkout.responses import settled
from gateway import agents
from gateway.aauth import keeping
from gateway.models import Agent
from gateway.pending_models import PendingRequest
from gateway.shop import demo
from gateway.shop.models import Product
from interventions import clarifications, question_rules
from interventions.models import Clarification, ClarificationRule, Intervention, Policy
from tests.aauth import agents as agents_of_tests
from tests.agents import ADDRESS, BUYER, paying
from tests.operators import act, log_in

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "Why does your buyer want **mugs**?"


class SignedAgent(agents_of_tests.SignedAgent):
    """No two of its requests are signed at the same second: equal ones would be one signature, used twice."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.moments: set[int] = set()

    def signed(self, *args: Any, **options: Any) -> dict[str, str]:
        created = int(time.time())
        while created in self.moments:
            created -= 1
        self.moments.add(created)
        return super().signed(*args, **{"created": created, **options})


@pytest.fixture
def shop(transactional_db: None) -> Iterator[None]:
    demo.load()
    agents.load_demo()
    Policy.objects.all().delete()
    question_rules.forget()
    yield
    question_rules.forget()


@pytest.fixture
def agent(shop: None) -> Iterator[SignedAgent]:
    with SignedAgent() as made:
        yield made


def rule(**members: Any) -> ClarificationRule:
    made = {
        "name": "mugs",
        "question": QUESTION,
        "options": ["A present", "Resale"],
        "outcomes": {"Resale": "deny", "*": "escalate"},
        **members,
    }
    return ClarificationRule.objects.create(**made)


def ready(agent: SignedAgent, **members: Any) -> dict[str, Any]:
    """A session that can be completed."""
    body = {
        "line_items": [{"id": "item_mug", "quantity": 2}],
        "currency": "usd",
        "capabilities": {},
        "buyer": BUYER,
        "fulfillment_details": {"name": "Ada Lovelace", "address": ADDRESS},
        **members,
    }
    answer = agent.acp("/checkout_sessions", body)
    assert answer.status_code == 201, answer.text
    session = answer.json()
    assert session["status"] == "ready_for_payment", session["messages"]
    return session


def complete(agent: SignedAgent, session: dict[str, Any], **more: Any) -> Any:
    return agent.acp(f"/checkout_sessions/{session['id']}/complete", paying(), **more)


def pending_of(answer: Any) -> str:
    assert answer.status_code == 202, answer.text
    return urlsplit(answer["Location"]).path


def say(agent: SignedAgent, where: str, text: Any, **members: Any) -> Any:
    body = {"action": "clarification_response", "clarification_response": text, **members}
    return agent.post(where, {name: value for name, value in body.items() if value is not None})


@pytest.mark.requirement("AA-100", "AA-102", "AA-103", "AA-108")
def test_a_rule_asks_and_the_purchase_goes_on_with_the_answer(agent: SignedAgent) -> None:
    rule()
    session = ready(agent)

    asked = complete(agent, session)

    where = pending_of(asked)
    assert asked["AAuth-Requirement"] == "requirement=clarification"
    told = asked.json()
    assert told["clarification"] == QUESTION
    assert told["options"] == ["A present", "Resale"]
    assert 100 <= told["timeout"] <= 120
    assert "A present" not in asked["AAuth-Requirement"]
    assert not Order.objects.exists()
    assert agent.get(where).json()["clarification"] == QUESTION

    done = say(agent, where, "A present")

    assert done.status_code == 200, done.text
    assert done.json()["status"] == "completed"
    assert Order.objects.count() == 1
    (kept,) = clarifications.history(session["id"])
    assert (kept.answer, kept.matched, kept.asked_by) == ("A present", True, "mugs")
    assert kept.delivered_at is not None


@pytest.mark.requirement("AA-101")
@pytest.mark.parametrize("capabilities", [(), ("interaction",), ("payment",)])
def test_an_agent_that_takes_no_questions_buys_as_if_there_were_no_rules(
    shop: None, capabilities: tuple[str, ...]
) -> None:
    """The second case of the clarification chat's walkthrough."""
    rule()
    with SignedAgent(capabilities=capabilities) as agent:
        done = complete(agent, ready(agent))

    assert done.status_code == 200
    assert done.json()["status"] == "completed"
    assert not Clarification.objects.exists()


def test_an_agent_cannot_declare_itself_asked_by_a_body(agent: SignedAgent) -> None:
    rule()
    agent.capabilities = ("interaction",)
    session = ready(agent, metadata={"answers_questions": True}, capabilities={})

    assert complete(agent, session).status_code == 200


def test_a_no_by_the_rule_ends_the_call_and_nothing_is_charged(agent: SignedAgent) -> None:
    rule()
    where = pending_of(complete(agent, ready(agent)))

    refused = say(agent, where, "Resale")

    assert (refused.status_code, refused.json()["error"]) == (403, "denied")
    assert not Order.objects.exists()
    again = complete(agent, {"id": CheckoutSession.objects.get().pk})
    assert again.status_code == 200
    assert again.json()["status"] != "completed"


def test_an_unexpected_answer_brings_the_merchant_in(agent: SignedAgent) -> None:
    rule()
    where = pending_of(complete(agent, ready(agent)))

    told = say(agent, where, "My buyer collects them")

    assert told.status_code == 202
    assert told["AAuth-Requirement"] == "requirement=approval"
    assert Approval.objects.get().state == "pending"


def test_the_person_is_asked_after_the_agent_has_answered(agent: SignedAgent) -> None:
    """AA-103: one thing at a time, the cheap one first."""
    Policy.objects.create(name="all", kinds=["otp"])
    rule()
    body = {
        "line_items": [{"id": "item_mug"}],
        "currency": "usd",
        "capabilities": {},
        "buyer": BUYER,
        "fulfillment_details": {"name": "Ada Lovelace", "address": ADDRESS},
    }

    asked = agent.acp("/checkout_sessions", body)

    where = pending_of(asked)
    assert asked["AAuth-Requirement"] == "requirement=clarification"
    assert not Intervention.objects.filter(kind="otp").exists()

    told = say(agent, where, "A present")

    assert told.status_code == 202
    assert told["AAuth-Requirement"].startswith("requirement=interaction;")
    assert Intervention.objects.get(kind="otp").state == "pending"


def test_two_rules_ask_one_after_the_other(agent: SignedAgent) -> None:
    rule(outcomes={}, priority=1)
    rule(name="second", question="And who are you?", outcomes={})
    where = pending_of(complete(agent, ready(agent)))

    told = say(agent, where, "A present")

    assert told.status_code == 202, told.text
    assert told.json()["clarification"] == "And who are you?"
    assert say(agent, where, "An assistant").json()["status"] == "completed"
    assert Clarification.objects.count() == 2


def test_the_same_question_is_asked_once_about_a_purchase(agent: SignedAgent) -> None:
    """Decline, then pay again: what was answered stays answered."""
    rule()
    session = ready(agent)
    refused = agent.acp(f"/checkout_sessions/{session['id']}/complete", paying("spt_sandbox_declined"))
    say(agent, pending_of(refused), "A present")

    assert complete(agent, session).json()["status"] == "completed"
    assert Clarification.objects.count() == 1


def test_another_purchase_is_another_question(agent: SignedAgent) -> None:
    rule()
    session = ready(agent)
    pending_of(complete(agent, session))

    agent.acp(f"/checkout_sessions/{session['id']}", {"line_items": [{"id": "item_mug", "quantity": 3}]})
    complete(agent, session)

    first, second = clarifications.history(session["id"])
    assert (first.state, second.state) == ("withdrawn", "open")
    assert Intervention.objects.filter(kind="question", state="pending").count() == 1


@pytest.mark.requirement("AA-110")
def test_five_questions_are_all_and_nobody_gets_past_a_rule_by_having_used_them_up(
    agent: SignedAgent,
) -> None:
    """Decision 35: the flow goes on, and the rule says what silence means."""
    rule(outcomes={"no_answer": "deny"})
    session = ready(agent)
    for quantity in (1, 2, 3, 2, 1):  # back to what was asked about before: asked again
        changed = {"line_items": [{"id": "item_mug", "quantity": quantity}]}
        agent.acp(f"/checkout_sessions/{session['id']}", changed)
        complete(agent, session)
    assert Clarification.objects.count() == 5

    agent.acp(f"/checkout_sessions/{session['id']}", {"line_items": [{"id": "item_mug", "quantity": 3}]})
    last = complete(agent, session)

    assert Clarification.objects.count() == 5
    assert last.status_code == 200
    assert "approval_required" in last.text
    assert not Order.objects.exists()


@pytest.mark.requirement("AA-111")
@pytest.mark.parametrize(("setting", "status"), [("expire", 408), ("continue", 200)])
def test_silence_ends_the_call_or_not(shop: None, setting: str, status: int) -> None:
    rule(outcomes={})
    with SignedAgent(AAUTH_UNANSWERED=setting) as agent:
        where = pending_of(complete(agent, ready(agent)))
        Clarification.objects.update(expires_at=timezone.now() + timedelta(milliseconds=1))

        ended = agent.get(where)

        assert ended.status_code == status, ended.text
        if status == 408:
            assert ended.json()["error"] == "expired"
            # The agent may start afresh, and is asked again.
            assert complete(agent, {"id": CheckoutSession.objects.get().pk}).status_code == 202
        else:
            assert ended.json()["status"] == "completed"


@pytest.mark.requirement("AA-105")
@pytest.mark.parametrize("wording", ["draft-11", "dual"])
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"action": "grant", "clarification_response": "yes"},
        {"action": None, "clarification_response": "yes"},
        {"action": ["clarification_response"], "clarification_response": "yes"},
        {"resource_token": "x"},
        {"clarification_response": "x", "resource_token": "x"},
    ],
)
def test_an_action_that_is_none_is_refused(shop: None, wording: str, body: dict[str, Any]) -> None:
    rule()
    with SignedAgent(AAUTH_WORDING=wording) as agent:
        refused = agent.post(pending_of(complete(agent, ready(agent))), body)

    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert refused["Content-Type"] == "application/problem+json"
    assert "action" in refused.json()["detail"]
    assert clarifications.open_of(CheckoutSession.objects.get().pk) is not None


@pytest.mark.requirement("AA-105")
@pytest.mark.parametrize(("wording", "status"), [("draft-11", 400), ("dual", 200), ("seed", 200)])
def test_older_texts_need_no_action(shop: None, wording: str, status: int) -> None:
    rule(outcomes={})
    with SignedAgent(AAUTH_WORDING=wording) as agent:
        where = pending_of(complete(agent, ready(agent)))

        answer = agent.post(where, {"clarification_response": "A present"})

    assert answer.status_code == status, answer.text


@pytest.mark.requirement("AA-106", "AA-114")
@pytest.mark.parametrize(
    "text",
    ["", "  ", "x" * 4_001, None, 7, ["a"], "Use 4242 4242 4242 4242.", "4242424242424242", "nul\x00"],
)
def test_what_is_no_answer_is_refused_and_repeated_nowhere(agent: SignedAgent, text: Any) -> None:
    rule()
    session = ready(agent)
    where = pending_of(complete(agent, session))

    refused = say(agent, where, text)

    assert refused.status_code == 400, refused.text
    assert refused["Content-Type"] == "application/problem+json"
    assert "4242" not in refused.text
    assert clarifications.open_of(session["id"]) is not None


@pytest.mark.requirement("AA-114")
def test_the_pending_code_is_no_answer(agent: SignedAgent) -> None:
    Policy.objects.create(name="all", kinds=["otp"])
    body = {
        "line_items": [{"id": "item_mug"}],
        "currency": "usd",
        "capabilities": {},
        "buyer": BUYER,
        "fulfillment_details": {"name": "Ada Lovelace", "address": ADDRESS},
    }
    asked = agent.acp("/checkout_sessions", body)
    where = pending_of(asked)
    subject = CheckoutSession.objects.get().pk
    clarifications.ask(subject, "Is your buyer at home?", source=Clarification.OPERATOR)

    refused = say(agent, where, "The mail says 123456.")

    assert refused.status_code == 400
    assert "123456" not in refused.text
    assert say(agent, where, "Yes, all day").status_code == 202


@pytest.mark.requirement("AA-109")
def test_nothing_is_answered_twice_or_unasked(agent: SignedAgent) -> None:
    Policy.objects.create(name="all", approval=True, kinds=[])
    session = ready(agent)
    where = pending_of(complete(agent, session))

    unasked = say(agent, where, "Hello")
    clarifications.ask(session["id"], "Hm?", source=Clarification.OPERATOR)
    agent.get(where)
    first = say(agent, where, "Hello")
    again = say(agent, where, "Hello")
    other = say(agent, where, "Goodbye")

    assert (unasked.status_code, unasked.json()["error"]) == (409, "invalid_request")
    assert (first.status_code, again.status_code) == (202, 202)
    assert first["AAuth-Requirement"] == again["AAuth-Requirement"] == "requirement=approval"
    assert (other.status_code, other.json()["error"]) == (409, "invalid_request")
    assert [row.answer for row in clarifications.history(session["id"])] == ["Hello"]


def test_nobody_else_answers(agent: SignedAgent) -> None:
    rule()
    where = pending_of(complete(agent, ready(agent)))
    stranger = SignedAgent("stranger", provider=agent.provider)

    assert say(stranger, where, "A present").status_code == 404
    assert clarifications.open_of(CheckoutSession.objects.get().pk) is not None


@pytest.mark.requirement("AA-100")
def test_rules_look_at_who_the_agent_is(agent: SignedAgent) -> None:
    rule(unknown_agents=True, without_person_server=True, outcomes={})
    session = ready(agent)
    Agent.objects.filter(identity=agent.sub).update(known=True)
    assert complete(agent, session).status_code == 200

    Agent.objects.filter(identity=agent.sub).update(known=False)
    session = ready(agent)
    assert pending_of(complete(agent, session))


def test_an_ended_session_asks_nothing(agent: SignedAgent) -> None:
    rule()
    session = ready(agent)
    where = pending_of(complete(agent, session))

    agent.acp(f"/checkout_sessions/{session['id']}/cancel", {})

    assert [row.state for row in Clarification.objects.all()] == ["withdrawn"]
    assert agent.get(where).status_code in (403, 410)


def test_a_withdrawn_call_takes_its_question_with_it(agent: SignedAgent) -> None:
    rule()
    where = pending_of(complete(agent, ready(agent)))

    assert agent.delete(where).status_code == 204

    assert Clarification.objects.get().state == "withdrawn"
    assert PendingRequest.objects.get().state == "canceled"


def test_what_was_asked_is_nowhere_in_the_session(agent: SignedAgent) -> None:
    """Decision 23's kin: no intervention of the protocol, and no words of rules."""
    rule()
    session = ready(agent)
    complete(agent, session)

    shown = agent.acp(f"/checkout_sessions/{session['id']}")

    assert shown.status_code == 200
    told = json.dumps(shown.json())
    assert "intervention_context" not in told
    assert "mugs**" not in told
    assert shown.json()["status"] == "not_ready_for_payment"


@pytest.mark.requirement("AA-103", "AA-108")
def test_the_earlier_requirement_comes_back_as_it_was(agent: SignedAgent) -> None:
    """The same link and the same code: an agent that knows the pair does not prompt twice."""
    Policy.objects.create(name="all", kinds=["otp"])
    body = {
        "line_items": [{"id": "item_mug"}],
        "currency": "usd",
        "capabilities": {},
        "buyer": BUYER,
        "fulfillment_details": {"name": "Ada Lovelace", "address": ADDRESS},
    }
    first = agent.acp("/checkout_sessions", body)
    where = pending_of(first)
    assert first["AAuth-Requirement"].startswith("requirement=interaction;")
    clarifications.ask(CheckoutSession.objects.get().pk, "Is it you?", source=Clarification.OPERATOR)

    asked = agent.get(where)
    told = say(agent, where, "Yes")

    assert asked["AAuth-Requirement"] == "requirement=clarification"
    assert asked.json()["intervention_type"] == "otp"
    assert "options" not in asked.json()
    assert told.status_code == 202
    assert told["AAuth-Requirement"] == first["AAuth-Requirement"]
    assert told["Location"] == first["Location"]
    assert int(told["Retry-After"]) > 0
    assert told["Cache-Control"] == "no-store"
    assert "clarification" not in told.json()


# Another request instead of an answer -----------------------------------------------------------


def instead(agent: SignedAgent, where: str, request: Any, **members: Any) -> Any:
    return agent.post(where, {"action": "updated_request", "request": request, **members})


def asked_by_an_operator(agent: SignedAgent, **paid: Any) -> tuple[str, str]:
    """A complete that waits for the merchant, and an open question about it."""
    Policy.objects.create(name="all", approval=True, kinds=[])
    session = ready(agent)
    body = paying(**paid)
    where = pending_of(agent.acp(f"/checkout_sessions/{session['id']}/complete", body))
    clarifications.ask(session["id"], "Is there another card?", source=Clarification.OPERATOR)
    assert agent.get(where)["AAuth-Requirement"] == "requirement=clarification"
    return session["id"], where


@pytest.mark.requirement("AA-104", "AA-107")
def test_another_request_of_the_same_operation_is_carried_out_instead(agent: SignedAgent) -> None:
    subject, where = asked_by_an_operator(agent, token="spt_sandbox_declined")

    told = instead(agent, where, paying(), justification="The buyer has chosen another card")

    assert told.status_code == 202, told.text
    assert told["AAuth-Requirement"] == "requirement=approval"
    (kept,) = clarifications.history(subject)
    assert (kept.state, kept.answer) == ("replaced", "The buyer has chosen another card")
    assert "spt_sandbox_ok" not in PendingRequest.objects.get().held_body
    decide(Approval.objects.get(), approved=True, actor="operator:olga", reason="")
    done = agent.get(where)
    assert done.status_code == 200
    assert done.json()["status"] == "completed"
    assert SandboxCharge.objects.count() == 1


@pytest.mark.requirement("AA-107")
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"request": None},
        {"request": "x"},
        {"request": []},
        {"request": {}},
        {"request": {"payment_data": {}}},
        {"request": {**paying(), "unknown_member": 1}},
        {"request": {"payment_data": {"number": "4242424242424242", "cvc": "123"}}},
        {"request": paying(), "justification": "x" * 4_001},
        {"request": paying(), "justification": 7},
    ],
)
def test_another_request_is_judged_as_the_first_one_was(agent: SignedAgent, body: dict[str, Any]) -> None:
    subject, where = asked_by_an_operator(agent)
    before = PendingRequest.objects.get().held_body

    refused = agent.post(where, {"action": "updated_request", **body})

    assert refused.status_code == 400, refused.text
    assert refused.json()["error"] in ("invalid_request", "raw_card_data_not_accepted")
    assert "4242" not in refused.text
    assert PendingRequest.objects.get().held_body == before
    assert clarifications.open_of(subject) is not None


@pytest.mark.requirement("AA-107")
def test_another_request_can_be_switched_off(shop: None) -> None:
    with SignedAgent(AAUTH_UPDATED_REQUESTS=False) as agent:
        _, where = asked_by_an_operator(agent)

        refused = instead(agent, where, paying())

    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")


def test_another_request_needs_a_question(agent: SignedAgent) -> None:
    """AA-109."""
    subject, where = asked_by_an_operator(agent)
    clarifications.answer(subject, "No")
    before = PendingRequest.objects.get().held_body

    refused = instead(agent, where, paying())

    assert (refused.status_code, refused.json()["error"]) == (409, "invalid_request")
    assert PendingRequest.objects.get().held_body == before


def test_nobody_gets_past_a_rule_by_another_request(agent: SignedAgent) -> None:
    rule()
    where = pending_of(complete(agent, ready(agent)))

    told = instead(agent, where, paying())

    assert told.status_code == 202
    assert told.json()["clarification"] == QUESTION
    assert not Order.objects.exists()
    assert [row.state for row in Clarification.objects.order_by("number")] == ["replaced", "open"]


def test_another_request_pays_no_more_than_was_agreed(agent: SignedAgent) -> None:
    """What it costs when it is carried out is looked at as for the first request."""
    _, where = asked_by_an_operator(agent)
    Product.objects.filter(pk="item_mug").update(unit_price=F("unit_price") + 100)

    instead(agent, where, paying())
    decide(Approval.objects.get(), approved=True, actor="operator:olga", reason="")
    agent.get(where)

    assert not Order.objects.exists()
    assert not SandboxCharge.objects.exists()


@pytest.mark.requirement("AA-107")
@pytest.mark.parametrize("how", ["run", "paid"])
def test_a_call_that_is_carried_out_is_not_exchanged(agent: SignedAgent, how: str) -> None:
    """Whoever runs it has read its body; what was paid was paid with the first."""
    subject, where = asked_by_an_operator(agent)
    row = PendingRequest.objects.get()
    if how == "run":
        PendingRequest.objects.update(lease_until=timezone.now() + timedelta(seconds=60), fence=1)
    else:
        session = CheckoutSession.objects.get()
        Payment.objects.create(
            session=session,
            amount=session.total,
            currency="usd",
            handler_id="sandbox_card",
            claim=keeping.held(row).claim,
            state="declined",
        )

    refused = instead(agent, where, paying("spt_other"))

    assert (refused.status_code, refused.json()["error"]) == (409, "invalid_request"), refused.text
    assert PendingRequest.objects.get().held_body == row.held_body
    assert clarifications.open_of(subject) is not None


def test_an_operator_ends_a_rules_question(agent: SignedAgent) -> None:
    """As they end whatever anybody is asked: its time is over, and it is asked anew when the agent comes
    back."""
    rule()
    session = ready(agent)
    pending_of(complete(agent, session))

    told = act(log_in(), Intervention.objects.get(kind="question"), "end")

    assert "nobody is asked any more" in told.text
    assert Clarification.objects.get().state == "withdrawn"
    settled(session["id"])
    settled(session["id"])
    shown = agent.acp(f"/checkout_sessions/{session['id']}").json()
    assert (shown["status"], [entry["code"] for entry in shown["messages"]]) == (
        "not_ready_for_payment",
        ["expired"],
    )
    assert Clarification.objects.count() == 1
    assert complete(agent, session).status_code == 202
    assert Clarification.objects.count() == 2

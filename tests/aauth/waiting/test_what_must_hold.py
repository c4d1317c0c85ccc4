"""What must hold whoever acts beside a call that waits: its person's no, an operator's block or question, and
a confirmation that nobody was there to hear of."""

from __future__ import annotations

from typing import Any

import pytest

from checkout import approvals
from checkout.models import Approval, Order, SandboxCharge
from gateway import agents
from gateway.aauth import arrivals, codes, resuming
from gateway.pending_models import PendingRequest
from interventions import clarifications, question_rules
from interventions.models import Clarification, ClarificationRule, Intervention, Policy
from tests.aauth.waiting.played import NamedAgent, problem, row
from tests.aauth.waiting.test_lifecycle import DETAILS, asked, confirmed, sneakers
from tests.acp.test_hosted_three_d_secure import ASKING, at_the_bank
from tests.acp.test_redirect import Person
from tests.agents import BUYER, paying
from tests.bank import Wire, banked, provider

BOTH = ("interaction", "clarification")
QUESTION = "Why does your buyer want these?"


def ready(named: NamedAgent, *items: str, **members: Any) -> str:
    response = named.create(*items, fulfillment_details=DETAILS, buyer=BUYER, **members)
    assert response.status_code == 201, response.content
    return str(response.json()["id"])


def looked_at_by_the_merchant() -> None:
    Policy.objects.create(name="Look", approval=True, enforcement="always")


def nothing_charged() -> bool:
    return not Order.objects.exists() and not SandboxCharge.objects.exists()


# The person's no -------------------------------------------------------------------------------


def said_no(call: PendingRequest) -> None:
    """The person comes to the call's page, and stops."""
    arrivals.DESK.arrive(codes.slug(call), "their browser", codes.code_of(call), "")
    arrivals.DESK.decline(codes.slug(call), "their browser")


def test_a_no_is_for_the_purchase_and_not_for_one_of_its_calls(named: NamedAgent) -> None:
    """An agent that completes twice, with two keys, has two calls that wait; its person says no once."""
    looked_at_by_the_merchant()
    subject = ready(named)
    first, second = asked(named.complete(subject)), asked(named.complete(subject))
    said_no(PendingRequest.objects.earliest("created_at"))

    assert problem(named.poll(first)) == (403, "denied")
    assert problem(named.poll(second)) == (403, "denied")
    found = Approval.objects.get()
    assert found.state == "canceled"
    resuming.sweep()
    assert nothing_charged()


# An operator's block ---------------------------------------------------------------------------


@pytest.mark.requirement("AA-027")
def test_a_blocked_agents_call_is_not_carried_out(named: NamedAgent) -> None:
    looked_at_by_the_merchant()
    asked(named.complete(ready(named)))
    agent = agents.of_owner(named.owner)
    assert agent is not None
    agents.block(agent)

    approvals.decide(Approval.objects.get(), approved=True, actor="operator", reason="")
    resuming.look(row())

    assert nothing_charged()
    ended = row()
    assert (ended.state, ended.terminal_status, ended.terminal_error) == ("revoked", 403, "revoked")
    assert ended.held_body == ""


# Questions -------------------------------------------------------------------------------------


@pytest.fixture
def answering(named: NamedAgent) -> NamedAgent:
    question_rules.forget()
    named.capabilities = BOTH
    return named


def say(agent: NamedAgent, parked: Any, text: str) -> Any:
    body = {"action": "clarification_response", "clarification_response": text}
    return agent.send("POST", parked.headers["Location"], body)


def rule(**outcomes: str) -> None:
    ClarificationRule.objects.create(name="why", question=QUESTION, outcomes=outcomes)


def test_an_operators_question_is_before_the_payment_also_of_another_call(answering: NamedAgent) -> None:
    first = asked(sneakers(answering))
    subject = first.json()["checkout_session_id"]
    clarifications.ask(subject, QUESTION, source=Clarification.OPERATOR, asked_by="operator:ada")
    confirmed(subject)

    second = asked(answering.complete(subject))

    assert second.headers["AAuth-Requirement"] == "requirement=clarification"
    assert nothing_charged()

    done = say(answering, second, "A present")

    assert done.status_code == 200, done.content
    assert done.json()["status"] == "completed"
    assert Order.objects.count() == 1
    assert answering.poll(first).status_code == 200


def test_a_question_that_is_taken_back_stops_nothing(answering: NamedAgent) -> None:
    first = asked(sneakers(answering))
    subject = first.json()["checkout_session_id"]
    clarifications.ask(subject, QUESTION, source=Clarification.OPERATOR, asked_by="operator:ada")
    confirmed(subject)
    second = asked(answering.complete(subject))

    assert clarifications.withdraw(subject, actor="operator:ada")

    done = answering.poll(second)
    assert done.status_code == 200
    assert done.json()["status"] == "completed", done.json()["messages"]


def test_nothing_is_asked_about_what_is_bought(answering: NamedAgent) -> None:
    """Asked while the call was already being carried out."""
    looked_at_by_the_merchant()
    subject = ready(answering)
    parked = asked(answering.complete(subject))
    found = Approval.objects.get()
    approvals.decide(found, approved=True, actor="operator", reason="")
    waits = resuming.requirements.waits

    def asked_then(call: PendingRequest) -> bool:
        looked = waits(call)
        if not looked and not Clarification.objects.exists():
            clarifications.ask(subject, QUESTION, source=Clarification.OPERATOR)
        return looked

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resuming.requirements, "waits", asked_then)
        answering.poll(parked)
        answering.poll(parked)

    question = Clarification.objects.get()
    if Order.objects.exists():
        assert question.state == Clarification.WITHDRAWN
    else:
        assert question.state == Clarification.OPEN
        assert say(answering, parked, "A present").json()["status"] == "completed"


def test_a_payment_that_a_person_finishes_ends_the_question(answering: NamedAgent) -> None:
    """Asked while their bank asked them: the money has moved, and no answer is waited for."""
    with banked(provider(Wire())):
        subject = ready(answering)
        parked = asked(answering.complete(subject, ASKING))
        clarifications.ask(subject, QUESTION, source=Clarification.OPERATOR)
        at_the_bank(Person(), answering.retrieve(subject), "approve")
        assert Order.objects.count() == 1

        done = answering.poll(parked)

    assert done.status_code == 200
    assert done.json()["status"] == "completed"
    assert Clarification.objects.get().state == Clarification.WITHDRAWN


@pytest.mark.parametrize("capabilities", [("interaction",), ()])
def test_what_a_rule_made_of_an_answer_outlives_the_capability(
    answering: NamedAgent, capabilities: tuple[str, ...]
) -> None:
    """Who was told no does not buy the same by taking no questions any more."""
    rule(**{"*": "deny"})
    subject = ready(answering)
    refused = say(answering, asked(answering.complete(subject)), "Resale")
    assert problem(refused) == (403, "denied")

    answering.capabilities = capabilities
    again = answering.complete(subject)

    assert again.status_code == 200
    assert again.json()["status"] != "completed"
    assert nothing_charged()


def test_the_merchant_is_not_spared_by_taking_no_questions(answering: NamedAgent) -> None:
    rule(**{"*": "escalate"})
    subject = ready(answering)
    assert say(answering, asked(answering.complete(subject)), "Resale").status_code == 202
    answering.withdraw(answering.complete(subject))

    answering.capabilities = ()
    again = answering.complete(subject)

    assert again.json()["status"] == "pending_approval"
    assert nothing_charged()


def test_another_purchase_is_not_denied(answering: NamedAgent) -> None:
    """An answer counts for exactly what was asked about (decision 21)."""
    rule(**{"*": "deny"})
    subject = ready(answering)
    say(answering, asked(answering.complete(subject)), "Resale")

    answering.capabilities = ()
    answering.update(subject, {"line_items": [{"id": "item_pens"}]})

    assert answering.complete(subject).json()["status"] == "completed"


# What nobody heard of --------------------------------------------------------------------------


def test_a_confirmation_from_before_the_call_waited_is_found(
    named: NamedAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The merchant decides between our last look and the commit of the row: nobody is there to wake."""
    looked_at_by_the_merchant()
    asked(named.complete(ready(named)))
    with monkeypatch.context() as patch:
        patch.setattr(resuming.moves, "touch", lambda subject: 0)
        approvals.decide(Approval.objects.get(), approved=True, actor="operator", reason="")

    resuming.sweep()

    assert row().state == "resolved"
    assert Order.objects.count() == 1


def test_calls_that_wait_hide_none_that_can_go_on(named: NamedAgent, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many others were run once, and wait for their persons again."""
    monkeypatch.setattr(resuming, "BATCH", 1)
    looked_at_by_the_merchant()
    asked(named.complete(ready(named)))
    asked(named.complete(ready(named)))
    last = PendingRequest.objects.latest("created_at")
    PendingRequest.objects.update(fence=1)
    found = Approval.objects.get(subject=last.subject)
    Intervention.objects.filter(pk=found.pk).update(state="passed")

    resuming.sweep()

    last.refresh_from_db()
    assert last.state == "resolved"


def test_one_call_that_breaks_keeps_no_other_from_being_looked_at(
    named: NamedAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at_by_the_merchant()
    subject = ready(named)
    asked(named.complete(subject))
    asked(named.complete(subject, paying()))
    seen: list[str] = []

    def breaks(call: PendingRequest) -> None:
        seen.append(call.pk)
        raise RuntimeError

    monkeypatch.setattr(resuming, "look", breaks)

    with pytest.raises(RuntimeError):
        resuming.look_again({"subject": subject})

    assert len(set(seen)) == 2


def test_a_no_takes_back_what_its_person_had_confirmed(named: NamedAgent) -> None:
    """They confirmed, and said no while the merchant was still deciding: whoever completes again has to
    ask them again, and the merchant's yes alone sells nothing."""
    looked_at_by_the_merchant()
    subject = asked(sneakers(named)).json()["checkout_session_id"]
    confirmed(subject)
    asked(named.complete(subject))
    said_no(PendingRequest.objects.latest("created_at"))

    again = asked(named.complete(subject))

    assert "requirement=interaction" in again.headers["AAuth-Requirement"]
    assert nothing_charged()

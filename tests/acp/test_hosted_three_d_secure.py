"""3-D Secure at a page, for agents that cannot run it: decisions 16, 17, 20, 22, ACP-160, ACP-172."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.http import HttpResponse
from django.utils import timezone

from checkout import challenges, effects, responses
from checkout.models import Order, Payment, SandboxCharge
from gateway import delivery
from gateway.shop.models import Product
from interventions import policy, ports
from interventions.models import Intervention, Policy
from tests.acp.test_one_time_code import code_in_mail
from tests.acp.test_redirect import Person
from tests.agents import ADDRESS, PlayedAgent, codes, paying
from tests.bank import Wire, decide, run

REDIRECT = {"interventions": {"supported": ["redirect"], "redirect_context": "external_browser"}}
ASKING = paying("spt_sandbox_3ds_challenge")
HINT = {"intervention_response": {"type": "redirect_complete"}}


@pytest.fixture
def asked(wire: Wire, agent: PlayedAgent) -> dict[str, Any]:
    """A session whose payment waits for the holder of the card, at a page."""
    answered = agent.complete(agent.ready(capabilities=REDIRECT), ASKING)
    assert answered.status_code == 200, answered.content
    return answered.json()


def at_the_bank(person: Person, session: dict[str, Any], decision: str) -> HttpResponse:
    """The person goes to the bank, decides, and comes back, if the bank sends them; the last page."""
    away = decide(person.leave(session), decision)
    if away.status_code != 303:
        return away
    brought = {name: values[0] for name, values in parse_qs(urlsplit(away.headers["Location"]).query).items()}
    return person.come_back(session, brought)


@pytest.mark.requirement("ACP-037", "ACP-144", "ACP-145", "ACP-146", "ACP-149", "ACP-150")
def test_it_is_shown_as_a_redirect(agent: PlayedAgent, asked: dict[str, Any]) -> None:
    """Never `3ds` with a URL (decision 17); nothing for an agent to run."""
    context = asked["intervention_context"]

    assert asked["status"] == "authentication_required"
    assert set(context) == {"intervention_type", "redirect_url", "callback_url", "expires_at", "provider"}
    assert context["intervention_type"] == "redirect"
    assert context["provider"] == "Sandbox bank"
    assert asked["continue_url"] == context["redirect_url"]
    assert "authentication_metadata" not in asked
    assert codes(asked) == ["intervention_required"]
    assert agent.retrieve(asked) == asked
    assert Intervention.objects.get().kind == "3ds"


@pytest.mark.requirement("ACP-033", "ACP-160", "ACP-172")
def test_the_holder_approves_and_the_order_is_there(agent: PlayedAgent, asked: dict[str, Any]) -> None:
    """Decision 22: no second complete."""
    last = at_the_bank(Person(), asked, "approve")

    assert last.status_code == 200, last.content
    assert "You have confirmed the purchase" in last.content.decode()
    assert "Your card is charged as you confirmed" in last.content.decode()
    assert "othing has been charged" not in last.content.decode(), "it was, without a second complete"
    done = agent.retrieve(asked)
    assert done["status"] == "completed"
    assert done["order"]["checkout_session_id"] == asked["id"]
    assert "intervention_context" not in done
    assert (Payment.objects.get().state, Payment.objects.get().liability_shift) == ("authorized", "confirmed")
    assert Intervention.objects.get().state == "passed"
    assert SandboxCharge.objects.count() == Order.objects.count() == 1


@pytest.mark.requirement("ACP-036", "ACP-171")
def test_the_holder_says_no_at_the_bank(agent: PlayedAgent, asked: dict[str, Any]) -> None:
    last = at_the_bank(Person(), asked, "deny")

    assert "The purchase was not confirmed" in last.content.decode()
    after = agent.retrieve(asked)
    assert after["status"] == "ready_for_payment"
    assert codes(after) == ["payment_declined"]
    assert agent.complete(after).json()["status"] == "completed"


def test_the_holder_says_no_on_our_page(agent: PlayedAgent, asked: dict[str, Any]) -> None:
    person, url = Person(), asked["intervention_context"]["redirect_url"]
    before = Product.objects.get(pk="item_mug").available

    last = person.press(person.open(url), url, answer="stop")
    delivery.deliver_due()

    assert last.status_code == 200
    assert codes(agent.retrieve(asked)) == ["payment_declined"]
    assert Product.objects.get(pk="item_mug").available == before + 1
    assert SandboxCharge.objects.get().outcome == "voided"


@pytest.mark.parametrize("decision", ["leave", "error"])
def test_a_holder_who_leaves_can_come_again(agent: PlayedAgent, asked: dict[str, Any], decision: str) -> None:
    person = Person()

    at_the_bank(person, asked, decision)
    still = agent.retrieve(asked)
    at_the_bank(person, asked, "approve")

    assert still["intervention_context"] == asked["intervention_context"]
    assert agent.retrieve(asked)["status"] == "completed"


def test_a_bank_that_says_no_to_everybody(agent: PlayedAgent, wire: Wire) -> None:
    session = agent.complete(agent.ready(capabilities=REDIRECT), paying("spt_sandbox_3ds_denied")).json()

    at_the_bank(Person(), session, "approve")

    assert codes(agent.retrieve(session)) == ["payment_declined"]


@pytest.mark.requirement("ACP-151", "ACP-160", "R32")
def test_the_agents_word_is_a_hint(agent: PlayedAgent, asked: dict[str, Any]) -> None:
    """Before the verdict it changes nothing; after it, it finishes the purchase although nobody came back."""
    early = agent.update(asked, HINT)
    between = agent.retrieve(asked)
    decide(Person().leave(asked), "approve")  # and the browser is closed at the bank

    done = agent.update(asked, HINT)

    assert early["status"] == "authentication_required"
    assert codes(early) == ["intervention_required", "info"]
    assert between["messages"] == asked["messages"]
    assert done["status"] == "completed"
    assert "order" in done


@pytest.mark.requirement("ACP-153", "ACP-158")
@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        ({"type": "otp", "code": "123456"}, 400, "invalid"),
        ({"type": "webview_complete"}, 400, "invalid"),
        ({"type": "telepathy"}, 200, "unsupported"),
    ],
)
def test_other_answers(
    agent: PlayedAgent, asked: dict[str, Any], said: dict[str, str], status: int, code: str
) -> None:
    answered = agent.post(f"/checkout_sessions/{asked['id']}", {"intervention_response": said})

    assert answered.status_code == status
    if status == 400:
        assert answered.json()["code"] == code
        assert answered.json()["param"] == "$.intervention_response.type"
    else:
        assert codes(answered.json()) == ["intervention_required", code]
    assert agent.retrieve(asked) == asked


def test_a_hint_with_another_cart_gives_the_payment_up(agent: PlayedAgent, asked: dict[str, Any]) -> None:
    """Decision 19: fields first; what was asked is void, so the answer is not looked at."""
    decide(Person().leave(asked), "approve")

    changed = agent.update(asked, {**HINT, "line_items": [{"id": "item_mug", "quantity": 2}]})
    delivery.deliver_due()

    assert changed["status"] == "ready_for_payment"
    assert SandboxCharge.objects.get().outcome == "voided"
    assert not Order.objects.exists()


@pytest.mark.requirement("ACP-164", "ACP-173", "R32")
def test_complete_waits_for_the_page(agent: PlayedAgent, asked: dict[str, Any], wire: Wire) -> None:
    """`requires_3ds` is for those who can run it; an invented result is worth nothing."""
    invented = {
        "outcome": "authenticated",
        "outcome_details": {
            "three_ds_cryptogram": "eHh4eHh4eHh4eHh4eHh4eHh4eHg=",
            "electronic_commerce_indicator": "05",
            "transaction_id": "c0ffee00-0000-4000-8000-000000000000",
            "version": "2.2.0",
        },
    }

    for body in (ASKING, {**ASKING, "authentication_result": invented}):
        refused = agent.complete(asked, body)
        assert refused.status_code == 400
        assert refused.json()["code"] == "intervention_required"
        assert refused.json()["param"] == "$.intervention_response"
    assert agent.retrieve(asked) == asked


@pytest.mark.requirement("ACP-160")
def test_the_sweep_finds_what_nobody_told_us(agent: PlayedAgent, asked: dict[str, Any]) -> None:
    decide(Person().leave(asked), "approve")

    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        effects.sweep()

    assert agent.retrieve(asked)["status"] == "completed"


def test_the_relay_finds_what_the_page_could_not_tell(
    agent: PlayedAgent, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The person is thanked whatever happens to the session; it hears of it a moment later."""
    monkeypatch.setattr(responses, "settled", lambda session: 1 / 0)
    last = at_the_bank(Person(), asked, "approve")
    monkeypatch.undo()
    before = agent.retrieve(asked)["status"]
    delivery.deliver_due()

    assert last.status_code == 200
    assert before == "authentication_required"
    assert agent.retrieve(asked)["status"] == "completed"


def test_a_silent_bank_is_no_verdict(agent: PlayedAgent, asked: dict[str, Any], wire: Wire) -> None:
    person = Person()
    away = decide(person.leave(asked), "approve")
    brought = {name: values[0] for name, values in parse_qs(urlsplit(away.headers["Location"]).query).items()}

    wire.silent = True
    silent = person.come_back(asked, brought)
    hinted = agent.update(asked, HINT)
    wire.silent = False
    again = person.come_back(asked, brought)

    assert silent.status_code == 503
    assert codes(hinted) == ["intervention_required", "info"]
    assert again.status_code == 200
    assert agent.retrieve(asked)["status"] == "completed"


@pytest.mark.requirement("ACP-161", "T32")
def test_the_way_back_is_the_first_browsers_alone(agent: PlayedAgent, asked: dict[str, Any]) -> None:
    first, second = Person(), Person()
    away = decide(first.leave(asked), "deny")
    brought = {name: values[0] for name, values in parse_qs(urlsplit(away.headers["Location"]).query).items()}

    assert second.come_back(asked, brought).status_code in (409, 410)
    assert first.come_back(asked, {**brought, "state": "x" * 43}).status_code == 409
    assert agent.retrieve(asked)["status"] == "authentication_required"


def test_the_page_is_over_with_the_payment(agent: PlayedAgent, asked: dict[str, Any]) -> None:
    """T38: canceled, so nobody can be charged by a late click."""
    person = Person()
    at = person.leave(asked)
    agent.cancel(asked)
    delivery.deliver_due()

    last = person.open(decide(at, "approve").headers["Location"])
    delivery.deliver_due()

    assert last.status_code == 410
    assert agent.retrieve(asked)["status"] == "canceled"
    assert SandboxCharge.objects.get().outcome == "voided"


def test_an_agent_that_runs_it_can_use_the_page_instead(agent: PlayedAgent, wire: Wire) -> None:
    """Decision 17: `continue_url` is our page, also for `3ds`."""
    both = {"interventions": {"supported": ["3ds", "otp"]}}
    session = agent.complete(agent.ready(capabilities=both), ASKING).json()
    person, url = Person(), session["continue_url"]
    away = decide(person.press(person.open(url), url, answer="continue").headers["Location"], "approve")
    back = urlsplit(away.headers["Location"])
    brought = {name: values[0] for name, values in parse_qs(back.query).items()}

    person.come_back({"intervention_context": {"callback_url": back.path}}, brought)

    assert agent.retrieve(session)["status"] == "completed"


@pytest.mark.requirement("ACP-148", "T38")
def test_an_operator_ends_it(agent: PlayedAgent, asked: dict[str, Any]) -> None:
    """The session is open again, as after its time; the holder's late yes pays for nothing."""
    at = Person().leave(asked)

    challenges.end(Intervention.objects.get(), actor="operator:olga")
    decide(at, "approve")
    delivery.deliver_due()

    after = agent.retrieve(asked)
    assert after["status"] == "ready_for_payment"
    assert codes(after) == ["expired"]
    assert SandboxCharge.objects.get().outcome == "voided"
    assert Intervention.objects.get().ended_by == "operator:olga"


# --- limits and sequences -----------------------------------------------------------------------


@pytest.mark.requirement("ACP-132", "ACP-166")
@pytest.mark.parametrize(
    ("declared", "shown"),
    [
        ({"supported": ["redirect", "3ds"]}, "3ds"),
        ({"supported": ["redirect"], "max_redirects": 1}, "redirect"),
        ({"supported": ["redirect"], "redirect_context": "in_app"}, "redirect"),
    ],
)
def test_the_road_is_the_agents_own(
    agent: PlayedAgent, wire: Wire, declared: dict[str, Any], shown: str
) -> None:
    session = agent.complete(agent.ready(capabilities={"interventions": declared}), ASKING).json()

    assert session["intervention_context"]["intervention_type"] == shown


@pytest.mark.requirement("ACP-130", "ACP-133")
@pytest.mark.parametrize("depth", [1, 2])
def test_a_code_first_and_the_bank_afterwards(agent: PlayedAgent, wire: Wire, depth: int) -> None:
    """Two steps, if the agent can take two; the second is never left out, so then nothing is charged."""
    Policy.objects.all().delete()
    Policy.objects.create(name="Code", kinds=["otp"], enforcement="always")
    policy.forget()
    declared = {"supported": ["otp", "3ds"], "max_interaction_depth": depth}
    members: dict[str, Any] = {
        "capabilities": {"interventions": declared},
        "buyer": {"email": "ada@example.com"},
    }
    session = agent.create(fulfillment_details={"address": ADDRESS}, **members)
    code = {"intervention_response": {"type": "otp", "code": code_in_mail()}}
    ready = agent.update(session, code)

    answered = agent.complete(ready, ASKING).json()

    assert ready["status"] == "ready_for_payment"
    if depth == 1:
        assert codes(answered) == ["intervention_required"]
        assert answered["status"] == "ready_for_payment"
    else:
        result = {**ASKING, "authentication_result": run(answered)}
        assert agent.complete(answered, result).json()["status"] == "completed"


def test_who_said_no_too_often_is_not_asked_again(agent: PlayedAgent, wire: Wire) -> None:
    session = agent.ready(capabilities=REDIRECT)
    for _ in range(ports.ports().rules.refusals_per_subject):
        at_the_bank(Person(), agent.complete(session, ASKING).json(), "deny")

    answered = agent.complete(session, ASKING).json()
    delivery.deliver_due()

    assert answered["status"] == "ready_for_payment"
    assert codes(answered) == ["rate_limited"]
    assert SandboxCharge.objects.order_by("-created_at")[0].outcome == "voided"

"""Purchases that are paid through Stripe, end to end: the agent over HTTP, Stripe over the wire."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest
import time_machine
from django.http import HttpResponse
from django.utils import timezone

from checkout import effects
from checkout.models import Order, Payment
from gateway import delivery
from gateway.models import IdempotentRequest
from gateway.shop.models import Product
from interventions import policy
from interventions.models import Intervention, Policy
from tests.acp.test_redirect import Person
from tests.agents import PlayedAgent, codes
from tests.agents import paying as pay
from tests.stripe_double.account import SECRET_KEY
from tests.stripe_double.process import Stripe
from tests.stripe_double.provider import ACQUIRER

if TYPE_CHECKING:
    from pytest_django import Settings

REDIRECT = {"interventions": {"supported": ["redirect"], "redirect_context": "external_browser"}}
AGENT = {"interventions": {"supported": ["3ds"]}}
ASKING = "pm_card_threeDSecure2Required"


def paying(stripe: Stripe, method: str = "pm_card_visa", **limits: Any) -> dict[str, Any]:
    """With a permission to take money from this card."""
    return pay(stripe.grant(method, **limits), "stripe_card")


def intent(stripe: Stripe) -> dict[str, Any]:
    """The one intent of the last payment."""
    [found] = stripe.of(Payment.objects.latest("created_at").pk)
    return found


@pytest.mark.requirement("ACP-174", "ACP-176", "ACP-177", "ACP-182")
def test_the_session_says_how_to_pay(agent: PlayedAgent, stripe: Stripe) -> None:
    [handler] = agent.ready()["capabilities"]["payment"]["handlers"]

    assert (handler["id"], handler["psp"]) == ("stripe_card", "stripe")
    assert handler["config"]["merchant_id"] == "profile_test_1"
    assert handler["config"]["delegate_id"] == "stripe"
    assert handler["config"]["supports_3ds"] is True


@pytest.mark.requirement("ACP-187")
def test_a_purchase_is_authorized_ordered_and_taken(agent: PlayedAgent, stripe: Stripe) -> None:
    """Decision 36, with Stripe's books beside ours."""
    session = agent.ready()

    done = agent.complete(session, paying(stripe)).json()

    assert done["status"] == "completed"
    assert intent(stripe)["status"] == "requires_capture"
    delivery.deliver_due()
    payment = Payment.objects.get()
    assert (payment.state, payment.reference) == ("captured", intent(stripe)["id"])
    assert intent(stripe)["amount_received"] == payment.amount
    assert len(stripe.charges(session["id"])) == Order.objects.count() == 1


def test_money_that_is_taken_at_once(
    agent: PlayedAgent, stripe: Stripe, settings: Settings, agreed: dict[str, Any]
) -> None:
    changed = {"STRIPE": {**agreed, "capture": "automatic"}}
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, **changed}

    done = agent.complete(agent.ready(), paying(stripe)).json()

    assert done["status"] == "completed"
    assert Payment.objects.get().state == "captured"
    assert intent(stripe)["status"] == "succeeded"


@pytest.mark.requirement("ACP-036", "ACP-183")
@pytest.mark.parametrize("method", ["pm_card_chargeDeclinedInsufficientFunds", "too little"])
def test_a_refusal_leaves_the_session_open(agent: PlayedAgent, stripe: Stripe, method: str) -> None:
    session = agent.ready()
    wrong = paying(stripe, amount=1) if method == "too little" else paying(stripe, method)

    declined = agent.complete(session, wrong)

    assert declined.status_code == 200
    assert codes(declined.json()) == ["payment_declined"]
    told = declined.json()["messages"][0]["content"]
    assert told.startswith("The permission" if method == "too little" else "The card has not enough money")
    assert agent.complete(session, paying(stripe)).json()["status"] == "completed"
    assert len(stripe.charges(session["id"])) == 1


@pytest.mark.requirement("ACP-014")
def test_buyers_read_in_their_language_why(agent: PlayedAgent, stripe: Stripe) -> None:
    declined = agent.complete(agent.ready(locale="de"), paying(stripe, "pm_card_chargeDeclinedExpiredCard"))

    assert declined.json()["messages"][0]["content"] == (
        "Die Karte ist abgelaufen. Versuchen Sie es mit einer anderen Karte."
    )


@pytest.mark.requirement("T60")
@pytest.mark.parametrize("what", ["error_after", "lost_after"])
def test_an_answer_that_is_lost_is_found_by_the_same_request_again(
    agent: PlayedAgent, stripe: Stripe, settings: Settings, agreed: dict[str, Any], what: str
) -> None:
    changed = {"STRIPE": {**agreed, "timeout_seconds": 0.4, "retries": 0}}
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, **changed}
    session, body = agent.ready(), paying(stripe)
    confirming = {"path": r"/v1/payment_intents/pi_\w+(/confirm)?", "seconds": 1.0}
    failed = {"what": "answer", "method": "GET", "status": 503, "error": {"type": "api_error"}, **confirming}
    stripe.troubles({"what": what, **confirming}, failed)

    unknown = agent.complete(session, body, key="again")
    still = agent.retrieve(session)
    again = agent.complete(session, body, key="again")

    assert unknown.status_code == 503
    assert still["status"] == "complete_in_progress"
    assert again.json()["status"] == "completed"
    assert len(stripe.charges(session["id"])) == Order.objects.count() == 1


@pytest.mark.parametrize("what", ["error_before", "error_after"])
def test_the_sweep_finds_out_without_the_token(agent: PlayedAgent, stripe: Stripe, what: str) -> None:
    """Charged: the order is placed. Not charged: it never will be, and the session is open again."""
    session = agent.ready()
    before = Product.objects.get(pk="item_mug").available
    path = r"/v1/payment_intents/pi_\w+(/confirm)?"
    failed = {"what": "answer", "path": path, "status": 503, "error": {"type": "api_error"}, "times": 9}
    stripe.troubles({"what": what, "path": path}, failed, {**failed, "method": "GET"})
    assert agent.complete(session, paying(stripe)).status_code == 503
    stripe.troubles()
    stripe.age(intent(stripe)["id"], 61)

    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        effects.sweep()
        delivery.deliver_due()

    now = agent.retrieve(session)
    charged = what == "error_after"
    assert now["status"] == ("completed" if charged else "ready_for_payment")
    assert len(stripe.charges(session["id"])) == Order.objects.count() == int(charged)
    if not charged:
        assert intent(stripe)["status"] == "canceled"
        assert Product.objects.get(pk="item_mug").available == before
        assert agent.complete(session, paying(stripe)).json()["status"] == "completed"
        assert len(stripe.charges(session["id"])) == 1


@pytest.mark.requirement("ACP-022")
def test_nothing_of_the_token_is_kept(
    agent: PlayedAgent, stripe: Stripe, caplog: pytest.LogCaptureFixture
) -> None:
    body = paying(stripe)
    token = body["payment_data"]["instrument"]["credential"]["token"]

    agent.complete(agent.ready(), body)
    delivery.deliver_due()

    kept = [list(model.objects.values()) for model in (Payment, Order, IdempotentRequest)]
    assert token not in repr(kept)
    assert token not in caplog.text
    assert SECRET_KEY not in caplog.text


# --- 3-D Secure ---------------------------------------------------------------------------------


@pytest.fixture
def hosted(agent: PlayedAgent, stripe: Stripe) -> dict[str, Any]:
    """A session whose payment waits for its holder, at Stripe's page."""
    answered = agent.complete(agent.ready(capabilities=REDIRECT), paying(stripe, ASKING))
    assert answered.status_code == 200, answered.content
    session: dict[str, Any] = answered.json()
    assert session["status"] == "authentication_required", session["messages"]
    return session


def come_back(person: Person, location: str, session: dict[str, Any]) -> HttpResponse:
    """The browser follows where Stripe sends it, to the last page."""
    back = urlsplit(location)
    assert f"{back.scheme}://{back.netloc}" == "http://localhost:8000"
    on = person.http.get(f"{back.path}?{back.query}")
    assert on.status_code == 302, on.content
    state = dict(part.split("=", 1) for part in urlsplit(on.headers["Location"]).query.split("&"))
    assert urlsplit(on.headers["Location"]).path in session["intervention_context"]["callback_url"]
    assert set(state) == {"state"}, "nothing of what Stripe wrote into the address goes on"
    return person.come_back(session, state)


@pytest.mark.requirement("ACP-033", "ACP-160", "ACP-172", "T30")
def test_the_holder_approves_at_stripes_page(
    agent: PlayedAgent, stripe: Stripe, hosted: dict[str, Any]
) -> None:
    """The bank's page leads back to the visit, and Stripe is asked what came of it."""
    person = Person()
    page = person.leave(hosted)
    assert page.startswith(f"{stripe.origin}/3d_secure_2/hosted/")

    answer = stripe.decide(page, "approve")
    last = come_back(person, answer.headers["Location"], hosted)

    assert "You have confirmed the purchase" in last.content.decode()
    done = agent.retrieve(hosted)
    assert done["status"] == "completed"
    payment = Payment.objects.get()
    assert (payment.state, payment.liability_shift) == ("authorized", "confirmed")
    assert Intervention.objects.get().ended_by == "Stripe"
    assert len(stripe.charges(hosted["id"])) == 1


def test_the_holder_says_no_at_stripes_page(
    agent: PlayedAgent, stripe: Stripe, hosted: dict[str, Any]
) -> None:
    person = Person()
    answer = stripe.decide(person.leave(hosted), "deny")

    last = come_back(person, answer.headers["Location"], hosted)

    assert "The purchase was not confirmed" in last.content.decode()
    assert codes(agent.retrieve(hosted)) == ["payment_declined"]
    assert stripe.charges(hosted["id"]) == []


@pytest.mark.requirement("T32")
def test_the_way_back_is_for_the_browser_that_left(
    agent: PlayedAgent, stripe: Stripe, hosted: dict[str, Any]
) -> None:
    """Whoever else opens the address, or a later visit's browser, is led nowhere."""
    person, other = Person(), Person()
    location = stripe.decide(person.leave(hosted), "approve").headers["Location"]
    back = urlsplit(location)

    stranger = other.http.get(f"{back.path}?{back.query}")

    assert stranger.status_code == 409
    assert "Location" not in stranger.headers
    assert stranger.headers["Referrer-Policy"] == "no-referrer"
    assert stranger.headers["Cache-Control"] == "no-store"
    assert "payment_intent" not in stranger.content.decode()
    forged = Person()
    forged.http.cookies["agentic_departed"] = person.http.cookies["agentic_departed"].value
    elsewhere = forged.http.get("/agentic/confirm/returned/pay_of_another")
    assert elsewhere.status_code == 409
    assert agent.retrieve(hosted)["status"] == "authentication_required"


@pytest.mark.requirement("ACP-160")
def test_a_browser_that_never_comes_back(agent: PlayedAgent, stripe: Stripe, hosted: dict[str, Any]) -> None:
    stripe.decide(Person().leave(hosted), "approve")

    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        effects.sweep()

    assert agent.retrieve(hosted)["status"] == "completed"


def test_a_session_that_goes_on_without_it_ends_the_attempt(
    agent: PlayedAgent, stripe: Stripe, hosted: dict[str, Any]
) -> None:
    page = Person().leave(hosted)

    assert agent.cancel(hosted).status_code == 200
    delivery.deliver_due()

    assert intent(stripe)["status"] == "canceled"
    assert httpx.post(page, data={"decision": "approve"}, trust_env=False).status_code == 410
    assert stripe.charges(hosted["id"]) == []


@pytest.mark.requirement("ACP-035", "ACP-167", "ACP-170", "ACP-171", "ACP-172")
def test_an_agent_brings_a_proof_from_elsewhere(agent: PlayedAgent, stripe: Stripe) -> None:
    body = paying(stripe, ASKING)
    asked = agent.complete(agent.ready(capabilities=AGENT), body).json()
    assert asked["authentication_metadata"]["acquirer_details"] == ACQUIRER
    result = stripe.authenticate(intent(stripe)["id"])

    done = agent.complete(asked, {**body, "authentication_result": result}).json()

    assert done["status"] == "completed", done["messages"]
    assert Payment.objects.get().liability_shift == "confirmed"
    assert len(stripe.charges(asked["id"])) == 1


@pytest.mark.requirement("T33", "T34")
def test_a_proof_of_another_purchase_is_worth_nothing(agent: PlayedAgent, stripe: Stripe) -> None:
    body = paying(stripe, ASKING)
    agent.complete(agent.ready(capabilities=AGENT), paying(stripe, ASKING))
    others = stripe.authenticate(intent(stripe)["id"])
    asked = agent.complete(agent.ready(capabilities=AGENT), body).json()

    refused = agent.complete(asked, {**body, "authentication_result": others}).json()

    assert codes(refused) == ["payment_declined"]
    assert stripe.charges(asked["id"]) == []


def test_what_a_policy_demands_is_met(agent: PlayedAgent, stripe: Stripe) -> None:
    """With a card whose bank would not have asked."""
    Policy.objects.create(name="3-D Secure", kinds=["3ds"], enforcement="always")
    policy.forget()

    body = paying(stripe)
    asked = agent.complete(agent.ready(capabilities=AGENT), body).json()

    assert asked["status"] == "authentication_required"
    result = stripe.authenticate(intent(stripe)["id"])
    done = agent.complete(asked, {**body, "authentication_result": result})
    assert done.json()["status"] == "completed"

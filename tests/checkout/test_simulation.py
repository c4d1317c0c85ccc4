"""What would a session need? The page answers as the checkout would, and changes nothing."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from checkout.models import CheckoutSession
from checkout.risk import HouseRules
from gateway.models import Agent, OutboxMessage
from interventions import ports
from interventions.models import Intervention, Policy
from tests.acp.test_policy_conditions import GERMAN
from tests.agents import ADDRESS, BUYER, PlayedAgent, paying
from tests.operators import listing, log_in, open_shop, page

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.requirement("ACP-129", "ACP-137")]

OTP = {"interventions": {"supported": ["otp"]}}
BARE = {"interventions": {"supported": ["biometric"]}}


@pytest.fixture
def agent(transactional_db: None) -> Iterator[PlayedAgent]:
    before = ports.ports()
    ports.plug(replace(before, risk=HouseRules(amounts={"usd": 50_000})))
    played = open_shop()
    for policy in Policy.objects.all():
        policy.delete()
    yield played
    ports.plug(before)


@pytest.fixture
def operator(transactional_db: None) -> Client:
    return log_in()


def address() -> str:
    return reverse("admin:agentic_interventions_policy_simulation")


def answer(operator: Client, **given: Any) -> dict[str, str]:
    """The page's tables as one dict."""
    shown = operator.get(address(), given)
    assert shown.status_code == 200
    rows = re.findall(r'<tr><th scope="row">(.*?)</th><td>(.*?)</td></tr>', shown.text, re.DOTALL)
    return {
        html.unescape(re.sub("<[^>]*>", "", name)): html.unescape(re.sub("<[^>]*>", "", text))
        for name, text in rows
    }


def test_it_is_on_the_list_of_policies(operator: Client, agent: PlayedAgent) -> None:
    assert f'href="{address()}"' in operator.get(listing(Policy)).text
    assert "Enter a session, items or an amount." in operator.get(address(), {"country": "US"}).text
    assert operator.get(address()).status_code == 200


def test_which_policies_match_and_why_the_others_do_not(operator: Client, agent: PlayedAgent) -> None:
    watched = Agent.objects.get(name="Demo agent")
    Policy.objects.create(name="lamps", kinds=["otp"], item_tag="desk")
    Policy.objects.create(name="far", kinds=["otp"], countries="DE, AT")
    Policy.objects.create(name="watched", kinds=["otp"], owner=watched.owner, minimum_amount=10**9)
    Policy.objects.create(name="card", kinds=["otp"], handler="sandbox_card")
    Policy.objects.create(name="asleep", kinds=["otp"], active=False)

    plain = answer(operator, items="item_lamp 2", declares=["otp"])
    given = answer(
        operator,
        items="item_mug",
        country="at",
        agent=watched.owner,
        handler="sandbox_card",
        declares=["otp"],
    )

    assert plain["lamps"] == given["far"] == given["card"] == "matches"
    assert plain["far"] == "does not match: country"
    assert plain["watched"] == "does not match: minimum amount, agent"
    assert plain["card"] == "does not match: payment handler"
    assert given["watched"] == "does not match: minimum amount"
    assert plain["asleep"] == given["asleep"] == "inactive"
    assert given["Agent"] == "Demo agent"
    assert (plain["Required"], plain["The agent sees"]) == (
        "otp, always",
        "authentication_required: the person is asked for otp",
    )


def test_risk_decides_what_is_conditional(operator: Client, agent: PlayedAgent) -> None:
    Policy.objects.create(name="risky", kinds=["otp"], enforcement="conditional", approval=True)

    low = answer(operator, amount="49999", currency="usd", declares=["otp"])
    high = answer(operator, amount="50000", currency="usd", declares=["otp"])
    other = answer(operator, amount="50000", currency="usd")

    assert (low["Risk"], low["To be done before it is paid"]) == ("low", "nothing")
    assert low["The agent sees"] == "ready_for_payment"
    assert high["Risk"] == "high: the total is 500.00 USD"
    assert high["To be done before it is paid"] == "otp"
    assert high["Merchant's approval"] == "asked for when the agent completes"
    assert other["The agent can do it"] == "no, it lacks: otp"
    assert other["The agent sees"].startswith("not_ready_for_payment, with the message intervention_required")


CASES: list[dict[str, Any]] = [
    {"capabilities": OTP, "buyer": BUYER, "fulfillment_details": {"address": GERMAN}},
    {"capabilities": OTP, "buyer": BUYER, "fulfillment_details": {"address": ADDRESS}},
    {"capabilities": BARE, "buyer": BUYER, "fulfillment_details": {"address": GERMAN}},
    {"capabilities": {}, "fulfillment_details": {"address": GERMAN}},
]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("enforcement", ["always", "conditional", "optional"])
@pytest.mark.parametrize("item", ["item_mug", "item_camera"])
def test_it_answers_as_the_checkout_does(
    operator: Client, agent: PlayedAgent, case: dict[str, Any], enforcement: str, item: str
) -> None:
    """Whatever the agent can do, however strict the policy, low risk or high: the same status."""
    Policy.objects.create(name="far", kinds=["otp"], countries="DE", enforcement=enforcement)
    session = agent.create(item, **case)

    told = answer(operator, session=session["id"])

    assert re.split("[:,;]", told["The agent sees"])[0] == session["status"]
    required = session["capabilities"].get("interventions", {}).get("required")
    if session["capabilities"].get("interventions") and case["capabilities"] == OTP:
        assert told["Required"].partition(",")[0] == ((required or ["nothing"])[0])


def test_what_is_done_is_not_asked_again_unless_it_changes(operator: Client, agent: PlayedAgent) -> None:
    Policy.objects.create(name="all", kinds=["otp"])
    session = agent.create(capabilities=OTP, buyer=BUYER, fulfillment_details={"address": ADDRESS})
    Intervention.objects.update(state="passed")

    same = answer(operator, session=session["id"])
    other = answer(operator, session=session["id"], items="item_mug 3")

    assert (same["Done already"], same["The agent sees"]) == ("otp", "ready_for_payment")
    assert other["To be done before it is paid"] == "otp"


def test_nothing_is_changed_and_nobody_is_asked(operator: Client, agent: PlayedAgent) -> None:
    Policy.objects.create(name="all", kinds=["otp"], approval=True)
    session = agent.create("item_mug", buyer=BUYER, fulfillment_details={"address": ADDRESS})["id"]
    before = CheckoutSession.objects.values().get()

    with CaptureQueriesContext(connection) as sent:
        answer(operator, session=session, items="item_camera 1", declares=["otp"], handler="sandbox_card")

    writing = [
        entry["sql"] for entry in sent if not entry["sql"].upper().startswith(("SELECT", "BEGIN", "COMMIT"))
    ]
    assert writing == []
    assert CheckoutSession.objects.values().get() == before
    assert not Intervention.objects.exists()
    assert not OutboxMessage.objects.exists()
    assert len(mail.outbox) == 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"session": "cs_none"}, "There is no such session."),
        ({"items": "item_nowhere"}, "This merchant has no item with that id."),
        ({"items": "item_mug many"}, "the quantity has to be a whole number"),
        ({"items": "item_mug 0"}, "the quantity has to be a whole number"),
        ({"amount": "-1"}, "greater than or equal to 0"),
        ({"amount": "1", "country": "UK"}, "no two-letter code"),
        ({"amount": "1", "handler": "<b>x</b>"}, "Select a valid choice"),
        ({"amount": "1", "declares": "telepathy"}, "Select a valid choice"),
        ({"session": "cs_\0"}, "Null characters are not allowed"),
    ],
)
def test_what_makes_no_sense_is_said_beside_the_field(
    operator: Client, agent: PlayedAgent, given: dict[str, str], said: str
) -> None:
    shown = operator.get(address(), given)

    assert shown.status_code == 200
    assert said in shown.text
    assert "<b>x</b>" not in shown.text
    assert "<h2>Answer</h2>" not in shown.text


@pytest.mark.requirement("T95")
@pytest.mark.parametrize(
    ("permissions", "status", "sees"),
    [
        ((), 403, False),
        (("view_checkoutsession",), 403, False),
        (("view_policy",), 200, False),
        (("view_policy", "view_checkoutsession"), 200, True),
    ],
)
def test_looking_needs_permissions(
    agent: PlayedAgent, permissions: tuple[str, ...], status: int, sees: bool
) -> None:
    """Of policies for the page, and of sessions to try one out."""
    session = agent.ready()
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(clerk)

    shown = client.get(address(), {"session": session["id"]})

    assert shown.status_code == status
    assert ("<h2>Answer</h2>" in shown.text) is sees
    assert Client().get(address()).status_code == 302


def test_a_session_leads_to_its_simulation(operator: Client, agent: PlayedAgent) -> None:
    session = agent.ready()
    agent.complete(session, paying())

    shown = operator.get(page(CheckoutSession.objects.get())).text

    assert f"{address()}?session={session['id']}" in shown
    assert answer(operator, session=session["id"])["The agent sees"] == "ready_for_payment"

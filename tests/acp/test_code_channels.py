"""A one-time code by another way: `resend` with a `channel` (decisions 19, 21, 38; T12 to T14, T17)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from checkout import responses
from checkout.models import CheckoutSession
from checkout.responses import Response
from checkout.services import unsealed
from gateway import delivery
from gateway.models import IdempotentRequest
from interventions import ports
from interventions.models import Intervention
from tests.acp.test_one_time_code import DETAILS, OTP, code_in_mail, wrong
from tests.agents import ADDRESS, BUYER, PlayedAgent, codes

PHONE = "+43 664 1234567"
REACHABLE = {**BUYER, "phone_number": PHONE}


class Phones:
    """Carries texts into a list."""

    def __init__(self) -> None:
        self.texts: list[tuple[str, str]] = []

    def send(self, to: str, text: str, *, id: str) -> None:
        self.texts.append((to, text))

    def code(self) -> str:
        """What the buyer reads in the newest, once the relay has delivered it."""
        delivery.deliver_due()
        (found,) = re.findall(r"\b\d{6}\b", self.texts[-1][1])
        return found


@pytest.fixture
def phones() -> Iterator[Phones]:
    before, made = ports.ports(), Phones()
    ports.plug(replace(before, channels=("email", "sms"), texts=made))
    yield made
    ports.plug(before)


def allowed(*channels: str) -> None:
    """The merchant allows these ways from now on."""
    ports.plug(replace(ports.ports(), channels=channels))


def asked(agent: PlayedAgent, buyer: dict[str, Any] | None, **details: Any) -> dict[str, Any]:
    delivered = {"address": ADDRESS, **details}
    members = {"buyer": buyer} if buyer else {}
    return agent.create("item_sneakers", capabilities=OTP, fulfillment_details=delivered, **members)


def by(channel: Any) -> dict[str, Any]:
    return {"intervention_response": {"type": "otp", "resend": True, "channel": channel}}


def refused(agent: PlayedAgent, session: dict[str, Any], body: dict[str, Any]) -> tuple[int, str, str]:
    answer = agent.post(f"/checkout_sessions/{session['id']}", body)
    return answer.status_code, answer.json()["code"], answer.json()["param"]


@pytest.mark.requirement("ACP-144", "ACP-147", "ACP-152")
def test_the_first_way_that_leads_somewhere_is_taken(agent: PlayedAgent, phones: Phones) -> None:
    """Mail before a text; a text for who has no mail; the hint says which, masked."""
    both = asked(agent, REACHABLE)["intervention_context"]
    phone = asked(agent, None, phone_number="0043 (0)664 1234567")["intervention_context"]
    delivery.deliver_due()

    assert "ada@" not in both["challenge_hint"]
    assert both["challenge_hint"].endswith("example.com")
    assert both["channels"] == ["email", "sms"]
    assert phone["challenge_hint"] == "***67"
    assert "channels" not in phone
    assert [message.to for message in mail.outbox] == [["ada@example.com"]]
    ((number, text),) = phones.texts
    assert number == "+436641234567"
    assert "129.99" in text or "USD" in text
    assert "Demo agent" in text


@pytest.mark.requirement("ACP-148", "ACP-152", "ACP-156")
def test_another_way_is_asked_for_and_voids_the_first_code(agent: PlayedAgent, phones: Phones) -> None:
    session = asked(agent, REACHABLE)
    mailed = code_in_mail()

    with time_machine.travel(timezone.now() + timedelta(seconds=31)):
        resent = agent.update(session, by("sms"))
        texted = phones.code()
        void = agent.update(session, {"intervention_response": {"type": "otp", "code": mailed}})
        ready = agent.update(session, {"intervention_response": {"type": "otp", "code": texted}})

    assert resent["status"] == "authentication_required"
    assert resent["intervention_context"]["challenge_hint"] == "***67"
    assert codes(resent) == ["intervention_required"]
    assert "***67" in resent["messages"][0]["content"]
    assert mailed == texted or "invalid" in codes(void)
    assert ready["status"] == "ready_for_payment"
    assert len(mail.outbox) == 1
    assert agent.complete(ready).json()["status"] == "completed"


@pytest.mark.requirement("T12")
def test_another_way_is_no_way_around_the_caps(agent: PlayedAgent, phones: Phones) -> None:
    """Too soon is too soon; attempts that were spent stay spent (T14)."""
    session = asked(agent, REACHABLE)
    code = code_in_mail()
    agent.update(session, {"intervention_response": {"type": "otp", "code": wrong(code)}})

    soon = agent.update(session, by("sms"))

    assert "rate_limited" in codes(soon)
    assert soon["intervention_context"]["challenge_hint"].endswith("example.com")
    delivery.deliver_due()
    assert phones.texts == []
    with time_machine.travel(timezone.now() + timedelta(seconds=31)):
        agent.update(session, by("sms"))
        texted = phones.code()
        left = agent.update(session, {"intervention_response": {"type": "otp", "code": wrong(texted)}})
    assert "Attempts left: 3." in left["messages"][-1]["content"]
    assert Intervention.objects.get().sends == 2


def test_a_number_and_the_wish_for_it_in_one_request(agent: PlayedAgent, phones: Phones) -> None:
    """The fields come first: the new contact voids the challenge, and the new one goes there."""
    session = asked(agent, BUYER)
    code_in_mail()

    resent = agent.update(session, {"buyer": REACHABLE, **by("sms")})

    assert resent["intervention_context"]["challenge_hint"] == "***67"
    ready = agent.update(session, {"intervention_response": {"type": "otp", "code": phones.code()}})
    assert ready["status"] == "ready_for_payment"
    assert len(phones.texts) == len(mail.outbox) == 1
    assert sorted(Intervention.objects.values_list("state", "channel")) == [
        ("canceled", "email"),
        ("passed", "sms"),
    ]


def test_the_wish_holds_for_later_codes(agent: PlayedAgent, phones: Phones) -> None:
    """After it expired, and when the cart changed."""
    session = asked(agent, BUYER)
    agent.update(session, {"buyer": REACHABLE, **by("sms")})

    with time_machine.travel(timezone.now() + timedelta(seconds=301)):
        fresh = agent.update(session, {})
        changed = agent.update(session, {"line_items": [{"id": "item_sneakers", "quantity": 2}]})
        without = agent.update(session, {"buyer": {**BUYER, "phone_number": None}})

    assert fresh["intervention_context"]["challenge_hint"] == "***67"
    assert changed["intervention_context"]["challenge_hint"] == "***67"
    assert without["intervention_context"]["challenge_hint"].endswith("example.com")


@pytest.mark.parametrize(
    ("buyer", "channel"),
    [
        (REACHABLE, "pigeon"),
        (REACHABLE, ""),
        (REACHABLE, ["sms"]),
        (REACHABLE, 7),
        (BUYER, "sms"),
        ({**BUYER, "phone_number": "0664 1234567"}, "sms"),
    ],
)
def test_a_way_that_leads_nowhere_is_400(
    agent: PlayedAgent, phones: Phones, buyer: dict[str, Any], channel: Any
) -> None:
    """And nothing else of the request applies."""
    session = asked(agent, buyer)

    answer = refused(agent, session, {**by(channel), "order_notes": "x"})

    assert answer == (400, "invalid", "$.intervention_response.channel")
    assert "order_notes" not in CheckoutSession.objects.get().extras
    assert Intervention.objects.get().sends == 1


def test_a_way_that_the_merchant_does_not_allow_is_400(agent: PlayedAgent, phones: Phones) -> None:
    allowed("email")
    session = asked(agent, REACHABLE)

    assert refused(agent, session, by("sms"))[2] == "$.intervention_response.channel"
    assert "channels" not in session["intervention_context"]
    with time_machine.travel(timezone.now() + timedelta(seconds=31)):
        assert codes(agent.update(session, by("email"))) == ["intervention_required"]


def test_a_channel_for_nothing_pending(agent: PlayedAgent, phones: Phones) -> None:
    session = agent.ready()

    assert refused(agent, session, by("sms"))[:2] == (400, "no_pending_intervention")


@pytest.mark.requirement("ACP-159")
@pytest.mark.parametrize("passed", [False, True])
def test_a_changed_number_voids_what_it_confirmed(agent: PlayedAgent, phones: Phones, passed: bool) -> None:
    """Decision 21, T17: for a code that is out, and for one that was right."""
    allowed("sms", "email")
    session = asked(agent, REACHABLE)
    code = phones.code()
    if passed:
        agent.update(session, {"intervention_response": {"type": "otp", "code": code}})

    changed = agent.update(session, {"buyer": {**BUYER, "phone_number": "+43 664 7654321"}})
    fresh = phones.code()
    late = agent.update(session, {"intervention_response": {"type": "otp", "code": code}})

    assert changed["status"] == "authentication_required"
    assert changed["intervention_context"]["challenge_hint"] == "***21"
    assert code == fresh or late["status"] == "authentication_required"
    assert code == fresh or agent.complete(session).status_code == 400


def test_another_spelling_of_a_number_changes_nothing(agent: PlayedAgent, phones: Phones) -> None:
    allowed("sms", "email")
    session = asked(agent, REACHABLE)

    again = agent.update(session, {"buyer": {**BUYER, "phone_number": "0043-664-1234567"}})

    assert again["intervention_context"] == session["intervention_context"]
    assert Intervention.objects.get().sends == 1


@pytest.mark.parametrize(
    ("channels", "param"), [(("email", "sms"), "$.buyer.email"), (("sms",), "$.buyer.phone_number")]
)
def test_without_a_destination_it_is_asked_for(
    agent: PlayedAgent, phones: Phones, channels: tuple[str, ...], param: str
) -> None:
    """Decision 19."""
    allowed(*channels)

    session = asked(agent, None, phone_number="12")

    assert [(entry["code"], entry["param"]) for entry in session["messages"]] == [("missing", param)]
    assert not Intervention.objects.exists()


def test_the_number_of_the_delivery_is_good_too(agent: PlayedAgent, phones: Phones) -> None:
    session = asked(agent, None, phone_number=PHONE)

    assert session["intervention_context"]["challenge_hint"] == "***67"


def test_by_text_alone_mail_is_left_alone(agent: PlayedAgent, phones: Phones) -> None:
    allowed("sms")

    session = agent.create("item_sneakers", capabilities=OTP, fulfillment_details=DETAILS, buyer=REACHABLE)
    phones.code()

    assert session["intervention_context"]["challenge_hint"] == "***67"
    assert mail.outbox == []


@pytest.mark.requirement("T20")
def test_a_texted_code_in_the_notes_is_masked_and_the_number_stays(
    agent: PlayedAgent, phones: Phones
) -> None:
    allowed("sms", "email")
    session = asked(agent, REACHABLE)
    code = phones.code()

    agent.update(session, {"order_notes": f"my code is {code}", "buyer": REACHABLE})

    stored = CheckoutSession.objects.get()
    assert stored.extras["order_notes"] == "my code is ******"
    assert stored.buyer["phone_number"] == PHONE
    assert not any(f"is {code}" in kept.body for kept in IdempotentRequest.objects.all())


@pytest.mark.requirement("T12")
def test_who_changes_meanwhile_is_not_written_to_where_they_were(agent: PlayedAgent, phones: Phones) -> None:
    """Another request changes the number between the answer and the sending of its code; no gap between
    sends hides what that would come to."""
    unspaced = replace(ports.ports().rules, send_gaps_seconds=(), destination_gaps_seconds=())
    ports.plug(replace(ports.ports(), rules=unspaced))
    session = asked(agent, REACHABLE)
    owner = CheckoutSession.objects.get().owner
    steps: list[str] = []

    def still() -> None:
        steps.append("still")
        if len(steps) == 2:
            agent.update(session, {"buyer": {**REACHABLE, "phone_number": "+43 664 7654321"}})

    with time_machine.travel(timezone.now() + timedelta(seconds=31)):
        again = Response("otp", resend=True, channel="sms")
        responses.respond(session["id"], {}, again, owner=owner, seal=unsealed, still=still)
        delivery.deliver_due()

    assert len(steps) >= 2
    assert Intervention.objects.get(state="pending").sends == 1
    assert [number for number, _ in phones.texts] in ([], ["+436647654321"])

"""What an agent that can bring its person is spared, and what they finish without it: 3-D Secure, several
things one after another, and a purchase that was handed over (decisions 9, 17, 22)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from django.http import HttpResponse
from django.utils import timezone

from checkout import handoffs
from checkout.models import Order, Payment, SandboxCharge
from gateway import delivery
from gateway.aauth import moves
from gateway.pending_models import PendingRequest
from interventions import policy, visits
from interventions.models import Intervention, Policy
from tests.aauth.waiting.played import NamedAgent, problem, row
from tests.aauth.waiting.test_lifecycle import DETAILS, asked, confirmed, sneakers
from tests.acp.test_hosted_three_d_secure import ASKING, at_the_bank
from tests.acp.test_redirect import Person
from tests.agents import BUYER
from tests.bank import Wire, banked, provider, run
from tests.frozen import BROWSER, FORM, card

AGENT_3DS = {"interventions": {"supported": ["3ds"]}}


@pytest.fixture
def wire(named: NamedAgent) -> Iterator[Wire]:
    made = Wire()
    with banked(provider(made)):
        yield made


def ready(named: NamedAgent, **members: object) -> str:
    response = named.create("item_mug", fulfillment_details=DETAILS, buyer=BUYER, **members)
    assert response.status_code == 201, response.content
    return str(response.json()["id"])


def at_the_page(named: NamedAgent, subject: str, decision: str) -> HttpResponse:
    return at_the_bank(Person(), named.retrieve(subject), decision)


@pytest.mark.requirement("AA-002", "AA-007")
def test_the_bank_asks_and_the_held_payment_goes_on(named: NamedAgent, wire: Wire) -> None:
    """One attempt, finished without a second complete (decision 22)."""
    subject = ready(named)
    parked = asked(named.complete(subject, ASKING))
    assert parked.headers["AAuth-Requirement"].startswith("requirement=interaction")
    context = named.retrieve(subject)["intervention_context"]
    assert context["intervention_type"] == "redirect"

    assert at_the_page(named, subject, "approve").status_code == 200
    done = named.poll(parked)

    assert done.json()["status"] == "completed"
    assert Payment.objects.count() == SandboxCharge.objects.count() == Order.objects.count() == 1


def test_the_bank_says_no_and_the_answer_is_the_session(named: NamedAgent, wire: Wire) -> None:
    subject = ready(named)
    parked = asked(named.complete(subject, ASKING))
    at_the_page(named, subject, "deny")

    done = named.poll(parked)

    assert (done.status_code, done.json()["status"]) == (200, "ready_for_payment")
    assert [entry["code"] for entry in done.json()["messages"]] == ["payment_declined"]
    assert not Order.objects.exists()


@pytest.mark.requirement("AA-027")
def test_the_holder_says_no_at_our_page(named: NamedAgent, wire: Wire) -> None:
    subject = ready(named)
    parked = asked(named.complete(subject, ASKING))
    person, url = Person(), named.retrieve(subject)["intervention_context"]["redirect_url"]
    person.press(person.open(url), url, answer="stop")

    assert problem(named.poll(parked)) == (403, "denied")
    delivery.deliver_due()
    assert SandboxCharge.objects.get().outcome == "voided"


def test_an_agent_that_runs_3ds_is_given_it(named: NamedAgent, wire: Wire) -> None:
    subject = ready(named, capabilities=AGENT_3DS)
    response = named.complete(subject, ASKING)

    assert (response.status_code, response.json()["status"]) == (200, "authentication_required")
    done = named.complete(subject, {**ASKING, "authentication_result": run(response.json())})
    assert done.json()["status"] == "completed"
    assert not PendingRequest.objects.exists()


@pytest.mark.requirement("AA-031")
def test_withdrawing_gives_the_waiting_payment_up(named: NamedAgent, wire: Wire) -> None:
    subject = ready(named)
    parked = asked(named.complete(subject, ASKING))
    assert named.withdraw(parked).status_code == 204

    assert Payment.objects.get().state == "declined"
    assert named.retrieve(subject)["status"] == "ready_for_payment"
    delivery.deliver_due()
    assert SandboxCharge.objects.get().outcome == "voided"


@pytest.mark.requirement("AA-078")
def test_after_the_time_is_over_nobody_pays_any_more(named: NamedAgent, wire: Wire) -> None:
    """The agent was told that it may start afresh: what it started before must not be paid as well."""
    subject = ready(named)
    parked = asked(named.complete(subject, ASKING))
    row_before = row()
    PendingRequest.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert problem(named.poll(parked)) == (408, "expired")

    assert Payment.objects.get().state == "declined"
    assert not Order.objects.exists()
    assert row().pk == row_before.pk


@pytest.mark.requirement("AA-007", "AA-077")
def test_a_code_then_the_bank(named: NamedAgent, wire: Wire) -> None:
    """A call may wait for several things; the person is brought once more, with a new code."""
    subject = sneakers(named).json()["checkout_session_id"]
    parked = asked(named.complete(subject, ASKING))
    waits = PendingRequest.objects.get(operation="acp.complete")
    moves.move(waits, "interacting", code_used_round=0)
    confirmed(subject)

    again = asked(named.poll(parked))

    assert again.json()["status"] == "pending"
    assert again.headers["AAuth-Requirement"] != parked.headers["AAuth-Requirement"]
    assert Payment.objects.get().state == "requires_action"
    at_the_page(named, subject, "approve")
    assert named.poll(parked).json()["status"] == "completed"
    assert SandboxCharge.objects.count() == Order.objects.count() == 1


def test_a_code_then_the_merchant(named: NamedAgent, wire: Wire) -> None:
    Policy.objects.create(name="Look", approval=True, item_tag="shoes", enforcement="always")
    policy.forget()
    Policy.objects.filter(name="Look").update(item_tag="")
    policy.forget()
    subject = sneakers(named).json()["checkout_session_id"]
    parked = asked(named.complete(subject))
    confirmed(subject)

    waits = asked(named.poll(parked))
    assert waits.headers["AAuth-Requirement"] == "requirement=approval"
    assert not Payment.objects.exists()


@pytest.mark.requirement("AA-011")
def test_it_is_told_of_nothing_that_it_cannot_do(named: NamedAgent) -> None:
    """In the negotiation it can do all that has a page here (brief: never "Your agent cannot do that")."""
    parked = sneakers(named)
    session = named.retrieve(parked.json()["checkout_session_id"])
    assert "cannot" not in str(session["messages"])
    assert "otp" in session["capabilities"]["interventions"]["supported"]
    assert session["status"] == "authentication_required"
    assert session["continue_url"]


@pytest.mark.requirement("AA-011")
def test_nobody_makes_itself_able_by_saying_so_in_a_body(named: NamedAgent) -> None:
    named.capabilities = ()
    for members in (
        {"metadata": {"brings_its_person": True}},
        {"capabilities": {"extensions": ["brings_its_person"]}},
    ):
        session = named.create("item_sneakers", fulfillment_details=DETAILS, buyer=BUYER, **members).json()
        assert session["status"] == "not_ready_for_payment"
        assert "cannot" in session["messages"][0]["content"]


def test_a_purchase_that_was_handed_over_before_it_said_so(named: NamedAgent, wire: Wire) -> None:
    """Opened without the capability, and handed over by policy; completed with it."""
    for rule in Policy.objects.exclude(kinds=[]):
        rule.hand_over = True
        rule.save()
    policy.forget()
    named.capabilities = ()
    session = named.create("item_sneakers", fulfillment_details=DETAILS, buyer=BUYER).json()
    assert session["status"] == "requires_escalation"

    named.capabilities = ("interaction",)
    parked = asked(named.complete(session["id"]))
    assert parked.json()["intervention_type"] == "handoff"

    handoff = Intervention.objects.get(kind="handoff").pk
    visits.enter(handoff, BROWSER)
    handoffs.change(handoff, BROWSER, {})
    confirmed(session["id"])
    stands = handoffs.session_of(handoff)
    handoffs.change(handoff, BROWSER, {})
    stands = handoffs.session_of(handoff)
    handoffs.pay(handoff, BROWSER, card(), form=FORM, shown=stands.total)

    done = named.poll(parked)
    assert done.json()["status"] == "completed"
    assert Order.objects.count() == 1


def test_the_person_refuses_what_was_handed_over(named: NamedAgent) -> None:
    for rule in Policy.objects.exclude(kinds=[]):
        rule.hand_over = True
        rule.save()
    policy.forget()
    named.capabilities = ()
    session = named.create("item_sneakers", fulfillment_details=DETAILS, buyer=BUYER).json()
    named.capabilities = ("interaction",)
    parked = asked(named.complete(session["id"]))
    handoff = Intervention.objects.get(kind="handoff").pk
    visits.enter(handoff, BROWSER)
    handoffs.refuse(handoff, BROWSER)

    assert problem(named.poll(parked)) == (403, "denied")


def test_an_inline_code_carries_the_held_complete_out(named: NamedAgent) -> None:
    """Whichever way the person confirms: the first that is valid counts."""
    from tests.acp.test_one_time_code import code_in_mail

    subject = sneakers(named).json()["checkout_session_id"]
    parked = asked(named.complete(subject))
    answer = named.update(subject, {"intervention_response": {"type": "otp", "code": code_in_mail()}})
    assert answer.status_code == 200
    assert named.poll(parked).json()["status"] == "completed"


def test_the_agent_cancels_its_session(named: NamedAgent) -> None:
    subject = sneakers(named).json()["checkout_session_id"]
    parked = asked(named.complete(subject))
    assert named.acp(f"/checkout_sessions/{subject}/cancel", {}).status_code == 200
    said = named.poll(parked)
    assert problem(said) == (410, "gone")
    assert "canceled" in said.json()["detail"]


def test_two_completes_that_wait_are_one_purchase(named: NamedAgent) -> None:
    """AA-116: each has its own end; the second finds the session completed."""
    subject = sneakers(named).json()["checkout_session_id"]
    one, two = asked(named.complete(subject)), asked(named.complete(subject))
    confirmed(subject)
    assert [named.poll(parked).json()["status"] for parked in (one, two)] == ["completed"] * 2
    assert SandboxCharge.objects.count() == Order.objects.count() == 1


def test_a_provider_that_is_silent_ends_nothing(named: NamedAgent, monkeypatch: pytest.MonkeyPatch) -> None:
    from checkout.errors import ProviderUnavailable
    from checkout.payments.sandbox import SandboxProvider

    subject = sneakers(named).json()["checkout_session_id"]
    parked = asked(named.complete(subject))
    confirmed(subject)

    with monkeypatch.context() as silent:

        def nothing(*_: object, **__: object) -> None:
            raise ProviderUnavailable

        silent.setattr(SandboxProvider, "authorize", nothing)
        waits = asked(named.poll(parked))
        assert "AAuth-Requirement" not in waits.headers
        conflict = named.withdraw(parked)
        assert problem(conflict) == (409, "conflict")
        PendingRequest.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        with time_machine.travel(timezone.now() + timedelta(seconds=5), tick=False):
            asked(named.poll(parked)), "money may be moving: nobody says that it is over"

    PendingRequest.objects.update(expires_at=timezone.now() + timedelta(minutes=1))
    with time_machine.travel(timezone.now() + timedelta(seconds=20), tick=True):
        assert named.poll(parked).json()["status"] == "completed"
    assert SandboxCharge.objects.count() == Order.objects.count() == 1


@pytest.mark.requirement("AA-078")
@pytest.mark.parametrize(("used", "ends"), [(0, (403, "abandoned")), (-1, (408, "expired"))])
def test_who_came_in_an_earlier_round_has_abandoned_it(
    named: NamedAgent, wire: Wire, used: int, ends: tuple[int, str]
) -> None:
    """Needed once more, the call is pending again; that its person never came would not be true."""
    parked = asked(named.complete(ready(named), ASKING))
    PendingRequest.objects.update(round=used + 1, code_used_round=used)
    assert row().state == "pending"

    with time_machine.travel(row().expires_at + timedelta(seconds=1), tick=False):
        assert problem(named.poll(parked)) == ends

"""What an agent tries while a person finishes its session, and what its clock does to a link (AJ-085,
AJ-089)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from checkout import carts, handoffs
from checkout.models import Cart, CheckoutSession
from checkout.ports import ports
from gateway.models import OutboxMessage
from interventions import handing_over, policy, visits
from interventions.models import Intervention, Policy
from tests.acp.test_escalation import escalated, handoff_of
from tests.agents import PlayedAgent
from tests.frozen import BROWSER, VISIT
from tests.parts import plugged
from tests.person.conftest import code_in_mail


@pytest.fixture
def there(agent: PlayedAgent) -> dict[str, Any]:
    """An agent's own session, whose buyer is at our page and is asked for a one-time code."""
    for row in Policy.objects.exclude(kinds=[]):
        row.hand_over = True
        row.save()
    policy.forget()
    session = escalated(agent)
    visits.enter(handoff_of(session), BROWSER)
    handoffs.change(handoff_of(session), BROWSER, {})
    return session


def otp() -> Intervention:
    return Intervention.objects.get(kind="otp")


@pytest.mark.requirement("AJ-085", "T13")
@pytest.mark.parametrize("right", [False, True], ids=["guessed", "right"])
def test_its_agent_answers_nothing_that_the_person_is_asked(
    agent: PlayedAgent, there: dict[str, Any], right: bool
) -> None:
    """It was not asked, so nothing is compared, and no attempt of the person's is used up."""
    code = code_in_mail() if right else "000000"
    for _ in range(6):
        told = agent.post(
            f"/checkout_sessions/{there['id']}", {"intervention_response": {"type": "otp", "code": code}}
        )
        assert told.status_code == 400, told.json()

    assert (otp().state, otp().attempts) == ("pending", 0)
    assert CheckoutSession.objects.get().state == "open"


@pytest.mark.requirement("AJ-085", "T12")
def test_its_agent_has_no_code_sent(agent: PlayedAgent, there: dict[str, Any]) -> None:
    code_in_mail()
    before = (otp().challenge, otp().sends, OutboxMessage.objects.count())
    with time_machine.travel(timezone.now() + timedelta(seconds=90)):
        for more in ({}, {"channel": "email"}):
            answer = {"type": "otp", "resend": True, **more}
            told = agent.post(f"/checkout_sessions/{there['id']}", {"intervention_response": answer})
            assert told.status_code == 400, told.json()

    assert (otp().challenge, otp().sends, OutboxMessage.objects.count()) == before


@pytest.mark.requirement("AJ-089")
def test_a_sweep_ends_only_what_is_overdue(
    agent: PlayedAgent, there: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent asks for a new link while the sweep looks at the old one."""
    fresh: list[dict[str, Any]] = []
    real = handing_over.overdue

    def overdue(now: datetime, most: int) -> list[Intervention]:
        found = real(now, most)
        fresh.append(agent.update(there, {}))
        return found

    monkeypatch.setattr(handing_over, "overdue", overdue)
    with time_machine.travel(timezone.now() + timedelta(minutes=31)):
        handoffs.sweep(timezone.now())

        assert fresh[0]["status"] == "requires_escalation"
        assert visits.look(handoff_of(fresh[0])).state == "pending"
        assert visits.look(handoff_of(there)).state == "expired"


@pytest.mark.requirement("AJ-089")
def test_a_cart_lives_as_long_as_its_link() -> None:
    """Else the next one has a second link that can be paid beside it."""
    with plugged(rules=replace(ports().rules, cart_seconds=600)):
        carts.add(VISIT, "item_mug", 1, lambda priced: None)
        first = handoffs.freeze(VISIT, lambda frozen: None)
        with time_machine.travel(timezone.now() + timedelta(seconds=660)):
            carts.sweep(timezone.now(), batch=10)
            assert carts.view(VISIT).handed is not None
            carts.add(VISIT, "item_tablet", 1, lambda priced: None)
            second = handoffs.freeze(VISIT, lambda frozen: None)

    assert Cart.objects.count() == 1
    assert CheckoutSession.objects.get(pk=first.session.id).state == "canceled"
    assert [line["item_id"] for line in second.session.lines] == ["item_mug", "item_tablet"]

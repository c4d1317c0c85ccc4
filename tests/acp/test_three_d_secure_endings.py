"""How a payment that waited for its holder ends when two things happen at once, or one of them is lost:
decisions 20, 22, 36, reliability-security T31, T33, T57, R32."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.utils import timezone

from checkout import effects, responses, settlement
from checkout.errors import ProviderUnavailable
from checkout.models import Order, Payment, SandboxCharge
from checkout.payments.issuer import IssuerPage
from checkout.payments.sandbox import SandboxProvider
from checkout.ports import ActionRequired, Attempt, Outcome
from gateway import delivery
from gateway.shop.models import Product
from interventions import ports
from interventions.models import Intervention
from tests.acp.test_completion import Silent
from tests.acp.test_hosted_three_d_secure import REDIRECT, at_the_bank
from tests.acp.test_redirect import Person
from tests.acp.test_three_d_secure import AGENT, ASKING, bringing
from tests.agents import PlayedAgent, codes
from tests.bank import Wire, banked, decide, provider, run

WEBVIEW = {"interventions": {"supported": ["webview"], "display_context": "native"}}


def waiting(agent: PlayedAgent, capabilities: dict[str, Any]) -> dict[str, Any]:
    answered = agent.complete(agent.ready(capabilities=capabilities), ASKING).json()
    assert answered["status"] == "authentication_required"
    return answered


def stop(url: str, person: Person | None = None) -> None:
    """The holder says no at our own page, and is told that nothing is bought."""
    person = person or Person()
    assert person.press(person.open(url), url, answer="stop").status_code == 200


def nothing_charged(agent: PlayedAgent, session: dict[str, Any]) -> None:
    delivery.deliver_due()
    after = agent.retrieve(session)
    assert after["status"] == "ready_for_payment", after["status"]
    assert codes(after) == ["payment_declined"]
    assert not Order.objects.exists()
    assert SandboxCharge.objects.get().outcome in ("voided", "declined")
    assert Payment.objects.get().state == "declined"


# --- the holder's no ----------------------------------------------------------------------------


@pytest.mark.requirement("T31", "ACP-171")
def test_a_no_at_our_page_stands_although_the_bank_had_a_yes(agent: PlayedAgent, wire: Wire) -> None:
    """Approved at the bank, then changed their mind before anybody had asked the bank."""
    session, person = waiting(agent, REDIRECT), Person()
    decide(person.leave(session), "approve")

    stop(session["continue_url"], person)

    assert Intervention.objects.get().state == "denied"
    nothing_charged(agent, session)


@pytest.mark.requirement("T31", "ACP-171")
def test_a_no_at_our_page_stands_against_a_proof_that_comes_later(
    agent: PlayedAgent, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session had not yet heard of it."""
    session = waiting(agent, AGENT)
    result = run(session)
    monkeypatch.setattr(responses, "settled", lambda session: 1 / 0)
    stop(session["continue_url"])
    monkeypatch.undo()

    answered = agent.complete(session, bringing(result))

    assert codes(answered.json()) == ["payment_declined"]
    nothing_charged(agent, session)


@pytest.mark.requirement("T31", "ACP-171")
@pytest.mark.parametrize("answers", ["a verdict", "another question"])
def test_a_no_at_our_page_stands_against_a_proof_on_its_way(
    agent: PlayedAgent, wire: Wire, answers: str
) -> None:
    """While the provider looks at the proof, the holder says no."""
    session = waiting(agent, AGENT)

    class Meanwhile(SandboxProvider):
        def resume(self, attempt: Attempt, result: Any) -> Outcome:
            stop(session["continue_url"])
            if answers == "another question":
                return self.retrieve(attempt)  # type: ignore[return-value]
            return super().resume(attempt, result)

    with banked(provider(wire, Meanwhile)):
        answered = agent.complete(session, bringing(run(session)))

    assert codes(answered.json()) == ["payment_declined"]
    nothing_charged(agent, session)


# --- two at once --------------------------------------------------------------------------------


@pytest.mark.requirement("ACP-033", "ACP-094")
@pytest.mark.parametrize("decision", ["approve", "deny"])
def test_somebody_settles_while_the_proof_is_looked_at(agent: PlayedAgent, wire: Wire, decision: str) -> None:
    """They heard that a person must act, which is out of date; the answer to the proof counts."""
    session = waiting(agent, AGENT)
    result = run(session)

    class Hurried(SandboxProvider):
        def resume(self, attempt: Attempt, brought: Any) -> Outcome:
            settlement.settle(attempt.id)
            assert Payment.objects.get().state == "requires_action"
            if decision == "deny":
                return super().resume(attempt, {"outcome": "denied"})
            return super().resume(attempt, brought)

    with banked(provider(wire, Hurried)):
        answered = agent.complete(session, bringing(result))

    assert answered.status_code == 200, answered.content
    if decision == "approve":
        assert answered.json()["status"] == "completed"
        assert Intervention.objects.get().state == "passed"
        assert Order.objects.count() == SandboxCharge.objects.count() == 1
    else:
        nothing_charged(agent, session)


@pytest.mark.requirement("ACP-040")
def test_given_up_while_the_proof_is_looked_at(agent: PlayedAgent, wire: Wire) -> None:
    """Settled, then canceled, then the provider says yes: no order, and the money goes back."""
    session = waiting(agent, AGENT)
    result = run(session)

    class Late(SandboxProvider):
        def resume(self, attempt: Attempt, brought: Any) -> Outcome:
            settlement.settle(attempt.id)
            assert agent.cancel(session).status_code == 200
            return super().resume(attempt, brought)

    with banked(provider(wire, Late)):
        late = agent.complete(session, bringing(result))
        delivery.deliver_due()

    assert late.status_code == 409
    assert agent.retrieve(session)["status"] == "canceled"
    assert SandboxCharge.objects.get().outcome == "voided"
    assert not Order.objects.exists()


@pytest.mark.requirement("ACP-171")
def test_a_no_given_up_while_the_provider_makes_money_of_it(agent: PlayedAgent, wire: Wire) -> None:
    """Settled as refused and undone already, and only then authorized: it is undone again."""
    session = waiting(agent, AGENT)

    class Slow(SandboxProvider):
        def resume(self, attempt: Attempt, result: Any) -> Outcome:
            settlement.settle(attempt.id)
            delivery.deliver_due()
            SandboxCharge.objects.filter(key=attempt.id).update(outcome="authorized")
            return self.retrieve(attempt)  # type: ignore[return-value]

    with banked(provider(wire, Slow)):
        answered = agent.complete(session, bringing({"outcome": "denied"}))
        assert (answered.status_code, answered.json()["status"]) == (200, "ready_for_payment")
        nothing_charged(agent, session)


@pytest.mark.requirement("ACP-095")
def test_the_first_complete_comes_again_after_the_second(agent: PlayedAgent, wire: Wire) -> None:
    """Its answer was lost, a sweep found the question, and another key has paid meanwhile."""
    session = agent.ready(capabilities=AGENT)
    quiet = provider(wire, Deaf)
    with banked(quiet):
        assert agent.complete(session, ASKING, key="k1").status_code == 503
        quiet.silent = False  # type: ignore[attr-defined]
        settlement.settle(Payment.objects.get().pk)
        asked = agent.retrieve(session)
        paid = agent.complete(asked, bringing(run(asked)), key="k2")
        again = agent.complete(session, ASKING, key="k1")

    assert paid.json()["status"] == "completed"
    assert again.status_code == 405
    assert Order.objects.count() == SandboxCharge.objects.count() == Payment.objects.count() == 1


@pytest.mark.requirement("T38")
def test_a_first_answer_that_comes_after_the_proof_is_out_of_date(agent: PlayedAgent, wire: Wire) -> None:
    """The first call slept while the question was found and answered; nothing asked stays behind."""
    session = agent.ready(capabilities=AGENT)

    class Sleepy(SandboxProvider):
        def authorize(self, attempt: Attempt) -> Outcome:
            super().authorize(attempt)
            settlement.settle(attempt.id)
            asked = agent.retrieve(session)
            assert agent.complete(asked, bringing(run(asked)), key="k2").status_code == 503
            return self.retrieve(attempt)  # type: ignore[return-value]

        def resume(self, attempt: Attempt, result: Any) -> Outcome:
            super().resume(attempt, result)
            raise ProviderUnavailable

    with banked(provider(wire, Sleepy)):
        assert agent.complete(session, ASKING, key="k1").status_code == 409
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        effects.sweep()

    assert agent.retrieve(session)["status"] == "completed"
    assert Intervention.objects.get().state == "passed"
    assert Order.objects.count() == SandboxCharge.objects.count() == 1


class Deaf(SandboxProvider):
    """Does what it is asked to, and its answer is lost."""

    silent = True

    def authorize(self, attempt: Attempt) -> Outcome:
        outcome = super().authorize(attempt)
        if self.silent:
            raise ProviderUnavailable
        return outcome


# --- what is lost -------------------------------------------------------------------------------


@pytest.mark.requirement("ACP-171", "T33")
@pytest.mark.parametrize("outcome", ["denied", "rejected", "not_supported", "internal_error"])
@pytest.mark.parametrize("by", ["sweep", "the same request"])
def test_what_the_agent_brought_is_remembered_when_the_answer_is_lost(
    agent: PlayedAgent, wire: Wire, outcome: str, by: str
) -> None:
    """A provider that makes money of it; nobody was seen, so it goes back, whoever finds it."""
    session = waiting(agent, AGENT)

    class Careless(SandboxProvider):
        silent = True

        def resume(self, attempt: Attempt, result: Any) -> Outcome:
            SandboxCharge.objects.filter(key=attempt.id).update(outcome="authorized")
            if self.silent:
                raise ProviderUnavailable
            return self.retrieve(attempt)  # type: ignore[return-value]

    careless = provider(wire, Careless)
    with banked(careless):
        assert agent.complete(session, bringing({"outcome": outcome}), key="k2").status_code == 503
        careless.silent = False  # type: ignore[attr-defined]
        if by == "sweep":
            with time_machine.travel(timezone.now() + timedelta(seconds=61)):
                effects.sweep()
                delivery.deliver_due()
        else:
            answered = agent.complete(session, bringing({"outcome": outcome}), key="k2")
            assert codes(answered.json()) == ["payment_declined"]
        nothing_charged(agent, session)


@pytest.mark.requirement("T38", "ACP-075")
def test_the_time_ends_although_the_provider_is_silent(agent: PlayedAgent, wire: Wire) -> None:
    """Nobody's stock is held for as long as a provider is down; what it may know is undone later."""
    before = Product.objects.get(pk="item_mug").available
    session = waiting(agent, AGENT)
    wire.silent = True

    with time_machine.travel(timezone.now() + timedelta(seconds=601)):
        effects.sweep()
        available = Product.objects.get(pk="item_mug").available
        delivery.deliver_due()
        state = Payment.objects.get().state
        wire.silent = False
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        delivery.deliver_due()
        after = agent.retrieve(session)

    assert (state, available) == ("declined", before)
    assert codes(after) == ["expired"]
    assert SandboxCharge.objects.get().outcome == "voided"


def test_payments_that_wait_stand_in_nobodys_way(
    agent: PlayedAgent, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many people as a sweep can look at are at their banks, and a request has died."""
    monkeypatch.setattr(effects, "BATCH", 2)
    for item in ("item_mug", "item_pens", "item_mug"):
        answered = agent.complete(agent.ready(item, capabilities=AGENT), ASKING)
        assert answered.json()["status"] == "authentication_required"
    lost = agent.ready()
    silent = Silent()
    with banked(silent):
        agent.complete(lost)
        silent.silent = False

    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        effects.sweep()
        assert agent.retrieve(lost)["status"] == "completed"
        for _ in range(2):
            effects.sweep()

    stale = timezone.now() + timedelta(seconds=1)
    assert not Payment.objects.filter(state="requires_action", updated_at__lte=stale).exists()


# --- what is shown ------------------------------------------------------------------------------


@pytest.mark.requirement("ACP-145", "ACP-160", "ACP-164", "T39")
def test_an_agent_with_a_web_view_alone_can_finish(agent: PlayedAgent, wire: Wire) -> None:
    """Our page opened in it leads to the bank and back; no other site may frame it."""
    session, person = waiting(agent, WEBVIEW), Person()
    context = session["intervention_context"]

    shown = person.open(context["redirect_url"])
    last = at_the_bank(person, session, "approve")

    assert context["intervention_type"] == "webview"
    assert session["continue_url"] == context["redirect_url"]
    assert "authentication_metadata" not in session
    assert "frame-ancestors 'none'" in shown.headers["Content-Security-Policy"]
    assert "You have confirmed the purchase" in last.content.decode()
    assert agent.retrieve(session)["status"] == "completed"


@pytest.mark.requirement("ACP-153", "ACP-160")
def test_the_web_views_own_word_is_the_hint(agent: PlayedAgent, wire: Wire) -> None:
    session = waiting(agent, WEBVIEW)
    path = f"/checkout_sessions/{session['id']}"
    decide(Person().leave(session), "approve")

    wrong = agent.post(path, {"intervention_response": {"type": "redirect_complete"}})
    right = agent.post(path, {"intervention_response": {"type": "webview_complete"}})

    assert wrong.status_code == 400
    assert right.json()["status"] == "completed"


@pytest.mark.requirement("ACP-167")
@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"directory_server": "diners"},
        {"acquirer_details": {"acquirer_bin": "4" * 12, "acquirer_country": "US"}},
    ],
)
@pytest.mark.parametrize("page", [True, False])
def test_parameters_that_no_agent_could_use_are_not_sent(
    agent: PlayedAgent, wire: Wire, broken: dict[str, Any], page: bool
) -> None:
    """The holder is asked at the page, if there is one and the agent can; else nothing is charged."""

    class Muddled(SandboxProvider):
        def authorize(self, attempt: Attempt) -> Outcome:
            asks = super().authorize(attempt)
            assert isinstance(asks, ActionRequired)
            metadata = {**(asks.metadata or {}), **broken} if broken else {}
            return ActionRequired(asks.reference, "3ds", asks.redirect_url if page else None, metadata)

    both = {"interventions": {"supported": ["3ds", "redirect", "otp"]}}
    with banked(provider(wire, Muddled)):
        session = agent.complete(agent.ready(capabilities=both), ASKING).json()
        delivery.deliver_due()

    assert "authentication_metadata" not in session
    if page:
        assert session["intervention_context"]["intervention_type"] == "redirect"
    else:
        assert codes(session) == ["intervention_required"]
        assert SandboxCharge.objects.get().outcome == "voided"


@pytest.mark.requirement("T32", "T34")
def test_the_way_back_of_another_session_is_no_way_here(agent: PlayedAgent, wire: Wire) -> None:
    """The state of X on Y, in the browser that was at both."""
    person = Person()
    mine, other = waiting(agent, REDIRECT), waiting(agent, REDIRECT)
    person.leave(other)
    away = decide(person.leave(mine), "approve").headers["Location"]
    brought = {name: values[0] for name, values in parse_qs(urlsplit(away).query).items()}

    assert person.come_back(other, brought).status_code in (409, 410)

    assert agent.retrieve(other)["status"] == "authentication_required"
    assert agent.retrieve(mine)["status"] == "authentication_required"


@pytest.mark.requirement("ACP-164", "ACP-166")
@pytest.mark.parametrize(("capabilities", "kind"), [(REDIRECT, "redirect"), (WEBVIEW, "webview")])
def test_the_banks_page_needs_no_wallet_beside_it(
    agent: PlayedAgent, wire: Wire, capabilities: dict[str, Any], kind: str
) -> None:
    """A merchant that runs 3-D Secure and nothing else; what a policy asks of pages it still cannot run."""
    before = ports.ports()
    ports.plug(replace(before, providers={"3ds": IssuerPage()}))
    try:
        session = waiting(agent, capabilities)
        unsold = agent.create("item_tablet", capabilities=capabilities)
    finally:
        ports.plug(before)

    assert session["intervention_context"]["intervention_type"] == kind
    assert session["capabilities"]["interventions"]["supported"] == [kind]
    assert unsold["status"] == "not_ready_for_payment"

"""Agent and buyer at the same instant: on PostgreSQL, with negative controls (reliability-security 0.10).

However it goes, one cart is never paid twice, and no order is for anything but what its buyer saw.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from checkout import carts, effects, handoffs
from checkout.carts import PricedCart
from checkout.errors import CheckoutError
from checkout.handoffs import Frozen
from checkout.models import Cart, CheckoutSession, Order, Payment, SandboxCharge
from interventions import policy, visits
from interventions.errors import InterventionError
from interventions.models import Intervention, Policy
from tests.acp.test_escalation import escalated, handoff_of
from tests.agents import PlayedAgent
from tests.crowd import at_once
from tests.frozen import BROWSER, FORM, VISIT, card, cart, confirmed, entered

pytestmark = pytest.mark.services

ROUNDS = 5
CROWD = 8


def linger(_: object) -> None:
    """Everybody else has looked meanwhile, if they can."""
    time.sleep(0.05)


def unsealed(_: object) -> None:
    """Nobody is answered."""


def trying(act: Callable[[], Any]) -> Any:
    """What came of it, or why it was refused."""
    try:
        return act()
    except (CheckoutError, InterventionError) as problem:
        return problem


def together(acts: list[Callable[[], Any]]) -> list[Any]:
    """What came of each, all let go at the same moment."""
    return at_once(len(acts), lambda number: trying(acts[number]))


def freeze() -> Frozen:
    return handoffs.freeze(VISIT, linger)


def add() -> PricedCart:
    return carts.add(VISIT, "item_pens", 1, unsealed)


def payable() -> list[CheckoutSession]:
    """Sessions of the visit that somebody could pay, or is paying."""
    rows = Intervention.objects.filter(kind="handoff", state__in=("pending", "interacting"))
    sessions = CheckoutSession.objects.filter(state__in=("open", "completing"))
    return list(sessions.filter(pk__in=rows.values("subject")))


def lines(of: CheckoutSession | Cart) -> list[tuple[str, int]]:
    return sorted((line["item_id"], line["quantity"]) for line in of.lines)


@pytest.mark.requirement("AJ-089")
def test_many_checkouts_at_once_have_one_link() -> None:
    cart(("item_mug", 1))
    links = {frozen.intervention_id for frozen in at_once(CROWD, lambda number: freeze())}

    assert len(links) == 1
    assert CheckoutSession.objects.count() == 1


def test_without_the_lock_of_the_cart_there_are_two_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control."""
    found = Cart.objects.filter(owner=VISIT, closed_at=None)
    monkeypatch.setattr(handoffs, "_locked_cart", lambda owner: found.all().first())
    cart(("item_mug", 1))
    at_once(CROWD, lambda number: freeze())

    assert len(payable()) > 1


@pytest.mark.requirement("AJ-089")
def test_an_add_during_checkout_leaves_no_link_for_another_cart() -> None:
    for _ in range(ROUNDS):
        Cart.objects.all().delete()
        cart(("item_mug", 1))
        at_once(CROWD, lambda number: trying(add if number % 2 else freeze))

        now, links = Cart.objects.get(), payable()
        assert lines(now) == [("item_mug", 1), ("item_pens", CROWD // 2)]
        assert len(links) <= 1
        for link in links:
            assert now.session == link.id
            assert lines(link) == lines(now)
        Intervention.objects.all().delete()


def pay(frozen: Frozen, form: str = FORM, shown: int | None = None) -> Any:
    total = handoffs.session_of(frozen.intervention_id).total if shown is None else shown
    return handoffs.pay(frozen.intervention_id, BROWSER, card(), form=form, shown=total)


def paid_while_it_changes() -> list[str]:
    """The buyer pays while the agent adds; the orders whose cart went on with something else."""
    wrong = []
    for _ in range(ROUNDS):
        Cart.objects.all().delete()
        frozen = entered(("item_mug", 1))
        first = Cart.objects.get()
        acts: list[Callable[[], Any]] = [
            partial(pay, frozen),
            add,
            add,
            partial(pay, frozen, "another form"),
            freeze,
            add,
        ]
        together(acts)

        session = CheckoutSession.objects.get(pk=frozen.session.id)
        first.refresh_from_db()
        if Order.objects.filter(session=session).exists() and lines(first) != lines(session):
            wrong.append(session.id)
        assert SandboxCharge.objects.filter(session=session.id).count() <= 1
    return wrong


@pytest.mark.requirement("AJ-089", "T57")
def test_a_cart_is_paid_or_changed_and_never_both() -> None:
    assert paid_while_it_changes() == []
    assert Order.objects.count() == SandboxCharge.objects.count()


def test_without_the_void_a_cart_is_paid_that_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control."""
    monkeypatch.setattr(handoffs, "void", unsealed)
    assert paid_while_it_changes() != []


@pytest.mark.requirement("AJ-085", "T57")
def test_a_form_that_is_sent_many_times_at_once_pays_once() -> None:
    for _ in range(ROUNDS):
        Cart.objects.all().delete()
        frozen = entered()
        answers = together([partial(pay, frozen, form) for form in (FORM, FORM, FORM, FORM, *"abcd")])

        session = CheckoutSession.objects.get(pk=frozen.session.id)
        assert session.state == "completed"
        assert SandboxCharge.objects.filter(session=session.id).count() == 1
        assert Payment.objects.filter(session=session).count() == 1
        assert any(getattr(answer, "state", "") == "completed" for answer in answers)


@pytest.mark.requirement("T57", "T58")
def test_a_no_and_a_yes_at_once_are_one_of_them() -> None:
    for _ in range(ROUNDS):
        Cart.objects.all().delete()
        frozen = entered()
        no = partial(handoffs.refuse, frozen.intervention_id, BROWSER)
        together([partial(pay, frozen, "a"), no, partial(pay, frozen, "b"), no])

        session = CheckoutSession.objects.get(pk=frozen.session.id)
        row = Intervention.objects.get(pk=frozen.intervention_id)
        charges = SandboxCharge.objects.filter(session=session.id).count()
        assert (session.state, row.state, charges) in (("completed", "passed", 1), ("canceled", "denied", 0))


@pytest.mark.requirement("T58")
def test_the_deadline_and_a_yes_at_once_are_one_of_them() -> None:
    for _ in range(ROUNDS):
        Cart.objects.all().delete()
        frozen = entered()
        until = timezone.now()
        CheckoutSession.objects.filter(pk=frozen.session.id).update(expires_at=until)
        at_once(
            4, lambda number, frozen=frozen: trying(lambda: pay(frozen)) if number % 2 else effects.sweep()
        )

        session = CheckoutSession.objects.get(pk=frozen.session.id)
        assert session.state == "expired"
        assert Intervention.objects.get(pk=frozen.intervention_id).state == "expired"
        assert not SandboxCharge.objects.filter(session=session.id).exists()


@pytest.mark.requirement("T40", "AJ-085")
def test_what_the_agent_changes_meanwhile_is_not_paid_unseen() -> None:
    """An agent's own session: its update voids the page, or comes too late."""
    Policy.objects.all().delete()
    Policy.objects.create(name="All", kinds=["redirect"], hand_over=True)
    policy.forget()
    for _ in range(ROUNDS):
        agent = PlayedAgent()
        session = escalated(agent, "item_mug")
        handoff = handoff_of(session)
        visits.enter(handoff, BROWSER)
        shown = handoffs.change(handoff, BROWSER, {})
        asked = handoffs.asked(shown)
        assert asked is not None
        confirmed(shown.id, asked.kind)
        total = handoffs.session_of(handoff).total
        more = {"line_items": [{"id": "item_mug", "quantity": 3}]}
        other = partial(PlayedAgent().post, f"/checkout_sessions/{session['id']}", more)
        yes = [partial(handoffs.pay, handoff, BROWSER, card(), form=form, shown=total) for form in ("a", "b")]
        together([yes[0], other, yes[1], other])

        after = CheckoutSession.objects.get(pk=session["id"])
        charges = list(SandboxCharge.objects.filter(session=after.id).values_list("amount", flat=True))
        if after.state == "completed":
            assert charges == [total]
            assert after.lines[0]["quantity"] == 1
        else:
            assert charges == []
            assert after.lines[0]["quantity"] == 3

"""Everybody at once while the holder of a card is asked: on PostgreSQL, with a negative control."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone

from checkout import completion, moves, responses, settlement
from checkout.models import CheckoutSession, Order, Payment, SandboxCharge
from checkout.services import unsealed
from gateway import delivery
from gateway.shop.models import Hold
from interventions import services as interventions
from interventions.models import Intervention
from tests.acp.test_hosted_three_d_secure import ASKING, HINT, REDIRECT
from tests.acp.test_redirect import Person
from tests.acp.test_three_d_secure import AGENT, bringing
from tests.agents import PlayedAgent
from tests.bank import Wire, banked, decide, provider, run
from tests.crowd import at_once

pytestmark = pytest.mark.services

ROUNDS = 6
MORE = {"line_items": [{"id": "item_mug", "quantity": 2}]}


@pytest.fixture(autouse=True)
def bank(shop: None) -> Iterator[Wire]:
    made = Wire()
    with banked(provider(made)):
        yield made


def waiting(capabilities: dict[str, Any]) -> dict[str, Any]:
    agent = PlayedAgent()
    session: dict[str, Any] = agent.complete(agent.ready(capabilities=capabilities), ASKING).json()
    assert session["status"] == "authentication_required"
    return session


def over(session: dict[str, Any]) -> None:
    """Its time is over, and nobody has noticed."""
    row = CheckoutSession.objects.get(pk=session["id"])
    row.quote["authentication"]["expires_at"] = (timezone.now() - timedelta(seconds=1)).isoformat()
    row.save(update_fields=["quote"])


def ended(session: dict[str, Any]) -> str:
    """How it ended; books, stock, money and interventions agree with it."""
    delivery.deliver_due()
    row = CheckoutSession.objects.get(pk=session["id"])
    orders = Order.objects.filter(session=row).count()
    payment = Payment.objects.get(session=row)
    charge = SandboxCharge.objects.get(session=row.id)
    held = Hold.objects.filter(key=payment.id).values_list("state", flat=True)
    if row.state == "completed":
        assert (orders, charge.outcome, charge.captured) == (1, "authorized", payment.amount)
        assert set(held) == {"sold"}
        assert payment.state in ("authorized", "captured")
    else:
        assert row.state in ("open", "canceled")
        assert (orders, charge.captured) == (0, 0)
        assert charge.outcome in ("voided", "declined")
        assert "held" not in set(held)
        assert payment.state == "declined"
    assert "authentication" not in row.quote
    return row.state


@pytest.mark.requirement("ACP-0.1", "ACP-033", "T38")
def test_settle_cancel_expiry_and_change_have_one_winner() -> None:
    """Hosted: the bank has said yes, and everybody comes at the same moment."""
    seen: Counter[str] = Counter()
    for number in range(ROUNDS):
        session = waiting(REDIRECT)
        person = Person()
        away = decide(person.leave(session), "approve").headers["Location"]
        brought = {name: values[0] for name, values in parse_qs(urlsplit(away).query).items()}
        if number % 2:
            over(session)
        payment = Payment.objects.get(session=session["id"]).pk

        def update(body: dict[str, Any], path: str = f"/checkout_sessions/{session['id']}") -> Any:
            return PlayedAgent().post(path, body)

        crowd: list[Callable[[], Any]] = [
            lambda s=session, p=person, b=brought: p.come_back(s, b),
            lambda: update(HINT),
            lambda s=session: responses.settled(s["id"]),
            lambda p=payment: settlement.settle(p),
            lambda s=session: PlayedAgent().retrieve(s),
            *([lambda s=session: PlayedAgent().cancel(s)] if number % 3 else []),
            *(
                [lambda: update({"line_items": [{"id": "item_mug", "quantity": 2}]})]
                if number % 3 == 1
                else []
            ),
        ]
        answers = at_once(len(crowd), lambda index, c=crowd: c[index]())

        statuses = [getattr(answer, "status_code", 200) for answer in answers]
        assert all(status < 500 for status in statuses), statuses
        seen[ended(session)] += 1
    assert sum(seen.values()) == ROUNDS


@pytest.mark.requirement("ACP-033", "ACP-094", "T33")
def test_one_result_brought_by_everybody_is_one_purchase() -> None:
    """Under one key and under many, with a cancel among them."""
    for number in range(ROUNDS):
        session = waiting(AGENT)
        body = bringing(run(session))
        keys = ["k1", "k1", "k2", "k3", "k4"]
        crowd: list[Callable[[], Any]] = [
            lambda key=key, s=session, b=body: PlayedAgent().complete(s, b, key=f"{s['id']}{key}")
            for key in keys
        ]
        if number % 2:
            crowd.append(lambda s=session: PlayedAgent().cancel(s))

        answers = at_once(len(crowd), lambda index, c=crowd: c[index]())

        assert {answer.status_code for answer in answers} <= {200, 405, 409}
        ended(session)


@pytest.mark.requirement("T33")
def test_one_proof_for_two_sessions_counts_once() -> None:
    """The unique constraint decides, whoever is first."""
    for _ in range(ROUNDS):
        sessions = [waiting(AGENT), waiting(AGENT)]
        body = bringing(run(sessions[0]))

        answers = at_once(2, lambda index, s=sessions, b=body: PlayedAgent().complete(s[index], b))

        states = [CheckoutSession.objects.get(pk=session["id"]).state for session in sessions]
        assert states[1] != "completed"
        assert sorted(answer.status_code for answer in answers) == [200, 400]


@pytest.mark.requirement("ACP-171", "T31")
def test_a_no_at_our_page_and_a_yes_of_the_bank_agree_with_the_money() -> None:
    """Approved at the bank, and stopped at our page while everybody asks the bank."""
    seen: Counter[str] = Counter()
    for number in range(2 * ROUNDS):
        capabilities = AGENT if number % 2 else REDIRECT
        session, person = waiting(capabilities), Person()
        url = session["continue_url"]
        page = person.open(url)
        body = bringing(run(session)) if number % 2 else {}
        if not number % 2:
            decide(person.press(page, url, answer="continue").headers["Location"], "approve")
        payment = Payment.objects.get(session=session["id"]).pk
        crowd: list[Callable[[], Any]] = [
            lambda p=person, page=page, url=url: p.press(page, url, answer="stop"),
            lambda p=payment: settlement.settle(p),
            lambda s=session: responses.settled(s["id"]),
            *([lambda s=session, b=body: PlayedAgent().complete(s, b)] if body else []),
        ]

        answers = at_once(len(crowd), lambda index, c=crowd: c[index]())

        assert all(getattr(answer, "status_code", 200) < 500 for answer in answers)
        delivery.deliver_due()
        verdict = Intervention.objects.get(binding=payment).state
        charge = SandboxCharge.objects.get(key=payment)
        if verdict == "passed":
            assert (charge.outcome, charge.captured) == ("authorized", charge.amount)
        else:  # a result that comes to the open session is for another attempt
            assert verdict == "denied"
            assert (charge.outcome in ("voided", "declined"), charge.captured) == (True, 0)
        assert Order.objects.filter(payment=payment).count() == (verdict == "passed")
        seen[verdict] += 1
    assert sum(seen.values()) == 2 * ROUNDS


def test_without_looking_for_a_no_somebody_pays_who_said_no(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control."""
    session, person = waiting(REDIRECT), Person()
    decide(person.leave(session), "approve")
    monkeypatch.setattr(interventions, "refused", lambda *asked: False)
    monkeypatch.setattr(responses, "settled", lambda session: None)
    url = session["continue_url"]
    person.press(person.open(url), url, answer="stop")

    settlement.settle(Payment.objects.get(session=session["id"]).pk)

    assert Order.objects.filter(session=session["id"]).count() == 1
    assert Intervention.objects.get(subject=session["id"]).state == "denied"


def test_without_the_guards_somebody_pays_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: moves that do not look, and a payment that is given up is also finished."""

    def move(
        row: Any,
        to: str,
        *,
        actor: str,
        note: str = "",
        only: Any = None,
        beginning: Any = None,
        **columns: Any,
    ) -> None:
        type(row)._default_manager.filter(pk=row.pk).update(state=to, **columns)
        row.state = to

    session = waiting(REDIRECT)
    decide(Person().leave(session), "approve")
    payment = Payment.objects.select_related("session").get(session=session["id"])
    known = settlement._known(payment.session, payment)
    monkeypatch.setattr(moves, "move", move)
    monkeypatch.setattr(completion, "_locked", lambda session: None)

    PlayedAgent().cancel(session)
    completion.record(payment.session, payment, known, seal=unsealed)
    completion.finish(payment.session, payment, actor="system", seal=unsealed)

    assert Order.objects.filter(session=session["id"]).count() == 1
    assert Hold.objects.get(key=payment.id).state == "released"

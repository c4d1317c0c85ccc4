"""What operators do with sessions and payments (issue 2 "Admin", T95)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.utils import timezone

from checkout import moves
from checkout.errors import ProviderUnavailable
from checkout.models import CheckoutSession, Order, Payment, SandboxCharge, StateMove
from checkout.payments.sandbox import SandboxProvider
from checkout.ports import Declined
from checkout.states import PaymentState, SessionState
from gateway import plugs
from tests.agents import PlayedAgent
from tests.operators import act, listing, log_in, open_shop, page


@pytest.fixture
def agent(db: None) -> PlayedAgent:
    return open_shop()


@pytest.fixture
def operator(db: None) -> Client:
    return log_in()


@pytest.fixture
def purchase(agent: PlayedAgent) -> Order:
    """A finished purchase. Its session, payment and charge exist too."""
    session = agent.ready("item_mug")
    assert agent.complete(session).status_code == 200
    return Order.objects.get(session=session["id"])


def unanswered(agent: PlayedAgent, monkeypatch: pytest.MonkeyPatch) -> Payment:
    """A payment whose provider carried it out and never answered."""
    session = agent.ready("item_mug")
    carry_out = SandboxProvider.authorize

    def authorize(self: SandboxProvider, attempt: Any) -> Any:
        carry_out(self, attempt)
        raise ProviderUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(SandboxProvider, "authorize", authorize)
        assert agent.complete(session).status_code >= 500
    return Payment.objects.get(session=session["id"])


def test_cancel_says_what_it_will_do_and_then_does_it(operator: Client, agent: PlayedAgent) -> None:
    """T95: first a question, then the service, the move and the audit line with the reason."""
    agent.create("item_mug")
    session = CheckoutSession.objects.get()

    asked = act(operator, session, "cancel", reason=None, back="1")

    assert "nothing will be charged" in asked.text
    assert session.pk in asked.text
    session.refresh_from_db()
    assert session.state == SessionState.OPEN

    done = act(operator, session, "cancel", reason="fraud suspected", back="1")

    session.refresh_from_db()
    assert session.state == SessionState.CANCELED
    assert done.redirect_chain[-1][0] == page(session)
    move = StateMove.objects.filter(subject=session.pk).last()
    assert (move.from_state, move.to_state) == ("open", "canceled")
    assert "fraud suspected" in move.note
    entry = LogEntry.objects.get()
    assert (entry.user.get_username(), entry.object_id) == ("olga", session.pk)
    assert entry.change_message == "Canceled: fraud suspected"
    assert "operator olga" in done.text
    assert agent.get(f"/checkout_sessions/{session.pk}").json()["status"] == "canceled"


def test_no_action_without_a_reason(operator: Client, agent: PlayedAgent) -> None:
    agent.create("item_mug")
    session = CheckoutSession.objects.get()

    answer = act(operator, session, "cancel", reason="  ")

    session.refresh_from_db()
    assert session.state == SessionState.OPEN
    assert "This field is required." in answer.text
    assert not LogEntry.objects.exists()


def test_a_finished_session_is_not_canceled(operator: Client, purchase: Order) -> None:
    """The service refuses, the operator is told, and the attempt can be found again."""
    session = purchase.session

    answer = act(operator, session, "cancel")

    session.refresh_from_db()
    assert session.state == SessionState.COMPLETED
    assert "finished and can no longer be changed" in answer.text
    assert "Not canceled (session_not_modifiable)" in LogEntry.objects.get().change_message
    assert 'value="cancel"' not in operator.get(page(session)).text


@pytest.mark.parametrize(("permission", "canceled"), [("view", False), ("change", True)])
def test_looking_and_acting_are_two_permissions(agent: PlayedAgent, permission: str, canceled: bool) -> None:
    """T95: an over-broad staff account would be one that can act because it can look."""
    agent.create("item_mug")
    session = CheckoutSession.objects.get()
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename=f"{permission}_checkoutsession"))
    client = Client()
    client.force_login(clerk)

    opened = client.get(page(session))
    act(client, session, "cancel")

    assert opened.status_code == 200
    assert ('value="cancel"' in opened.text) is canceled
    session.refresh_from_db()
    assert (session.state == SessionState.CANCELED) is canceled


def test_too_many_rows_are_not_acted_on(operator: Client, agent: PlayedAgent) -> None:
    """Choosing everything is one click, and could be a million sessions."""
    agent.create("item_mug")
    one = CheckoutSession.objects.values().get()
    CheckoutSession.objects.bulk_create(CheckoutSession(**{**one, "id": f"cs_{n}"}) for n in range(100))

    answer = operator.post(
        listing(CheckoutSession),
        {
            "action": "cancel",
            "index": "0",
            "_selected_action": one["id"],
            "select_across": "1",
            "confirmed": "1",
            "reason": "all",
        },
        follow=True,
    )

    assert "at most 100 rows" in answer.text
    assert not CheckoutSession.objects.filter(state=SessionState.CANCELED).exists()


def test_asking_the_provider_settles_the_payment(
    operator: Client, agent: PlayedAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unknown becomes what the provider says, and the order is placed."""
    payment = unanswered(agent, monkeypatch)
    assert payment.state == PaymentState.PROCESSING

    answer = act(operator, payment, "ask_provider", reason="buyer called", back="1")

    payment.refresh_from_db()
    assert payment.state == PaymentState.AUTHORIZED
    assert Order.objects.filter(payment=payment).count() == 1
    assert StateMove.objects.filter(subject=payment.pk, to_state="authorized").count() == 1
    assert (
        LogEntry.objects.get().change_message
        == "Asked the provider: buyer called. The payment is authorized."
    )
    assert "The payment is authorized." in answer.text


def test_a_silent_provider_leaves_the_payment_unknown(
    operator: Client, agent: PlayedAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not knowing is not a refusal."""
    payment = unanswered(agent, monkeypatch)

    def silent(self: SandboxProvider, attempt: Any) -> Any:
        raise ProviderUnavailable

    monkeypatch.setattr(SandboxProvider, "retrieve", silent)

    answer = act(operator, payment, "ask_provider")

    payment.refresh_from_db()
    assert payment.state == PaymentState.PROCESSING
    assert "did not answer" in answer.text
    assert "did not answer" in LogEntry.objects.get().change_message


class TestCapture:
    """Decision 36: taken by hand only when the merchant says what was shipped, and only for orders."""

    @pytest.fixture
    def on_shipment(self, settings: Any) -> None:
        settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "CAPTURE": "on_shipment"}

    @pytest.fixture(autouse=True)
    def _replugged(self) -> Any:
        yield
        plugs.plug_in()

    def test_shipped_goods_are_paid_once(self, operator: Client, on_shipment: None, purchase: Order) -> None:
        payment = purchase.payment

        for _ in range(2):
            act(operator, payment, "capture", reason="shipped")

        payment.refresh_from_db()
        assert payment.state == PaymentState.CAPTURED
        assert SandboxCharge.objects.get().captured == payment.amount
        assert StateMove.objects.filter(subject=payment.pk, to_state="captured").count() == 1
        assert [entry.change_message for entry in LogEntry.objects.order_by("pk")] == [
            "Capture: shipped. The payment is captured.",
            "Capture: shipped. Not captured: it is not authorized, or has no order.",
        ]

    def test_no_money_without_an_order(
        self, operator: Client, on_shipment: None, agent: PlayedAgent, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        payment = unanswered(agent, monkeypatch)
        moves.move(payment, PaymentState.AUTHORIZED, actor="provider", reference=f"sbx_{payment.pk}")

        act(operator, payment, "capture")

        payment.refresh_from_db()
        assert payment.state == PaymentState.AUTHORIZED
        assert SandboxCharge.objects.get().captured == 0

    def test_a_refused_capture_is_told(
        self, operator: Client, on_shipment: None, purchase: Order, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(SandboxProvider, "capture", lambda *_: Declined("expired_authorization"))

        answer = act(operator, purchase.payment, "capture")

        assert "The provider refused: expired_authorization." in answer.text
        assert Payment.objects.get().state == PaymentState.AUTHORIZED

    def test_offered_for_what_was_not_taken_at_once_in_time(self, operator: Client, purchase: Order) -> None:
        """Its message is dead or lost: a person may do what it should have done, once."""
        Payment.objects.update(updated_at=timezone.now() - timedelta(days=1))
        assert 'value="capture"' in operator.get(listing(Payment)).text

        for _ in range(2):
            act(operator, purchase.payment, "capture")

        assert Payment.objects.get().state == PaymentState.CAPTURED
        assert SandboxCharge.objects.get().captured == purchase.amount

    def test_not_offered_when_money_is_taken_at_once(self, operator: Client, purchase: Order) -> None:
        act(operator, purchase.payment, "capture")

        assert 'value="capture"' not in operator.get(listing(Payment)).text
        assert Payment.objects.get().state == PaymentState.AUTHORIZED


def test_actions_run_without_a_transaction(operator: Client, agent: PlayedAgent) -> None:
    """Mounted with ATOMIC_REQUESTS the services' own transactions must still be the outermost."""
    agent.create("item_mug")
    session = CheckoutSession.objects.get()
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        act(operator, session, "cancel")
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = False

    session.refresh_from_db()
    assert session.state == SessionState.CANCELED

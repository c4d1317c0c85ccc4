"""The payment provider speaks to us: verified, stored once, and only ever a hint (R10, T67, T89 to T91)."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import random
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from checkout import effects, heard, settlement
from checkout.errors import ProviderUnavailable
from checkout.models import CheckoutSession, Order, Payment, SandboxCharge, StateMove
from checkout.payments.sandbox import SandboxProvider
from checkout.ports import Attempt, Authorized, Outcome, ProviderEvent, Refunded
from checkout.states import PaymentState, SessionState
from gateway import agents, delivery, payment_events
from gateway.models import OutboxMessage, PaymentEvent
from gateway.shop import demo
from tests.agents import PlayedAgent
from tests.operators import act, listing, log_in, page
from tests.parts import plugged

WHERE = "/agentic/payments/webhook"
SECRET = b"what only the provider and we know"


class Speaking(SandboxProvider):
    """A provider that signs what it says, and that can be silent, or charge at once, as a test wants."""

    def __init__(self) -> None:
        super().__init__()
        self.silent = False
        self.immediate = False
        self.parsed = 0
        self.refunds: list[str] = []

    def authorize(self, attempt: Attempt) -> Outcome:
        outcome = super().authorize(attempt)
        if self.silent:
            raise ProviderUnavailable
        return outcome

    def refund(self, attempt: Attempt, reference: str, *, amount: int, key: str) -> Refunded:
        self.refunds.append(key)
        return super().refund(attempt, reference, amount=amount, key=key)

    def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> ProviderEvent | None:
        at = headers.get("Speaking-Time", "")
        said = headers.get("Speaking-Signature", "")
        if not hmac.compare_digest(said.encode(), signature(body, at).encode()):
            return None
        if abs(time.time() - int(at)) > 300:
            return None
        self.parsed += 1
        return ProviderEvent(**json.loads(body))


def signature(body: bytes, at: str) -> str:
    return hmac.new(SECRET, at.encode() + b"." + body, hashlib.sha256).hexdigest()


def say(
    event: str,
    attempt: str,
    *,
    ago: float = 0,
    signed: str | None = None,
    client: Client | None = None,
    **more: str,
) -> HttpResponse:
    body = json.dumps({"id": event, "attempt_id": attempt, **more}).encode()
    at = str(int(time.time() - ago))
    headers = {"Speaking-Time": at, "Speaking-Signature": signature(body, at) if signed is None else signed}
    return (client or Client()).post(WHERE, body, content_type="application/json", headers=headers)


def relayed() -> None:
    for _ in range(20):
        if not delivery.deliver_due():
            return


@pytest.fixture
def agent(transactional_db: None) -> PlayedAgent:
    demo.load()
    agents.load_demo()
    return PlayedAgent()


@pytest.fixture
def provider(agent: PlayedAgent) -> Iterator[Speaking]:
    made = Speaking()
    with plugged(payments=made):
        yield made


def unknown(agent: PlayedAgent, provider: Speaking) -> tuple[dict[str, Any], Payment]:
    """A session whose payment was authorized, which we never heard."""
    session = agent.ready()
    provider.silent = True
    assert agent.complete(session, key="k1").status_code == 503
    provider.silent = False
    return session, Payment.objects.get()


@pytest.mark.requirement("T67")
def test_a_genuine_event_is_stored_answered_and_processed_later(
    agent: PlayedAgent, provider: Speaking
) -> None:
    session, payment = unknown(agent, provider)

    answer = say("evt_1", payment.id, type="charge.authorized")

    assert (answer.status_code, answer.json()) == (200, {"received": True, "repeated": False})
    row = PaymentEvent.objects.get()
    assert (row.event, row.attempt, row.state, row.type) == (
        "evt_1",
        payment.id,
        "received",
        "charge.authorized",
    )
    assert Payment.objects.get().state == PaymentState.PROCESSING
    relayed()
    assert PaymentEvent.objects.get().state == PaymentEvent.PROCESSED
    assert agent.retrieve(session)["status"] == "completed"


@pytest.mark.requirement("T67")
@pytest.mark.parametrize("ago", [301, -301])
def test_what_was_signed_too_long_ago_or_ahead_is_refused(
    agent: PlayedAgent, provider: Speaking, ago: int
) -> None:
    assert say("evt_1", "pay_1", ago=ago).status_code == 400
    assert not PaymentEvent.objects.exists()


@pytest.mark.requirement("T67")
def test_a_forged_event_is_not_read_and_nothing_is_stored(
    agent: PlayedAgent, provider: Speaking, caplog: pytest.LogCaptureFixture
) -> None:
    _, payment = unknown(agent, provider)
    before = OutboxMessage.objects.count()

    with caplog.at_level(logging.DEBUG, "agentic"):
        answer = say("evt_canary", payment.id, signed="0" * 64)

    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_signature"
    assert provider.parsed == 0
    assert not PaymentEvent.objects.exists()
    assert OutboxMessage.objects.count() == before
    assert "canary" not in caplog.text + answer.content.decode()


@pytest.mark.requirement("T67")
def test_the_word_of_the_event_is_no_proof(agent: PlayedAgent, provider: Speaking) -> None:
    """The provider is asked: it says that nothing was ever authorized."""
    session, payment = unknown(agent, provider)
    SandboxCharge.objects.all().delete()

    say("evt_1", payment.id, type="charge.authorized")
    relayed()

    assert agent.retrieve(session)["status"] == "complete_in_progress"
    assert not Order.objects.exists()


def test_the_sandbox_says_nothing_by_itself(agent: PlayedAgent) -> None:
    assert say("evt_1", "pay_1").status_code == 400
    assert not PaymentEvent.objects.exists()


@pytest.mark.parametrize(
    ("raw", "headers", "status"),
    [
        (b"", {}, 400),
        (b"\xff\x00", {}, 400),
        (b"x" * (256 * 1024 + 1), {}, 413),
        (b"{}", {"Content-Encoding": "gzip"}, 400),
    ],
)
def test_bodies_that_cannot_be_genuine(
    agent: PlayedAgent, provider: Speaking, raw: bytes, headers: dict[str, str], status: int
) -> None:
    answer = Client().post(WHERE, raw, content_type="text/plain", headers=headers)

    assert answer.status_code == status
    assert answer.json()["type"] == "invalid_request"


@pytest.mark.parametrize("method", ["get", "put", "delete", "patch"])
def test_other_methods(agent: PlayedAgent, method: str) -> None:
    answer = getattr(Client(), method)(WHERE)

    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("identifier", ["", "a b", "x" * 256, "nul\x00", "\ud83d"])
def test_an_id_that_is_none_is_refused(agent: PlayedAgent, provider: Speaking, identifier: str) -> None:
    assert say(identifier, "pay_1").status_code == 400
    assert not PaymentEvent.objects.exists()


def test_texts_of_the_provider_are_made_fit(agent: PlayedAgent, provider: Speaking) -> None:
    assert say("evt_1", "pay\x00_1", type="a\x00b" + "c" * 100, stray="\x1b[31m").status_code == 200

    row = PaymentEvent.objects.get()
    assert (row.attempt, row.type, row.stray) == ("", "a?b" + "c" * 61, "?[31m")


def test_a_part_that_breaks_is_sent_the_event_again(
    agent: PlayedAgent, provider: Speaking, caplog: pytest.LogCaptureFixture
) -> None:
    body = b'{"id": "tok_secret_canary"'
    at = str(int(time.time()))

    answer = Client().post(
        WHERE,
        body,
        content_type="application/json",
        headers={"Speaking-Time": at, "Speaking-Signature": signature(body, at)},
    )

    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert "canary" not in caplog.text


@pytest.mark.requirement("T89")
def test_a_repeat_is_taken_and_has_no_second_effect(agent: PlayedAgent, provider: Speaking) -> None:
    _, payment = unknown(agent, provider)

    answers = [say("evt_1", payment.id) for _ in range(5)]
    relayed()
    late = say("evt_1", payment.id)
    relayed()

    assert [answer.status_code for answer in [*answers, late]] == [200] * 6
    assert [answer.json()["repeated"] for answer in [*answers, late]] == [False, *[True] * 5]
    assert PaymentEvent.objects.count() == 1
    assert OutboxMessage.objects.filter(kind=payment_events.PROCESS).count() == 1
    assert Order.objects.count() == SandboxCharge.objects.count() == 1


@pytest.mark.requirement("T90")
@pytest.mark.parametrize(
    ("attempt", "more", "reason"),
    [
        ("pay_of_somebody_else", {}, payment_events.UNKNOWN),
        ("", {}, payment_events.UNKNOWN),
        (None, {"stray": "A test event in live mode."}, "A test event in live mode."),
    ],
)
def test_what_is_about_nothing_of_ours_waits_for_an_operator(
    agent: PlayedAgent, provider: Speaking, attempt: str | None, more: dict[str, str], reason: str
) -> None:
    session, payment = unknown(agent, provider)

    answer = say("evt_1", payment.id if attempt is None else attempt, **more)
    relayed()

    assert answer.status_code == 200
    row = PaymentEvent.objects.get()
    assert (row.state, row.reason) == (PaymentEvent.QUARANTINED, reason)
    assert agent.retrieve(session)["status"] == "complete_in_progress"
    shown = log_in().get(listing(PaymentEvent)).text
    assert reason in shown
    assert row.pk in shown


@pytest.mark.requirement("T91")
def test_an_event_that_is_quicker_than_our_own_record(agent: PlayedAgent, provider: Speaking) -> None:
    """Processed between the provider's answer and P2: the order is placed once, and both answers agree."""

    class Early(Speaking):
        def authorize(self, attempt: Attempt) -> Outcome:
            outcome = super().authorize(attempt)
            assert say("evt_1", attempt.id).status_code == 200
            relayed()
            return outcome

    session = agent.ready()
    with plugged(payments=Early()):
        answered = agent.complete(session, key="k1")
        relayed()

    assert answered.status_code == 200
    assert answered.json()["status"] == "completed"
    assert Order.objects.count() == SandboxCharge.objects.count() == 1
    moves = list(
        StateMove.objects.filter(subject=Payment.objects.get().id).values_list("to_state", flat=True)
    )
    assert moves == ["processing", "authorized", "captured"]


@pytest.mark.requirement("T57", "R10")
def test_money_that_comes_after_the_cancellation_goes_back(agent: PlayedAgent, provider: Speaking) -> None:
    """The attempt was given up, the session canceled, and only then the provider authorizes: void."""
    session = agent.ready()
    with plugged(payments=Lost()):
        agent.complete(session, key="k1")
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        effects.sweep()
    assert agent.cancel(session).json()["status"] == "canceled"
    payment = Payment.objects.get()
    provider.authorize(_attempt(payment))

    for copy in range(5):
        say(f"evt_{copy}", payment.id)
    relayed()

    assert SandboxCharge.objects.get().outcome == "voided"
    assert not Order.objects.exists()
    assert agent.retrieve(session)["status"] == "canceled"


@pytest.mark.requirement("T57", "R10")
def test_money_captured_after_the_cancellation_is_refunded_once(
    agent: PlayedAgent, provider: Speaking
) -> None:
    session = agent.ready()
    with plugged(payments=Lost()):
        agent.complete(session, key="k1")
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        effects.sweep()
    agent.cancel(session)
    payment = Payment.objects.get()
    outcome = provider.authorize(_attempt(payment))
    assert isinstance(outcome, Authorized)
    provider.capture(_attempt(payment), outcome.reference)

    for copy in range(5):
        say(f"evt_{copy}", payment.id)
    relayed()

    charge = SandboxCharge.objects.get()
    assert sum(charge.refunds.values()) == charge.captured == payment.amount
    assert set(provider.refunds) == {f"undo:{payment.id}"}


class Lost(Speaking):
    def authorize(self, attempt: Attempt) -> Outcome:
        raise ProviderUnavailable


def _attempt(payment: Payment) -> Attempt:
    from checkout.ports import Instrument

    card = Instrument("sandbox_card", "card", "spt", "spt_sandbox_ok")
    return Attempt(payment.id, payment.session_id, payment.amount, payment.currency, card)


def test_a_silent_provider_is_asked_again(agent: PlayedAgent, provider: Speaking, monkeypatch: Any) -> None:
    session, payment = unknown(agent, provider)
    real = Speaking.retrieve

    def silent(*_: Any) -> Any:
        raise ProviderUnavailable

    monkeypatch.setattr(Speaking, "retrieve", silent)
    say("evt_1", payment.id)
    relayed()
    assert PaymentEvent.objects.get().state == PaymentEvent.RECEIVED
    monkeypatch.setattr(Speaking, "retrieve", real)

    with time_machine.travel(timezone.now() + timedelta(seconds=10)):
        relayed()

    assert PaymentEvent.objects.get().state == PaymentEvent.PROCESSED
    assert agent.retrieve(session)["status"] == "completed"


@pytest.mark.parametrize("about", ["refund", "dispute"])
def test_a_refund_or_dispute_reaches_its_hook(
    agent: PlayedAgent, provider: Speaking, about: str, monkeypatch: Any
) -> None:
    agent.complete(agent.ready())
    relayed()
    payment = Payment.objects.get()
    heard_of: list[str] = []
    monkeypatch.setitem(heard.HOOKS, about, heard_of.append)

    say("evt_1", payment.id, about=about)
    say("evt_2", payment.id)
    relayed()

    assert heard_of == [payment.id]


@pytest.mark.requirement("R10")
def test_a_storm_of_events_has_one_effect_for_each(agent: PlayedAgent, provider: Speaking) -> None:
    """Each event five times, shuffled with a fixed seed, over orders that are paid, declined and unknown."""
    draws = random.Random(11)
    sessions = [agent.ready() for _ in range(6)]
    for number, session in enumerate(sessions):
        provider.silent = number % 2 == 0
        agent.complete(session, key=f"k{number}")
    provider.silent = False
    payments = list(Payment.objects.values_list("pk", flat=True))
    said = [(f"evt_{payment}_{kind}", payment) for payment in payments for kind in ("made", "taken")] * 5
    draws.shuffle(said)

    for position, (event, payment) in enumerate(said):
        assert say(event, payment).status_code == 200
        if position % 7 == 0:
            relayed()
    relayed()

    assert PaymentEvent.objects.filter(state=PaymentEvent.PROCESSED).count() == len(said) // 5
    assert OutboxMessage.objects.filter(kind=payment_events.PROCESS).count() == len(said) // 5
    assert Order.objects.count() == SandboxCharge.objects.count() == len(sessions)
    assert {session.state for session in CheckoutSession.objects.all()} == {SessionState.COMPLETED}
    assert all(
        charge.captured == charge.amount and not charge.refunds for charge in SandboxCharge.objects.all()
    )


def test_old_events_are_forgotten_but_for_those_that_wait(agent: PlayedAgent, provider: Speaking) -> None:
    _, payment = unknown(agent, provider)
    say("evt_1", payment.id)
    relayed()
    say("evt_2", payment.id)

    with time_machine.travel(timezone.now() + timedelta(days=89)):
        assert payment_events.purge() == 0
    with time_machine.travel(timezone.now() + timedelta(days=91)):
        assert payment_events.purge() == 1

    assert PaymentEvent.objects.get().event == "evt_2"
    payment_events.process({"event": "pev_gone"})


@pytest.mark.requirement("T90", "T95")
def test_an_operator_has_an_event_processed_again(agent: PlayedAgent, provider: Speaking) -> None:
    session, payment = unknown(agent, provider)
    say("evt_1", payment.id)
    operator = log_in()
    row = PaymentEvent.objects.get()
    PaymentEvent.objects.update(attempt="pay_typo")
    relayed()
    assert PaymentEvent.objects.get().state == PaymentEvent.QUARANTINED
    PaymentEvent.objects.update(attempt=payment.id)

    first = act(operator, row, "process_again", reason=None)
    done = act(operator, row, "process_again")
    relayed()

    assert "asked once more" in first.text
    assert "due again" in done.text
    assert PaymentEvent.objects.get().state == PaymentEvent.PROCESSED
    assert PaymentEvent.objects.get().reason == ""
    assert agent.retrieve(session)["status"] == "completed"
    assert operator.get(page(row)).status_code == 200


def test_settling_knows_what_is_over() -> None:
    assert set(settlement.OVER) == {PaymentState.DECLINED, PaymentState.VOIDED}

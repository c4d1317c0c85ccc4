"""Secrets go where they belong, while parts fail and quote them: nothing keeps them (R22, T19, T94)."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.db import OperationalError

from checkout import effects
from checkout.models import Order
from checkout.ports import ports
from gateway import delivery, idempotency
from gateway.models import OutboxMessage
from interventions.models import Intervention
from tests.hostile import evidence
from tests.hostile.canaries import Scanner
from tests.hostile.played import Played, life, report, scan
from tests.parts import plugged


@pytest.mark.requirement("ACP-005")
def test_a_purchase_with_a_code_leaves_no_secret_behind(agent: Played, scanner: Scanner) -> None:
    """The code, the key and the token where they belong; the code once wrong and once in time."""
    with evidence.monitored() as commands, evidence.diary() as diary:
        session = agent.session()
        delivery.deliver_due()
        assert agent.secret["code"] in str(mail.outbox[-1].body)
        evidence.tables(scanner)  # while the code is good
        wrong = f"{(int(agent.secret['code']) + 1) % 1_000_000:06d}"
        assert agent.answer(session, wrong).json()["status"] == "authentication_required"
        assert agent.answer(session, agent.secret["code"]).json()["status"] == "ready_for_payment"
        assert agent.complete(session).json()["status"] == "completed"
        delivery.deliver_due()
        effects.sweep()
        idempotency.purge()

    scan(agent, diary, commands)

    assert Order.objects.filter(session_id=session).exists()
    assert scanner.found == [], report(scanner)
    assert any("INSERT INTO" in entry for entry in diary.entries), "statements were logged"


class Failing:
    """A merchant's part; the chosen method raises, and says in the exception all it knows."""

    def __init__(self, real: Any, method: str, told: str) -> None:
        self._real, self._method, self._told = real, method, told

    def __getattr__(self, name: str) -> Any:
        if name != self._method:
            return getattr(self._real, name)

        def fail(*args: Any, **kwargs: Any) -> Any:
            raise RuntimeError(f"{self._told} {args!r} {kwargs!r}")

        return fail


PARTS = {
    "catalog": ("currencies", "find"),
    "fulfillment": ("options",),
    "pricing": ("quote",),
    "inventory": ("hold", "commit", "release", "release_overdue"),
    "payments": ("handlers", "authorize", "capture", "retrieve", "void", "refund"),
    "order_sink": ("place",),
    "outbox": ("add", "add_all"),
}


class TellingMail(BaseEmailBackend):
    """A mail server that refuses, and quotes the whole mail."""

    def send_messages(self, messages: Any) -> int:
        raise RuntimeError(" ".join(message.message().as_string() for message in messages))


@pytest.mark.parametrize("part", PARTS)
def test_failing_parts_tell_nobody(part: str, agent: Played, scanner: Scanner) -> None:
    """Exceptions quote what they were given; neither a log nor an answer nor a row repeats them."""
    told = " ".join(agent.secret.values())
    failed: list[int] = []
    with evidence.monitored() as commands, evidence.diary() as diary:
        for method in PARTS[part]:
            session, other = agent.session("item_mug"), agent.session("item_mug")
            with plugged(**{part: Failing(getattr(ports(), part), method, told)}):
                answers = life(agent, session, other)
            failed += [answer.status_code for answer in answers if answer.status_code >= 500]
            life(agent, session, other)

    scan(agent, diary, commands, pages=False)

    assert failed or part == "order_sink", "nothing failed, so nothing was tried"
    assert part != "order_sink" or OutboxMessage.objects.exclude(error="").exists()
    assert scanner.found == [], report(scanner)


def test_a_mail_server_that_quotes_the_mail_gives_no_code_away(
    agent: Played, scanner: Scanner, settings: Any
) -> None:
    settings.EMAIL_BACKEND = "tests.hostile.test_canaries.TellingMail"
    with evidence.monitored() as commands, evidence.diary() as diary:
        agent.session()
        delivery.deliver_due()

    scan(agent, diary, commands, pages=False)

    assert OutboxMessage.objects.get(kind="interventions.send_code").error == "RuntimeError"
    assert Intervention.objects.get().code_digest, "the code had been drawn"
    assert scanner.found == [], report(scanner)


def test_a_database_that_quotes_its_rows_tells_nobody(
    agent: Played, scanner: Scanner, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = " ".join(agent.secret.values())

    def fail(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError(f"server closed the connection: {told} {args!r}")

    with evidence.monitored() as commands, evidence.diary() as diary:
        session, other = agent.session("item_mug"), agent.session("item_mug")
        for module, name in (
            ("gateway.idempotency", "insert"),
            ("gateway.idempotency", "change"),
            ("checkout.services", "insert"),
            ("checkout.services", "change"),
            ("checkout.completion", "insert"),
            ("checkout.moves", "change"),
            ("gateway.agents", "_live_keys"),
        ):
            with monkeypatch.context() as patched:
                patched.setattr(f"{module}.{name}", fail)
                life(agent, session, other)

    scan(agent, diary, commands, pages=False)

    assert 503 in agent.statuses
    assert scanner.found == [], report(scanner)

"""A world around interventions: an outbox that is carried out on demand, and people with mail."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any

import pytest
from django.core import mail
from django.db import transaction

from interventions import effects, policy, ports, services
from interventions.models import Intervention
from interventions.outcomes import Snapshot
from interventions.ports import Contact, OtpRules, Parts
from interventions.providers import otp

KEY = b"a key that is in no database"
CODE = re.compile(r"one-time code: ([0-9]+)$", re.MULTILINE)


def keyed(value: bytes, purpose: str) -> str:
    return hmac.new(KEY, purpose.encode() + b"\0" + value, sha256).hexdigest()


class World:
    """The parts around interventions, and a short way to ask for a one-time code."""

    def __init__(self) -> None:
        self.queued: list[tuple[str, dict[str, Any]]] = []
        self.people: dict[str, Contact] = {}

    def add(self, kind: str, payload: Mapping[str, Any], due: datetime | None = None) -> None:
        assert transaction.get_connection().in_atomic_block
        self.queued.append((kind, dict(payload)))

    def rules(self, **changed: Any) -> None:
        """These rules are other than the defaults from now on."""
        ports.plug(replace(ports.ports(), rules=replace(ports.ports().rules, **changed)))

    def sends_freely(self) -> None:
        """No cap on sends: for tests of another one."""
        self.rules(
            sends_per_destination_hour=1_000,
            sends_per_destination_day=1_000,
            destination_gaps_seconds=(),
            sends_per_owner_day=1_000,
        )

    def knows(self, subject: str, address: str) -> None:
        self.people[subject] = Contact(
            address=address,
            merchant="Wiener Becher",
            amount_text="129.99 USD",
            items_text="1 x Sneakers\n2 x Mug",
            requested_by="demo-agent",
        )

    def ask(
        self,
        subject: str = "cs_1",
        *,
        binding: str = "cart A",
        address: str = "ada@example.com",
        owner: str = "key:demo",
    ) -> Snapshot:
        """`ensure` as a checkout would call it."""
        self.knows(subject, address)
        with transaction.atomic():
            return services.ensure(
                subject,
                "otp",
                binding=binding,
                amount=12_999,
                currency="usd",
                destination=address,
                owner=owner,
            )

    def again(self, subject: str = "cs_1") -> Snapshot:
        with transaction.atomic():
            return services.resend(subject, actor="key:demo")

    def deliver(self) -> list[str]:
        """Everything queued was carried out; the codes that were mailed by it."""
        before = len(mail.outbox)
        queued, self.queued = self.queued, []
        for kind, payload in queued:
            effects.EFFECTS[kind](payload)
        return [CODE.findall(str(message.body))[0] for message in mail.outbox[before:]]

    def code(self, subject: str = "cs_1", **asked: Any) -> str:
        """Somebody is asked, and this is the code in the mail."""
        self.ask(subject, **asked)
        (code,) = self.deliver()
        return code


def other_than(code: str, number: int = 1) -> str:
    """A well-formed code that is not `code`."""
    return f"{(int(code) + number) % 10 ** len(code):0{len(code)}d}"


def row(subject: str = "cs_1") -> Intervention:
    """The newest intervention of the subject."""
    return Intervention.objects.filter(subject=subject).latest("created_at")


def moves_of(intervention: Intervention) -> list[tuple[str, str, str]]:
    return list(intervention.moves.values_list("from_state", "to_state", "note"))


@pytest.fixture
def world() -> Iterator[World]:
    before = ports._plugged
    made = World()
    ports.plug(Parts({"otp": otp}, made, keyed, made.people.get, OtpRules()))
    policy.forget()
    yield made
    ports._plugged = before
    policy.forget()

"""A world around interventions: an outbox that is carried out on demand, and people with mail."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
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
        self.texts: list[tuple[str, str, str]] = []

    def send(self, to: str, text: str, *, id: str) -> None:
        """Carries texts: number, text and the text's own name."""
        self.texts.append((to, text, id))

    def add(self, kind: str, payload: Mapping[str, Any], due: datetime | None = None) -> None:
        assert transaction.get_connection().in_atomic_block
        self.queued.append((kind, dict(payload)))

    def add_all(self, effects: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        for kind, payload in effects:
            self.add(kind, payload)

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

    def knows(self, subject: str, address: str, phone: str = "") -> None:
        self.people[subject] = Contact(
            address=address,
            merchant="Wiener Becher",
            amount_text="129.99 USD",
            items_text="1 x Sneakers\n2 x Mug",
            requested_by="demo-agent",
            phone=phone,
        )

    def ask(
        self,
        subject: str = "cs_1",
        *,
        binding: str = "cart A",
        address: str = "ada@example.com",
        owner: str = "key:demo",
        phone: str = "",
        channel: str = "email",
    ) -> Snapshot:
        """`ensure` as a checkout would call it."""
        self.knows(subject, address, phone)
        with transaction.atomic():
            return services.ensure(
                subject,
                "otp",
                binding=binding,
                amount=12_999,
                currency="usd",
                destination=phone if channel == "sms" else address,
                channel=channel,
                owner=owner,
            )

    def again(self, subject: str = "cs_1", **to: str) -> Snapshot:
        with transaction.atomic():
            return services.resend(subject, actor="key:demo", **to)

    def deliver(self) -> list[str]:
        """Everything queued was carried out; the codes that were mailed or texted by it, those by
        mail first."""
        before, texts_before = len(mail.outbox), len(self.texts)
        queued, self.queued = self.queued, []
        for kind, payload in queued:
            effects.EFFECTS[kind](payload)
        mailed = [CODE.findall(str(message.body))[0] for message in mail.outbox[before:]]
        return mailed + [text.partition(" ")[0] for _, text, _ in self.texts[texts_before:]]

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
    ports.plug(Parts({"otp": otp}, made, keyed, made.people.get, OtpRules(), ("email", "sms"), made))
    policy.forget()
    yield made
    ports._plugged = before
    policy.forget()

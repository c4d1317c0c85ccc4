"""The scan for secrets finds what is there: its negative controls (R22)."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator
from hashlib import sha256

import pytest
from django.core import mail
from django.db import connection

from checkout.models import CheckoutSession
from gateway.models import OutboxMessage
from tests.agents import BUYER
from tests.hostile import evidence
from tests.hostile.canaries import Canary, Scanner
from tests.hostile.played import Played
from tests.operators import log_in


def _forms(value: str) -> Iterator[str]:
    raw = value.encode()
    yield value
    yield base64.b64encode(raw).decode()
    yield base64.b64encode(b"x" + raw + b"yz").decode()
    yield base64.urlsafe_b64encode(b"xy" + raw).decode()
    yield raw.hex()
    yield "".join(f"%{byte:02X}" for byte in raw)
    yield sha256(raw).hexdigest()
    yield base64.b64encode(sha256(raw).digest()).decode()


def test_the_scan_finds_each_form_of_each_secret(secret: dict[str, str]) -> None:
    for name, value in secret.items():
        for form in _forms(value):
            scanner = Scanner([Canary(name, value)])
            scanner.look("here", f"before {form} after")
            assert scanner.found, (name, form)


def test_the_scan_finds_a_salted_hash(secret: dict[str, str]) -> None:
    scanner = Scanner([Canary("code", secret["code"])])

    scanner.look_for_salted_hashes(
        "a row", ["salt-1", sha256(f"salt-1{secret['code']}".encode()).hexdigest()]
    )

    assert scanner.found


def test_six_digits_by_chance_are_no_leak() -> None:
    """Ids, hashes, times and longer numbers hold any six digits now and then."""
    scanner = Scanner([Canary("code", "123456")])

    scanner.look("here", "cs_00123456ffff 1234567 0123456 2026-11-20T16:00:00.123456+00:00 1795192519.123456")
    scanner.look("here", "datetime.datetime(2026, 11, 20, 16, 45, 9, 123456, tzinfo=datetime.timezone.utc)")

    assert scanner.found == []
    scanner.look("here", "the code is 123456.")
    assert len(scanner.found) == 1


ELSEWHERE = pytest.mark.one_database("One secret shows that the scan reads this database.")


@pytest.mark.parametrize(
    "name", ["key", *(pytest.param(name, marks=ELSEWHERE) for name in ("code", "card number", "token"))]
)
def test_a_planted_leak_is_found_everywhere(agent: Played, scanner: Scanner, name: str) -> None:
    """The negative control, one for each kind of evidence."""
    value = agent.secret[name]

    def found(part: str) -> bool:
        hits = [entry for entry in scanner.found if part in entry and entry.startswith(name)]
        scanner.found.clear()
        return bool(hits)

    agent.session("item_mug")
    OutboxMessage.objects.create(kind="probe", payload={"said": value})
    evidence.tables(scanner)
    assert found("table agentic_outbox_message")
    if connection.vendor == "sqlite":
        evidence.files(scanner)
        assert found("file ")
    with evidence.diary() as diary:
        logging.getLogger("agentic.x").debug("said %s", value)
        scanner.look("logs", *diary.entries)
        assert found("logs")
        logging.getLogger("agentic.x").debug("said", extra={"context": {"said": value}})
        scanner.look("logs", *diary.entries)
        assert found("logs")
        diary.entries.clear()
        try:
            raise ValueError(value)
        except ValueError:
            logging.getLogger("agentic.x").exception("failed")
        scanner.look("logs", *diary.entries)
        assert found("logs")
        diary.entries.clear()
        OutboxMessage.objects.filter(kind=value).first()
        scanner.look("logs", *diary.entries)
        assert found("logs"), "a value in a statement"
    CheckoutSession.objects.update(extras={"order_notes": f"It is {value}."})
    evidence.screens(scanner, log_in())
    assert found("admin ")
    mail.EmailMessage("subject", f"It is {value}.", to=["operator@example.com"]).send()
    evidence.mails(scanner, delivered_to=BUYER["email"])
    assert found("a mail")
    mail.EmailMessage(f"It is {value}.", "text", to=[BUYER["email"]]).send()
    evidence.mails(scanner, delivered_to=BUYER["email"])
    assert found("head of a mail")


@pytest.mark.services
def test_a_planted_leak_is_found_in_redis(agent: Played, scanner: Scanner) -> None:
    from django.core.cache import cache

    with evidence.monitored() as commands:
        cache.set("agentic-probe", {"said": agent.secret["key"]}, 60)
    evidence.redis(scanner)
    cache.delete("agentic-probe")
    assert [entry for entry in scanner.found if entry.startswith("key")]
    scanner.found.clear()

    scanner.look("commands of Redis", *commands)

    assert [entry for entry in scanner.found if entry.startswith("key")]

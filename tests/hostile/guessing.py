"""An agent that guesses one-time codes, and what it may not see or get (R23)."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.http import HttpResponse
from django.utils import timezone

from gateway import delivery
from interventions import ports
from interventions.models import Intervention
from interventions.providers import otp
from interventions.providers.otp import Counted
from tests.agents import ADDRESS, PlayedAgent

LINK = re.compile(r"(?<=/confirm/)[0-9a-f]{96}")
CODE = re.compile(r"one-time code: ([0-9]+)$", re.MULTILINE)
CAPABLE = {"interventions": {"supported": ["otp"]}}
DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A code was held against the right one."""

    at: datetime
    intervention: str
    session: str
    destination: str


class Watch:
    """Sees every comparison there is, in every thread of this process."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.seen: list[Comparison] = []
        self._lock, self._compare = threading.Lock(), otp.compare
        patch.setattr(otp, "compare", self)

    def __call__(self, row: Intervention, code: str) -> bool:
        with self._lock:
            self.seen.append(Comparison(timezone.now(), row.pk, row.subject, row.destination_digest))
        return self._compare(row, code)

    def most(self, of: str) -> int:
        """The most comparisons for one `intervention`, or `session`."""
        return max(Counter(getattr(seen, of) for seen in self.seen).values(), default=0)

    def most_in_a_day(self) -> int:
        """The most for one destination in any 24 hours."""
        destinations = {seen.destination for seen in self.seen}
        return max(
            (most([s.at for s in self.seen if s.destination == d], DAY) for d in destinations), default=0
        )


def most(moments: list[datetime], window: timedelta) -> int:
    """The most moments in any window of that length."""
    return max((sum(start <= then < start + window for then in moments) for start in moments), default=0)


def unlimited(row: Intervention, claim: str = "") -> Counted:
    """For negative controls: an attempt costs nothing and is always there."""
    return Counted(row, timezone.now(), True)


@contextmanager
def ruled(**changed: Any) -> Iterator[None]:
    """These rules are others for a while."""
    before = ports.ports()
    ports.plug(replace(before, rules=replace(before.rules, **changed)))
    try:
        yield
    finally:
        ports.plug(before)


def asked(agent: PlayedAgent, email: str = "ada@example.com") -> dict[str, Any]:
    """A new session whose buyer is to be asked for a code, if a code can be sent."""
    return agent.create(
        "item_sneakers",
        capabilities=CAPABLE,
        buyer={"email": email},
        fulfillment_details={"address": ADDRESS},
    )


def delivered() -> list[str]:
    """The codes of the mails that leave now, in order."""
    before = len(mail.outbox)
    delivery.deliver_due()
    return [CODE.findall(str(message.body))[0] for message in mail.outbox[before:]]


def guess(agent: PlayedAgent, session: dict[str, Any], code: str, **options: Any) -> HttpResponse:
    body = {"intervention_response": {"type": "otp", "code": code}}
    return agent.post(f"/checkout_sessions/{session['id']}", body, **options)


def resend(agent: PlayedAgent, session: dict[str, Any]) -> HttpResponse:
    body = {"intervention_response": {"type": "otp", "resend": True}}
    return agent.post(f"/checkout_sessions/{session['id']}", body)


def wrong(code: str, number: int = 1) -> str:
    """A well-formed code that is not `code`; another one for each number below a million."""
    return f"{(int(code) + number) % 10 ** len(code):0{len(code)}d}"


OWN_HEADERS = frozenset({"Idempotency-Key", "Retry-After", "Content-Length"})
MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(?:Z|[+]00:00)")

Shown = tuple[int, str, tuple[tuple[str, str], ...]]


def shown(answer: HttpResponse, session: dict[str, Any]) -> Shown:
    """All that an answer tells about the guess: status, body and headers, without what is the
    session's or the request's own (id, address, link, times) and without Retry-After."""
    body = (
        answer.content.decode().replace(session["id"], "(id)").replace(session["buyer"]["email"], "(email)")
    )
    headers = sorted((name, value) for name, value in answer.headers.items() if name not in OWN_HEADERS)
    return answer.status_code, LINK.sub("(link)", MOMENT.sub("(time)", body)), tuple(headers)

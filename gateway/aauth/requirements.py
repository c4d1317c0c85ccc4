"""What is asked of an agent whose call waits, at one moment: an answer, patience, or its person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from checkout import waiting
from checkout.waiting import Awaited
from gateway.identities import CLARIFICATION, INTERACTION
from gateway.pending_models import PendingRequest
from interventions import clarifications
from interventions.models import Clarification
from interventions.negotiation import APPROVAL, QUESTION


class Asked(StrEnum):
    """The values of `requirement` that a resource may send with a 202 (AA-009)."""

    CLARIFICATION = "clarification"
    APPROVAL = "approval"
    INTERACTION = "interaction"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing at a time (AA-103); `asked` is None when nothing is asked, and the call only goes on."""

    asked: Asked | None = None
    kind: str = ""
    """Of the intervention that is behind it, if there is one."""
    question: Clarification | None = None

    def timeout(self, now: datetime) -> int:
        """Seconds until the question is over."""
        return max(1, round((self.question.expires_at - now).total_seconds())) if self.question else 0


def of(pending: PendingRequest) -> Requirement:
    """What is asked now. An open question replaces everything else, and only agents that take questions
    are asked (AA-101). Changes nothing."""
    awaited = _awaited(pending)
    if CLARIFICATION in pending.capabilities:
        question = clarifications.open_of(pending.subject)
        if question is not None:
            return Requirement(Asked.CLARIFICATION, awaited.kind if awaited else "", question)
    return Requirement(_by_kind(awaited), awaited.kind if awaited else "")


def waits(pending: PendingRequest) -> bool:
    """Somebody other than we has to act first. Changes nothing."""
    return _awaited(pending) is not None or clarifications.open_of(pending.subject) is not None


def _awaited(pending: PendingRequest) -> Awaited | None:
    """An agent that cannot bring its person waits for nobody's act but its own."""
    awaited = waiting.still(pending.subject)
    if awaited is not None and awaited.kind != QUESTION and INTERACTION not in pending.capabilities:
        return None
    return awaited


def _by_kind(awaited: Awaited | None) -> Asked | None:
    if awaited is None or awaited.kind == QUESTION:
        return None
    return Asked.APPROVAL if awaited.kind == APPROVAL else Asked.INTERACTION

"""What stands above the question on a page, whatever it is about."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from gateway import parked_grants, subjects
from gateway.person import consent_ends, consented, purchase
from gateway.person.consented import Consent
from gateway.person.ends import End
from gateway.person.purchase import Purchase

Topic = Purchase | Consent


def of(subject: str, request: HttpRequest) -> Topic | None:
    """None when it is gone."""
    if subjects.prefix_of(subject) == parked_grants.PREFIX:
        return consented.of_subject(subject, request.headers.get("Accept-Language", ""))
    return purchase.of_session(subject)


def context(topic: Topic | None) -> dict[str, Any]:
    """As templates know it."""
    is_consent = isinstance(topic, Consent)
    return {"purchase": None if is_consent else topic, "consent": topic if is_consent else None}


def worded(end: End, topic: Topic | None) -> End:
    """The end in words for what it was about."""
    return consent_ends.worded(end) if isinstance(topic, Consent) else end

"""What Stripe tells of by itself, once its signature was found genuine: a hint, and nothing more."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from typing import Any, Literal

from checkout.payments.outcomes import ProviderEvent
from checkout.payments.stripe_reading import ATTEMPT, INTENT

log = logging.getLogger("agentic.stripe")

_EVENT = re.compile(r"evt_[A-Za-z0-9_]{1,120}", re.ASCII)
_TYPE = re.compile(r"[a-z0-9_.]{1,100}", re.ASCII)


def event(body: bytes, *, live: bool) -> ProviderEvent | None:
    """The event in a body that was verified, or None when it is none. One of the test mode for a live
    shop, or the other way round, says that it is stray (T90). `attempt_id` is empty where its object
    names no attempt: a dispute, or something that was made at Stripe by hand; `reference` is the intent
    that it names."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        told = None
    name = told.get("id") if isinstance(told, Mapping) else None
    if not isinstance(told, Mapping) or told.get("object") != "event" or not _named(name):
        log.error("Stripe signed something that is no event")
        return None
    kind = told.get("type")
    kind = kind if isinstance(kind, str) and _TYPE.fullmatch(kind) else ""
    stray = "" if told.get("livemode") is live else "It is of the other mode than our key."
    data = told.get("data")
    return ProviderEvent(
        str(name),
        _attempt(data),
        about=_about(kind),
        type=kind,
        stray=stray,
        reference=_reference(data),
    )


def _about(kind: str) -> Literal["payment", "refund", "dispute"]:
    if kind.startswith("charge.dispute."):
        return "dispute"
    return "refund" if kind.startswith(("refund.", "charge.refund")) else "payment"


def _attempt(data: Any) -> str:
    found = data.get("object") if isinstance(data, Mapping) else None
    metadata = found.get("metadata") if isinstance(found, Mapping) else None
    said = metadata.get(ATTEMPT) if isinstance(metadata, Mapping) else None
    return said[:255] if isinstance(said, str) else ""


def _reference(data: Any) -> str:
    found = data.get("object") if isinstance(data, Mapping) else None
    said = found.get("payment_intent") if isinstance(found, Mapping) else None
    return said if isinstance(said, str) and INTENT.fullmatch(said) else ""


def _named(name: Any) -> bool:
    return isinstance(name, str) and _EVENT.fullmatch(name) is not None

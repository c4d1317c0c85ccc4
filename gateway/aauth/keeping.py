"""What a parked call needs to be run, sealed in its row until it has ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gateway import sealed
from gateway.deferring import Call
from gateway.identities import INTERACTION
from gateway.pending_models import PendingRequest

BODY_PURPOSE = "body of a parked call"


def keep(call: Call) -> str:
    """What the call needs to be run, sealed; "" when it needs nothing."""
    if not call.body:
        return ""
    held = {"body": call.body, "total": call.total, "claim": call.claim}
    return sealed.seal(json.dumps(held).encode(), BODY_PURPOSE)


def held(pending: PendingRequest) -> Call:
    """The call as it will be run. Raises sealed.Unreadable when its key is gone."""
    found: Mapping[str, Any] = {"body": {}, "total": None, "claim": ""}
    if pending.held_body:
        found = json.loads(sealed.unseal(pending.held_body, BODY_PURPOSE))
    return Call(
        operation=pending.operation,
        owner=pending.owner,
        method=pending.method,
        path=pending.path,
        subject=pending.subject,
        version=pending.version,
        body=found["body"],
        total=found["total"],
        claim=found["claim"],
        brings=INTERACTION in pending.capabilities,
    )


def claim_of(pending: PendingRequest) -> str:
    """Of the call's payment attempt; "" when it pays nothing, or its key is gone."""
    try:
        return held(pending).claim
    except sealed.Unreadable:
        return ""

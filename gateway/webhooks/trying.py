"""A sample sent on an operator's word, to see whether an endpoint takes what we sign."""

from __future__ import annotations

import secrets

from gateway import sealed
from gateway.models import WebhookEndpoint
from gateway.webhooks import rendering, sending
from gateway.webhooks.sending import Outcome

TYPE = "test"
"""An event type that no receiver acts on; they accept types they do not know."""


def sample(endpoint: WebhookEndpoint) -> tuple[bool, str]:
    """Whether the endpoint took a signed sample now, and what happened in words. Sent once; no
    transaction may be open."""
    body = rendering.sample(TYPE)
    try:
        verdict = sending.post(endpoint, f"evt_test_{secrets.token_hex(8)}", body)
    except sealed.Unreadable:
        return False, "The secret was sealed with none of the HASH_KEYS. Nothing was sent."
    if verdict.outcome == Outcome.TAKEN:
        return True, f"The sample was taken, with status {verdict.status}."
    if verdict.status is None:
        return False, "The address gave no usable answer."
    hint = " Does the receiver have this secret?" if verdict.status == sending.UNAUTHORIZED else ""
    return False, f"The sample was not taken: status {verdict.status}.{hint}"

"""One try: the event is signed, posted, and the answer judged (ACP-112, ACP-116 to ACP-120)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from django.views.decorators.debug import sensitive_variables

from gateway import merchant_signature
from gateway.conf import conf
from gateway.egress import egress
from gateway.models import WebhookEndpoint
from gateway.webhooks import endpoints
from interventions.http import NoReply, Reply

UNAUTHORIZED = 401
GONE = 410
FINAL = frozenset({400, UNAUTHORIZED, 403, 404})
"""The same event would be refused again: an operator has to look."""
MOST_BYTES = 16 * 1024
"""Of an answer of which only the status counts."""


class Outcome(Enum):
    TAKEN = "taken"
    AGAIN = "again"
    REFUSED = "refused"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a try ended. `error` is empty for one that was taken."""

    outcome: Outcome
    status: int | None = None
    error: str = ""
    retry_after: str = ""


def clock() -> float:
    """Seconds, as the signature counts them."""
    return time.time()


@sensitive_variables()
def post(endpoint: WebhookEndpoint, event: str, body: bytes) -> Verdict:
    """The bytes were sent once, with a fresh signature; while two secrets overlap, a receiver that
    refuses the new one is asked once more with the older. No transaction may be open.

    Raises sealed.Unreadable.
    """
    verdict = Verdict(Outcome.AGAIN)
    for secret in endpoints.secrets_of(endpoint):
        verdict = _once(endpoint.url, secret, event, body)
        if verdict.status != UNAUTHORIZED:
            break
    return verdict


@sensitive_variables()
def _once(url: str, secret: bytes, event: str, body: bytes) -> Verdict:
    at = int(clock())
    headers = {
        "Merchant-Signature": merchant_signature.header(secret, body, at),
        "Timestamp": datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "Request-Id": event,
        "Content-Type": "application/json",
    }
    try:
        reply = egress().request(
            "POST",
            url,
            headers=headers,
            body=body,
            timeout_seconds=conf().WEBHOOK_TIMEOUT_SECONDS,
            most_bytes=MOST_BYTES,
        )
    except NoReply:
        return Verdict(Outcome.AGAIN, error="no_reply")
    return judge(reply)


def judge(reply: Reply) -> Verdict:
    """What the receiver's answer means. A redirect is a failure: nobody follows it (T25)."""
    status = reply.status
    if 200 <= status < 300:
        return Verdict(Outcome.TAKEN, status)
    if status == GONE:
        return Verdict(Outcome.GONE, status, "gone")
    if status in FINAL:
        return Verdict(Outcome.REFUSED, status, "refused")
    error = "redirect" if 300 <= status < 400 else "server_error" if status >= 500 else "not_taken"
    return Verdict(Outcome.AGAIN, status, error, reply.headers.get("retry-after", ""))

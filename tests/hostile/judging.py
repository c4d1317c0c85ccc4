"""What every answer must be, whatever was asked."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from schemas import facade
from tests.agents import VERSION

PAGES = re.compile(r"/agentic/(orders/[^/]+|confirm/[^/]+(/return|/embed)?)\Z")
SESSION = re.compile(r"/agentic/acp/checkout_sessions(/[^/]+(/(complete|cancel))?)?\Z")
CARDS = re.compile(
    r"/agentic/acp/(?:(?P<pay>agentic_commerce/delegate_payment)|delegate_authentication(?P<run>/.*)?)\Z",
    re.S,
)
DISCOVERY = "/.well-known/acp.json"
HEALTH = ("/healthz", "/readyz", "/agentic/healthz", "/agentic/readyz")


def for_programs(path: str) -> bool:
    """Programs live here, so nothing but JSON may come back."""
    return (path.startswith("/agentic/") and not PAGES.match(path)) or path in (DISCOVERY, *HEALTH)


def faults(path: str, status: int, header: Callable[[str], str], body: bytes) -> list[str]:
    """What is wrong with the answer, nothing for a good one. `path` is as the server decoded it."""
    if path.endswith("/readyz") and status == 503:
        return []
    found = []
    if status >= 500:
        found.append(f"{status}")
    if re.search(rb"Traceback \(most recent|File \"/|Exception Value", body):
        found.append("a traceback")
    if not for_programs(path) or status == 304:
        return found
    if not body:
        return found
    if header("content-type") != "application/json":
        found.append(f"not JSON but {header('content-type')!r}")
        return found
    try:
        document = json.loads(body)
    except ValueError:
        return [*found, "a body that is no JSON"]
    return found + _violations(path, status, document)


def _violations(path: str, status: int, document: Any) -> list[str]:
    taking = CARDS.match(path)
    if taking:
        schema = _of_a_card(taking, status, document)
    elif status >= 400:
        schema = "Error"
    elif SESSION.match(path):
        schema = "CheckoutSession"
    elif path == DISCOVERY:
        schema = "DiscoveryResponse"
    elif path in HEALTH:
        return [] if document.get("status") == "ok" else ["a health answer without a status"]
    else:
        return [f"{status} where nothing lives"]
    return [
        f"{schema}: {violation.path} {violation.message}"
        for violation in facade.validator(schema, _version(document)).violations(document)
    ]


def _of_a_card(taking: re.Match[str], status: int, document: Any) -> str:
    if status >= 400:
        return "DelegationError"
    if taking["pay"]:
        return "DelegatePaymentResponse"
    return "DelegateAuthenticationSessionWithResult"


def _version(document: Any) -> str:
    """The schemas that the answer says it follows."""
    try:
        extended = bool(document["capabilities"]["extensions"])
    except (KeyError, TypeError):
        extended = False
    return f"{VERSION}+intervention_types" if extended else VERSION

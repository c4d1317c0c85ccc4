"""Events as bytes, in the words of the protocol version that opened the session (decision 7).

The protocols register themselves in `gateway.plugs`: they and this package do not know each other.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from checkout.models import Order
from gateway import strict_json
from gateway.conf import conf
from schemas import facade

log = logging.getLogger("agentic.webhooks")

EVENT = "WebhookEvent"


@dataclass(frozen=True, slots=True)
class Form:
    """How one version of a protocol writes an event."""

    of_order: Callable[[str, Order], dict[str, Any]]
    sample: Callable[[str], dict[str, Any]]


_forms: dict[str, Form] = {}


def register(version: str, form: Form) -> None:
    """Sessions opened in `version` are told of in this form. The first one serves unknown versions."""
    _forms[version] = form


def event(kind: str, order: Order) -> bytes:
    """The whole order as it stands now, in an event of this kind, as the bytes to sign and send."""
    version = order.session.protocol_version
    chosen = version if version in _forms else next(iter(_forms))
    return _bytes(chosen, _forms[chosen].of_order(kind, order))


def sample(kind: str) -> bytes:
    """An event of an order that does not exist, in the newest form."""
    newest = max(_forms)
    return _bytes(newest, _forms[newest].sample(kind))


def _bytes(version: str, body: dict[str, Any]) -> bytes:
    if violations := facade.validator(EVENT, version).violations(body):
        places = ", ".join(f"{v.path} ({v.keyword})" for v in violations[:5])
        if conf().STRICT_RESPONSES:
            raise AssertionError(f"{EVENT} violates its schema at {places}")
        log.error("an event violates schema %s at %s", EVENT, places)
    return strict_json.dumps(body)

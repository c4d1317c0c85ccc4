"""The merchant's own server, which tells a person in the merchant's app.

Each request is signed. Only a plain yes counts: `{"accepted": true}` in an answer of 2xx.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.views.decorators.debug import sensitive_variables

from interventions.http import Http, NoReply
from interventions.reach_models import ReachChannel
from interventions.reach_ports import ChannelGone, Notice, NotReached

log = logging.getLogger("agentic.interventions.app")

TIMEOUT_SECONDS = 4.5
MOST_BYTES = 16 * 1024
UNKNOWN = 404

Sign = Callable[[bytes], str]
"""The `Merchant-Signature` over exactly these bytes, now."""


class AppWebhook:
    """Implements `interventions.reach_ports.PersonChannel`. Without state; may be used by several threads."""

    kind = ReachChannel.WEBHOOK
    slow = False

    def __init__(self, http: Http, url: str, sign: Sign) -> None:
        self._http, self._url, self._sign = http, url, sign

    def is_ready(self, channel: ReachChannel, now: datetime) -> bool:
        return channel.kind == self.kind and channel.works

    @sensitive_variables("body")
    def reach(self, channel: ReachChannel, notice: Notice) -> None:
        """See the port. The merchant's server recognises a repeat by `id`."""
        ends = notice.expires_at.astimezone(UTC) if notice.expires_at else None
        told: dict[str, Any] = {
            "id": notice.id,
            "person": notice.person,
            "title": notice.title,
            "url": notice.url,
            "expires_at": ends.strftime("%Y-%m-%dT%H:%M:%SZ") if ends else None,
        }
        body = json.dumps(told, separators=(",", ":")).encode()
        headers = {"Merchant-Signature": self._sign(body), "Content-Type": "application/json"}
        try:
            reply = self._http.request(
                "POST",
                self._url,
                headers=headers,
                body=body,
                timeout_seconds=TIMEOUT_SECONDS,
                most_bytes=MOST_BYTES,
            )
        except NoReply:
            raise NotReached from None
        if reply.status == UNKNOWN:
            raise ChannelGone
        accepted = _accepted(reply.body) if 200 <= reply.status < 300 else None
        if accepted is False:
            raise ChannelGone
        if accepted is not True:
            log.warning("%s: the merchant's server answers %s", channel.pk, reply.status)
            raise NotReached


def _accepted(body: bytes) -> object:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return said.get("accepted") if isinstance(said, dict) else None

"""Push messages to a person's browser, through the push service of whoever made it (RFC 8030, 8291, 8292).

The two libraries encrypt and sign; the request is sent by our own client, which goes nowhere but to public
https addresses. The push service reads neither what is in a message nor whom it is for.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from importlib.util import find_spec
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from interventions import push_subscriptions
from interventions.http import Http, NoReply
from interventions.ports import ports
from interventions.push_subscriptions import Subscription
from interventions.reach_models import ReachChannel
from interventions.reach_ports import ChannelGone, Notice, NotReached

log = logging.getLogger("agentic.interventions.push")

LIBRARIES = ("pywebpush", "py_vapid")
TIMEOUT_SECONDS = 4.5
LONGEST_SECONDS = 3600
"""How long a push service keeps a message for a device that is away, when nothing else ends it before."""
SIGNED_SECONDS = 12 * 3600
MOST_BYTES = 16 * 1024
LONGEST_TITLE = 200
TOPIC_CHARACTERS = 32
TOPIC_PURPOSE = "topic of a push message"
GONE = (404, 410)

Key = Callable[[], EllipticCurvePrivateKey | None]
"""The key as it is now; None when there is none that can be used."""


def installed() -> bool:
    """The extra `push` is there."""
    return all(find_spec(name) is not None for name in LIBRARIES)


class WebPush:
    """Implements `interventions.reach_ports.PersonChannel`. Without state; may be used by several threads."""

    kind = ReachChannel.WEB_PUSH
    slow = False

    def __init__(self, http: Http, key: Key, contact: str) -> None:
        """`key` is how push services know us, `contact` whom they write to: mailto: or https."""
        self._http, self._key, self._contact = http, key, contact

    def is_ready(self, channel: ReachChannel, now: datetime) -> bool:
        return channel.kind == self.kind and channel.works and self._key() is not None

    def reach(self, channel: ReachChannel, notice: Notice) -> None:
        """See the port. A repeat replaces what it repeats, on the way and on the device."""
        message = {"id": notice.id, "title": notice.title[:LONGEST_TITLE], "url": notice.url}
        self.send(channel, message, topic=notice.id, seconds=_seconds_left(notice))

    @sensitive_variables("message", "subscription", "body")
    def send(self, channel: ReachChannel, message: Mapping[str, Any], *, topic: str, seconds: int) -> None:
        """The push service has taken the message, and keeps it for `seconds`; one of the same topic that
        it still keeps is replaced. Raises NotReached, ChannelGone."""
        try:
            subscription = push_subscriptions.unseal(channel.address)
        except ValueError:
            raise ChannelGone from None  # sealed by a key that is gone
        key = self._key()
        if key is None:
            raise NotReached
        headers = {
            "Authorization": _authorization(key, subscription, self._contact),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(seconds),
            "Urgency": "high",
            "Topic": ports().digest(topic.encode(), TOPIC_PURPOSE)[:TOPIC_CHARACTERS],
        }
        body = _encrypted(subscription, json.dumps(message, separators=(",", ":")).encode())
        try:
            reply = self._http.request(
                "POST",
                subscription.endpoint,
                headers=headers,
                body=body,
                timeout_seconds=TIMEOUT_SECONDS,
                most_bytes=MOST_BYTES,
            )
        except NoReply:
            raise NotReached from None
        if reply.status in GONE:
            raise ChannelGone
        if not 200 <= reply.status < 300:
            log.warning("%s: its push service answers %s", channel.pk, reply.status)
            raise NotReached


@sensitive_variables()
def _authorization(key: EllipticCurvePrivateKey, subscription: Subscription, contact: str) -> str:
    """Who sends, for that push service alone (VAPID)."""
    from py_vapid import Vapid02

    claims = {"aud": subscription.link.origin, "exp": int(time.time()) + SIGNED_SECONDS, "sub": contact}
    return str(Vapid02(key).sign(claims)["Authorization"])


@sensitive_variables()
def _encrypted(subscription: Subscription, message: bytes) -> bytes:
    """The message as that browser alone can read it."""
    # Only here: it brings clients of its own along, which are not used.
    from pywebpush import WebPusher

    keys = {"p256dh": subscription.p256dh, "auth": subscription.auth}
    encoded = WebPusher({"endpoint": subscription.endpoint, "keys": keys}).encode(message)
    return bytes(encoded["body"])


def _seconds_left(notice: Notice) -> int:
    """0 means now or never, to a push service."""
    if notice.expires_at is None:
        return LONGEST_SECONDS
    return max(0, min(LONGEST_SECONDS, int((notice.expires_at - timezone.now()).total_seconds())))

"""The ways to reach people that need something set up: push messages, and the merchant's own app."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from gateway import merchant_signature, push_key
from gateway.conf import conf
from gateway.egress import egress
from interventions.channels import web_push as web_push_channel
from interventions.channels.app_webhook import AppWebhook
from interventions.channels.web_push import WebPush
from interventions.weblinks import LOOPBACK, parse

LEAST_SECRET = 32
"""Characters of the secret that is shared with the merchant's server."""


def web_push() -> WebPush | None:
    """Who sends push messages; None without the extra `push`, the name of a key file, or somebody to write
    to. The file is read when something is sent, so that it can be made later."""
    if not conf().REACH_PUSH_KEY or not web_push_channel.installed() or not contact():
        return None
    return WebPush(egress(), key, contact())


def key() -> EllipticCurvePrivateKey | None:
    """How push services know us; None while there is no key that can be used."""
    try:
        return push_key.key()
    except push_key.Unusable:
        return None


def contact() -> str:
    """Whom push services write to when something is wrong with our messages; "" for nobody."""
    named = conf().REACH_PUSH_CONTACT or conf().SITE_CONTACT or conf().PUBLIC_URL
    if named.startswith(("mailto:", "https://")):
        return named
    return f"mailto:{named}" if "@" in named and "/" not in named else ""


def app_webhook() -> AppWebhook | None:
    """Who tells the merchant's server; None without one."""
    if app_problem() or not conf().REACH_WEBHOOK:
        return None

    def sign(body: bytes) -> str:
        return merchant_signature.header(app_secret(), body, int(time.time()))

    return AppWebhook(egress(), conf().REACH_WEBHOOK["url"], sign)


def app_secret() -> bytes:
    """What the merchant's server and we sign with. Only where `app_problem` finds nothing."""
    return str(conf().REACH_WEBHOOK["secret"]).encode()


def app_problem() -> str:
    """What is wrong with REACH_WEBHOOK, or ""; that there is none is not wrong. Quotes nothing of it."""
    given: Any = conf().REACH_WEBHOOK
    if not given:
        return ""
    if not isinstance(given, Mapping) or set(given) != {"url", "secret"}:
        return "must be a dict with url and secret, and nothing else."
    secret, url = given["secret"], given["url"]
    if not isinstance(secret, str) or len(secret) < LEAST_SECRET:
        return f"needs a secret of at least {LEAST_SECRET} characters."
    try:
        link = parse(url) if isinstance(url, str) else None
    except ValueError:
        link = None
    if link is None or (link.scheme != "https" and not (conf().DEMO and link.host in LOOPBACK)):
        return "needs a url of https."
    return ""

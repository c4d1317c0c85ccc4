"""The demo with Stripe's keys set, and Stripe at `STRIPE_ORIGIN`: a server of the tests."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from gateway.project.demo import *  # noqa: F403
from gateway.project.demo import AGENTIC_GATEWAY

_origin = os.environ["STRIPE_ORIGIN"]
_named = AGENTIC_GATEWAY["INTERVENTIONS"]
assert _named["webview"]["part"] == "gateway.payment_element.provider", "the keys alone name it"

AGENTIC_GATEWAY = {
    **AGENTIC_GATEWAY,
    "INTERVENTIONS": {**_named, "webview": {**_named["webview"], "api_origin": _origin}},
    "EGRESS_LOOPBACK": [*AGENTIC_GATEWAY["EGRESS_LOOPBACK"], urlsplit(_origin).netloc],
}

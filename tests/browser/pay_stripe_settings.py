"""The demo, paid through Stripe at `STRIPE_ORIGIN`, a server of the tests."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from gateway.project.demo import *  # noqa: F403
from gateway.project.demo import AGENTIC_GATEWAY

_origin = os.environ["STRIPE_ORIGIN"]
assert AGENTIC_GATEWAY["STRIPE"]["publishable_key"], "the environment's keys name it"

AGENTIC_GATEWAY = {
    **AGENTIC_GATEWAY,
    "STRIPE": {**AGENTIC_GATEWAY["STRIPE"], "api_origin": _origin, "challenge_origins": [_origin]},
    "EGRESS_LOOPBACK": [*AGENTIC_GATEWAY["EGRESS_LOOPBACK"], urlsplit(_origin).netloc],
}

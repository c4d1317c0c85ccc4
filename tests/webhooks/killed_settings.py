"""Settings of the relays that `test_killed` starts and kills: short leases, one receiver."""

from __future__ import annotations

import os

from gateway.project.demo import *  # noqa: F403
from gateway.project.demo import AGENTIC_GATEWAY

AGENTIC_GATEWAY = {
    **AGENTIC_GATEWAY,
    "RELAY_LEASE_SECONDS": 0.5,
    "MESSAGE_LEASE_SECONDS": 2.0,
    "EGRESS_LOOPBACK": [os.environ["RECEIVER"]],
    "PAYMENT_SECONDS": 0.9,
    "WEBHOOK_TIMEOUT_SECONDS": 0.7,
    "WEBHOOK_DELAYS_SECONDS": [0, *[0.3] * 30],
    "WEBHOOK_BREAKER_SECONDS": 0.5,
}

"""Settings of the processes that `test_relay_process` starts and kills: short leases, a slow effect.

The database and the broker come from the environment, as for the project itself.
"""

from __future__ import annotations

from gateway.project.demo import *  # noqa: F403
from gateway.project.demo import AGENTIC_GATEWAY, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.gateway.relay_probe"]

AGENTIC_GATEWAY = {
    **AGENTIC_GATEWAY,
    "RELAY_LEASE_SECONDS": 1.0,
    "MESSAGE_LEASE_SECONDS": 2.0,
    "PAYMENT_SECONDS": 0.9,
    "WEBHOOK_TIMEOUT_SECONDS": 0.5,
}

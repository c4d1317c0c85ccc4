"""The demo project with short leases: what a killed worker held is soon free again."""

from gateway.project.demo import *  # noqa: F403
from gateway.project.demo import AGENTIC_GATEWAY

AGENTIC_GATEWAY = {
    **AGENTIC_GATEWAY,
    "IDEMPOTENCY_LEASE_SECONDS": 2.0,
    "MESSAGE_LEASE_SECONDS": 3.0,
    "PAYMENT_SECONDS": 1.0,
    "WEBHOOK_TIMEOUT_SECONDS": 1.0,
    "PAYMENTS": "tests.hostile.gated_payments.GatedPayments",
}

"""How much a bar does and how long things take: `pr` for every change, `full` for a release.

Every duration of the product is a setting. At `pr` those that a fault test waits for are a twentieth
of the real ones; what is judged is order (a stop is longer than a lease, a lease longer than a call),
never length.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gateway.conf import Conf

SCALED = (
    "IDEMPOTENCY_LEASE_SECONDS",
    "ATTEMPT_SECONDS",
    "PAYMENT_BREAKER_SECONDS",
    "SWEEP_SECONDS",
    "HOLD_SECONDS",
    "RELAY_POLL_SECONDS",
    "RELAY_LEASE_SECONDS",
    "MESSAGE_LEASE_SECONDS",
    "WEBHOOK_TIMEOUT_SECONDS",
    "WEBHOOK_BREAKER_SECONDS",
)
LEAST = {"RELAY_POLL_SECONDS": 0.05, "RELAY_LEASE_SECONDS": 1.0}
"""The relay renews its lease once a second; below that it would lose it by itself."""


@dataclass(frozen=True, slots=True)
class Size:
    """`pr` or `full`."""

    name: str
    scale: float
    """Of the real durations."""
    provider_seconds: float
    """For one verb of the payment provider, its retry included; shorter than any lease."""

    def pick(self, *, pr: int, full: int) -> int:
        return pr if self.name == "pr" else full

    def seconds(self, real: float) -> float:
        """A real duration at this size."""
        return real * self.scale

    def durations(self) -> dict[str, Any]:
        """Members of AGENTIC_GATEWAY for a bar that waits for leases and sweeps."""
        defaults = Conf()
        if self.scale == 1:
            return {}
        scaled = {name: max(getattr(defaults, name) * self.scale, LEAST.get(name, 0)) for name in SCALED}
        scaled["PAYMENT_SECONDS"] = self.provider_seconds
        # What undoes a payment asks twice.
        scaled["MESSAGE_LEASE_SECONDS"] = max(scaled["MESSAGE_LEASE_SECONDS"], 2.2 * self.provider_seconds)
        delays = [seconds * self.scale for seconds in defaults.WEBHOOK_DELAYS_SECONDS]
        return {**scaled, "WEBHOOK_DELAYS_SECONDS": delays}


SIZES = {"pr": Size("pr", 1 / 20, 1.5), "full": Size("full", 1.0, 10.0)}

"""A sandbox that stops before or after it charges, as the token says, until the test opens a gate."""

from __future__ import annotations

import time
from pathlib import Path

from django.conf import settings

from checkout.payments.sandbox import SandboxProvider
from checkout.ports import Attempt, Outcome

STOPS_BEFORE = "spt_stops_before_the_charge"
STOPS_AFTER = "spt_stops_after_the_charge"
GATE = "gate-is-open"
"""The gate is a file in VAR_DIR, so that every worker process sees it."""

PATIENCE_SECONDS = 120.0


class GatedPayments(SandboxProvider):
    """A worker killed while the gate is shut has charged, or has not, and nobody has recorded which."""

    def authorize(self, attempt: Attempt) -> Outcome:
        token = attempt.instrument.token if attempt.instrument else ""
        if token == STOPS_BEFORE:
            _wait()
        outcome = super().authorize(attempt)
        if token == STOPS_AFTER:
            _wait()
        return outcome


def _wait() -> None:
    gate = Path(settings.VAR_DIR) / GATE
    until = time.monotonic() + PATIENCE_SECONDS
    while not gate.exists() and time.monotonic() < until:
        time.sleep(0.02)

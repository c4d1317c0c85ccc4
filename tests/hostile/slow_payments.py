"""A sandbox that takes its time, before and after it charges."""

from __future__ import annotations

import time

from checkout.payments.sandbox import SandboxProvider
from checkout.ports import Attempt, Outcome

EITHER_SIDE_SECONDS = 0.3


class SlowPayments(SandboxProvider):
    """A worker killed in the middle of an `authorize` has charged, or has not, as luck has it."""

    def authorize(self, attempt: Attempt) -> Outcome:
        time.sleep(EITHER_SIDE_SECONDS)
        outcome = super().authorize(attempt)
        time.sleep(EITHER_SIDE_SECONDS)
        return outcome

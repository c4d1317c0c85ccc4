"""What the demo agent can play. A new scenario is a module here and a line in the list below."""

from __future__ import annotations

from gateway.demo.scenarios import (
    abandoned,
    approval,
    cancel,
    declined,
    denied,
    errors,
    expired,
    forged_completion,
    mismatch,
    one_time_code,
    out_of_stock,
    price_change,
    purchase,
    race,
    redirect,
    resend,
    retry,
    too_late,
    wrong_code,
)
from gateway.demo.scenarios.scenario import Scenario

__all__ = ["DEFAULT", "EVERY", "SCENARIOS", "Scenario"]

SCENARIOS: dict[str, Scenario] = {
    module.SCENARIO.name: module.SCENARIO
    for module in (
        purchase,
        retry,
        declined,
        out_of_stock,
        price_change,
        errors,
        cancel,
        race,
        one_time_code,
        wrong_code,
        resend,
        expired,
        mismatch,
        approval,
        redirect,
        denied,
        abandoned,
        too_late,
        forged_completion,
    )
}

DEFAULT = purchase.SCENARIO.name

EVERY = "all"
"""The name that plays them one after the other."""

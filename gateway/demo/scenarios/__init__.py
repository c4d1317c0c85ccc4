"""What the demo agent can play. A new scenario is a module here and a line in the list below."""

from __future__ import annotations

from gateway.demo.scenarios import (
    abandoned,
    address_check,
    approval,
    biometric,
    cancel,
    code_on_page,
    declined,
    delegated,
    denied,
    errors,
    expired,
    forged_completion,
    handoff,
    mismatch,
    one_time_code,
    out_of_stock,
    price_change,
    purchase,
    race,
    redirect,
    refund,
    resend,
    retry,
    shipment,
    sms,
    three_ds,
    three_ds_abandoned,
    three_ds_denied,
    three_ds_hosted,
    too_late,
    webhook,
    webview,
    webview_denied,
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
        code_on_page,
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
        three_ds,
        three_ds_hosted,
        three_ds_denied,
        three_ds_abandoned,
        webview,
        webview_denied,
        address_check,
        sms,
        biometric,
        delegated,
        webhook,
        shipment,
        refund,
        handoff,
    )
}

DEFAULT = purchase.SCENARIO.name

EVERY = "all"
"""The name that plays them one after the other."""

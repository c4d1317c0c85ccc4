"""A run of a held call that dies on its way: it is run again under the same claim, and charged once."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from checkout.models import Order, Payment, SandboxCharge
from gateway import delivery
from gateway.pending_models import PendingRequest
from interventions import failpoints
from tests.aauth.waiting.played import NamedAgent
from tests.aauth.waiting.test_lifecycle import asked, confirmed, sneakers

BEFORE = ("complete.open.after", "complete.send.before", "complete.send.after")
AFTER = ("complete.record.before", "complete.record.after", "complete.finish.before")
POINTS = ("complete.open.before", *BEFORE, *AFTER)


class PowerCut(BaseException):
    """Nothing of ours catches it, and nothing is tidied up."""


def one_purchase() -> None:
    assert Order.objects.count() == 1
    assert Payment.objects.count() == 1
    charge = SandboxCharge.objects.get()
    assert charge.outcome == "authorized"


@pytest.mark.parametrize("point", POINTS)
def test_an_error_on_the_way_leaves_the_call_waiting(named: NamedAgent, point: str) -> None:
    subject = sneakers(named).json()["checkout_session_id"]
    parked = asked(named.complete(subject))
    confirmed(subject)

    with failpoints.armed(f"{point}=raise#1"):
        waits = asked(named.poll(parked))
        assert "AAuth-Requirement" not in waits.headers
    with time_machine.travel(timezone.now() + timedelta(seconds=3), tick=True):
        done = named.poll(parked)

    assert done.json()["status"] == "completed"
    one_purchase()


@pytest.mark.parametrize("point", [*POINTS, "complete.finish.after"])
def test_a_power_cut_is_made_good_once_the_lease_is_over(
    named: NamedAgent, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    subject = sneakers(named).json()["checkout_session_id"]
    parked = asked(named.complete(subject))
    confirmed(subject)

    def cut(name: str) -> None:
        if name == point:
            raise PowerCut

    with monkeypatch.context() as patched:
        patched.setattr(failpoints, "reach", cut)
        with pytest.raises(PowerCut):
            named.poll(parked)

    held = PendingRequest.objects.get(operation="acp.complete")
    if point == "complete.finish.after":
        assert held.state == "resolved"
    else:
        assert held.state == "pending"
        assert held.lease_until is not None
        with time_machine.travel(timezone.now() + timedelta(seconds=3), tick=False):
            assert "AAuth-Requirement" not in asked(named.poll(parked)).headers
        assert PendingRequest.objects.get(pk=held.pk).fence == 1, "the lease was respected"
    with time_machine.travel(timezone.now() + timedelta(seconds=61), tick=True):
        delivery.deliver_due()
        assert named.poll(parked).json()["status"] == "completed"
    one_purchase()

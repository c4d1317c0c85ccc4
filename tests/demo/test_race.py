"""The demo agent's ten completes at once, on every database."""

from __future__ import annotations

import pytest

from checkout.models import Order, SandboxCharge
from tests.demo.test_scenarios import played


@pytest.mark.requirement("ACP-033")
def test_race_makes_one_order(merchant: str, capsys: pytest.CaptureFixture[str]) -> None:
    """ACP-033: exactly one order per session."""
    code, said = played(capsys, merchant, "race")

    assert code == 0, said
    assert "-> 10 x POST" in said
    assert "<- 200 OK (1 x)" in said
    assert Order.objects.count() == SandboxCharge.objects.count() == 1

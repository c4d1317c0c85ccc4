"""A pytest plugin: every failed delivery is tried again after five seconds, for ever (control of R17)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest


@pytest.fixture(autouse=True)
def _no_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway.webhooks import schedule

    def next_try(tries: int, now: datetime, retry_after: str = "") -> datetime | None:
        return now + timedelta(seconds=5) if tries < 20 else None

    monkeypatch.setattr(schedule, "next_try", next_try)

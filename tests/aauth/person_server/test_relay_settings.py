"""Settings of the relay that mean nothing are reported, and name themselves."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import run_checks
from django.test import override_settings

from tests.aauth.person_server.relayed import speaking

WRONG = {
    "a way that is none": ("E275", {"REACH_CHANNELS": ("pigeon",)}),
    "a way twice": ("E275", {"REACH_CHANNELS": ("email", "email")}),
    "no rate": ("E276", {"AAUTH_RELAY_RATE": 0}),
    "present for ever": ("E276", {"REACH_PRESENT_SECONDS": 10_000}),
    "half a second": ("E276", {"AAUTH_RELAY_SECONDS": 0.5}),
    "an origin with a path": ("E277", {"AAUTH_RELAY_ORIGINS": ("https://shop.example/",)}),
}


def ids() -> set[str]:
    return {
        str(found.id)
        for found in run_checks()
        if str(found.id) in ("agentic.E275", "agentic.E276", "agentic.E277")
    }


@pytest.mark.parametrize("name", WRONG)
def test_a_setting_that_means_nothing(name: str) -> None:
    found, settings = WRONG[name]
    known: dict[str, Any] = settings
    with speaking(**known):
        assert ids() == {f"agentic.{found}"}


def test_the_settings_as_they_are() -> None:
    assert ids() == set()
    with (
        override_settings(DEBUG=False),
        speaking(REACH_CHANNELS=(), AAUTH_RELAY_ORIGINS=("https://bank.example",)),
    ):
        assert ids() == set()

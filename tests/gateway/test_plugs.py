"""Which parts serve, by the settings; a change of the settings plugs them in anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest

from gateway.asking_checks import interventions as asking_checks
from interventions.ports import AddressFinding, PostalAddress, ports
from interventions.providers.address import TableCheck

if TYPE_CHECKING:
    from pytest_django import Settings

CHECK = "address_verification"


class OwnCheck:
    """A merchant's."""

    def __init__(self, region: str) -> None:
        self.region = region

    def check(self, address: PostalAddress) -> Sequence[AddressFinding]:
        return []


def named(settings: Settings, **types: Any) -> object:
    """Who checks addresses once the settings name these types."""
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "INTERVENTIONS": types}
    return ports().providers.get(CHECK)


def test_addresses_are_checked_unless_the_settings_say_otherwise(settings: Settings) -> None:
    own = {"part": f"{__name__}.OwnCheck", "region": "north"}

    assert isinstance(named(settings), TableCheck)
    found = named(settings, address_verification=own)
    assert isinstance(found, OwnCheck)
    assert found.region == "north"
    assert asking_checks(None) == []
    assert named(settings, address_verification=False) is None
    assert asking_checks(None) == []


def test_a_check_that_cannot_be_made_leaves_the_others_alone(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    assert named(settings, address_verification={"part": "nowhere.Check"}) is None

    assert "otp" in ports().providers
    assert "Nobody checks addresses" in caplog.text

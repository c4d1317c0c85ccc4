"""The cards that the sandbox takes: numbers that payment providers publish for testing, and no others.

A number that is somebody's real card is refused, so that nothing of it is ever kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from interventions.ports import ports

PURPOSE = "card number"


@dataclass(frozen=True, slots=True)
class TestCard:
    """A published number. `stands_for`: the token of the sandbox that behaves so."""

    __test__ = False

    brand: str
    stands_for: str
    authentication: str
    """What its issuer does when 3-D Secure is run for it: frictionless, ask, deny, unavailable or none."""


CARDS: Mapping[str, TestCard] = {
    "4242424242424242": TestCard("visa", "spt_sandbox_ok", "frictionless"),
    "5555555555554444": TestCard("mastercard", "spt_sandbox_ok", "frictionless"),
    "378282246310005": TestCard("amex", "spt_sandbox_ok", "none"),
    "4000000000000002": TestCard("visa", "spt_sandbox_declined", "frictionless"),
    "4000000000003220": TestCard("visa", "spt_sandbox_3ds_challenge", "ask"),
    "4000008400001629": TestCard("visa", "spt_sandbox_3ds_denied", "deny"),
    "4000008400001280": TestCard("visa", "spt_sandbox_3ds_unavailable", "unavailable"),
}


def digest(number: str) -> str:
    """The keyed hash by which a card is known again; nobody reads the number from it."""
    return ports().digest(number.encode(), PURPOSE)


def same(number: str, known: str) -> bool:
    """`known` is the keyed hash of this number, under any key that is still recognised."""
    return known in ports().known_digests(number.encode(), PURPOSE)

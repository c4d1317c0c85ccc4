"""Capability negotiation (acp.md 0.3), against a second description of the same rules."""

from __future__ import annotations

from itertools import chain, combinations, product

import pytest

from interventions.negotiation import (
    PASSIVE,
    Agreement,
    Declared,
    Enforcement,
    Kind,
    Requirement,
    negotiate,
)

ORDER = ["3ds", "biometric", "address_verification", "redirect", "webview", "otp"]
REQUIRABLE = [name for name in ORDER if name != "address_verification"]
REDIRECTS = [None, "in_app", "external_browser", "none"]
LIMITS = [None, 0, 1, 2]


def subsets(names: list[str]) -> list[tuple[str, ...]]:
    return list(chain.from_iterable(combinations(names, size) for size in range(len(names) + 1)))


def outcome(
    declared: Declared, required: tuple[str, ...], enforcement: Enforcement = Enforcement.ALWAYS
) -> Agreement:
    return negotiate(declared, Kind, Requirement(frozenset(Kind(name) for name in required), enforcement))


@pytest.mark.requirement(
    "ACP-0.3", "ACP-126", "ACP-128", "ACP-132", "ACP-133", "ACP-140", "ACP-143", "ACP-166", "IT-04", "IT-06"
)
@pytest.mark.parametrize("required", subsets(REQUIRABLE))
def test_every_agent_meets_every_requirement_as_the_rules_say(required: tuple[str, ...]) -> None:
    """ACP-126, ACP-128, ACP-132, ACP-133, ACP-140, ACP-143, ACP-166, C-15: all 64 sets of types, all
    contexts and limits. Absent limits allow; an explicit zero wins."""
    for supported, redirects, limit, depth in product(subsets(ORDER), REDIRECTS, LIMITS, LIMITS):
        declared = Declared(supported, redirects, limit, depth)

        agreed = outcome(declared, required)

        no_redirect = redirects == "none" or limit == 0
        shared = [name for name in supported if not (no_redirect and name == "redirect")]
        covered = all(name in shared for name in required)
        deep = depth is not None and depth < len(required)
        assert [kind.value for kind in agreed.supported] == shared, declared
        assert [kind.value for kind in agreed.required] == list(required), declared
        assert agreed.compatible == (covered and not deep), declared
        assert agreed.missing == tuple(kind for kind in agreed.required if kind.value not in shared)


@pytest.mark.requirement("ACP-130")
@pytest.mark.parametrize("enforcement", list(Enforcement))
def test_nothing_an_agent_declares_lowers_what_is_required(enforcement: Enforcement) -> None:
    """ACP-130: required and enforcement are the merchant's, whoever asks."""
    required = ("3ds", "otp")

    for supported, redirects, limit, depth in product(subsets(ORDER), REDIRECTS, LIMITS, LIMITS):
        agreed = outcome(Declared(supported, redirects, limit, depth), required, enforcement)

        assert agreed.required == (Kind.THREE_DS, Kind.OTP)
        assert agreed.enforcement == enforcement
        assert agreed.blocked == (not agreed.compatible and enforcement == Enforcement.ALWAYS)


@pytest.mark.requirement("ACP-132")
def test_declaring_more_never_makes_a_match_worse() -> None:
    """ACP-132: a superset of what was enough is enough."""
    for required, supported in product(subsets(REQUIRABLE), subsets(ORDER)):
        if outcome(Declared(supported), required).compatible:
            assert outcome(Declared(tuple(ORDER)), required).compatible
            assert set(required) <= set(supported)


@pytest.mark.requirement("ACP-131", "ACP-140", "ACP-153", "IT-26")
def test_unknown_types_are_dropped_and_duplicates_named_once() -> None:
    """ACP-131, ACP-140, ACP-153."""
    agreed = outcome(Declared(("telepathy", "otp", "otp", "", "OTP", "3ds")), ())

    assert agreed.supported == (Kind.THREE_DS, Kind.OTP)
    assert agreed.compatible


@pytest.mark.requirement("ACP-126")
def test_only_what_the_merchant_can_run_is_shared() -> None:
    """ACP-126; a required type that cannot be run stays required, and nothing is sold."""
    agreed = negotiate(
        Declared(tuple(ORDER)),
        [Kind.OTP],
        Requirement(frozenset({Kind.BIOMETRIC}), Enforcement.ALWAYS),
    )

    assert agreed.supported == (Kind.OTP,)
    assert agreed.required == (Kind.BIOMETRIC,)
    assert agreed.blocked


@pytest.mark.requirement("ACP-128", "ACP-142", "IT-05")
def test_address_verification_is_never_required() -> None:
    """ACP-128, ACP-142, ACP-163."""
    agreed = negotiate(Declared(()), Kind, Requirement(PASSIVE, Enforcement.ALWAYS))

    assert agreed.required == ()
    assert agreed.compatible


@pytest.mark.requirement("ACP-166")
def test_a_webview_survives_every_display_context() -> None:
    """ACP-166: only `redirect` leaves the agent."""
    agreed = outcome(Declared(("redirect", "webview"), "none", 0), ("webview",))

    assert agreed.supported == (Kind.WEBVIEW,)
    assert agreed.compatible


@pytest.mark.requirement("ACP-140", "ACP-141")
def test_the_order_is_the_protocols_own() -> None:
    """ACP-140, ACP-141."""
    assert [kind.value for kind in Kind] == ORDER
    assert [kind.value for kind in outcome(Declared(tuple(reversed(ORDER))), ()).supported] == ORDER

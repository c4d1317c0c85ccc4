"""The intervention extension, laid over the released schemas (decision 13, ACP-141 to ACP-153)."""

from __future__ import annotations

from typing import Any

import pytest

from schemas import facade, loader

EXTENDED = "2026-04-17+intervention_types"

SESSION: dict[str, Any] = {
    "id": "cs_1",
    "status": "authentication_required",
    "currency": "usd",
    "line_items": [],
    "totals": [],
    "fulfillment_options": [],
    "messages": [],
    "links": [],
    "capabilities": {"interventions": {"supported": ["otp"], "required": ["otp"], "enforcement": "always"}},
    "intervention_context": {
        "intervention_type": "otp",
        "challenge_hint": "a**@example.com",
        "expires_at": "2026-11-20T12:00:00Z",
        "com.example.more": 1,
    },
}


def paths(version: str, name: str, document: dict[str, Any]) -> list[str]:
    return [violation.path for violation in facade.validator(name, version).violations(document)]


def test_the_extension_allows_what_the_release_does_not() -> None:
    assert paths(EXTENDED, "CheckoutSession", SESSION) == []
    assert paths("2026-04-17", "CheckoutSession", SESSION) == [
        "$.intervention_context",
        "$.capabilities.interventions.required[0]",
        "$.capabilities.interventions.supported[0]",
    ]


def test_a_released_document_is_a_document_of_the_extension() -> None:
    plain = {key: value for key, value in SESSION.items() if key != "intervention_context"}
    plain["capabilities"] = {"interventions": {"supported": ["3ds"]}}

    assert paths("2026-04-17", "CheckoutSession", plain) == paths(EXTENDED, "CheckoutSession", plain) == []


@pytest.mark.requirement("ACP-151", "ACP-153", "IT-24", "IT-26")
@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ({"type": "otp", "code": "123456"}, []),
        ({"type": "otp", "resend": True}, []),
        ({"type": "redirect_complete", "callback_data": "state=1", "more": {}}, []),
        ({"type": "telepathy"}, []),
        ({}, ["$.intervention_response.type"]),
        ({"type": "otp", "code": 123456}, ["$.intervention_response.code"]),
        ({"type": "otp", "code": "1" * 65}, ["$.intervention_response.code"]),
    ],
)
def test_answers(response: dict[str, Any], expected: list[str]) -> None:
    """ACP-151, ACP-153: open, with unknown types, but a code is text."""
    body = {"intervention_response": response}

    assert paths(EXTENDED, "CheckoutSessionUpdateRequest", body) == expected


@pytest.mark.requirement("ACP-142")
@pytest.mark.parametrize("kind", ["address_verification", "telepathy"])
def test_what_can_never_be_required(kind: str) -> None:
    """ACP-128, ACP-142."""
    body = {**SESSION, "capabilities": {"interventions": {"required": [kind]}}}

    assert paths(EXTENDED, "CheckoutSession", body) == ["$.capabilities.interventions.required[0]"]


def test_unknown_extensions_have_no_schemas() -> None:
    assert loader.extensions() == ["intervention_types"]
    for version in ("2026-04-17+telepathy", "2020-01-01+intervention_types"):
        with pytest.raises(LookupError):
            facade.validator("CheckoutSession", version)


def test_the_self_check_covers_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect in the extension's files is found at start-up like any other."""
    seen = []
    whole = loader.files
    monkeypatch.setattr(
        loader, "files", lambda version=loader.CURRENT: seen.append(version) or whole(version)
    )

    facade.self_check()

    assert seen == ["2026-04-17", EXTENDED, "agents_json"]

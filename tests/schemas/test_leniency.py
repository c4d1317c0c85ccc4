"""Where requests are met more leniently, or more strictly, than as published (schemas/README.md)."""

import copy
from typing import Any

import pytest

from schemas import facade
from tests.schemas.documents import ADDRESS, COMPLETE, LINE, SESSION, Document
from tests.schemas.mutations import at


def told(name: str, document: object) -> list[tuple[str, str]]:
    return [(one.path, one.keyword) for one in facade.validator(name).violations(document)]


def creating(**members: Any) -> Document:
    return {"line_items": [{"id": "item_mug"}], "currency": "usd", "capabilities": {}, **members}


def completing(**members: Any) -> Document:
    return {**copy.deepcopy(COMPLETE), **members}


@pytest.mark.parametrize(
    "line",
    [
        {"id": "item_mug"},
        {"id": "item_mug", "name": "Mug", "unit_amount": 1},
        {"id": "item_mug", "quantity": 2},
        {"item": {"id": "item_mug"}},
        {"item": {"id": "item_mug"}, "quantity": 2},
        LINE,
    ],
)
@pytest.mark.parametrize("name", ["CheckoutSessionCreateRequest", "CheckoutSessionUpdateRequest"])
def test_a_line_item_comes_in_several_forms(name, line):
    """C-01: the item alone, with a quantity, or as a session shows its lines."""
    body = creating(line_items=[line]) if "Create" in name else {"line_items": [line]}

    assert told(name, body) == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ({}, ("$.line_items[0].id", "required")),
        ({"quantity": 2}, ("$.line_items[0].id", "required")),
        ({"id": "item_mug", "quantity": 0}, ("$.line_items[0].quantity", "minimum")),
        ({"id": "item_mug", "quantity": 1.5}, ("$.line_items[0].quantity", "type")),
        ({"id": "item_mug", "quantity": "2"}, ("$.line_items[0].quantity", "type")),
        ({"id": "item_mug", "colour": "red"}, ("$.line_items[0].colour", "additionalProperties")),
        ({"item": {}}, ("$.line_items[0].item.id", "required")),
        ({"item": {"id": "item_mug"}, "quantity": 0}, ("$.line_items[0].quantity", "minimum")),
        ({"item": {"id": "item_mug"}, "colour": 1}, ("$.line_items[0].colour", "additionalProperties")),
        ({"item": "item_mug"}, ("$.line_items[0].item", "type")),
        ("item_mug", ("$.line_items[0]", "type")),
    ],
)
def test_a_line_item_of_no_known_form_is_refused(line, expected):
    """C-01, C-30: quantities are whole and at least one."""
    assert told("CheckoutSessionCreateRequest", creating(line_items=[line])) == [expected]


@pytest.mark.requirement("ACP-052")
def test_an_answer_needs_a_whole_line():
    """ACP-052: the leniency is for requests only."""
    session = {**SESSION, "line_items": [{"item": {"id": "item_mug"}, "quantity": 1}]}

    assert told("CheckoutSession", session) == [
        ("$.line_items[0].id", "required"),
        ("$.line_items[0].totals", "required"),
    ]


@pytest.mark.requirement("ACP-131")
@pytest.mark.parametrize(
    "interventions",
    [
        {"supported": ["3ds", "otp", "telepathy"]},
        {"required": ["telepathy"]},
        {"enforcement": "sometimes"},
        {"display_context": "hologram"},
        {"redirect_context": "carrier_pigeon"},
        {},
    ],
)
def test_unknown_capability_values_of_an_agent_are_not_refused(interventions):
    """C-16, ACP-131, decision 15."""
    body = creating(capabilities={"interventions": interventions})

    assert told("CheckoutSessionCreateRequest", body) == []


@pytest.mark.requirement("ACP-0.3")
@pytest.mark.parametrize(
    ("interventions", "expected"),
    [
        ({"supported": "3ds"}, ("$.capabilities.interventions.supported", "type")),
        ({"supported": [3]}, ("$.capabilities.interventions.supported[0]", "type")),
        ({"max_redirects": -1}, ("$.capabilities.interventions.max_redirects", "minimum")),
        ({"max_interaction_depth": 0}, ("$.capabilities.interventions.max_interaction_depth", "minimum")),
        ({"telepathy": True}, ("$.capabilities.interventions.telepathy", "additionalProperties")),
    ],
)
def test_wrong_types_in_capabilities_are_refused(interventions, expected):
    """acp.md 0.3: a wrong JSON type is a 400, an unknown text is not."""
    body = creating(capabilities={"interventions": interventions})

    assert told("CheckoutSessionCreateRequest", body) == [expected]


def test_an_answer_names_known_interventions_only():
    """ACP-126: strict on responses."""
    session = {**SESSION, "capabilities": {"interventions": {"supported": ["telepathy"], "required": ["x"]}}}

    assert told("CheckoutSession", session) == [
        ("$.capabilities.interventions.required[0]", "enum"),
        ("$.capabilities.interventions.supported[0]", "enum"),
    ]


@pytest.mark.parametrize(
    ("place", "entry"),
    [
        (("capabilities", "interventions", "supported"), "3ds"),
        (("capabilities", "interventions", "required"), "3ds"),
        (("capabilities", "extensions"), None),
        (("discounts", "codes"), "SPRING"),
        (("coupons",), "SPRING"),
    ],
)
def test_long_lists_are_capped_at_64(place, entry):
    """T37, ACP-254."""

    def body(length: int) -> Document:
        document = creating(
            capabilities={"interventions": {"supported": [], "required": []}, "extensions": []},
            discounts={"codes": []},
            coupons=[],
        )
        at(document, place).extend(entry or f"x{number}" for number in range(length))
        return document

    assert told("CheckoutSessionCreateRequest", body(64)) == []
    assert told("CheckoutSessionCreateRequest", body(65)) == [("$." + ".".join(place), "maxItems")]


def test_an_agent_may_know_no_extension():
    """C-41: only our own answers must leave the empty list out."""
    assert told("CheckoutSessionCreateRequest", creating(capabilities={"extensions": []})) == []


def test_a_billing_address_may_be_partial():
    """Country and postal code are all that a card check needs; a delivery address stays complete."""
    body = completing(fulfillment_details={"address": {"country": "US", "postal_code": "62701"}})

    assert told("CheckoutSessionCompleteRequest", completing()) == []
    assert told("CheckoutSessionCompleteRequest", body) == [
        (f"$.fulfillment_details.address.{name}", "required")
        for name in ("city", "line_one", "name", "state")
    ]


@pytest.mark.parametrize("missing", ["country", "postal_code"])
def test_a_billing_address_has_country_and_postal_code(missing):
    body = completing()
    body["payment_data"]["billing_address"] = {key: ADDRESS[key] for key in ADDRESS if key != missing}

    assert told("CheckoutSessionCompleteRequest", body) == [
        (f"$.payment_data.billing_address.{missing}", "required")
    ]


@pytest.mark.parametrize("outcome", ["abandoned", "canceled", "denied", "rejected", "not_supported"])
def test_a_failed_authentication_may_have_partial_details(outcome):
    """C-40, ACP-169."""
    for details in ({}, {"outcome_details": {}}, {"outcome_details": {"version": "2.2.0"}}):
        body = completing(authentication_result={"outcome": outcome, **details})

        assert told("CheckoutSessionCompleteRequest", body) == []


@pytest.mark.parametrize("outcome", ["authenticated", "informational", "attempt_acknowledged"])
def test_a_successful_authentication_has_all_details(outcome):
    """ACP-170."""
    bare = completing(authentication_result={"outcome": outcome})
    partial = completing(authentication_result={"outcome": outcome, "outcome_details": {"version": "2.2.0"}})

    assert told("CheckoutSessionCompleteRequest", bare) == [
        ("$.authentication_result.outcome_details", "required")
    ]
    assert told("CheckoutSessionCompleteRequest", partial) == [
        (f"$.authentication_result.outcome_details.{name}", "required")
        for name in ("electronic_commerce_indicator", "three_ds_cryptogram", "transaction_id")
    ]


def test_details_of_a_failed_authentication_are_still_judged():
    result = {"outcome": "denied", "outcome_details": {"electronic_commerce_indicator": "99", "x": 1}}

    assert told("CheckoutSessionCompleteRequest", completing(authentication_result=result)) == [
        ("$.authentication_result.outcome_details.electronic_commerce_indicator", "enum"),
        ("$.authentication_result.outcome_details.x", "additionalProperties"),
    ]


def test_complete_takes_fulfillment_details():
    """ACP-285, ACP-287."""
    body = completing(fulfillment_details={"name": "Jane Roe", "address": ADDRESS})

    assert told("CheckoutSessionCompleteRequest", body) == []


def test_any_reason_code_is_a_reason():
    """ACP-277."""
    assert told("CancelSessionRequest", {"intent_trace": {"reason_code": "bored"}}) == []
    assert told("CancelSessionRequest", {"intent_trace": {"reason_code": 4}}) == [
        ("$.intent_trace.reason_code", "type")
    ]


def test_risk_signals_may_be_empty():
    """C-25."""
    assert told("CheckoutSessionCompleteRequest", completing(risk_signals={})) == []


def test_metadata_is_free_and_may_name_a_client_reference():
    """C-38."""
    body = creating(metadata={"client_reference_id": "r1", "deep": {"er": [None, 1.5]}})

    assert told("CheckoutSessionCreateRequest", body) == []


def test_unknown_members_of_an_attribution_are_ignored():
    """ACP-262; ACP-263: flat metadata."""
    attribution = {"provider": "p", "publisher_id": "1", "later": {}, "metadata": {"nested": {}}}

    assert told("CheckoutSessionCreateRequest", creating(affiliate_attribution=attribution)) == [
        ("$.affiliate_attribution.metadata.nested", "type")
    ]


@pytest.mark.parametrize("status", ["created", "packed_by_elves"])
def test_order_statuses_are_open(status):
    """acp.md 3.9: readers accept values they do not know."""
    order = {"id": "o", "checkout_session_id": "c", "permalink_url": "https://a.example", "status": status}

    assert told("Order", order) == []


@pytest.mark.requirement("ACP-016")
@pytest.mark.parametrize(
    ("amount", "fits"), [(2**53 - 1, True), (2**53, False), (1 - 2**53, True), (-(2**53), False)]
)
def test_amounts_stay_exact(amount, fits):
    """Decision 10, ACP-016."""
    session = {**SESSION, "totals": [{"type": "total", "display_text": "Total", "amount": amount}]}
    line = {"id": "item_mug", "unit_amount": amount}

    assert facade.validator("CheckoutSession").is_valid(session) is fits
    assert facade.validator("CheckoutSessionCreateRequest").is_valid(creating(line_items=[line])) is fits


@pytest.mark.requirement("ACP-051")
@pytest.mark.parametrize("name", ["CheckoutSession", "CheckoutSessionUpdateRequest"])
def test_null_is_never_a_value(name):
    """C-02, ACP-051, ACP-077: the gateway takes clearing nulls out before it asks."""
    body: Document = dict(SESSION) if name == "CheckoutSession" else {}
    body["buyer"] = None

    assert told(name, body) == [("$.buyer", "type")]


@pytest.mark.requirement("ACP-083")
@pytest.mark.parametrize(
    "member", ["capabilities", "currency", "metadata", "affiliate_attribution", "locale"]
)
def test_an_update_cannot_change_what_is_settled(member):
    """ACP-083, decision 14."""
    assert told("CheckoutSessionUpdateRequest", {member: {}}) == [(f"$.{member}", "additionalProperties")]

"""Card data is found where it must not be, and nothing else is taken for it (decision 26)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.carddata import find

VISA = "4242424242424242"
AMEX = "378282246310005"

ORDINARY: dict[str, Any] = {
    "buyer": {
        "first_name": "Ada",
        "last_name": "Lovelace",
        "email": f"{VISA}@example.com",
        "phone_number": "4242 4242 4242 4242",
        "customer_id": VISA,
        "company": {"name": "Engines Ltd", "tax_id": VISA},
        "loyalty": {"points_balance": int(AMEX)},
    },
    "line_items": [{"id": VISA, "name": "Mug", "quantity": 2, "unit_amount": int(AMEX)}],
    "fulfillment_groups": [
        {"id": VISA, "item_ids": [VISA], "location_id": VISA, "instructions": "2nd floor"}
    ],
    "fulfillment_details": {
        "name": "Ada Lovelace",
        "address": {"line_one": "12 Main St", "number": "12", "postal_code": "94131"},
        "phone": {"number": VISA},
    },
    "coupons": [VISA],
    "discounts": {"codes": [VISA]},
    "quote_id": VISA,
    "metadata": {"barcode": VISA, "nested": {"note": VISA, "list": [int(AMEX)]}},
    "risk_signals": {"session_id": VISA, "device_fingerprint": VISA, "checks_performed": ["avs", "cvv"]},
    "affiliate_attribution": {
        "token": VISA,
        "publisher_id": VISA,
        "source": {"url": f"https://x.test/{VISA}"},
    },
    "authentication_result": {
        "outcome": "authenticated",
        "outcome_details": {"transaction_id": VISA, "three_ds_cryptogram": VISA, "version": "2.2"},
    },
    "intervention_response": {"type": "otp", "code": "123456", "callback_data": f"state={VISA}"},
    "payment_data": {
        "handler_id": "card_tokenized",
        "instrument": {
            "type": "card",
            "credential": {"type": "spt", "token": f"spt_{VISA}"},
            "transaction_id": VISA,
            "metadata": {"reference": VISA},
        },
        "billing_address": {"name": "Ada Lovelace", "number": "12", "phone_number": VISA},
        "due_date": "2026-05-01T10:00:00Z",
    },
    "capabilities": {"payment": {"handlers": [{"config": {"requires_cvv": True, "cvc": True, "cvv": None}}]}},
    "coupon": {"code": VISA},
    "order_number": "1234567812345670",
    "created_at": 1767225600000,
    "order_notes": "Ring 4242 twice, order 2026-0417, or +4242424242424242.",
}


def test_an_ordinary_purchase_holds_no_card_data():
    """Decision 26: catalogue ids, transaction_id, metadata, telephone numbers and codes are not searched."""
    assert find(ORDINARY) is None
    assert find({}) is None


@pytest.mark.parametrize(
    "name",
    [
        "card_number", "cardNumber", "card-number", "Card Number", "cc_number", "pan", "PAN",
        "primary_account_number", "cvc", "CVC", "cvv", "cvv2", "cvc2", "csc", "security_code",
        "card_security_code", "cardVerificationValue", "exp_month", "expMonth", "exp_year", "expiry_month",
        "expiration_year", "card_expiry", "track1", "track2_data", "pin_block",
    ],
)  # fmt: skip
@pytest.mark.parametrize("value", ["12", 12, {"value": "12"}])
def test_a_member_named_like_a_card_field_is_found_at_any_depth(name: str, value: Any):
    """Decision 26, 1.7: whatever its value, in metadata too; the path holds harmless names only."""
    place = f".{name}" if name.isidentifier() else f"['{name}']" if " " not in name else ""

    assert find({name: value}) == f"${place}"
    assert find({"a": [{}, {"metadata": {name: value}}]}) == f"$.a[1].metadata{place}"


@pytest.mark.parametrize("value", [None, "", True, False, [], {}])
def test_a_card_field_without_a_datum_is_none(value: Any):
    """A switch or a blank is no card data."""
    assert find({"cvc": value, "card": {"number": value}}) is None


def test_number_counts_only_in_the_company_of_a_card():
    """1.7: `number` alone is a house, an order, a telephone."""
    for holder in ("card", "payment_method", "credential", "creditCard", "instrument"):
        assert find({holder: {"number": "tok"}}) == f"$.{holder}.number"
        assert find({holder: [{}, {"number": 1}]}) == f"$.{holder}[1].number"
    for company in ("expiry", "exp", "valid_thru", "cardholder_name", "cryptogram"):
        assert find({"x": {"number": "1", company: "y"}}) == "$.x.number"
        assert find({"x": {company: "y", "number": "1"}}) == "$.x.number"
        assert find({"x": {company: "y"}}) is None
    assert find({"address": {"number": "12"}, "number": 7, "phone": {"number": "1"}}) is None
    assert find({"card": {"billing_address": {"number": "12"}}}) is None


@pytest.mark.parametrize(
    "document",
    [
        {"order_notes": f"pay with {VISA} please"},
        {"buyer": {"first_name": VISA}},
        {"buyer": {"company": {"department": VISA}}},
        {"fulfillment_details": {"address": {"line_two": VISA}}},
        {"fulfillment_groups": [{"instructions": VISA}]},
        {"intent_trace": {"trace_summary": VISA}},
        {"line_items": [{"id": "a"}, {"name": f"Gift {VISA}"}]},
        {"anything": {"new": VISA}},
        {"bid": {"remark": VISA}},
        {"payment_data": {"handler_id": VISA}},
        {"payment_data": {"instrument": {"credential": {"token": VISA}}}},
        {"payment_data": {"instrument": {"credential": {"token": int(AMEX)}}}},
        {"payment_data": {"instrument": {"credential": {"token": float(VISA)}}}},
        {"payment_data": {"purchase_order_number": VISA}},
        {"payment_data": {"billing_address": {"name": VISA}}},
        {"payment_data": [[VISA]]},
    ],
)
def test_a_card_number_is_found_in_text_and_in_payment_data(document: dict[str, Any]):
    """Decision 26: free text, and everything under payment_data; the path leads to the value."""
    path = find(document)

    assert path is not None
    value: Any = document
    for part in path.removeprefix("$").replace("[", ".").replace("]", "").split(".")[1:]:
        value = value[int(part)] if part.isdecimal() else value[part]
    assert VISA in str(value) or AMEX in str(value) or float(VISA) == value


@pytest.mark.parametrize(
    "text",
    [
        "4242 4242 4242 4242",
        "4242-4242-4242-4242",
        "3782 822463 10005",
        "3056 930902 5904",
        "4222222222222",
        "42 22 22 22 22 22 2",
        "6304 0000 0000 0000 000",
        "4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2",
        " 42-42 42-42 42-42 42-42 ",
        "my card: 4242 4242 4242 4242 12 28",
        "2 mugs, 4242 4242 4242 4242, 12/28, 123",
        "card no.4242424242424242.",
        "item7 4242424242424242 7th",
        "nr 55 4242424242424242",
    ],
)
def test_a_card_number_is_found_however_it_is_written(text: str):
    """Decision 26: 13 to 19 digits, spaces and hyphens allowed, among other words."""
    assert find({"order_notes": text}) == "$.order_notes"


@pytest.mark.parametrize(
    "text",
    [
        "4242424242424241",
        "424242424242",
        "42424242424242424242",
        "4242.4242.4242.4242",
        "x4242424242424242",
        "4242424242424242nd",
        "spt_4242424242424242",
        "from 2026-05-01 2026-05-19 on",
        "call 555 123 4567 896 first",
        "f4242-4242-4242-4242-4242424242f4",
        "call +4242 4242 4242 42",
    ],
)
def test_other_digits_are_not_card_numbers(text: str):
    """Decision 26: wrong check digit, wrong length, part of a word, a date, a telephone number."""
    assert find({"order_notes": text}) is None


def test_a_card_number_as_a_name_is_found_and_not_repeated():
    """1.7: names are stored too."""
    assert find({"buyer": {VISA: 1}}) == "$.buyer"


def luhn(body: str) -> str:
    """`body` and the digit that makes its sum right, worked out the slow way."""
    total = 0
    for place, digit in enumerate(reversed(body)):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return body + str(-total % 10)


@given(
    st.from_regex(r"[1-9][0-9]{11,17}", fullmatch=True), st.integers(1, 9), st.sampled_from(["", " ", "-"])
)
def test_every_number_with_a_check_digit_is_found_and_no_other(body: str, wrong: int, separator: str):
    """Decision 26: as a property, alone and in a sentence, grouped in fours or not."""
    right = luhn(body)
    off = right[:-1] + str((int(right[-1]) + wrong) % 10)

    def grouped(digits: str) -> str:
        return separator.join(digits[place : place + 4] for place in range(0, len(digits), 4))

    assert find({"order_notes": grouped(right)}) == "$.order_notes"
    assert find({"order_notes": f"use {right}, thanks"}) == "$.order_notes"
    assert find({"order_notes": f"use {off}, thanks"}) is None
    assert find({"payment_data": {"x": right}}) == "$.payment_data.x"


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False)
        | st.text(max_size=20)
        | st.just(VISA),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["number", "card", "cvc", "payment_data", "x", VISA]), inner, max_size=4
            )
        ),
    )
)
def test_no_document_breaks_the_search_and_no_value_comes_back(value: Any):
    """1.7: a path or None for whatever JSON is."""
    path = find({"a": value})

    assert path is None or (path.startswith("$") and VISA not in path)

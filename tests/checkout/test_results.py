"""The form of a 3-D Secure result, and of what an agent is given to run it: ACP-167, ACP-170, T33."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from checkout.errors import Invalid
from checkout.payments import declarations, results
from checkout.payments.sandbox import METADATA

ID = "c0ffee00-0000-4000-8000-00000000abcd"


def brought(**changed: str) -> dict[str, Any]:
    details = {
        "three_ds_cryptogram": base64.b64encode(bytes(range(20))).decode(),
        "electronic_commerce_indicator": "05",
        "transaction_id": ID,
        "version": "2.2.0",
    }
    return {"outcome": "authenticated", "outcome_details": {**details, **changed}}


@pytest.mark.requirement("ACP-169")
def test_every_outcome_has_its_place() -> None:
    kinds = (results.PROVEN, results.REFUSED, results.LEFT, results.UNABLE)

    assert sorted(outcome for kind in kinds for outcome in kind) == [
        *("abandoned", "attempt_acknowledged", "authenticated", "canceled", "denied", "informational"),
        *("internal_error", "not_supported", "processing_error", "rejected"),
    ]


@pytest.mark.requirement("T33")
@pytest.mark.parametrize(
    ("network", "legal"),
    [
        ("visa", {"05", "06", "07"}),
        ("american_express", {"05", "06", "07"}),
        ("mastercard", {"01", "02", "06", "07"}),
        ("unheard_of", set()),
    ],
)
def test_an_indicator_is_one_of_its_network(network: str, legal: set[str]) -> None:
    for indicator in ("01", "02", "05", "06", "07"):
        result = brought(electronic_commerce_indicator=indicator)
        if indicator in legal:
            assert results.transaction_id(result, {"directory_server": network}) == ID
        else:
            with pytest.raises(Invalid):
                results.transaction_id(result, {"directory_server": network})


@pytest.mark.requirement("T33")
@pytest.mark.parametrize(
    "changed",
    [
        {"three_ds_cryptogram": ""},
        {"three_ds_cryptogram": base64.b64encode(bytes(20)).decode().rstrip("=")},
        {"three_ds_cryptogram": base64.b64encode(bytes(20)).decode() + "\n"},
        {"three_ds_cryptogram": "\u00e9" * 28},
        {"three_ds_cryptogram": base64.urlsafe_b64encode(b"\xff" * 20).decode()},
        {"three_ds_cryptogram": base64.b64encode(bytes(19) + b"\xff").decode()[:-2] + "9="},
        {"transaction_id": ID.replace("-", "")},
        {"transaction_id": ID + "\n"},
        {"transaction_id": "{" + ID + "}"},
        {"transaction_id": ID.replace("0", "\u0660")},
    ],
)
def test_what_has_not_the_form_is_refused_without_a_word_of_it(changed: dict[str, str]) -> None:
    with pytest.raises(Invalid) as refused:
        results.transaction_id(brought(**changed), METADATA)

    value = next(iter(changed.values())).strip()
    assert not value or value not in refused.value.message


def test_one_spelling_of_an_id() -> None:
    assert results.transaction_id(brought(transaction_id=ID.upper()), METADATA) == ID


def test_a_result_without_proof_has_no_id() -> None:
    assert results.transaction_id({"outcome": "denied", "outcome_details": {}}, METADATA) is None


@pytest.mark.requirement("ACP-167")
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"acquirer_bin": "4" * 12}, "acquirer_bin"),
        ({"acquirer_country": "USA"}, "acquirer_country"),
        ({"acquirer_merchant_id": "m" * 36}, "acquirer_merchant_id"),
        ({"merchant_name": "n" * 41}, "merchant_name"),
        ({"merchant_name": None}, "merchant_name"),
        ({"requestor_id": "r" * 36}, "requestor_id"),
        ({"password": "x"}, "password"),
    ],
)
def test_metadata_that_agents_could_not_use_is_named(changed: dict[str, Any], said: str) -> None:
    acquirer = {**METADATA["acquirer_details"], **changed}  # type: ignore[dict-item]

    found = declarations.metadata_problems({**METADATA, "acquirer_details": acquirer})

    assert len(found) == 1
    assert said in found[0]
    assert declarations.metadata_problems(METADATA) == []
    assert declarations.metadata_problems({}) != []
    assert declarations.metadata_problems({**METADATA, "directory_server": "jcb"}) != []

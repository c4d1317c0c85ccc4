"""What an agent brings of 3-D Secure, looked at before a provider is bothered with it (T33).

A result that is in order proves nothing: it is a claim, and the provider's verdict decides (ACP-172).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from checkout.errors import Invalid

WHERE = "$.authentication_result"

PROVEN = frozenset({"authenticated", "attempt_acknowledged", "informational"})
REFUSED = frozenset({"denied", "rejected"})
LEFT = frozenset({"abandoned", "canceled"})
UNABLE = frozenset({"not_supported", "internal_error", "processing_error"})
"""The ten outcomes of ACP-169, by what becomes of the payment (ACP-171)."""

CRYPTOGRAM_BYTES = 20

INDICATORS: Mapping[str, frozenset[str]] = {
    "visa": frozenset({"05", "06", "07"}),
    "american_express": frozenset({"05", "06", "07"}),
    "mastercard": frozenset({"01", "02", "06", "07"}),
}
"""The electronic commerce indicators of each card network (reliability-security 1.9)."""

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


def transaction_id(result: Mapping[str, Any], metadata: Mapping[str, Any]) -> str | None:
    """The directory server's id of the authentication, in one spelling; None for a result without proof.

    `metadata` is what the agent was given to run it. Raises Invalid, without what was sent, when a
    proof has not the form of one.
    """
    if result["outcome"] not in PROVEN:
        return None
    details = result["outcome_details"]
    where = f"{WHERE}.outcome_details"
    if not _is_cryptogram(details["three_ds_cryptogram"]):
        text = f"A cryptogram is {CRYPTOGRAM_BYTES} bytes in base64: 28 characters."
        raise Invalid(text, param=f"{where}.three_ds_cryptogram")
    legal = INDICATORS.get(metadata["directory_server"], frozenset())
    if details["electronic_commerce_indicator"] not in legal:
        text = f"This card network has the indicators: {', '.join(sorted(legal))}."
        raise Invalid(text, param=f"{where}.electronic_commerce_indicator")
    if not _ID.fullmatch(details["transaction_id"]):
        raise Invalid("A transaction id has the form of a UUID.", param=f"{where}.transaction_id")
    found: str = details["transaction_id"].lower()
    return found


def _is_cryptogram(text: str) -> bool:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(raw) == CRYPTOGRAM_BYTES and base64.b64encode(raw).decode() == text

"""A one-time code in free text is masked before it is stored (T20)."""

from __future__ import annotations

import pytest

from checkout import services
from checkout.models import CheckoutSession
from interventions.masking import without_codes

pytestmark = pytest.mark.requirement("T20")

NOTE = "my code is 123456"


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        (NOTE, "my code is ******"),
        ("123456", "******"),
        ("123-456, or 123 456.", "***-***, or *** ***."),
        ("code:123456!", "code:******!"),
        ("\uff11\uff12\uff13\uff14\uff15\uff16", "******"),
        ("Ring 12345 times, or 1234567", "Ring 12345 times, or 1234567"),
        ("room 12 345", "room 12 345"),
        ("", ""),
    ],
)
def test_runs_as_long_as_a_code_are_masked(text: str, becomes: str) -> None:
    assert without_codes(text, 6) == becomes


def session(*, asked: bool) -> CheckoutSession:
    quote = {"pending": {"id": "int_1", "kind": "otp"}} if asked else {}
    return CheckoutSession(owner="key:x", currency="usd", quote=quote)


CHANGES = {
    "extras": {"order_notes": NOTE, "quote_id": "123456"},
    "buyer": {
        "full_name": "Ada 123456",
        "email": "a123456@example.com",
        "phone_number": "123456",
        "customer_id": "123456",
        "company": {"name": "Nr. 123456"},
    },
    "fulfillment_details": {"address": {"line_one": "123456 Main Street", "postal_code": "123456"}},
}


def test_words_are_masked_while_a_buyer_is_asked() -> None:
    changed = session(asked=True)

    services.apply(changed, CHANGES)

    assert changed.extras == {"order_notes": "my code is ******", "quote_id": "123456"}
    assert changed.buyer == {
        **CHANGES["buyer"],
        "full_name": "Ada ******",
        "company": {"name": "Nr. ******"},
    }
    assert changed.fulfillment_details == CHANGES["fulfillment_details"]


def test_nothing_is_masked_when_nobody_is_asked() -> None:
    changed = session(asked=False)

    services.apply(changed, CHANGES)

    assert (changed.extras, changed.buyer) == (CHANGES["extras"], CHANGES["buyer"])

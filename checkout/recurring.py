"""Who buys again, and what goes to the same address again: keyed hashes, from which nobody is read.

Spellings of one mailbox or address are one hash. After the key was rotated everybody is new: that
makes a risk higher, never lower.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from checkout import facts, reaching
from checkout.models import CheckoutSession
from interventions.ports import ports
from interventions.providers import otp

ADDRESS = "delivery address"

_PARTS = ("line_one", "line_two", "city", "postal_code", "country")


def marks(session: CheckoutSession) -> dict[str, str]:
    """The columns of an order by which it is found again."""
    return {
        "contact_digest": of_contact(reaching.contact(session)),
        "address_digest": of_address(facts.delivery_address(session)),
    }


def of_contact(address: str) -> str:
    return otp.digest_of(address)


def of_address(address: Mapping[str, Any] | None) -> str:
    """The name is left out: one front door may have many."""
    plain = [_plain(address.get(part)) for part in _PARTS] if address else []
    return ports().digest(json.dumps(plain).encode(), ADDRESS) if any(plain) else ""


def _plain(text: object) -> str:
    return "".join(letter for letter in str(text or "").casefold() if letter.isalnum())

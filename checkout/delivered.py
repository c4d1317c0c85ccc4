"""Which countries the merchant delivers to, where its delivery part can say so beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from checkout.ports import ports
from interventions.countries import CODES


@runtime_checkable
class NamingFulfillment(Protocol):
    """What a Fulfillment has besides, when it can name the countries it delivers to."""

    def countries(self, *, currency: str) -> Sequence[str]:
        """Two-letter codes in capitals; empty: every country. Whether something can be brought to a
        certain address is still said by its options. Read-only, local data; a transaction may be open."""
        ...


def countries(currency: str) -> tuple[str, ...]:
    """The countries that a buyer can choose from, in capitals."""
    part = ports().fulfillment
    named = part.countries(currency=currency) if isinstance(part, NamingFulfillment) else ()
    known = tuple(code for code in named if code in CODES)
    return known or tuple(sorted(CODES))

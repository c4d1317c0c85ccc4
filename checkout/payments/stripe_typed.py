"""Whether a card at Stripe was typed in at a page of ours, by what Stripe says of it.

A browser makes such a card with the publishable key, which everybody can read, and brings its id, which
anybody can write. So the page gives the browser a mark to put into the card: a keyed hash, shown nowhere
else, of the one purchase and the one browser. A card that carries another, or is somebody's already, pays
for nothing.
"""

from __future__ import annotations

import hmac
import logging

from checkout.payments.stripe import Refused, StripeApi
from checkout.payments.stripe_vault import METHOD

log = logging.getLogger("agentic.stripe")

MARK = "purchase"
"""The member of the card's `metadata` that carries the mark."""


def is_from(api: StripeApi, name: str, mark: str, *, live: bool) -> bool:
    """The card of that id was made where `mark` was shown, and belongs to no customer.

    Changes nothing. Raises ProviderUnavailable when Stripe does not say. No transaction may be open.
    """
    if not METHOD.fullmatch(name):
        return False
    try:
        said = api.ask("payment_methods", "retrieve", name).content
    except Refused:
        return False
    metadata = said.get("metadata")
    marked = metadata.get(MARK) if isinstance(metadata, dict) else None
    fits = (
        said.get("object") == "payment_method"
        and said.get("id") == name
        and said.get("type") == "card"
        and said.get("livemode") is live
        and said.get("customer") is None
        and isinstance(marked, str)
        and hmac.compare_digest(marked.encode(errors="replace"), mark.encode())
    )
    if not fits:
        log.warning("a page was sent a card that was not typed in there")
    return fits

"""The capabilities that every site has, in the order of the documents."""

from __future__ import annotations

from gateway.interaction_api import cart_calls, checkout_calls, contact, goods

CAPABILITIES = (
    *goods.CAPABILITIES,
    *cart_calls.CAPABILITIES,
    *checkout_calls.CAPABILITIES,
    *contact.CAPABILITIES,
)

"""What can go wrong when an agent buys. A protocol's `wire` gives each its status.

CheckoutError
├── NotFound            no such session for this owner
├── StateConflict       somebody else moved the row first, or it is not in that state
│   ├── SessionClosed       completed, canceled or expired: nothing can be changed
│   ├── CompletionRunning   a payment attempt is running
│   └── AddressChanged      complete came with another address than was priced
├── Invalid             a value the merchant cannot accept; `param` says which
│   ├── Missing
│   ├── UnknownItem
│   └── UnsupportedCurrency
├── NoPendingIntervention   an answer, and nothing was asked
├── InterventionRequired    complete before a person did what is asked
└── ProviderUnavailable the payment provider gave no answer: the outcome is unknown
"""

from __future__ import annotations


class CheckoutError(Exception):
    """The request was understood and not carried out; nothing was changed."""

    code = "checkout_error"
    message = "The checkout could not be processed."

    def __init__(self, message: str | None = None, *, param: str | None = None) -> None:
        super().__init__(message or self.message)
        self.message = message or self.message
        self.param = param


class NotFound(CheckoutError):
    code = "not_found"
    message = "There is no such checkout session."


class StateConflict(CheckoutError):
    code = "conflict"
    message = "The checkout session was changed by another request. Retrieve it and try again."


class SessionClosed(StateConflict):
    code = "session_not_modifiable"
    message = "The checkout session is finished and can no longer be changed."


class CompletionRunning(StateConflict):
    message = "A payment for this checkout session is being processed. Retrieve the session in a moment."


class AddressChanged(StateConflict):
    message = "The delivery address is not the session's. Update the session first: the total may change."


class Invalid(CheckoutError):
    code = "invalid"
    message = "A value cannot be accepted."


class Missing(Invalid):
    code = "missing"
    message = "Something is missing."


class UnknownItem(Invalid):
    code = "invalid_item_id"
    message = "This merchant has no item with that id."


class UnsupportedCurrency(Invalid):
    code = "unsupported_currency"
    message = "This merchant does not sell in that currency."


class NoPendingIntervention(CheckoutError):
    code = "no_pending_intervention"
    message = "Nobody is asked for anything in this session."


class InterventionRequired(CheckoutError):
    code = "intervention_required"
    message = "The buyer has to confirm this purchase first. Send what they answer with an update."


class ProviderUnavailable(CheckoutError):
    """The outcome of a provider call is unknown. Never read it as a refusal."""

    code = "payment_provider_unavailable"
    message = "The payment provider did not answer. The payment will be settled; retrieve the session."

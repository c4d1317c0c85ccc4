"""What can go wrong when an agent buys. A protocol's `wire` gives each its status.

CheckoutError
├── NotFound            no such session for this owner
│   ├── OrderNotFound       no such order
│   ├── CartNotFound        no such cart, or not any more
│   └── NotInCart           the cart has no such item
├── StateConflict       somebody else moved the row first, or it is not in that state
│   ├── SessionClosed       completed, canceled or expired: nothing can be changed
│   ├── CompletionRunning   a payment attempt is running
│   │   └── CartBeingPaid       a person pays for the cart at the moment
│   ├── AddressChanged      complete came with another address than was priced
│   ├── NotAsShown          a person pays for something else than their page showed
│   ├── KeyReused           the key named something else before
│   ├── TooMany             more pieces than there are left
│   ├── NotCaptured         money that was not taken cannot go back
│   └── MoreThanCaptured    more would go back than was taken
├── Invalid             a value the merchant cannot accept; `param` says which
│   ├── Missing
│   │   └── CartEmpty
│   ├── NotAvailable        something in a cart cannot be bought as it is; the message names it
│   ├── UnknownItem
│   ├── UnsupportedCurrency
│   └── NoCommonCurrency    each item is sold, and in no currency all of them
├── NothingInStock      every item is out of stock
├── NoPendingIntervention   an answer, and nothing was asked
├── InterventionRequired    complete before a person did what is asked
│   └── HandedOver              complete by an agent, of what a person finishes on our page
├── AuthenticationMissing   complete without the result of the 3-D Secure that is asked
└── ProviderUnavailable the payment provider gave no answer: the outcome is unknown
    └── NothingBegun        it has not answered for a while, and nothing was begun
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


class OrderNotFound(NotFound):
    message = "There is no such order."


class CartNotFound(NotFound):
    message = "There is no such cart, or it has expired."


class NotInCart(NotFound):
    message = "This item is not in the cart."


class StateConflict(CheckoutError):
    code = "conflict"
    message = "The checkout session was changed by another request. Retrieve it and try again."


class SessionClosed(StateConflict):
    code = "session_not_modifiable"
    message = "The checkout session is finished and can no longer be changed."


class CompletionRunning(StateConflict):
    message = "A payment for this checkout session is being processed. Retrieve the session in a moment."


class CartBeingPaid(CompletionRunning):
    message = "A person is paying for this cart at the moment. It can be changed once that has ended."


class AddressChanged(StateConflict):
    message = "The delivery address is not the session's. Update the session first: the total may change."


class NotAsShown(StateConflict):
    message = "The purchase is not what was shown any more. Look at it again."


class KeyReused(StateConflict):
    message = "This key was used for something else. Use a new one for something new."


class TooMany(StateConflict):
    message = "There are not so many pieces left."


class NotCaptured(StateConflict):
    message = "The money was not taken, so that nothing can go back."


class MoreThanCaptured(StateConflict):
    message = "No more can go back than was taken and has not gone back already."


class Invalid(CheckoutError):
    code = "invalid"
    message = "A value cannot be accepted."


class Missing(Invalid):
    code = "missing"
    message = "Something is missing."


class CartEmpty(Missing):
    message = "Cart is empty"


class NotAvailable(Invalid):
    code = "out_of_stock"
    message = "Something in the cart cannot be bought."


class UnknownItem(Invalid):
    code = "invalid_item_id"
    message = "This merchant has no item with that id."


class UnsupportedCurrency(Invalid):
    code = "unsupported_currency"
    message = "This merchant does not sell in that currency."


class NoCommonCurrency(UnsupportedCurrency):
    message = "This merchant has no currency in which all of these items are sold."


class NothingInStock(CheckoutError):
    code = "out_of_stock"
    message = "All of these items are out of stock."


class NoPendingIntervention(CheckoutError):
    code = "no_pending_intervention"
    message = "Nobody is asked for anything in this session."


class InterventionRequired(CheckoutError):
    code = "intervention_required"
    message = "The buyer has to confirm this purchase first. Send what they answer with an update."


class HandedOver(InterventionRequired):
    message = "The buyer finishes this purchase on our page. Your agent cannot complete it."


class AuthenticationMissing(CheckoutError):
    code = "requires_3ds"
    message = "The card's bank asks for 3-D Secure. Complete again with its authentication_result."


class ProviderUnavailable(CheckoutError):
    """The outcome of a provider call is unknown. Never read it as a refusal."""

    code = "payment_provider_unavailable"
    message = "The payment provider did not answer. The payment will be settled; retrieve the session."


class NothingBegun(ProviderUnavailable):
    """The provider is left alone for a moment: nothing was opened, held, charged or stored."""

    code = "service_unavailable"
    message = "The payment provider does not answer at the moment. Nothing was charged; try again."

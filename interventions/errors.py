"""What can go wrong when a person must act. The caller decides what its protocol makes of it.

InterventionError
├── StateConflict    somebody else moved the row first, or the move is not legal
├── NothingPending   nobody was asked for anything
├── NotFound         there is no such intervention
├── Over             it was done, refused, or its time is up
├── TakenElsewhere   another browser acts for the person
├── StaleRound       the way back belongs to no round trip that is under way
├── Unproven         the device's answer is no proof
└── ProviderSilent   the provider could not be asked; nothing is known
"""

from __future__ import annotations


class InterventionError(Exception):
    """Nothing was changed."""

    code = "intervention_error"
    message = "The intervention could not be processed."

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.message)
        self.message = message or self.message


class StateConflict(InterventionError):
    code = "conflict"
    message = "The intervention was changed by another request."


class NothingPending(InterventionError):
    code = "no_pending_intervention"
    message = "Nothing is pending."


class NotFound(InterventionError):
    code = "not_found"
    message = "There is no such intervention."


class Over(InterventionError):
    """It has ended; `state` says how."""

    code = "gone"
    message = "This confirmation has ended."

    def __init__(self, state: str) -> None:
        super().__init__()
        self.state = state


class TakenElsewhere(InterventionError):
    code = "invalid_code"
    message = "This confirmation was opened in another browser."


class StaleRound(InterventionError):
    code = "conflict"
    message = "This answer does not belong to the confirmation that is under way."


class Unproven(InterventionError):
    code = "invalid"
    message = "The answer of the device proves nothing."


class ProviderSilent(InterventionError):
    code = "service_unavailable"
    message = "The provider does not answer at the moment."

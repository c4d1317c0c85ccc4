"""What can go wrong when a person must act. The caller decides what its protocol makes of it.

InterventionError
├── StateConflict    somebody else moved the row first, or the move is not legal
└── NothingPending   nobody was asked for anything
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

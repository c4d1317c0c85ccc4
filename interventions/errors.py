"""What can go wrong when a person must act. The caller decides what its protocol makes of it.

InterventionError
├── StateConflict    somebody else moved the row first, or the move is not legal
├── NothingPending   nobody was asked for anything
├── NotFound         there is no such intervention
├── Over             it was done, refused, or its time is up
├── TakenElsewhere   another browser acts for the person
├── StaleRound       the way back belongs to no round trip that is under way
├── Unproven         the device's answer is no proof
├── Invalid          a question or an answer that is not taken as it is
├── NobodyAnswers    no agent that takes questions waits
├── AlreadyAsking    a question is open, and there is one at a time
├── TooManyRounds    as many questions as there may be were asked
├── NothingAsked     there is no question to answer
├── AnsweredAlready  the question has another answer
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


class Invalid(InterventionError):
    """What is wrong with the text is for whoever wrote it."""

    code = "invalid"
    message = "This text cannot be taken."


class NobodyAnswers(InterventionError):
    code = "nobody_answers"
    message = "No agent that takes questions is waiting."


class AlreadyAsking(InterventionError):
    code = "already_asking"
    message = "The agent has not answered the question before."


class TooManyRounds(InterventionError):
    code = "too_many_rounds"
    message = "The agent has been asked as often as it may be. Decide with what it has said."


class NothingAsked(InterventionError):
    code = "nothing_asked"
    message = "No question is open."


class AnsweredAlready(InterventionError):
    code = "answered_already"
    message = "The question has been answered, and the first answer counts."

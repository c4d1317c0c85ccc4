"""What a session says about the person it waits for: the words, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext_noop

from checkout.pricing import Problem, problem
from interventions.negotiation import Kind
from interventions.outcomes import Snapshot

PAGES = frozenset({Kind.REDIRECT, Kind.WEBVIEW})
"""The person acts at a page, and its provider says how it went."""

_WORDS = {
    Kind.REDIRECT: gettext_noop(
        "Send the buyer to redirect_url, to confirm the purchase there. Say so before you open it."
    ),
    Kind.WEBVIEW: gettext_noop("Show the buyer redirect_url, to confirm the purchase there."),
    Kind.BIOMETRIC: gettext_noop(
        "Send the buyer to continue_url, to confirm the purchase there with a passkey. "
        "Say so before you open it."
    ),
}


def asking(asked: Snapshot, *, live: bool) -> Problem:
    """Somebody is asked, or why nobody can be."""
    kind = Kind(asked.kind)
    if not live:
        return problem("error", "rate_limited", _too_often(kind))
    if kind in _WORDS:
        wanted = problem("error", "intervention_required", _WORDS[kind], resolution="requires_buyer_review")
        return wanted | {"severity": "medium"}
    text = gettext_noop("Ask the buyer for the one-time code sent to %(hint)s.")
    wanted = problem(
        "error",
        "intervention_required",
        text,
        resolution="requires_buyer_input",
        values={"hint": asked.hint},
    )
    return wanted | {"severity": "medium"}


def at_the_page(kinds: Iterable[Kind]) -> Problem:
    """A person who has not come to our page yet will be asked there."""
    text = gettext_noop("Before it can be paid, the buyer confirms this purchase by: %(kinds)s.")
    values = {"kinds": ", ".join(kind.value for kind in kinds)}
    wanted = problem(
        "error", "intervention_required", text, resolution="requires_buyer_review", values=values
    )
    return wanted | {"severity": "medium"}


def handed_over(kinds: Iterable[str]) -> Problem:
    """This agent cannot do what is asked, and a person can on our page (decision 16)."""
    text = gettext_noop(
        "This purchase must be confirmed by: %(kinds)s. Your agent cannot do that. Send the buyer to "
        "continue_url, to confirm and pay there."
    )
    values = {"kinds": ", ".join(kinds)}
    wanted = problem(
        "error", "intervention_required", text, resolution="requires_buyer_review", values=values
    )
    return wanted | {"severity": "medium"}


def not_finished() -> Problem:
    """The session was handed over, and the time to finish it on our page is over."""
    text = gettext_noop(
        "The buyer did not finish the purchase in time. Update the session, and there is a new continue_url."
    )
    return problem("error", "expired", text, resolution="requires_buyer_review", blocking=False)


def authenticating(road: str, *, hosted: bool) -> Problem:
    """The card's issuer asks for the person, and how the agent gets them there."""
    if road in PAGES:
        text = gettext_noop("The buyer's bank wants to confirm this payment. Send the buyer to redirect_url.")
    elif hosted:
        text = gettext_noop(
            "The buyer's bank wants to confirm this payment. Run 3-D Secure with authentication_metadata and "
            "complete again with its result, or send the buyer to continue_url."
        )
    else:
        text = gettext_noop(
            "The buyer's bank wants to confirm this payment. Run 3-D Secure with authentication_metadata and "
            "complete again with its result."
        )
    wanted = problem("error", "intervention_required", text, resolution="requires_buyer_review")
    return wanted | {"severity": "medium"}


def unreachable() -> Problem:
    """The card's issuer asks for the person, and this agent has no way to bring them."""
    text = gettext_noop(
        "The buyer's bank wants to confirm this payment by: 3ds. Your agent cannot do that. "
        "Nothing was charged; try another way to pay."
    )
    return problem(
        "error", "intervention_required", text, param="$.capabilities.interventions", blocking=False
    )


def too_late() -> Problem:
    """The card's issuer asked, and nobody answered in time."""
    text = gettext_noop(
        "The time to confirm the payment is over. Nothing was charged; complete again to try."
    )
    return problem("error", "expired", text, resolution="requires_buyer_review", blocking=False)


def unauthenticated() -> Problem:
    """The person did not confirm the payment."""
    text = gettext_noop("The payment was not confirmed, and nothing was charged. Complete again to try.")
    return problem("error", "payment_declined", text, resolution="requires_buyer_review", blocking=False)


def put_off() -> Problem:
    """The person left without an answer, and may still give one."""
    text = gettext_noop("The payment is not confirmed yet. Run 3-D Secure again, or cancel the session.")
    return problem("info", "", text, param="$.authentication_result")


def lapsed(kind: str) -> Problem:
    """Somebody was asked, and the time to answer is over."""
    if kind in _WORDS:
        text = gettext_noop("The time to confirm is over. Update the session, and the buyer is asked again.")
        return problem("error", "expired", text, resolution="requires_buyer_review", blocking=False)
    text = gettext_noop("The one-time code has expired. Update the session, and a new one is sent.")
    return problem("error", "expired", text, param="$.intervention_response.code", blocking=False)


def refused() -> Problem:
    """The person said no; nobody is asked again before the agent updates the session."""
    text = gettext_noop("The buyer did not confirm the purchase. Update the session to ask again.")
    return problem("error", "intervention_required", text, resolution="requires_buyer_review")


def unconfirmed() -> Problem:
    """An agent says it is done, and the provider knows nothing of it (decision 20)."""
    text = gettext_noop("Its provider has not confirmed it yet. Retrieve the session to see when it has.")
    return problem("info", "", text, param="$.intervention_response")


def unknown_answer() -> Problem:
    """The agent answers in a way that nobody here understands (decision 15)."""
    text = gettext_noop("This kind of answer is not known here; nothing was verified.")
    where = "$.intervention_response.type"
    asks = "requires_buyer_input"
    return problem("error", "unsupported", text, param=where, resolution=asks, blocking=False)


def used_up(kind: str) -> Problem:
    """The person was asked, and has no attempt left; later they may be asked anew."""
    if kind in _WORDS:
        return refused()
    return problem("error", "rate_limited", _too_often(Kind(kind)))


def approving() -> Problem:
    """The merchant looks at the purchase."""
    text = gettext_noop(
        "The merchant has to approve this purchase. Nothing was charged. "
        "Retrieve the session to see the decision, and complete again once it is approved."
    )
    return problem("info", "", text)


def questioned() -> Problem:
    """The agent itself has to say something first."""
    text = gettext_noop(
        "This shop has asked your agent a question about this purchase, and waits for the answer."
    )
    wanted = problem("error", "intervention_required", text)
    return wanted | {"severity": "medium"}


def silent() -> Problem:
    """The agent was asked, and did not answer in time."""
    text = gettext_noop(
        "This shop's question was not answered in time. Nothing was charged; complete again, and it is "
        "asked once more."
    )
    return problem("error", "expired", text, blocking=False)


def unanswered() -> Problem:
    """The merchant was asked, and the time to decide is over."""
    text = gettext_noop("The merchant did not decide in time. Complete again, and it is asked again.")
    return problem("error", "expired", text, blocking=False)


def disapproved() -> Problem:
    """The merchant said no to this purchase as it is."""
    text = gettext_noop(
        "The merchant did not approve this purchase. Nothing was charged. Change it to ask again."
    )
    return problem("error", "approval_required", text, resolution="requires_buyer_review")


def _too_often(kind: Kind) -> str:
    if kind == Kind.OTP:
        return gettext_noop("No one-time code can be sent now: too many were sent or tried. Try again later.")
    return gettext_noop("The buyer has refused too often and is not asked again.")

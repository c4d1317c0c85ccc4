"""What a session says about the person it waits for: the words, and nothing else."""

from __future__ import annotations

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
}


def asking(asked: Snapshot, *, live: bool) -> Problem:
    """Somebody is asked, or why nobody can be."""
    kind = Kind(asked.kind)
    if not live:
        return problem("error", "rate_limited", _too_often(kind))
    if kind in PAGES:
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


def lapsed(kind: str) -> Problem:
    """Somebody was asked, and the time to answer is over."""
    if kind in PAGES:
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


def approving() -> Problem:
    """The merchant looks at the purchase."""
    text = gettext_noop(
        "The merchant has to approve this purchase. Nothing was charged. "
        "Retrieve the session to see the decision, and complete again once it is approved."
    )
    return problem("info", "", text)


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
    if kind in PAGES:
        return gettext_noop("The buyer has refused too often and is not asked again.")
    return gettext_noop("No one-time code can be sent now: too many were sent or tried. Try again later.")

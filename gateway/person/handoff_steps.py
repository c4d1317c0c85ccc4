"""What a person is asked before a purchase that was handed over is paid, and what of it is answered.

Derived from the session each time, and kept nowhere: whoever goes back, or starts with what the agent
has filled in already, is asked exactly what is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from checkout.addresses import complete_address
from checkout.models import CheckoutSession

NOT_CHOSEN = ("digital",)
"""What comes over the network is not asked about."""


class Step(StrEnum):
    """The questions, in their order; each is a page below the link."""

    CONTACT = "contact"
    ADDRESS = "address"
    DELIVERY = "delivery"
    PAYMENT = "payment"


WHERE = {
    Step.CONTACT: ("$.buyer",),
    Step.ADDRESS: ("$.fulfillment_details",),
    Step.DELIVERY: ("$.selected_fulfillment_options",),
}
"""What a quote complains of that the question can mend."""


def asked(session: CheckoutSession) -> list[Step]:
    """The questions of this purchase, answered or not."""
    steps = [Step.CONTACT]
    if is_physical(session) and not in_groups(session):
        if not is_fetched(session):
            steps.append(Step.ADDRESS)
        if len(ways(session)) > 1 or can_be_fetched(session) or blockers(session, Step.DELIVERY):
            steps.append(Step.DELIVERY)
    return [*steps, Step.PAYMENT]


def missing(session: CheckoutSession, *, before: Step = Step.PAYMENT) -> Step | None:
    """The first question before that one that has no answer yet."""
    for step in asked(session):
        if step == before:
            return None
        if not is_answered(session, step):
            return step
    return None


def is_answered(session: CheckoutSession, step: Step) -> bool:
    """The session holds an answer, and its quote has nothing against it."""
    if blockers(session, step):
        return False
    match step:
        case Step.CONTACT:
            buyer = session.buyer or {}
            return bool(buyer.get("email")) and bool(name_of(buyer))
        case Step.ADDRESS:
            return complete_address(session.fulfillment_details) is not None
        case Step.DELIVERY:
            return bool(session.selected_options)
    return False


def blockers(session: CheckoutSession, step: Step) -> list[Mapping[str, Any]]:
    """What keeps the session from being paid that an answer to this question would mend."""
    return [entry for entry in _blocking(session) if entry["param"].startswith(WHERE.get(step, ()))]


def others(session: CheckoutSession) -> list[Mapping[str, Any]]:
    """What keeps it from being paid and no question here can mend, such as stock that has gone."""
    places = tuple(place for step in WHERE for place in WHERE[step])
    person = ("intervention_required", "approval_required")
    return [
        entry
        for entry in _blocking(session)
        if entry["code"] not in person and not entry["param"].startswith(places)
    ]


def name_of(buyer: Mapping[str, Any]) -> str:
    """How the buyer is called, however the agent has split it."""
    parts = (buyer.get("first_name"), buyer.get("last_name"))
    return str(buyer.get("full_name") or " ".join(str(part) for part in parts if part))


def is_physical(session: CheckoutSession) -> bool:
    """Something of it has to be brought or fetched."""
    return any(line["physical"] for line in session.quote["lines"])


def in_groups(session: CheckoutSession) -> bool:
    """The agent has split it among several places, which no question of ours could tell apart."""
    return bool(session.fulfillment_groups)


def ways(session: CheckoutSession) -> list[Mapping[str, Any]]:
    """The offered ways in which physical goods can reach the buyer."""
    return [option for option in session.quote["options"] if option["type"] not in NOT_CHOSEN]


def in_force(session: CheckoutSession) -> list[Mapping[str, Any]]:
    """The ways in force for physical goods, chosen or preselected, each once."""
    offered = {option["id"]: option for option in ways(session)}
    taken = dict.fromkeys(entry["option_id"] for entry in session.quote["selected"])
    return [offered[option_id] for option_id in taken if option_id in offered]


def chosen(session: CheckoutSession) -> Mapping[str, Any] | None:
    """The first of the ways in force."""
    return next(iter(in_force(session)), None)


def is_fetched(session: CheckoutSession) -> bool:
    """Everything physical is fetched by the buyer, so that it goes to no address."""
    found = in_force(session)
    return bool(found) and all(way["type"] == "pickup" for way in found)


def is_partial(session: CheckoutSession) -> bool:
    """Its total lacks what delivery costs, because nobody has said yet where it goes."""
    return is_physical(session) and not session.quote["selected"]


def can_be_fetched(session: CheckoutSession) -> bool:
    """A place where the buyer can fetch it is among the ways."""
    return any(way["type"] == "pickup" for way in ways(session))


def _blocking(session: CheckoutSession) -> Iterator[Mapping[str, Any]]:
    return (entry for entry in session.quote["problems"] if entry["blocking"])

"""What a person must do before a session can be paid (acp.md 0.3, 0.4; decisions 16 to 22).

The policies decide, by the purchase alone; the agent's capabilities only decide how the person is
reached. What was passed is bound to what it was passed for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_noop

from checkout import (
    abilities,
    address_checks,
    assessing,
    facts,
    handing_over,
    pricing,
    questioning,
    reaching,
)
from checkout.asked import PAGES, asking, at_the_page, disapproved, refused
from checkout.models import CheckoutSession
from checkout.payments.outcomes import Instrument
from checkout.states import SessionState
from interventions import policy, services
from interventions.channels.by_name import SMS
from interventions.negotiation import (
    APPROVAL,
    HANDOFF,
    QUESTION,
    Agreement,
    Declared,
    Kind,
    Requirement,
    negotiate,
)
from interventions.states import InterventionState

WHERE = "$.capabilities.interventions"

DEMANDS_3DS = "demands_3ds"
"""In the agreement of a quote: no money is taken that the card's issuer did not see its holder for."""
OTHERS = (HANDOFF, QUESTION)
"""What ends for reasons of its own, when a person is asked nothing else any more."""
NEED_A_CONTACT = frozenset({Kind.OTP, Kind.BIOMETRIC})
"""What is bound to the buyer's contact: codes are sent there, and passkeys belong to it."""


def weigh(
    session: CheckoutSession,
    *,
    before: Mapping[str, Any] | None,
    handed: Mapping[str, Any] | None = None,
    questioned: Mapping[str, Any] | None = None,
    tendered: Instrument | None = None,
    asks: bool = True,
) -> None:
    """The session's new quote says what a person must do, and a challenge is running if one must.

    `quote["agreement"]` is the outcome of the negotiation; `quote["pending"]` the intervention
    that a person has to pass now, and `quote["approval"]` the one that the merchant decides, or
    absent; `before` is the one of the last quote. `quote["handoff"]` is there while an agent's own
    session is handed over; `handed` is the last quote's. `quote["question"]` is what the agent has to
    answer before anybody is asked; `questioned` is the last quote's. `tendered` is what it is paid with,
    once that is known. Without `asks`, a person at our page is told what they will be asked, and is not yet.
    Must run inside the transaction that changes the session.
    """
    quote = session.quote
    handler = tendered.handler_id if tendered else facts.handler(quote)
    wanted = policy.current(facts.of_session(session, handler=handler))
    weighed = assessing.weigh(session, wanted, contact=reaching.contact(session), tendered=tendered)
    binds = wanted.binds(risky=weighed.high)
    runnable = abilities.runnable()
    agents = agreement = negotiate(abilities.of_agent(session), runnable, wanted)
    stranded = wanted.hand_over and binds and not agents.compatible and bool(quote["lines"])
    # Nobody is sent to a page where they could not do it either.
    stranded = stranded and negotiate(abilities.at_our_page(), runnable, wanted).compatible
    handoff = handing_over.escalate(session) if stranded and not session.handed_over else None
    person = handing_over.is_handed_over(session)
    if person:
        agreement = negotiate(told(session), runnable, wanted)
    quote["agreement"] = {
        "supported": _supported(told(session), agreement, wanted),
        "required": [kind.value for kind in agreement.required],
        "enforcement": agreement.enforcement.value,
    }
    if person and not session.handed_over:
        own = abilities.of_agent(session)
        quote["agreement"]["of_agent"] = _supported(own, agents, wanted)
    if wanted.because:
        quote["why"] = _why(wanted, weighed)
    if wanted.check_address or Kind.ADDRESS_VERIFICATION in agreement.supported:
        quote["problems"] += address_checks.checked(session)
    due = _due(session, agreement)
    asked = False
    authenticates = Kind.THREE_DS in agreement.required and binds
    if authenticates:
        quote["agreement"][DEMANDS_3DS] = True
    # A person who is being asked already is not kept waiting for the agent.
    turn = tendered is not None or (bool(due) and binds and before is None)
    said = questioning.NOTHING
    if person:
        questioning.stop(session, questioned)
    if questioning.HEARD in quote or (abilities.takes_questions(session) and not person):
        said = questioning.weigh(
            session,
            binding=binding(session),
            due=not person and turn and quote["ready"] and (agreement.compatible or not binds),
            high=weighed.high if weighed.risk is not None else None,
        )
    if said.denied:
        _disapprove(session)
    elif said.asked:
        pass  # the person is asked once the agent has answered
    elif (due and binds) or (authenticates and not agreement.compatible):
        here = not person or (asks and handing_over.is_present(session, handoff))
        asked = _insist(session, agreement, due, here=here)
    elif not agreement.compatible:
        # Optional, or the risk is low: nothing is in the way, and yet the agent should know (ACP-135).
        text = gettext_noop("The buyer may be asked to confirm this purchase by: %(kinds)s.")
        values = {"kinds": _named(agreement.required)}
        quote["problems"].append(pricing.problem("info", "", text, param=WHERE, values=values))
    if (wanted.wants_approval(risky=weighed.high) or said.escalated) and quote["ready"]:
        _look_for_approval(session)
    facts.remember(quote, handler, weighed.held)
    if handed is not None and handing_over.QUOTED not in quote:
        services.close_all(session.id, actor="system", kind=HANDOFF)
    if before is None:
        return
    if before["kind"] != APPROVAL:
        if not asked:
            services.close_all(session.id, actor="system", but=OTHERS)
    elif "approval" not in quote:
        services.close_all(session.id, actor="system", kind=APPROVAL)


def sanctioned(session: CheckoutSession, tendered: Instrument) -> bool:
    """The merchant approved exactly this purchase, or need not; otherwise it is asked now, and the
    quote in memory says so (decision 23). For a session that could be paid with what is `tendered`,
    inside its transaction."""
    quote = session.quote
    if not quote["agreement"].get("approval") or taken(session, APPROVAL):
        return True
    asked = services.ensure(
        session.id,
        APPROVAL,
        binding=binding(session),
        amount=session.total,
        currency=session.currency,
        destination="",
        owner=session.owner,
    )
    if asked.live(timezone.now()):
        quote["approval"] = asked.as_dict()
        facts.remember(quote, tendered.handler_id, facts.held(quote))
    else:
        _disapprove(session)
    return False


def drop(session: CheckoutSession, *, actor: str) -> None:
    """Nobody is asked for anything any more: the session ends. Inside its transaction."""
    questioning.drop(session)
    services.close_all(session.id, actor=actor)
    names = ("pending", "approval", handing_over.QUOTED, questioning.QUOTED)
    asked = [name for name in names if session.quote.pop(name, None)]
    if asked:
        CheckoutSession.objects.filter(pk=session.pk).update(quote=session.quote)


def lapse(session: CheckoutSession, *, actor: str) -> None:
    """What a person is asked now is over, as if its time had passed: nothing they were sent opens
    anything any more, and the next pricing asks anew. On the locked session, inside its transaction."""
    services.close_all(session.id, actor=actor, but=OTHERS)
    session.quote["pending"]["expires_at"] = timezone.now().isoformat()
    CheckoutSession.objects.filter(pk=session.pk).update(quote=session.quote)


def pending(session: CheckoutSession) -> Mapping[str, Any] | None:
    """What a person has to do now, as last written."""
    if session.state != SessionState.OPEN:
        return None
    found: Mapping[str, Any] | None = session.quote.get("pending")
    return found


def asked_now(session: CheckoutSession, now: datetime) -> Mapping[str, Any] | None:
    """What a person can do at `now`; None once the challenge is over, whatever was written."""
    found = pending(session)
    if found is None or datetime.fromisoformat(found["expires_at"]) <= now:
        return None
    return found


def approval(session: CheckoutSession) -> Mapping[str, Any] | None:
    """What the merchant was asked to decide last, and has not, as last written."""
    if session.state != SessionState.OPEN:
        return None
    found: Mapping[str, Any] | None = session.quote.get("approval")
    return found


def ended(session: CheckoutSession, why: pricing.Problem | None = None) -> None:
    """What the person was asked, or the agent, is over without a yes: the quote in memory says `why`, by
    default that the person said no, and asks nobody again."""
    quote = session.quote
    quote.pop("pending", None)
    quote.pop(questioning.QUOTED, None)
    others = [entry for entry in quote["problems"] if entry["code"] != "intervention_required"]
    quote["problems"] = [*others, why or refused()]


def waiting(session: CheckoutSession, handler: str) -> bool:
    """A person can do what was asked, and has not; False also when they did, and nothing says so yet,
    and when they were asked for another handler: what this one needs is weighed before it is charged."""
    current = asked_now(session, timezone.now())
    if current is None or facts.handler(session.quote) not in ("", handler):
        return False
    return not taken(session, current["kind"])


def taken(session: CheckoutSession, kind: str) -> bool:
    """The person has done it, for what the session is now."""
    return services.passed(session.id, kind, binding(session))


def told(session: CheckoutSession) -> Declared:
    """What whoever finishes the session can do: its agent, or the person it is handed over to."""
    if handing_over.is_handed_over(session):
        return abilities.at_our_page()
    return abilities.of_agent(session)


def binding(session: CheckoutSession) -> str:
    """What a confirmation is for: cart, total, currency, contacts, and where it goes (decision 21).

    Every contact that a code may go to counts, whichever it went to.
    """
    bound = {
        "lines": sorted((line["item_id"], line["quantity"]) for line in session.quote["lines"]),
        "total": session.total,
        "currency": session.currency,
        "contact": reaching.contact(session),
        "delivery": session.fulfillment_details,
        "groups": session.fulfillment_groups,
        "options": session.quote["selected"],
    }
    if number := reaching.destinations(session).get(SMS):
        bound["phone"] = number
    return sha256(json.dumps(bound, sort_keys=True).encode()).hexdigest()


def _why(wanted: Requirement, weighed: assessing.Weighed) -> dict[str, Any]:
    """Which policies ask, and how high the risk is. For operators: agents are never shown it (ACP-138)."""
    why: dict[str, Any] = {"policies": list(wanted.because)}
    if weighed.risk is not None:
        why["risk"] = {"high": weighed.risk.high, "reasons": list(weighed.risk.reasons)}
    return why


def _due(session: CheckoutSession, agreement: Agreement) -> list[Kind]:
    """What is left to do before the session can be paid. 3-D Secure belongs to a payment, and is
    asked for when there is one (`checkout.authentication`)."""
    if not agreement.required:
        return []
    bound = binding(session)
    return [
        kind
        for kind in agreement.required
        if kind != Kind.THREE_DS and not services.passed(session.id, kind.value, bound)
    ]


def _supported(told: Declared, agreement: Agreement, wanted: Requirement) -> list[str]:
    """The types that can be done, with the pages by which an issuer is reached."""
    supported = set(agreement.supported)
    if PAGES.intersection(told.supported) - supported:
        supported.update(negotiate(told, abilities.bank_pages(), wanted).supported)
    return [kind.value for kind in Kind if kind in supported]


def _insist(session: CheckoutSession, agreement: Agreement, due: list[Kind], *, here: bool) -> bool:
    """The session cannot be paid before `due` is done; True when a person is, or was, asked. Nobody is
    before they are `here`."""
    quote = session.quote
    ready, quote["ready"] = quote["ready"], False
    if not agreement.compatible:
        text = gettext_noop("This purchase must be confirmed by: %(kinds)s. Your agent cannot do that.")
        quote["problems"].append(
            pricing.problem(
                "error",
                "intervention_required",
                text,
                param=WHERE,
                resolution="requires_buyer_review",
                values={"kinds": _named(agreement.required)},
            )
        )
    elif not here:
        quote["problems"].append(at_the_page(due))
    elif Kind.BIOMETRIC in due and not reaching.contact(session):
        quote["problems"].append(reaching.no_mailbox())
    elif Kind.OTP in due and not reaching.destinations(session):
        quote["problems"].append(reaching.unreachable())
    elif ready:
        channel, destination = reaching.chosen(session)
        asked = services.ensure(
            session.id,
            due[0].value,
            binding=binding(session),
            amount=session.total,
            currency=session.currency,
            destination=destination,
            channel=channel,
            owner=session.owner,
        )
        live = asked.live(timezone.now())
        if live:
            quote["pending"] = asked.as_dict()
            if asked.kind == Kind.OTP:
                quote["pending"]["channels"] = list(reaching.destinations(session))
        quote["problems"].append(asking(asked, live=live))
        return True
    return False


def _look_for_approval(session: CheckoutSession) -> None:
    """Whatever the merchant was asked, or answered, counts for exactly this purchase alone."""
    session.quote["agreement"]["approval"] = True
    known = services.standing(session.id, APPROVAL, binding(session))
    if known is None or known.state == InterventionState.PASSED:
        return
    if known.state == InterventionState.DENIED:
        _disapprove(session)
    elif known.live(timezone.now()):
        session.quote["approval"] = known.as_dict()


def _disapprove(session: CheckoutSession) -> None:
    session.quote["ready"] = False
    session.quote["problems"].append(disapproved())


def _named(kinds: tuple[Kind, ...]) -> str:
    return ", ".join(kind.value for kind in kinds)

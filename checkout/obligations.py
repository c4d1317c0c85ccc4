"""What a person must do before a session can be paid (acp.md 0.3, 0.4; decisions 16 to 22).

The policies decide, by the goods and the amount alone; the agent's capabilities only decide
how the person is reached. What was passed is bound to what it was passed for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_noop

from checkout import pricing
from checkout.asked import asking, disapproved, refused
from checkout.models import CheckoutSession
from checkout.states import SessionState
from interventions import policy, services
from interventions.negotiation import APPROVAL, Agreement, Declared, Enforcement, Kind, Requirement, negotiate
from interventions.policy import Facts
from interventions.ports import ports as intervention_ports
from interventions.states import InterventionState

WHERE = "$.capabilities.interventions"

DISGUISED = frozenset('"\\[]')


def weigh(session: CheckoutSession, *, before: Mapping[str, Any] | None) -> None:
    """The session's new quote says what a person must do, and a challenge is running if one must.

    `quote["agreement"]` is the outcome of the negotiation; `quote["pending"]` the intervention
    that a person has to pass now, and `quote["approval"]` the one that the merchant decides, or
    absent; `before` is the one of the last quote. Must run inside the transaction that changes
    the session.
    """
    quote = session.quote
    wanted = requirement(session)
    agreement = negotiate(declared(session.capabilities), runnable(), wanted)
    quote["agreement"] = {
        "supported": [kind.value for kind in agreement.supported],
        "required": [kind.value for kind in agreement.required],
        "enforcement": agreement.enforcement.value,
    }
    due = _due(session, agreement)
    asked = False
    if due and agreement.enforcement == Enforcement.ALWAYS:
        asked = _insist(session, agreement, due)
    elif not agreement.compatible:
        # Conditional or optional: nothing is in the way, and yet the agent should know (ACP-135).
        text = gettext_noop("The buyer may be asked to confirm this purchase by: %(kinds)s.")
        values = {"kinds": _named(agreement.required)}
        quote["problems"].append(pricing.problem("info", "", text, param=WHERE, values=values))
    if wanted.approval and quote["ready"]:
        _look_for_approval(session)
    if before is None:
        return
    if before["kind"] != APPROVAL:
        if not asked:
            services.close_all(session.id, actor="system")
    elif "approval" not in quote:
        services.close_all(session.id, actor="system", kind=APPROVAL)


def sanctioned(session: CheckoutSession) -> bool:
    """The merchant approved exactly this purchase, or need not; otherwise it is asked now, and the
    quote in memory says so (decision 23). For a session that could be paid, inside its transaction."""
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
    else:
        _disapprove(session)
    return False


def drop(session: CheckoutSession, *, actor: str) -> None:
    """Nobody is asked for anything any more: the session ends. Inside its transaction."""
    services.close_all(session.id, actor=actor)
    asked = [name for name in ("pending", "approval") if session.quote.pop(name, None)]
    if asked:
        CheckoutSession.objects.filter(pk=session.pk).update(quote=session.quote)


def lapse(session: CheckoutSession, *, actor: str) -> None:
    """What a person is asked now is over, as if its time had passed: nothing they were sent opens
    anything any more, and the next pricing asks anew. On the locked session, inside its transaction."""
    services.close_all(session.id, actor=actor)
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


def ended(session: CheckoutSession) -> None:
    """What the person was asked is over without a yes: the quote in memory says so, and asks
    nobody again."""
    quote = session.quote
    quote.pop("pending", None)
    others = [entry for entry in quote["problems"] if entry["code"] != "intervention_required"]
    quote["problems"] = [*others, refused()]


def waiting(session: CheckoutSession) -> bool:
    """A person can do what was asked, and has not; False also when they did, and nothing says so yet."""
    current = asked_now(session, timezone.now())
    return current is not None and not taken(session, current["kind"])


def taken(session: CheckoutSession, kind: str) -> bool:
    """The person has done it, for what the session is now."""
    return services.passed(session.id, kind, binding(session))


def requirement(session: CheckoutSession) -> Requirement:
    """What the policies ask for, whatever the agent can do."""
    tags = frozenset(tag for line in session.quote["lines"] for tag in line["tags"])
    return policy.current(Facts(tags=tags, amount=session.total, currency=session.currency))


def runnable() -> list[Kind]:
    """The types this merchant can run."""
    return [Kind(name) for name in intervention_ports().providers]


def declared(capabilities: Mapping[str, Any]) -> Declared:
    """What the agent said of itself; wrong or missing members count as not said."""
    told = capabilities.get("interventions") or {}
    return Declared(
        supported=tuple(told.get("supported") or ()),
        redirect_context=told.get("redirect_context"),
        max_redirects=told.get("max_redirects"),
        max_interaction_depth=told.get("max_interaction_depth"),
    )


def binding(session: CheckoutSession) -> str:
    """What a confirmation is for: cart, total, currency, contact, and where it goes (decision 21)."""
    bound = {
        "lines": sorted((line["item_id"], line["quantity"]) for line in session.quote["lines"]),
        "total": session.total,
        "currency": session.currency,
        "contact": contact(session),
        "delivery": session.fulfillment_details,
        "groups": session.fulfillment_groups,
        "options": session.quote["selected"],
    }
    return sha256(json.dumps(bound, sort_keys=True).encode()).hexdigest()


def contact(session: CheckoutSession) -> str:
    """Where the buyer can be reached: the buyer's e-mail address, or the delivery's.

    Not at a quoted name or a bare network address: one mailbox would have many spellings, and
    each would be counted by itself (T14).
    """
    for source in (session.buyer, session.fulfillment_details):
        address = str((source or {}).get("email") or "")
        if address and not DISGUISED.intersection(address):
            return address
    return ""


def _due(session: CheckoutSession, agreement: Agreement) -> list[Kind]:
    if not agreement.required:
        return []
    bound = binding(session)
    return [kind for kind in agreement.required if not services.passed(session.id, kind.value, bound)]


def _insist(session: CheckoutSession, agreement: Agreement, due: list[Kind]) -> bool:
    """The session cannot be paid before `due` is done; True when a person is, or was, asked."""
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
    elif Kind.OTP in due and not contact(session):
        text = gettext_noop("An e-mail address of the buyer is needed, to send a one-time code to.")
        quote["problems"].append(
            pricing.problem(
                "error", "missing", text, param="$.buyer.email", resolution="requires_buyer_input"
            )
        )
    elif ready:
        asked = services.ensure(
            session.id,
            due[0].value,
            binding=binding(session),
            amount=session.total,
            currency=session.currency,
            destination=contact(session),
            owner=session.owner,
        )
        live = asked.live(timezone.now())
        if live:
            quote["pending"] = asked.as_dict()
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

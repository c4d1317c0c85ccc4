"""What a session would need: the policies, the risk and the negotiation as they would be, and nothing
written. Nobody is asked for anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from checkout import abilities, assessing, facts, obligations, pricing, reaching
from checkout.models import CheckoutSession
from interventions import services
from interventions.models import Policy
from interventions.negotiation import Agreement, Kind, Requirement, negotiate
from interventions.policy import Facts, requirement
from interventions.ports import Risk


@dataclass(frozen=True, slots=True)
class Imagined:
    """What is tried out. `session` is in memory alone, whatever it was copied from."""

    session: CheckoutSession
    country: str = ""
    """Instead of where the session goes."""
    handler: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """A policy, and the conditions of it that are not met."""

    policy: Policy
    misses: tuple[str, ...]

    @property
    def matches(self) -> bool:
        return self.policy.active and not self.misses


@dataclass(frozen=True, slots=True)
class Outlook:
    """What would be asked, of whom, and how it would be shown to the agent."""

    facts: Facts
    judged: tuple[Judged, ...]
    wanted: Requirement
    risk: Risk
    agreement: Agreement
    done: tuple[Kind, ...]
    """Required, and passed already for exactly this."""
    extended: bool
    """The agent is shown the members of the intervention extension (decision 16)."""

    @property
    def due(self) -> tuple[Kind, ...]:
        """What would have to be done before it is paid."""
        if not self.wanted.binds(risky=self.risk.high):
            return ()
        return tuple(kind for kind in self.agreement.required if kind not in self.done)

    @property
    def approval(self) -> bool:
        return self.wanted.wants_approval(risky=self.risk.high)

    @property
    def status(self) -> str:
        """The wire status, when nothing but the policies is in the way (acp.md 0.3)."""
        if not self.due:
            return "ready_for_payment"
        if self.wanted.hand_over and not self.agreement.compatible:
            return "requires_escalation"
        asked = self.agreement.compatible and self.extended
        return "authentication_required" if asked else "not_ready_for_payment"


def imagine(
    source: CheckoutSession | None,
    *,
    items: Mapping[str, int],
    currency: str,
    owner: str,
    amount: int | None,
    declares: list[str] | None,
) -> CheckoutSession:
    """A session that is not stored: `source` as last priced, with what is given instead.

    Raises UnknownItem and Invalid. Reads only.
    """
    session = CheckoutSession(currency=currency, owner=owner, quote=_nothing(), total=0)
    if source is not None:
        # A copy of its own, so that no caller can store it.
        columns = {field.attname: getattr(source, field.attname) for field in source._meta.concrete_fields}
        session = CheckoutSession(**columns)
        session.currency, session.owner = currency or source.currency, owner or source.owner
    if items:
        session.lines = [
            {"id": f"li_{number}", "item_id": item, "quantity": quantity}
            for number, (item, quantity) in enumerate(items.items(), 1)
        ]
        session.quote = pricing.price(
            session.lines,
            currency=session.currency,
            fulfillment_details=session.fulfillment_details,
            buyer=session.buyer,
        )
        session.total = session.quote["totals"]["total"]
    if amount is not None:
        session.total = amount
    if declares is not None:
        session.capabilities = {"interventions": {"supported": declares}}
    return session


def look(imagined: Imagined, *, knows_extension: Callable[[Mapping[str, Any]], bool]) -> Outlook:
    """The outlook by the policies as they are stored now. Reads only."""
    session = imagined.session
    known = facts.of_session(session, handler=imagined.handler)
    if imagined.country:
        known = replace(known, countries=frozenset({imagined.country}), anywhere=False)
    judged = tuple(Judged(policy, tuple(policy.rule().misses(known))) for policy in Policy.objects.all())
    wanted = requirement((entry.policy.rule() for entry in judged if entry.policy.active), known)
    agreement = negotiate(abilities.declared(session.capabilities), abilities.runnable(), wanted)
    bound = obligations.binding(session)
    return Outlook(
        facts=known,
        judged=judged,
        wanted=wanted,
        risk=_risk(imagined, known),
        agreement=agreement,
        done=tuple(kind for kind in agreement.required if services.passed(session.id, kind.value, bound)),
        extended=knows_extension(session.capabilities),
    )


def _risk(imagined: Imagined, known: Facts) -> Risk:
    """The verdict, whether or not a policy asks for it."""
    session = imagined.session
    about = facts.of_risk(session, contact=reaching.contact(session), tendered=None)
    about = replace(
        about, countries=known.countries, handler=imagined.handler, tendered=bool(imagined.handler)
    )
    found, held = assessing.assess(about), facts.held(session.quote)
    return Risk(found.high or bool(held), tuple(dict.fromkeys((*found.reasons, *held))))


def _nothing() -> pricing.Quote:
    return {"lines": [], "options": [], "selected": [], "problems": [], "ready": False}

"""How high the risk of a session is, for policies that ask by risk (acp.md 0.3 step 8)."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from django.db import DatabaseError

from checkout import facts
from checkout.models import CheckoutSession
from checkout.payments.outcomes import Instrument
from interventions.negotiation import Requirement
from interventions.ports import Risk, RiskFacts, ports

log = logging.getLogger("agentic.risk")

MOST_REASONS, LONGEST_REASON = 10, 200


@dataclass(frozen=True, slots=True)
class Weighed:
    """The verdict, and what of it counts for the rest of the session."""

    risk: Risk | None = None
    """None: no policy asked."""
    held: tuple[str, ...] = ()

    @property
    def high(self) -> bool:
        return self.risk is not None and self.risk.high


def weigh(
    session: CheckoutSession, wanted: Requirement, *, contact: str, tendered: Instrument | None
) -> Weighed:
    """The risk, if it makes a difference; otherwise nobody is asked, and nothing is read.

    What only the payment showed, such as another billing address, is held against the session from
    then on: the next payment could leave it out. A transaction is open.
    """
    held = facts.held(session.quote)
    if not wanted.weighs_risk:
        return Weighed(held=held)
    found = assess(facts.of_risk(session, contact=contact, tendered=None))
    if tendered is not None:
        shown = assess(facts.of_risk(session, contact=contact, tendered=tendered))
        if shown.high:
            new = tuple(reason for reason in shown.reasons if reason not in (*found.reasons, *held))
            held = (*held, *new)[:MOST_REASONS]
            found = shown
    reasons = tuple(dict.fromkeys((*found.reasons, *held)))
    return Weighed(Risk(found.high or bool(held), reasons), held)


def assess(known: RiskFacts) -> Risk:
    """The assessor's verdict; high when it cannot say: nothing is sold less safely because it broke."""
    assessor = ports().risk
    if assessor is None:
        return Risk()
    try:
        found = assessor.assess(known)
        reasons = tuple(str(reason)[:LONGEST_REASON] for reason in found.reasons[:MOST_REASONS])
        high = found.high is not False
    except DatabaseError:
        raise  # the transaction is lost with it
    except Exception as problem:
        log.error("the risk of %s could not be assessed: %s", known.subject, type(problem).__name__)
        return Risk(True, ("it could not be assessed",))
    return Risk(high, reasons or (("no reason was given",) if high else ()))

"""What the agent itself is asked about a purchase, before its person or the merchant is (AA-100, AA-101).

Only an agent that declared that it takes questions is asked; for every other one nothing changes and nothing
is read. A question is for exactly one purchase, like everything that is asked (decision 21), and what its
answer does is the rule's to say: the agent's words decide nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from checkout import abilities, assessing, facts, reaching
from checkout.asked import questioned, silent
from checkout.models import CheckoutSession
from checkout.pricing import Problem
from checkout.states import SessionState
from interventions import clarifications, question_rules, questions
from interventions.errors import AlreadyAsking, TooManyRounds
from interventions.models import Clarification
from interventions.ports import AgentFacts, ports
from interventions.questions import Outcome, Rule

QUOTED = "question"
"""The member of a quote that says which question the agent has to answer first."""
HEARD = "questioned"
"""The member of a quote by which is known that the agent was asked: what came of it counts for the purchase,
also when it takes no questions any more."""


@dataclass(frozen=True, slots=True)
class Said:
    """What has come of the questions about this purchase."""

    asked: bool = False
    """The agent has to answer first, and nobody else is asked meanwhile."""
    denied: bool = False
    escalated: bool = False
    """The merchant has to approve it."""


NOTHING = Said()


def weigh(session: CheckoutSession, *, binding: str, due: bool, high: bool | None) -> Said:
    """The agent is asked what a rule wants to know of this purchase, if it is `due`, and the quote says so;
    what somebody else is asking it comes before.

    What was asked about another purchase is withdrawn. `high` is the risk, None where nobody has weighed it.
    Must run inside the transaction that changes the session.
    """
    takes = abilities.takes_questions(session)
    clarifications.time_out(session.id)
    known = clarifications.history(session.id)
    rounds = [row for row in known if _is_about(row, binding)]
    outcomes = {clarifications.outcome_of(row) for row in rounds}
    now = next((row for row in rounds if row.state == Clarification.OPEN), None)
    denied, escalated = Outcome.DENY in outcomes, Outcome.ESCALATE in outcomes
    if now is None and due and takes:
        now = next((row for row in known if not row.binding and row.state == Clarification.OPEN), None)
    if now is None and due and takes and not denied:
        rule = _next_rule(session, [row.question for row in rounds if _counts(row)], high)
        if rule is not None:
            try:
                now = _ask(session, rule, binding)
            except AlreadyAsking:
                # Somebody else's question is first; the rule's comes when that is answered.
                now = clarifications.open_of(session.id)
            except TooManyRounds:
                done = questions.unasked(rule)
                denied, escalated = done == Outcome.DENY, escalated or done == Outcome.ESCALATE
    if rounds or now is not None:
        session.quote[HEARD] = True
    if now is not None:
        session.quote[QUOTED] = {"id": now.pk, "expires_at": now.expires_at.isoformat()}
        session.quote["ready"] = False
        session.quote["problems"].append(questioned())
    return Said(now is not None, denied, escalated)


def quoted(session: CheckoutSession) -> Mapping[str, Any] | None:
    """The question that the agent has to answer first, as last written."""
    if session.state != SessionState.OPEN:
        return None
    found: Mapping[str, Any] | None = session.quote.get(QUOTED)
    return found


def ended(session: CheckoutSession) -> Problem | None:
    """The quoted question is over and lets nothing go on: why. None: what it was asked for is to be weighed
    again. Raises LookupError while it is open."""
    asked = quoted(session)
    row = Clarification.objects.filter(pk=asked["id"]).first() if asked else None
    if row is None:
        return None
    if row.state == Clarification.OPEN:
        raise LookupError(row.pk)
    # What an operator or the person asked, and took back, is in nobody's way.
    gone = (row.state == Clarification.WITHDRAWN and row.binding) or (
        clarifications.outcome_of(row) == Outcome.EXPIRE
    )
    return silent() if gone else None


def stop(session: CheckoutSession, asked: Mapping[str, Any] | None) -> None:
    """A person finishes the purchase: what its agent was `asked` about it is withdrawn. Inside the session's
    transaction."""
    if asked is not None:
        clarifications.withdraw(session.id, only=asked["id"])


def drop(session: CheckoutSession) -> None:
    """The agent is asked nothing any more: the session ends. Inside its transaction."""
    if abilities.takes_questions(session) or QUOTED in session.quote:
        clarifications.withdraw(session.id)


def _is_about(row: Clarification, binding: str) -> bool:
    """A rule asked it about exactly this purchase; an open one about another is withdrawn."""
    if row.binding not in ("", binding) and row.state == Clarification.OPEN:
        clarifications.withdraw(row.subject, only=row.pk)
    return row.binding == binding


def _counts(row: Clarification) -> bool:
    """It is not asked again about the same purchase. One that ended without a word is, once the agent comes
    back."""
    said = clarifications.outcome_of(row)
    return row.state == Clarification.OPEN or said not in (None, Outcome.EXPIRE)


def _next_rule(session: CheckoutSession, known: Iterable[str], high: bool | None) -> Rule | None:
    rules = question_rules.active()
    if not rules:
        return None
    agent = AgentFacts()
    if any(rule.unknown_agents or rule.without_person_server for rule in rules):
        agent = ports().agent(session.owner)
    if high is None and any(rule.high_risk for rule in rules):
        risk = facts.of_risk(session, contact=reaching.contact(session), tendered=None)
        high = assessing.assess(risk).high
    found = questions.Facts(
        facts.of_session(session, handler=facts.handler(session.quote)),
        unknown_agent=not agent.known,
        without_person_server=not agent.person_server,
        high_risk=bool(high),
    )
    return questions.due(rules, found, known)


def _ask(session: CheckoutSession, rule: Rule, binding: str) -> Clarification:
    return clarifications.ask_about(
        session.id,
        rule,
        binding=binding,
        amount=session.total,
        currency=session.currency,
        owner=session.owner,
    )

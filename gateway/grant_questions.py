"""What an agent is asked about what it wants to be granted, before its person is (AA-100, AA-101)."""

from __future__ import annotations

from enum import StrEnum

from gateway.person_models import Grant
from interventions import clarifications, policy, question_rules, questions
from interventions.errors import AlreadyAsking, TooManyRounds
from interventions.models import Clarification
from interventions.ports import AgentFacts, ports
from interventions.questions import CONSENT, Outcome


class Heard(StrEnum):
    """What has come of the questions so far."""

    ASKED = "asked"
    """The agent has to answer first."""
    DENIED = "denied"
    SILENT = "silent"
    NOTHING = "nothing"
    """Nothing that keeps its person from being asked."""


def ask(grant: Grant, binding: str, *, takes_questions: bool) -> Heard:
    """The agent is asked what a rule wants to know about exactly this, unless it was before; and what came of
    that. Inside a transaction, with the grant new or locked."""
    clarifications.time_out(grant.pk)
    rounds = [row for row in clarifications.history(grant.pk) if row.binding == binding]
    outcomes = {clarifications.outcome_of(row) for row in rounds}
    if Outcome.DENY in outcomes:
        return Heard.DENIED
    if Outcome.EXPIRE in outcomes:
        return Heard.SILENT
    if any(row.state == Clarification.OPEN for row in rounds):
        return Heard.ASKED
    rule = _due(grant, [row.question for row in rounds]) if takes_questions else None
    if rule is None:
        return Heard.NOTHING
    try:
        clarifications.ask_about(grant.pk, rule, binding=binding, amount=0, currency="", owner=grant.owner)
    except AlreadyAsking:
        return Heard.ASKED  # somebody else's question is first; the rule's comes after it
    except TooManyRounds:
        return Heard.DENIED if questions.unasked(rule) == Outcome.DENY else Heard.NOTHING
    return Heard.ASKED


def _due(grant: Grant, known: list[str]) -> questions.Rule | None:
    rules = [rule for rule in question_rules.active() if rule.about == CONSENT]
    if not rules:
        return None
    agent = AgentFacts()
    if any(rule.unknown_agents or rule.without_person_server for rule in rules):
        agent = ports().agent(grant.owner)
    facts = questions.Facts(
        policy.Facts(tags=frozenset(), amount=0, currency="", owner=grant.owner),
        about=CONSENT,
        unknown_agent=not agent.known,
        without_person_server=not agent.person_server,
    )
    return questions.due(rules, facts, known)

"""Which question an agent is asked, what may be asked, and what its answer does. Pure.

An agent that takes no questions is asked none, and nothing else changes for it (AA-101).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from interventions import policy
from interventions.negotiation import Enforcement

MOST_ROUNDS = 5
"""As many questions an agent is asked about one subject, whoever asks (AA-110)."""

LONGEST_QUESTION = 2_000
LONGEST_ANSWER = 4_000
LONGEST_OPTION = 200
MOST_OPTIONS = 10
SHORTEST_SECONDS, LONGEST_SECONDS = 10, 3_600

OTHER = "*"
"""Any answer that is none of the options, in a rule's outcomes."""
NO_ANSWER = "no_answer"
"""That the agent kept silent, in a rule's outcomes."""


class Outcome(StrEnum):
    """What an answer does."""

    CONTINUE = "continue"
    """The purchase goes on as if nobody had asked."""
    ESCALATE = "escalate"
    """The merchant has to approve the purchase (decision 23)."""
    DENY = "deny"
    """The purchase cannot be made as it is."""
    EXPIRE = "expire"
    """Nobody waits any longer (AA-111). For silence alone, and only where no rule says what it does."""


CHOICES = (Outcome.CONTINUE, Outcome.ESCALATE, Outcome.DENY)
"""What a rule can say."""


PURCHASE, CONSENT = "purchase", "consent"
"""What a rule asks about: what an agent buys, or what it wants to be granted by its person."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What rules look at: what policies do, and what is known of the agent."""

    purchase: policy.Facts
    """Of a consent nothing but whose agent it is."""
    about: str = PURCHASE
    unknown_agent: bool = False
    """No operator has looked at the agent."""
    without_person_server: bool = False
    high_risk: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """One active rule. Empty conditions are met by everything."""

    name: str
    question: str
    options: tuple[str, ...] = ()
    outcomes: Mapping[str, str] = field(default_factory=dict)
    timeout_seconds: int = 120
    when: policy.Rule = field(default_factory=lambda: policy.Rule(frozenset(), Enforcement.ALWAYS))
    unknown_agents: bool = False
    without_person_server: bool = False
    high_risk: bool = False
    about: str = PURCHASE

    def matches(self, facts: Facts) -> bool:
        if self.about != facts.about:
            return False
        wanted = (
            (self.unknown_agents, facts.unknown_agent),
            (self.without_person_server, facts.without_person_server),
            (self.high_risk, facts.high_risk),
        )
        return all(holds for asked, holds in wanted if asked) and self.when.matches(facts.purchase)


def due(rules: Iterable[Rule], facts: Facts, asked: Iterable[str]) -> Rule | None:
    """The first matching rule whose question was not asked yet; `rules` in the order of their priority."""
    known = frozenset(asked)
    return next((rule for rule in rules if rule.question not in known and rule.matches(facts)), None)


def outcome(
    outcomes: Mapping[str, str], options: Sequence[str], answer: str | None, *, unanswered: str
) -> Outcome:
    """What the answer does, or silence when it is None. What is not named continues; silence does what
    `unanswered` says."""
    if answer is None:
        return _read(outcomes.get(NO_ANSWER, unanswered), silence=True)
    said = answer.strip()
    return _read(outcomes.get(said if said in options else OTHER, Outcome.CONTINUE))


def unasked(rule: Rule) -> Outcome:
    """What is done when no round is left: as for silence where the rule says so, else as for other answers.
    Nobody goes past a rule by having used up the rounds."""
    name = rule.outcomes.get(NO_ANSWER, rule.outcomes.get(OTHER, Outcome.CONTINUE))
    return outcome({OTHER: name}, (), "", unanswered="")


def _read(name: str, *, silence: bool = False) -> Outcome:
    """A word that means nothing denies: rows are read that another version may have written."""
    known = (*CHOICES, Outcome.EXPIRE) if silence else CHOICES
    return next((one for one in known if one == name), Outcome.EXPIRE if silence else Outcome.DENY)


# What may be asked ------------------------------------------------------------------------------

_SECRETS = re.compile(
    r"""\b(?:
        (?:one[\s-]?time|verification|security|confirmation|access|login|sms|auth(?:entication)?|2fa|mfa)
            [\s-]?(?:code|pass(?:word|code)|pin)s?
      | otps? | totp | cvv2? | cvc2? | csc | iban
      | (?:(?:credit|debit|bank|payment)[\s-]?)?card[\s-]?(?:number|no|detail|data)s?
      | account[\s-]?numbers? | (?:expiry|expiration)[\s-]?date
      | pass(?:word|phrase|code)s? | pin[\s-]?(?:code|number)s?
      | (?:secret|api)[\s-]?keys? | access[\s-]?tokens?
      | einmal(?:code|kennwort|passwort)s? | (?:bestätigungs|sicherheits)codes? | prüf(?:ziffer|nummer)n?
      | (?:kredit)?karten(?:nummern?|daten) | kontonummern?
      | passw[oö]rte?r? | kennw[oö]rte?r? | geheimzahl(?:en)? | zugangsdaten
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)
_TAG = re.compile(r"<(?!https?://)[a-z/!?]", re.IGNORECASE)


def flaw(question: str) -> str:
    """What keeps the Markdown text from being asked, for whoever wrote it; "" when nothing does."""
    if not question.strip():
        return "There is no question."
    if len(question) > LONGEST_QUESTION:
        return f"A question has at most {LONGEST_QUESTION} characters."
    if "\x00" in question:
        return "There is a character that cannot be sent."
    if _TAG.search(question):
        return "Raw HTML is not allowed in Markdown."
    if found := _SECRETS.search(question):
        # AA-114: what an agent is told of these, or tells, is no secret any more.
        return (
            f'Agents are never asked for codes, passwords or card data, and this names "{found[0]}". '
            "Ask something else."
        )
    return ""


def flaw_of_options(options: object) -> str:
    """What is wrong with the answers to choose from; "" when nothing is."""
    if not isinstance(options, list | tuple) or not all(isinstance(option, str) for option in options):
        return "This has to be a list of texts."
    if len(options) > MOST_OPTIONS:
        return f"There can be at most {MOST_OPTIONS} options."
    for option in options:
        if not option.strip() or len(option) > LONGEST_OPTION or "\n" in option or "\x00" in option:
            return f"An option is one line of 1 to {LONGEST_OPTION} characters."
        if option != option.strip() or option in (OTHER, NO_ANSWER):
            return f'"{option}" cannot be an option.'
        if problem := flaw(option):
            return problem
    if len(set(options)) != len(options):
        return "Each option can be there once."
    return ""


def flaw_of_outcomes(outcomes: object, options: Sequence[str]) -> str:
    """What is wrong with what answers do; "" when nothing is."""
    if not isinstance(outcomes, Mapping):
        return "This has to name what each answer does."
    for name, does in outcomes.items():
        if name not in (*options, OTHER, NO_ANSWER):
            return f'"{str(name)[:50]}" is none of the options.'
        if does not in CHOICES:
            return f"An answer can: {', '.join(CHOICES)}."
    return ""

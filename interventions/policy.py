"""What the merchant's policies ask of a purchase. What an agent says it can do is no input (ACP-130).

Where the goods go and what they are paid with is the buyer's choice, so both are looked at again
whenever they change, and before anything is charged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from interventions.negotiation import Enforcement, Kind, Requirement
from interventions.remembered import Remembered

_STRICTEST_FIRST = (Enforcement.ALWAYS, Enforcement.CONDITIONAL, Enforcement.OPTIONAL)


@dataclass(frozen=True, slots=True)
class Facts:
    """What policies look at: the tags of everything in the cart, and the total in minor units."""

    tags: frozenset[str]
    amount: int
    currency: str
    countries: frozenset[str] = frozenset()
    """Where the goods go, as far as it is known: ISO 3166-1 alpha-2."""
    anywhere: bool = False
    """It can be paid, and nobody knows where all of it goes: the policies of every country apply."""
    owner: str = ""
    """Who buys, such as an agent."""
    handler: str = ""
    """What it is paid with; known when it is completed."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One active policy. Empty conditions are met by everything."""

    kinds: frozenset[Kind]
    enforcement: Enforcement
    item_tag: str = ""
    minimum_amount: int = 0
    currency: str = ""
    approval: bool = False
    check_address: bool = False
    hand_over: bool = False
    countries: frozenset[str] = frozenset()
    owner: str = ""
    handler: str = ""
    name: str = field(default="", compare=False)
    """For operators, who are told which policies matched."""

    def matches(self, facts: Facts) -> bool:
        return next(self.misses(facts), None) is None

    def misses(self, facts: Facts) -> Iterator[str]:
        """The conditions that are not met."""
        if facts.amount < self.minimum_amount:
            yield "minimum amount"
        if self.currency not in ("", facts.currency.lower()):
            yield "currency"
        if self.item_tag and self.item_tag not in facts.tags:
            yield "item tag"
        if self.countries and not facts.anywhere and self.countries.isdisjoint(facts.countries):
            yield "country"
        if self.owner not in ("", facts.owner):
            yield "agent"
        if self.handler not in ("", facts.handler):
            yield "payment handler"


def requirement(rules: Iterable[Rule], facts: Facts) -> Requirement:
    """All the types that any matching rule asks for, as strictly as the strictest of them. Pure.

    A rule without types, such as one that wants the merchant's approval, makes no type stricter. The
    purchase may be handed over when every rule that asks for a type allows it.
    """
    matching = [rule for rule in rules if rule.matches(facts)]
    if not matching:
        return Requirement()
    kinds = frozenset[Kind]().union(*(rule.kinds for rule in matching))
    levels = {rule.enforcement for rule in matching if rule.kinds}
    strictest = next((level for level in _STRICTEST_FIRST if level in levels), Enforcement.CONDITIONAL)
    allowing = [rule.hand_over for rule in matching if rule.kinds]
    approvals = {rule.enforcement for rule in matching if rule.approval}
    return Requirement(
        kinds,
        strictest,
        approval=Enforcement.ALWAYS in approvals,
        approval_by_risk=Enforcement.CONDITIONAL in approvals,
        because=tuple(rule.name for rule in matching),
        check_address=any(rule.check_address for rule in matching),
        hand_over=bool(allowing) and all(allowing),
    )


def current(facts: Facts) -> Requirement:
    """The requirement by the active policies, read a few seconds ago at most.

    A change made in this process counts at once. A transaction may be open.
    """
    return requirement(active(), facts)


def _active() -> tuple[Rule, ...]:
    from interventions.models import Policy

    return tuple(policy.rule() for policy in Policy.objects.filter(active=True))


active = Remembered(_active)
"""The active policies."""

forget = active.forget
"""The policies are read again when they are needed next."""

"""What the merchant's policies ask of a purchase. Nothing an agent says is an input (ACP-130)."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from interventions.negotiation import Enforcement, Kind, Requirement

FRESH_SECONDS = 5.0
"""How long another process may go on with the policies it read."""

_STRICTEST_FIRST = (Enforcement.ALWAYS, Enforcement.CONDITIONAL, Enforcement.OPTIONAL)


@dataclass(frozen=True, slots=True)
class Facts:
    """What policies look at: the tags of everything in the cart, and the total in minor units."""

    tags: frozenset[str]
    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One active policy. Empty conditions are met by everything."""

    kinds: frozenset[Kind]
    enforcement: Enforcement
    item_tag: str = ""
    minimum_amount: int = 0
    currency: str = ""
    approval: bool = False

    def matches(self, facts: Facts) -> bool:
        return (
            facts.amount >= self.minimum_amount
            and self.currency in ("", facts.currency.lower())
            and (not self.item_tag or self.item_tag in facts.tags)
        )


def requirement(rules: Iterable[Rule], facts: Facts) -> Requirement:
    """All the types that any matching rule asks for, as strictly as the strictest of them. Pure.

    A rule that only wants the merchant's approval makes no type any stricter.
    """
    matching = [rule for rule in rules if rule.matches(facts)]
    if not matching:
        return Requirement()
    kinds = frozenset[Kind]().union(*(rule.kinds for rule in matching))
    levels = {rule.enforcement for rule in matching if rule.kinds}
    strictest = next((level for level in _STRICTEST_FIRST if level in levels), Enforcement.CONDITIONAL)
    approval = any(rule.approval and rule.enforcement == Enforcement.ALWAYS for rule in matching)
    return Requirement(kinds, strictest, approval)


_edition = object()
"""Another one each time somebody says that the policies changed."""
_read: tuple[object, float, tuple[Rule, ...]] | None = None
"""What was read, when, and of which edition: a slow reader's old policies are not kept as new."""


def current(facts: Facts) -> Requirement:
    """The requirement by the active policies, read at most FRESH_SECONDS ago.

    A change made in this process counts at once. A transaction may be open.
    """
    return requirement(_rules(), facts)


def forget() -> None:
    """The policies are read again when they are needed next."""
    global _edition, _read
    _edition, _read = object(), None


def _rules() -> tuple[Rule, ...]:
    global _read
    now, edition, read = time.monotonic(), _edition, _read
    if read is not None and read[0] is edition and now - read[1] < FRESH_SECONDS:
        return read[2]
    from interventions.models import Policy

    rules = tuple(policy.rule() for policy in Policy.objects.filter(active=True))
    _read = (edition, now, rules)
    return rules

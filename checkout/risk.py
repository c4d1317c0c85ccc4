"""The built-in rules of risk: local books only, a few index look-ups (setting `RISK`).

No rule makes anything less risky. What the agent says of the payer's device is not looked at: it is
the agent's word.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from checkout import recurring
from checkout.models import CheckoutSession, Order
from checkout.money import display
from interventions.ports import Risk, RiskFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseRules:
    """Implements `interventions.ports.RiskAssessor`. 0, or a currency that is not named: no such rule.

    Orders are counted when another is about to be paid: sessions that are paid at the very same moment
    do not see each other.
    """

    amounts: Mapping[str, int] = field(default_factory=dict)
    """By currency, the total in minor units from which on a purchase is risky."""
    first_purchase_amounts: Mapping[str, int] = field(default_factory=dict)
    """The same for a contact that never bought here, or that nobody knows."""
    contact_orders: int = 5
    """As many orders of one contact within the window make the next one risky."""
    address_orders: int = 5
    """As many orders to one address within the window make the next one risky."""
    orders_window_seconds: int = 24 * 3600
    agent_sessions: int = 1000
    """As many sessions that one agent opened within the window make the next one risky."""
    agent_window_seconds: int = 3600
    billing_mismatch: bool = True
    """Billed to another country or postal code than delivered to is risky."""

    def assess(self, facts: RiskFacts) -> Risk:
        reasons = tuple(self._reasons(facts))
        return Risk(bool(reasons), reasons)

    def _reasons(self, facts: RiskFacts) -> Iterator[str]:
        currency, total = facts.currency.lower(), display(facts.amount, facts.currency)
        if 0 < self.amounts.get(currency, 0) <= facts.amount:
            yield f"the total is {total}"
        contact = recurring.of_contact(facts.contact)
        if 0 < self.first_purchase_amounts.get(currency, 0) <= facts.amount and not _bought(contact):
            yield f"nobody known buys, for {total}"
        address = recurring.of_address(facts.delivery_address)
        for what, limit, rows in (
            ("orders of this contact", self.contact_orders, self._orders(contact_digest=contact)),
            ("orders to this address", self.address_orders, self._orders(address_digest=address)),
            ("sessions of this agent", self.agent_sessions, self._sessions(facts)),
        ):
            if limit and rows is not None and rows.values("pk")[:limit].count() >= limit:
                yield f"{limit} or more {what} in a short time"
        if self.billing_mismatch and _differs(facts.billing_address, facts.delivery_address):
            yield "it is billed to another place than delivered to"

    def _orders(self, **digest: str) -> QuerySet[Order] | None:
        if not all(digest.values()):
            return None
        since = timezone.now() - timedelta(seconds=self.orders_window_seconds)
        return Order.objects.filter(created_at__gt=since, **digest).order_by()

    def _sessions(self, facts: RiskFacts) -> QuerySet[CheckoutSession]:
        since = timezone.now() - timedelta(seconds=self.agent_window_seconds)
        others = CheckoutSession.objects.exclude(pk=facts.subject)
        return others.filter(owner=facts.owner, created_at__gt=since).order_by()


class AlwaysHigh:
    """What is used while the settings name no assessor that can be used: nobody is trusted blindly."""

    def assess(self, facts: RiskFacts) -> Risk:
        return Risk(True, ("the settings name no assessor that can be used",))


def _bought(contact: str) -> bool:
    return bool(contact) and Order.objects.filter(contact_digest=contact).exists()


def _differs(billing: Mapping[str, Any] | None, delivery: Mapping[str, Any] | None) -> bool:
    """Both are known, and one of them is elsewhere. One that is missing proves nothing."""
    if not billing or not delivery:
        return False
    return any(_plain(billing.get(part)) != _plain(delivery.get(part)) for part in ("country", "postal_code"))


def _plain(text: object) -> str:
    return "".join(str(text or "").casefold().split())

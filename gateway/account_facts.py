"""What a person's own agent may know of their account here, and by which scope. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.utils.translation import gettext_noop

from checkout.models import Order
from gateway import bindings, links
from gateway.conf import conf

PROFILE, ORDERS = "profile", "orders"
SCOPES = {
    PROFILE: gettext_noop("Your name and e-mail address"),
    ORDERS: gettext_noop("Your orders here: when you placed them, what they came to and how they stand"),
}
MOST_ORDERS = 50


@dataclass(frozen=True, slots=True)
class Placed:
    """An order of theirs."""

    id: str
    status: str
    total: int
    """Minor units."""
    currency: str
    placed_at: datetime
    permalink: str


def scopes() -> Mapping[str, str]:
    """What can be granted, by the scope's name, as people read it: ours, and what the settings add."""
    return {**SCOPES, **conf().AAUTH_SCOPES}


def orders(person: str) -> list[Placed]:
    """What the person's agents have ordered for them, the newest first. At most two statements.

    What an agent orders after they have revoked it is not theirs.
    """
    whose = Q()
    for binding in bindings.of_person(person):
        theirs = Q(owner=binding.owner)
        if binding.revoked_at is not None:
            theirs &= Q(created_at__lt=binding.revoked_at)
        whose |= theirs
    if not whose:
        return []
    rows = Order.objects.filter(whose).order_by("-created_at", "-pk")
    told = rows.values_list("pk", "status", "amount", "currency", "created_at")[:MOST_ORDERS]
    return [Placed(*row, links.order_page(row[0])) for row in told]

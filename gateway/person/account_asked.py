"""What agents ask of a person, from two tables: to come somewhere or answer something (`Summons`), and to be
granted something (`Grant`). One statement for both, whatever is asked of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.db.models import CharField, Exists, F, OuterRef, Q, QuerySet, Value
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_noop

from checkout.untrusted import visible
from gateway import agents
from gateway.pending_models import PendingRequest
from gateway.pending_states import PendingState
from gateway.person.account_people import Who
from gateway.person_models import AgentBinding, Grant, Summons
from interventions.prepared import Listing, Place
from interventions.weblinks import parse

MOST_WAITING = 100
"""So many are counted and listed; nobody reads more."""

CALL, PERSON, ACCESS = "call", Grant.PERSON_TOKEN, Grant.AUTH_TOKEN

TITLES = {
    Summons.INTERACTION: gettext_noop("%(agent)s asks you to open a page"),
    Summons.PAYMENT: gettext_noop("%(agent)s asks you to pay"),
    Summons.QUESTION: gettext_noop("%(agent)s asks you a question"),
    PERSON: gettext_noop("%(agent)s wants to say whose agent it is"),
    ACCESS: gettext_noop("%(agent)s asks for access"),
}

_COLUMNS = ("id", "owner", "kind", "state", "created_at", "expires_at", "place", "table")


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing that an agent asks or asked of its person."""

    id: str
    owner: str
    kind: str
    state: str
    created_at: datetime
    expires_at: datetime
    place: str
    """The address that they are sent to, or the resource that access is asked to; "" for none."""
    table: str

    @property
    def title(self) -> str:
        return TITLES[self.kind]

    @property
    def is_grant(self) -> bool:
        return self.table == "grant"

    @property
    def host(self) -> str:
        """Where it leads, as people compare it; "" for nowhere."""
        return host_of(self.place)

    @property
    def minutes(self) -> int:
        """How long it waits yet, in whole minutes; at least one."""
        return max(1, round((self.expires_at - timezone.now()).total_seconds() / 60))


def waiting(person: str) -> list[Asked]:
    """What waits for the person now, the oldest first; nothing of an agent that may not act for them any
    more, or that an operator has blocked, nor what they came to by another way. One statement."""
    return [Asked(*row) for row in _waiting(person=person, now=timezone.now())]


def page_of_history(person: str, start: int, many: int) -> list[Asked]:
    """What was asked of the person, the newest first, from the `start`th on. One statement."""
    rows = _summonses(person).union(_grants(person), all=True).order_by("-created_at", "id")
    return [Asked(*row) for row in rows[start : start + many]]


def version_of(items: Iterable[Asked]) -> str:
    """A word that differs as soon as something else waits."""
    return sha256("".join(asked.id for asked in items).encode()).hexdigest()[:16]


def address_of(asked: Asked) -> str:
    """The page of a summons; "" for a grant, which is decided on the page of its call."""
    return "" if asked.is_grant else reverse("agentic:account_summons", args=(asked.id,))


def title_of(asked: Asked, who: Mapping[str, Who]) -> dict[str, str]:
    """The values of its title."""
    return {"agent": who[asked.owner].told}


def host_of(url: str) -> str:
    """The host of an address, in ASCII as it is looked up, so that no letter looks like another (T52)."""
    try:
        return parse(url).netloc
    except ValueError:
        return visible(url.partition("://")[2].partition("/")[0])


def _all_waiting(place: Place) -> QuerySet[Any, Any]:
    person, now = place("person"), place.moment("now")
    theirs = AgentBinding.objects.filter(owner=OuterRef("owner"), person=person, revoked_at=None)
    parked = PendingRequest.objects.filter(pk=OuterRef("pending"), state=PendingState.PENDING)
    rows = (
        _summonses(person)
        .filter(Q(pending="") | Exists(parked), Exists(theirs), ~agents.blocked())
        .filter(state__in=Summons.OPEN, expires_at__gt=now)
    )
    grants = _grants(person).filter(~agents.blocked(), state__in=Grant.OPEN, expires_at__gt=now)
    return rows.union(grants, all=True).order_by("created_at")[:MOST_WAITING]


_waiting = Listing(Summons, _all_waiting)
"""Every page that a person has open asks it every few seconds."""


def _summonses(person: str) -> QuerySet[Any, Any]:
    return _rows(Summons.objects.filter(person=person), place="url", table="summons")


def _grants(person: str) -> QuerySet[Any, Any]:
    return _rows(Grant.objects.filter(person=person), place="audience", table="grant")


def _rows(rows: QuerySet[Any, Any], *, place: str, table: str) -> QuerySet[Any, Any]:
    named: QuerySet[Any, Any] = rows.annotate(place=F(place), table=Value(table, output_field=CharField()))
    return named.order_by().values_list(*_COLUMNS)

"""The agents that act for a person, what they were granted, and how that is taken back.

GET   .../account/agents                     whose agents they are, and what each may do
GET   .../account/agents/<id>/revoke         what revoking the agent does
POST  .../account/agents/<id>/revoke         it acts for them no more, and nothing granted to it counts
GET   .../account/agents/grants/<id>/revoke  what taking back that one grant does
POST  .../account/agents/grants/<id>/revoke  it is taken back
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from checkout.untrusted import visible
from gateway import agent_revoking, bindings, grants
from gateway.person import account_asked, account_people
from gateway.person.account import AccountPage, NotTheirs
from gateway.person.account_people import Who
from gateway.person.orders import MOMENT
from gateway.person_models import AgentBinding, Grant, IssuedToken
from gateway.person_states import GrantState
from interventions.translation import words

GRANT_ID = re.compile(r"grt_[0-9a-z]{1,60}", re.ASCII)
LONGEST_NUMBER = 18
MOST = 200
"""Agents and grants that one page shows; nobody reads more, and revoking an agent takes all of its back."""


@dataclass(frozen=True, slots=True)
class Given:
    """What an agent was granted. Everything about it is safe to show, once escaped."""

    id: str
    kind: str
    host: str
    scopes: tuple[str, ...]
    account: str
    decided_at: datetime | None
    until: datetime | None
    """The last token that was given out for it ends then; None when none is left."""


@dataclass(frozen=True, slots=True)
class Acting:
    """An agent and its person."""

    pk: int
    who: Who
    since: datetime
    revoked_at: datetime | None
    given: tuple[Given, ...]


class AgentsPage(AccountPage):
    here = "account_agents"

    def shown(self, request: HttpRequest, **kept: str) -> HttpResponse:
        rows = list(bindings.of_person(self.person.id)[:MOST])
        known = account_people.all_of(row.owner for row in rows)
        given = _given(self.person.id)
        acting = [
            Acting(
                row.pk,
                known[row.owner],
                row.established_at,
                row.revoked_at,
                tuple(given.get(row.owner, ())),
            )
            for row in rows
        ]
        context = {
            "acting": [one for one in acting if one.revoked_at is None],
            "revoked": [one for one in acting if one.revoked_at is not None],
            "moment": self.moment(request),
        }
        return self.show(request, "account_agents", context)

    def moment(self, request: HttpRequest) -> str:
        """How a moment is written."""
        return words(self.language(request))(MOMENT)


class RevokeAgentPage(AgentsPage):
    def shown(self, request: HttpRequest, **kept: str) -> HttpResponse:
        row = self.found(kept["binding"])
        who = account_people.all_of((row.owner,))[row.owner]
        return self.show(request, "account_revoke", {"who": who, "grant": None, "path": request.path})

    def taken(self, request: HttpRequest, **kept: str) -> HttpResponse:
        row = self.found(kept["binding"])
        if request.POST.get("answer") == "revoke":
            agent_revoking.revoke(row.owner, self.person.id)
        return self.sent_on(reverse("agentic:account_agents"))

    def found(self, number: str) -> AgentBinding:
        """The person's own, whether it acts for them or did. Raises NotTheirs."""
        is_one = number.isascii() and number.isdigit() and len(number) <= LONGEST_NUMBER
        row = bindings.of_person(self.person.id).filter(pk=int(number)).first() if is_one else None
        if row is None:
            raise NotTheirs
        return row


class RevokeGrantPage(AgentsPage):
    def shown(self, request: HttpRequest, **kept: str) -> HttpResponse:
        row = self.found(kept["grant_id"])
        context: dict[str, Any] = {
            "who": account_people.all_of((row.owner,))[row.owner],
            "grant": _shown(row, None),
            "path": request.path,
            "moment": self.moment(request),
        }
        return self.show(request, "account_revoke", context)

    def taken(self, request: HttpRequest, **kept: str) -> HttpResponse:
        row = self.found(kept["grant_id"])
        if request.POST.get("answer") == "revoke":
            grants.revoke(row, self.person.id)
        return self.sent_on(reverse("agentic:account_agents"))

    def found(self, grant_id: str) -> Grant:
        """What the person granted, also when it was taken back since. Raises NotTheirs."""
        if GRANT_ID.fullmatch(grant_id):
            granted = (GrantState.GRANTED, GrantState.REVOKED)
            row = Grant.objects.filter(pk=grant_id, person=self.person.id, state__in=granted).first()
            if row is not None:
                return row
        raise NotTheirs


def _given(person: str) -> dict[str, list[Given]]:
    """What counts now, by agent, the newest first. Two statements."""
    rows = list(grants.of_person(person).filter(state=GrantState.GRANTED).order_by("-created_at")[:MOST])
    tokens = IssuedToken.objects.filter(
        grant__in=[row.pk for row in rows], revoked_at=None, expires_at__gt=timezone.now()
    )
    until = dict(tokens.order_by("expires_at").values_list("grant_id", "expires_at"))
    found: dict[str, list[Given]] = {}
    for row in rows:
        found.setdefault(row.owner, []).append(_shown(row, until.get(row.pk)))
    return found


def _shown(row: Grant, until: datetime | None) -> Given:
    return Given(
        id=row.pk,
        kind=row.kind,
        host=account_asked.host_of(row.audience),
        scopes=tuple(visible(scope, longest=80) for scope in row.scope.split()),
        account=visible(row.account),
        decided_at=row.decided_at,
        until=until,
    )

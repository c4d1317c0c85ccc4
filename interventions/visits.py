"""A person at the page of an intervention: looks, enters, goes to the provider, comes back.

Looking changes nothing, however often and by whom (T42). The first who enters is the person, as
far as anybody can know: that browser may come again, any other is refused. What the provider
says decides; who brought its answer does not matter.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.db import transaction
from django.utils import timezone

from interventions import moves
from interventions.errors import NotFound, Over, ProviderSilent, StaleRound, StateConflict, TakenElsewhere
from interventions.models import Intervention
from interventions.ports import Begun, Challenge, NotYet, PageProvider, Passed, Refused, Verdict, ports
from interventions.states import OPEN, InterventionState

log = logging.getLogger("agentic.interventions")

SETTLED = "interventions.settled"
"""The effect by which whoever waits for the person learns that it is over."""

PERSON = "person"
BROWSER = "browser of an intervention"
ROUND = "round trip of an intervention"


@dataclass(frozen=True, slots=True)
class Departure:
    """A round trip that has begun. `state` and `memory` stay in the person's browser."""

    url: str
    state: str
    memory: Mapping[str, str]


def look(intervention_id: str) -> Intervention:
    """The intervention as it stands; one whose time is up is shown as expired. Changes nothing.

    Raises NotFound.
    """
    row = Intervention.objects.filter(pk=intervention_id).first()
    if row is None:
        raise NotFound
    if row.state in OPEN and not row.running(timezone.now()):
        row.state = InterventionState.EXPIRED
    return row


def enter(intervention_id: str, browser: str) -> Intervention:
    """The browser acts for the person from now on; `browser` is its own secret.

    Repeatable by the same browser. Raises NotFound, Over, and TakenElsewhere for a second one.
    """
    row = _running(intervention_id)
    digest = ports().digest(browser.encode(), BROWSER)
    if row.browser_digest == digest:
        return row
    try:
        with transaction.atomic(durable=True):
            moves.move(
                row,
                InterventionState.INTERACTING,
                actor=PERSON,
                note="opened",
                only={"browser_digest": "", "challenge_expires_at__gt": timezone.now()},
                browser_digest=digest,
            )
    except StateConflict:
        row = _running(intervention_id)
        if row.browser_digest != digest:
            raise TakenElsewhere from None
    return row


def entered(intervention_id: str, browser: str) -> Intervention:
    """The running intervention that this browser has entered. Raises NotFound, Over, TakenElsewhere."""
    row = _running(intervention_id)
    if not browser or row.browser_digest != ports().digest(browser.encode(), BROWSER):
        raise TakenElsewhere
    return row


def depart(intervention_id: str, browser: str, *, return_to: str) -> Departure:
    """The person's browser goes to the provider's page; an earlier round trip counts no more.

    Raises NotFound, Over, TakenElsewhere and ProviderSilent. No transaction may be open.
    """
    row = entered(intervention_id, browser)
    state = secrets.token_urlsafe(32)
    provider = provider_of(row)
    begun: Begun = provider.begin(challenge_of(row), return_to=return_to, state=state)
    parts = urlsplit(begun.url)
    if f"{parts.scheme}://{parts.netloc}" not in provider.origins:
        log.error("%s leads to a page that is none of its own; nobody was sent there", provider.name)
        raise ProviderSilent
    digest = ports().digest(state.encode(), ROUND)
    if not Intervention.objects.filter(pk=row.pk, state__in=OPEN).update(round_digest=digest):
        raise Over(look(row.pk).state)
    return Departure(begun.url, state, begun.memory)


def come_back(intervention_id: str, browser: str, *, state: str, evidence: Mapping[str, str]) -> Intervention:
    """The provider was asked about what the browser brought back, and its answer is recorded.

    Each round trip counts once, and only in the browser that began it (T32); when it comes twice at
    once, a yes counts whoever was quicker, because a provider says it only once. Raises NotFound,
    Over, TakenElsewhere, StaleRound and ProviderSilent: then the same round trip may come back
    again. No transaction may be open.
    """
    row = entered(intervention_id, browser)
    digest = ports().digest(state.encode(), ROUND) if state else ""
    if not digest or row.round_digest != digest:
        raise StaleRound
    provider, challenge = provider_of(row), challenge_of(row)
    verdict = provider.verify(challenge, evidence)
    if not isinstance(verdict, Passed):
        # Only the provider itself says no; what came through a browser may be invented.
        verdict = provider.verify(challenge, {})
    ours = Intervention.objects.filter(pk=row.pk, round_digest=digest).update(round_digest="")
    if not ours and not isinstance(verdict, Passed):
        raise StaleRound
    return record(row, verdict, actor=provider.name)


def read_back(intervention_id: str) -> Intervention:
    """The provider's own books were asked, whatever anybody claims (decision 20).

    Raises NotFound, Over and ProviderSilent. No transaction may be open.
    """
    row = _running(intervention_id)
    return record(row, provider_of(row).verify(challenge_of(row), {}), actor=provider_of(row).name)


def refuse(intervention_id: str, browser: str) -> Intervention:
    """The person said no. Raises NotFound, Over, TakenElsewhere."""
    row = entered(intervention_id, browser)
    return settle(row, InterventionState.DENIED, actor=PERSON, note="refused on the page")


def record(row: Intervention, verdict: Verdict, *, actor: str) -> Intervention:
    """The verdict has moved the row, if it is one; whoever was first decides."""
    match verdict:
        case Passed():
            return settle(row, InterventionState.PASSED, actor=actor)
        case Refused(reason):
            return settle(row, InterventionState.DENIED, actor=actor, note=reason[:255])
        case NotYet():
            return row


def settle(row: Intervention, to: InterventionState, *, actor: str, note: str = "") -> Intervention:
    """The row has ended, and whoever waits for it will learn so. Somebody else's end stands.

    A yes counts only while its time runs.
    """
    only = {"challenge_expires_at__gt": timezone.now()} if to == InterventionState.PASSED else None
    try:
        with transaction.atomic(durable=True):
            moves.move(row, to, actor=actor, note=note, only=only)
            ports().outbox.add(SETTLED, {"subject": row.subject})
    except StateConflict:
        return look(row.pk)
    return row


def provider_of(row: Intervention) -> PageProvider:
    """What runs the row. Raises NotFound when this installation runs it no more."""
    found = ports().providers.get(row.kind)
    if not isinstance(found, PageProvider):
        raise NotFound
    return found


def challenge_of(row: Intervention) -> Challenge:
    """The row as its provider is told of it."""
    return Challenge(id=row.id, type=row.kind, subject=row.subject, amount=row.amount, currency=row.currency)


def _running(intervention_id: str) -> Intervention:
    row = look(intervention_id)
    if row.state not in OPEN:
        raise Over(row.state)
    return row

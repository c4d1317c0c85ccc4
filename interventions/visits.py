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

from django.db import transaction
from django.utils import timezone

from interventions import failures, moves
from interventions.errors import NotFound, Over, ProviderSilent, StaleRound, StateConflict, TakenElsewhere
from interventions.models import Intervention
from interventions.moves import PERSON, SETTLED
from interventions.negotiation import HANDOFF
from interventions.ports import Begun, Challenge, NotYet, PageProvider, Passed, Refused, Verdict, ports
from interventions.states import OPEN, InterventionState
from interventions.weblinks import leads_to

log = logging.getLogger("agentic.interventions")

RETURNED = "browser return"
FRAMED = "embedded page"
HINTED = "agent's hint"
"""The doors by which a verdict comes: what made us ask the provider. It decides in either case."""

BROWSER = "browser of an intervention"
ROUND = "round trip of an intervention"


@dataclass(frozen=True, slots=True)
class Departure:
    """A round trip that has begun. `state` and `memory` stay in the person's browser."""

    url: str
    state: str
    memory: Mapping[str, str]


def look(intervention_id: str) -> Intervention:
    """The intervention as it stands; one that nothing can come of any more is shown as it will end.
    Changes nothing.

    Raises NotFound.
    """
    row = Intervention.objects.filter(pk=intervention_id).first()
    if row is None:
        raise NotFound
    if row.state in OPEN and row.over(timezone.now()):
        spent = row.attempts >= row.attempts_allowed
        row.state = InterventionState.FAILED if spent else InterventionState.EXPIRED
    return row


def heir(row: Intervention) -> Intervention | None:
    """What the person is asked in place of a row that was voided, because its subject changed."""
    if row.state != InterventionState.CANCELED or not row.moves.filter(note=moves.VOIDED).exists():
        return None
    rows = Intervention.objects.filter(subject=row.subject, kind=row.kind, state__in=OPEN)
    found = rows.exclude(binding=row.binding).first()
    return None if found is None or found.over(timezone.now()) else found


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
                only={"browser_digest": ""},
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
    if not is_of(row, browser):
        raise TakenElsewhere
    return row


def is_of(row: Intervention, browser: str) -> bool:
    """The browser acts for the person of the row, or did."""
    return bool(browser) and row.browser_digest == ports().digest(browser.encode(), BROWSER)


def depart(intervention_id: str, browser: str, *, return_to: str) -> Departure:
    """The person's browser goes to the provider's page; an earlier round trip counts no more.

    Raises NotFound, Over, TakenElsewhere and ProviderSilent. No transaction may be open.
    """
    row = entered(intervention_id, browser)
    state = secrets.token_urlsafe(32)
    begun = _begun(row, return_to, state)
    digest = ports().digest(state.encode(), ROUND)
    if not Intervention.objects.filter(pk=row.pk, state__in=OPEN).update(round_digest=digest):
        raise Over(look(row.pk).state)
    return Departure(begun.url, state, begun.memory)


def embed(intervention_id: str, browser: str, *, return_to: str) -> Begun:
    """What a frame of our page shows to the person, and is told; nothing has changed.

    Nobody comes back from a frame, so there is no round trip to remember: what the person did is
    asked of the provider's books alone (`read_back`). Raises NotFound, Over, TakenElsewhere and
    ProviderSilent. No transaction may be open.
    """
    row = entered(intervention_id, browser)
    return _begun(row, return_to, secrets.token_urlsafe(32))


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
    with failures.noticed(row.kind):
        verdict = provider.verify(challenge, evidence)
        if not isinstance(verdict, Passed):
            # Only the provider itself says no; what came through a browser may be invented.
            verdict = provider.verify(challenge, {})
    ours = Intervention.objects.filter(pk=row.pk, round_digest=digest).update(round_digest="")
    if not ours and not isinstance(verdict, Passed):
        raise StaleRound
    return record(row, verdict, actor=provider.name, door=RETURNED)


def read_back(intervention_id: str, *, door: str) -> Intervention:
    """The provider's own books were asked, whatever anybody claims (decision 20); `door` says why.

    Raises NotFound, Over and ProviderSilent. No transaction may be open.
    """
    row = _running(intervention_id)
    provider, challenge = provider_of(row), challenge_of(row)
    with failures.noticed(row.kind):
        verdict = provider.verify(challenge, {})
    return record(row, verdict, actor=provider.name, door=door)


def refuse(intervention_id: str, browser: str) -> Intervention:
    """The person said no. Raises NotFound, Over, TakenElsewhere. A handoff ends with its purchase, and
    never here."""
    row = entered(intervention_id, browser)
    if row.kind == HANDOFF:
        raise NotFound
    return settle(row, InterventionState.DENIED, actor=PERSON, note="refused on the page")


def record(row: Intervention, verdict: Verdict, *, actor: str, door: str = "") -> Intervention:
    """The verdict has moved the row, if it is one; whoever was first decides. `door` is by which way
    it came, for the log."""
    match verdict:
        case Passed():
            return settle(row, InterventionState.PASSED, actor=actor, note=door)
        case Refused(reason):
            note = ": ".join(part for part in (door, reason) if part)
            return settle(row, InterventionState.DENIED, actor=actor, note=note[:255])
        case NotYet():
            return row


def settle(row: Intervention, to: InterventionState, *, actor: str, note: str = "") -> Intervention:
    """The row has ended, and whoever waits for it will learn so. Somebody else's end stands.

    A yes counts only while its time runs.
    """
    try:
        with transaction.atomic(durable=True):
            end(row, to, actor=actor, note=note)
    except StateConflict:
        return look(row.pk)
    return row


def end(row: Intervention, to: InterventionState, *, actor: str, note: str = "") -> None:
    """As `settle`, inside the caller's transaction. Raises StateConflict when somebody else ended it,
    and for a yes that comes too late."""
    only = {"challenge_expires_at__gt": timezone.now()} if to == InterventionState.PASSED else None
    moves.move(row, to, actor=actor, note=note, only=only)
    ports().outbox.add(SETTLED, {"subject": row.subject})


def provider_of(row: Intervention) -> PageProvider:
    """What runs the row. Raises NotFound when this installation runs it no more."""
    found = ports().providers.get(row.kind)
    if not isinstance(found, PageProvider):
        raise NotFound
    return found


def challenge_of(row: Intervention) -> Challenge:
    """The row as its provider is told of it."""
    return Challenge(id=row.id, type=row.kind, subject=row.subject, amount=row.amount, currency=row.currency)


def _begun(row: Intervention, return_to: str, state: str) -> Begun:
    """The provider's own page for the row. Raises ProviderSilent, and tells the operator, when what
    the provider names is not one of its pages, or could be read as something else (T30)."""
    provider = provider_of(row)
    with failures.noticed(row.kind):
        begun = provider.begin(challenge_of(row), return_to=return_to, state=state)
        # http among the origins is for the demo, and a system check of its own refuses it elsewhere.
        if not leads_to(begun.url, provider.origins, loopback_http=True):
            log.error("%s leads to a page that is none of its own; nobody was sent there", provider.name)
            raise ProviderSilent
    return begun


def _running(intervention_id: str) -> Intervention:
    row = look(intervention_id)
    if row.state not in OPEN:
        raise Over(row.state)
    return row

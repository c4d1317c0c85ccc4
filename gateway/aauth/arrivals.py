"""Persons who arrive with an agent's code at the page of a parked call (AA-050 to AA-058, AA-070 to AA-078).

A code tells which call it is about and proves nothing (AA-054): the agent knows it too. It is used once, by
a browser that is the person's from then on, as far as anybody can know. Each try is judged on the locked
call, and nobody is told of a wrong one before it is on record (T13): they count over all codes of a call, and
the fifth ends it (AA-056). When a person is needed once more, there is a new code; the browser of before
needs none.
"""

from __future__ import annotations

import logging
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from checkout.errors import CompletionRunning
from gateway import arriving, keys, subjects
from gateway.aauth import callbacks, codes, ending, moves
from gateway.arriving import ArrivalError, Beside, Busy, Ended, Unknown, Waiting, WrongCode
from gateway.conf import conf
from gateway.deferring import Lost
from gateway.identities import CLARIFICATION
from gateway.pending_models import PendingRequest
from gateway.pending_states import OPEN, PendingState
from interventions import clarifications
from interventions.errors import TakenElsewhere
from interventions.moves import PERSON

log = logging.getLogger("agentic.aauth")

MOST_ATTEMPTS = 5
BROWSER = "browser of a parked call"


class ArrivalDesk:
    """The `arriving.Desk` of this package."""

    def look(self, slug: str, browser: str) -> Waiting:
        row = _named(slug)
        return _told(row, slug, browser)

    def shown(self, code: str) -> str:
        folded = codes.fold(code)
        whole = len(folded) == codes.SYMBOLS and set(folded) <= set(codes.ALPHABET)
        return codes.hyphenated(folded) if whole else ""

    def judged(self, slug: str, callback: str) -> str:
        return callbacks.judged(_named(slug).owner, callback) if callback else ""

    @sensitive_variables("code")
    def arrive(self, slug: str, browser: str, code: str, callback: str) -> Waiting:
        row = _named(slug)
        with transaction.atomic(durable=True):
            row = _locked(row)
            refused = _judged(row, browser, code)
        if isinstance(refused, Ended) and refused.state in OPEN:
            raise _spent(row)
        if refused is not None:
            raise refused
        row.refresh_from_db()
        good = callbacks.judged(row.owner, callback) if callback else ""
        if good and good != row.callback_url:
            PendingRequest.objects.filter(pk=row.pk).update(callback_url=good)
            row.callback_url = good
        return _told(row, slug, browser)

    def admit(self, subject: str, browser: str) -> Waiting:
        rows = PendingRequest.objects.filter(subject=subject, state__in=OPEN)
        row = rows.order_by("-created_at").first()
        if row is None:
            raise Unknown
        with transaction.atomic(durable=True):
            row = _locked(row)
            if (state := _state(row)) not in OPEN:
                raise Ended(state)
            columns: dict[str, Any] = {
                "code_used_round": row.round,
                "browser_digest": keys.digest(browser.encode(), BROWSER),
            }
            if row.state == PendingState.PENDING:
                moves.move(row, PendingState.INTERACTING, **columns)
            else:
                PendingRequest.objects.filter(pk=row.pk).update(**columns)
        row.refresh_from_db()
        return _told(row, codes.slug(row), browser)

    def decline(self, slug: str, browser: str) -> Waiting:
        row = _open(slug)
        if not _is_of(row, browser):
            raise TakenElsewhere
        try:
            ending.deny(row, actor=PERSON)
        except (Lost, CompletionRunning):
            row.refresh_from_db()
            if row.state not in OPEN:
                raise Ended(row.state) from None
            raise Busy from None
        return _told(row, slug, browser)

    def beside(self, subject: str) -> Beside | None:
        rows = PendingRequest.objects.filter(subject=subject, code_used_round__gte=0)
        row = rows.order_by("-created_at").first()
        if row is None:
            return None
        leads_to = callbacks.origin(callbacks.judged(row.owner, row.callback_url))
        return Beside(codes.slug(row), _can_ask(row), leads_to)


DESK: arriving.Desk = ArrivalDesk()


def _named(slug: str) -> PendingRequest:
    """The call whose page that is, as it stands. Raises Unknown."""
    pending_id = codes.read_slug(slug)
    row = PendingRequest.objects.filter(pk=pending_id).first() if pending_id else None
    if row is None:
        raise Unknown
    return row


def _open(slug: str) -> PendingRequest:
    """Raises Unknown and Ended."""
    row = _named(slug)
    if (state := _state(row)) not in OPEN:
        raise Ended(state)
    return row


def _state(row: PendingRequest) -> str:
    """How it stands; one whose time is over as it will end, although nobody has noticed yet."""
    overdue = row.state in OPEN and row.expires_at <= timezone.now()
    return subjects.late(row) if overdue else row.state


def _is_used(row: PendingRequest) -> bool:
    """The code of this round has been used."""
    return row.code_used_round >= row.round


def _is_of(row: PendingRequest, browser: str) -> bool:
    """The browser is the person's, or was until another code of the call was used elsewhere."""
    if not browser or not row.browser_digest:
        return False
    genuine = [keys.same(row.browser_digest, known) for known in keys.digests(browser.encode(), BROWSER)]
    return any(genuine)


def _locked(row: PendingRequest) -> PendingRequest:
    """The call as it stands, and nobody else judges a code of it meanwhile."""
    return PendingRequest.objects.select_for_update().get(pk=row.pk)


@sensitive_variables("code")
def _judged(row: PendingRequest, browser: str, code: str) -> ArrivalError | TakenElsewhere | None:
    """The browser of the locked row is the person's; or why it is not, and a wrong code is on record. An end
    in a state that is open: no attempt is left."""
    if (state := _state(row)) not in OPEN:
        return Ended(state)
    if _is_of(row, browser):
        # Asked once more, and still here: nobody else needs the new code.
        return None if _is_used(row) else _use(row, browser)
    if _is_used(row):
        return TakenElsewhere()
    if row.code_attempts >= MOST_ATTEMPTS:
        return Ended(state)
    if codes.same_code(row, code):
        return _use(row, browser)
    PendingRequest.objects.filter(pk=row.pk).update(code_attempts=F("code_attempts") + 1)
    left = MOST_ATTEMPTS - row.code_attempts - 1
    return WrongCode(left) if left else Ended(state)


def _spent(row: PendingRequest) -> Ended:
    """Nobody can arrive any more, and the agent learns so, unless the call has ended otherwise."""
    row.refresh_from_db()
    try:
        ending.end(row, PendingState.INVALID_CODE)
        log.warning("%s: too many wrong codes at its page", row.pk)
    except (Lost, CompletionRunning):
        row.refresh_from_db()
    state = _state(row)
    return Ended(PendingState.INVALID_CODE if state in OPEN else state)


def _use(row: PendingRequest, browser: str) -> TakenElsewhere | None:
    """The code is used by this browser, once, whoever else comes at the same time."""
    try:
        moves.move(
            row,
            PendingState.INTERACTING,
            only={"round": row.round, "code_used_round__lt": row.round},
            code_used_round=row.round,
            browser_digest=keys.digest(browser.encode(), BROWSER),
        )
    except Lost:
        return TakenElsewhere()
    return None


def _can_ask(row: PendingRequest) -> bool:
    """The person may ask the agent something now: it takes questions, and some are left (AA-101, AA-110)."""
    takes = conf().AAUTH_BUYERS_ASK and _state(row) in OPEN and CLARIFICATION in row.capabilities
    return takes and clarifications.rounds_left(row.subject) > 0


def _told(row: PendingRequest, slug: str, browser: str) -> Waiting:
    state = _state(row)
    return Waiting(
        slug=slug,
        subject=row.subject,
        owner=row.owner,
        state=state,
        open=state in OPEN,
        here=_is_of(row, browser),
        taken=_is_used(row),
        seconds_left=(row.expires_at - timezone.now()).total_seconds(),
        can_ask=_can_ask(row),
        # Judged once more: what the provider has taken back meanwhile is not followed.
        callback=callbacks.judged(row.owner, row.callback_url),
    )

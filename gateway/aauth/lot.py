"""The calls parked here, for whoever brings their persons to them (`gateway.parked`)."""

from __future__ import annotations

from urllib.parse import urlencode

from checkout.errors import CompletionRunning
from gateway import parked
from gateway.aauth import codes, ending
from gateway.deferring import Lost
from gateway.parked import Busy, NoSuchCall, Parked
from gateway.pending_models import PendingRequest
from gateway.pending_states import OPEN, PendingState
from interventions.moves import PERSON


class ParkedCalls:
    """The `parked.Lot` of this package. Without state."""

    def at(self, url: str, owner: str) -> Parked | None:
        if not url.startswith(codes.pages()):
            return None
        pending_id = codes.read_slug(url.removeprefix(codes.pages()))
        row = PendingRequest.objects.filter(pk=pending_id, owner=owner).first() if pending_id else None
        if row is None:
            raise NoSuchCall
        return _told(row)

    def of(self, pending_id: str) -> Parked | None:
        row = PendingRequest.objects.filter(pk=pending_id).first()
        return _told(row) if row is not None else None

    def refuse(self, pending_id: str) -> None:
        row = PendingRequest.objects.filter(pk=pending_id).first()
        if row is None or row.state not in OPEN:
            return
        try:
            ending.deny(row, actor=PERSON)
        except (Lost, CompletionRunning):
            row.refresh_from_db()
            if row.state in OPEN:
                raise Busy from None


LOT: parked.Lot = ParkedCalls()


def _told(row: PendingRequest) -> Parked:
    is_open = row.state in OPEN
    # Needed once more, after they had come, they have not come for that.
    came = row.state == PendingState.INTERACTING or (not is_open and _was_there(row))
    address = f"{codes.page_url(row)}?{urlencode({'code': codes.code_of(row)})}"
    return Parked(row.pk, is_open, came, address)


def _was_there(row: PendingRequest) -> bool:
    """Its person came to the page, or has decided through another door."""
    return row.code_used_round >= 0 or row.state in (PendingState.RESOLVED, PendingState.DENIED)

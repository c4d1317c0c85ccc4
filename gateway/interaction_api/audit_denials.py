"""Calls that were turned away before they were carried out are in the trail of their visit (AJ-093)."""

from __future__ import annotations

import time
from contextlib import suppress

from django.db import Error
from django.http import HttpRequest

from gateway import addresses, keys
from gateway.interaction_api import audit, sessions
from gateway.interaction_api.capabilities import Capability
from gateway.windows import OwnWindows

LIMITED, ENDED, ELSEWHERE = "rate_limit", "session_ended", "session_address"
"""The rules that turn a call away."""

BY_STATUS = {401: ENDED, 403: "policy", 429: LIMITED}
"""The rule behind a refusal with that status. With every other, the call was allowed and came to nothing."""

QUIET_SECONDS = 60.0
MOST = 10_000
LOOKED_UP = 10
"""Tokens of one address that are looked up in a minute by each worker, once it is limited."""
PURPOSE = "audit-denials"

_told: dict[str, float] = {}
_looked = OwnWindows()


def without_session(request: HttpRequest, capability: Capability) -> None:
    """The call brought a token that was once given out, but that does not work any more, or not from
    there."""
    if audit.enabled():
        _note(request, capability, 401, "")


def limited(request: HttpRequest, capability: Capability) -> None:
    """The call came too soon. Noted once a minute by each worker, and nothing is looked up for whoever
    makes up tokens: what is limited must stay cheap."""
    token = sessions.token_of(request)
    if not audit.enabled() or not token:
        return
    whose, now = keys.digest(token.encode(errors="replace"), PURPOSE), time.monotonic()
    if _told.get(whose, now - QUIET_SECONDS) > now - QUIET_SECONDS:
        return
    address = keys.digest(addresses.of(request).encode(), PURPOSE)
    if _looked.take([(address, LOOKED_UP)]).wait_seconds > 0:
        return
    if len(_told) >= MOST:
        _told.clear()
    _told[whose] = now
    _note(request, capability, 429, LIMITED)


def forget() -> None:
    """Nobody was noted before. For tests."""
    global _looked
    _told.clear()
    _looked = OwnWindows()


def _note(request: HttpRequest, capability: Capability, status: int, rule: str) -> None:
    # The refusal stands, whatever the database says.
    with suppress(Error):
        session = sessions.ever_by_token(sessions.token_of(request))
        if session is None:
            return
        audit.record(
            session,
            capability=capability.name,
            method=str(request.method),
            params={},
            allowed=False,
            rule=rule or (ELSEWHERE if sessions.is_live(session) else ENDED),
            status=status,
        )

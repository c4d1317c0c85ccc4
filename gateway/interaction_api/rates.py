"""How often the Interaction API may be asked (AJ-060 to AJ-067).

Every request counts for the network it comes from, and for the session whose token it brings; what is
dearer or easier to abuse counts once more, with a limit of its own. Counted before anything is read,
so that a refusal costs next to nothing.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping

from django.http import HttpRequest

from gateway import addresses, keys, windows
from gateway.conf import conf
from gateway.errors import RateLimited
from gateway.interaction_api import sessions
from gateway.windows import Standing

SESSION, TOKEN = "session", "token"
"""Sessions that are opened; tokens that are none. Any other name is that of a capability."""

RATES: Mapping[str, int] = {SESSION: 20, TOKEN: 20, "contact": 5}
"""A minute, for each address. `INTERACTION_RATES` replaces some and adds others."""

PURPOSE = "interaction-rate"


class TooFast(RateLimited):
    """In the words of the specification, with how it stands."""

    def __init__(self, standing: Standing) -> None:
        seconds = max(1, math.ceil(standing.wait_seconds))
        super().__init__(f"Rate limit exceeded. Retry after {seconds} seconds.", retry_after=seconds)
        self.standing = standing


def take(request: HttpRequest, names: Iterable[str] = ()) -> Standing:
    """One more request is admitted, counted under each of `names` that has a limit. Raises TooFast."""
    address = addresses.of(request)
    most = conf().INTERACTION_RATE
    counts = [(_count("address", address), most)]
    if token := sessions.token_of(request)[: sessions.LONGEST_TOKEN]:
        # Not yet known to be one: what guesses is held back by its address.
        counts.append((_count("visit", token), most))
    counts += [(_count(name, address), limit) for name in names if (limit := limit_of(name)) is not None]
    return _admitted(counts)


def signed(owner: str) -> Standing:
    """One more request of an agent that signs, from whatever address, is admitted. Raises TooFast."""
    return _admitted([(_count("agent", owner), conf().INTERACTION_RATE)])


def missed(request: HttpRequest) -> None:
    """The token that the request brought is none. Raises TooFast when there were too many of those."""
    _admitted([(_count(TOKEN, addresses.of(request)), limit_of(TOKEN) or 1)])


def limit_of(name: str) -> int | None:
    """The limit of its own that `name` has, a minute, or None."""
    return {**RATES, **conf().INTERACTION_RATES}.get(name)


def headers(standing: Standing) -> dict[str, str]:
    """How it stands, for an answer. The time agrees with Retry-After (AJ-062)."""
    seconds = max(1, math.ceil(standing.wait_seconds)) if standing.wait_seconds else standing.reset_seconds
    return {
        "X-RateLimit-Remaining": str(standing.remaining),
        "X-RateLimit-Reset": str(math.ceil(time.time() + seconds)),
    }


def _admitted(counts: list[tuple[str, int]]) -> Standing:
    standing = windows.take(counts)
    if standing.wait_seconds > 0:
        raise TooFast(standing)
    return standing


def _count(name: str, whose: str) -> str:
    return f"interaction:{name}:{keys.digest(whose.encode(errors='replace'), PURPOSE)}"

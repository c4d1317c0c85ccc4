"""Requests to other people's servers, as the domain sees them. Implemented outside, in `gateway.egress`.

"The domain knows no HTTP" means that it serves none (decision 7).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

LONGEST_SECONDS = 10.0
MOST_BYTES = 256 * 1024


class NoReply(Exception):
    """No usable answer came: refused, unknown, unreachable, too slow, too large or broken.

    One text for all of them: whoever named the address learns nothing about what is behind it
    (reliability-security R34). Whether the other side acted on the request is unknown.
    """

    def __init__(self) -> None:
        super().__init__("The address gave no usable answer.")


@dataclass(frozen=True, slots=True)
class Reply:
    """What the other server said, whatever its status. A redirect is such an answer."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    """Names in lower case; a repeated header is joined by commas."""
    body: bytes = field(repr=False)


@runtime_checkable
class Http(Protocol):
    """One request, one answer. Called with no transaction open; may take ten seconds."""

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        timeout_seconds: float = LONGEST_SECONDS,
        most_bytes: int = MOST_BYTES,
    ) -> Reply:
        """The answer of the server at `url`, which is https and public.

        At most one of `body`, `json` and `form` is sent. Redirects are never followed, nothing is
        repeated, no cookie is kept. `timeout_seconds` is for everything together, the look-up of
        the name included; `most_bytes` for the answer's body; neither goes above its default.

        Raises NoReply for whatever the other side or the address is to blame for, RuntimeError
        inside a transaction.
        """
        ...

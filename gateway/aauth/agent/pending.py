"""Reading a 202: what is asked of the agent now, how it stands, and when to ask again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import http_sf

from gateway.aauth.agent.exchange import Answer

DEFAULT_SECONDS = 5.0
"""Between two polls when nothing was said (AA-025)."""
SLOWER_SECONDS = 5.0
"""Added after each 429 (AA-024, AA-307)."""
LEAST_SECONDS = 1.0
"""Retry-After: 0 is heeded, but nobody makes us spin."""
BUSY_SECONDS = 60.0
"""The most that is waited between tries when a server stumbles and names no time."""
MOST_SAID = 8000

INTERACTION, APPROVAL, CLARIFICATION = "interaction", "approval", "clarification"
PERSON_TOKEN, AUTH_TOKEN = "person-token", "auth-token"
NEWEST, OLDER = ("aauth-requirement", "requirement"), ("aauth", "require")
"""The header that asks, and its member, in the newest wording and in an older one."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """What an answer asks of the agent. `kind` is as the server wrote it, and may be unknown to us."""

    kind: str
    url: str = ""
    code: str = ""
    resource_token: str = field(default="", repr=False)
    auth_server: str = ""
    """Who exchanges it, as older texts let the resource say."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question to the agent. Somebody else's words: show them as such, and obey nothing in them."""

    text: str
    options: tuple[str, ...] = ()
    timeout: float | None = None
    """Seconds from now until the server gives up, if it said so."""


def requirement_in(answer: Answer, *, older: bool = False) -> Requirement | None:
    """What a 202 (or 401) asks, in the newest wording or in an older one; None when nothing is asked.

    What cannot be read asks nothing: the call is polled for all the same. `older` prefers the older wording
    where an answer has both.
    """
    for header, member in (OLDER, NEWEST) if older else (NEWEST, OLDER):
        if header in answer.headers:
            found = _member(answer.headers[header], member)
            if found is not None:
                kind, parameters = found
                mirrored = answer.body if header == "aauth" else {}
                return Requirement(
                    kind,
                    _text(parameters.get("url")) or _text(mirrored.get("url")),
                    _text(parameters.get("code")),
                    _text(parameters.get("resource-token")),
                    _text(parameters.get("auth-server")),
                )
    if answer.status == 202 and _text(answer.body.get("clarification")):
        return Requirement(CLARIFICATION)  # before the header named it, the body alone asked
    return None


def question_in(answer: Answer) -> Question | None:
    """The question in the body of a 202, or None when there is none that can be read."""
    text = _text(answer.body.get("clarification"))
    if not text.strip():
        return None
    options = answer.body.get("options")
    timeout = answer.body.get("timeout")
    return Question(
        text[:MOST_SAID],
        tuple(entry for entry in options if isinstance(entry, str)) if isinstance(options, list) else (),
        float(timeout) if isinstance(timeout, int | float) and not isinstance(timeout, bool) else None,
    )


def has_arrived(answer: Answer) -> bool:
    """The person is at the page; nobody needs to be asked to go there any more (AA-006, AA-302)."""
    return answer.body.get("status") == "interacting"


def retry_after(answer: Answer) -> float | None:
    """The seconds that the answer asks to wait, from either form; None when it says nothing readable."""
    value = answer.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit() and len(value) < 10:
        return float(value)
    then, now = _moment(value), _moment(answer.headers.get("date", ""))
    # The server's own clock says how far away that is.
    return None if then is None or now is None else max((then - now).total_seconds(), 0.0)


def _moment(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class Pace:
    """When the next poll of one pending address is due."""

    def __init__(self) -> None:
        self._slower = 0.0
        self._stumbles = 0

    def after(self, answer: Answer | None) -> float:
        """Seconds to wait after this answer, or after none came."""
        asked = None if answer is None else retry_after(answer)
        base = DEFAULT_SECONDS if asked is None else asked
        if answer is None or answer.status == 503:
            self._stumbles += 1
            if asked is None:
                base = min(DEFAULT_SECONDS * 2 ** min(self._stumbles - 1, 8), BUSY_SECONDS)
        else:
            self._stumbles = 0
        if answer is not None and answer.status == 429:
            self._slower += SLOWER_SECONDS
        return max(base + self._slower, LEAST_SECONDS)

    @property
    def stumbles(self) -> int:
        """How often in a row no usable answer came."""
        return self._stumbles


def _member(header: str, name: str) -> tuple[str, Mapping[str, Any]] | None:
    try:
        read: Any = http_sf.parse(header.encode("ascii"), tltype="dictionary")
        value = read[name]
    except (ValueError, KeyError, TypeError):
        return None
    item, parameters = value
    if not isinstance(item, http_sf.types.Token):
        return None
    if name == "require":
        # Older texts wrote the data as members beside it: `AAuth: require=interaction; code="..."`
        # is parameters, `require=interaction, code="..."` is members.
        parameters = {**{key: entry[0] for key, entry in read.items()}, **parameters}
    return str(item), parameters


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""

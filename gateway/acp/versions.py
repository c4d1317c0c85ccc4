"""The released versions of ACP this gateway speaks, and where each finds its schemas.

A new version is a new entry with a `wire` of its own; views never ask which version it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.errors import VersionProblem


@dataclass(frozen=True, slots=True)
class Version:
    """A released version: its date, which is also the folder of its schemas."""

    date: str


CURRENT = Version("2026-04-17")

SERVED: tuple[Version, ...] = (CURRENT,)
"""Oldest first, as discovery lists them (ACP-235)."""

DATES = tuple(version.date for version in SERVED)


def asked_for(header: str | None) -> Version:
    """The version the request names. Raises VersionProblem (ACP-007 to ACP-010)."""
    newest_first = tuple(reversed(DATES))
    if not header:
        text = f"Name the protocol version in an API-Version header. Served: {', '.join(newest_first)}."
        raise VersionProblem("missing_api_version", text, newest_first)
    for version in SERVED:
        if version.date == header:
            return version
    text = f"This API-Version is not served. Served: {', '.join(newest_first)}."
    raise VersionProblem("unsupported_api_version", text, newest_first)

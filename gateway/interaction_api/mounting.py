"""Puts the Interaction API where INTERACTION_BASE says, whenever that is said."""

from __future__ import annotations

import re
from typing import Any

from django.urls import URLResolver

from gateway.interaction_api import registry


class BasePattern:
    """Matches what lies at the base or below it; nothing while the API is switched off.

    As Django's own LocalePrefixPattern, it reads its prefix when a request comes.
    """

    name = None

    def __init__(self) -> None:
        self.converters: dict[str, Any] = {}

    @property
    def regex(self) -> re.Pattern[str]:
        """Used to find an address by its name."""
        return re.compile(re.escape(str(self)))

    def match(self, path: str) -> tuple[str, tuple[()], dict[str, Any]] | None:
        if not registry.is_on() or not f"{path}/".startswith(str(self)):
            return None
        return path[len(str(self)) :], (), {}

    def check(self) -> list[Any]:
        return []

    def describe(self) -> str:
        return f"'{self}'"

    def __str__(self) -> str:
        return registry.base().lstrip("/") + "/"


def covers(path: str) -> bool:
    """What is at `path`, which begins with a slash, is answered here where we are at the origin's root."""
    return BasePattern().match(path.removeprefix("/")) is not None


def mounted(urlconf: str) -> URLResolver:
    """The patterns of `urlconf` below the base."""
    return URLResolver(BasePattern(), urlconf)  # type: ignore[arg-type]  # a pattern by its shape, as Django's

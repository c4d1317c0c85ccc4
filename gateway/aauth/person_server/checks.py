"""System checks of what we sign, and of being a person server: each names the setting that is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register

from gateway import key_checks
from gateway.aauth.person_server import judging, keys
from gateway.aauth.tokens import HOUR
from gateway.conf import NAME, conf

CREATE = "manage.py agentic_aauth_key create makes one."
LEAST_SECONDS = 60


def _is_scope(name: object, words: object) -> bool:
    named = isinstance(name, str) and " " not in name and judging.SCOPE.fullmatch(name)
    return bool(named) and isinstance(words, str) and bool(words.strip())


@register(Tags.security)
def signing(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """What we sign is signed with a key that only we know, and a person server can sign."""
    on = conf().AAUTH_PERSON_SERVER
    found: list[CheckMessage] = []
    if on not in (True, False):
        found.append(Error(f"{NAME}['AAUTH_PERSON_SERVER'] must be True or False.", id="agentic.E198"))
    elif on and not conf().AAUTH:
        text = f"{NAME}['AAUTH_PERSON_SERVER'] is on while AAUTH is off: no agent could ask for anything."
        found.append(Error(text, id="agentic.E198"))
    seconds = conf().AAUTH_TOKEN_SECONDS
    if type(seconds) is not int or not LEAST_SECONDS <= seconds <= HOUR:
        text = f"{NAME}['AAUTH_TOKEN_SECONDS'] must be a whole number from {LEAST_SECONDS} to {HOUR}."
        found.append(Error(text, id="agentic.E199"))
    given: Any = conf().AAUTH_SCOPES
    if not isinstance(given, Mapping) or not all(_is_scope(*entry) for entry in given.items()):
        text = (
            f"{NAME}['AAUTH_SCOPES'] must map names of scopes, without spaces, to what people read of them."
        )
        found.append(Error(text, id="agentic.E203"))
    if not conf().AAUTH_KEYS and on is not True:
        return found  # nothing is signed
    return found + key_checks.of(
        keys.FILE,
        unnamed="the file with the keys that a person server signs with.",
        hint=CREATE,
        errors=("agentic.E200", "agentic.E201", "agentic.E202"),
        warning="agentic.W200",
    )

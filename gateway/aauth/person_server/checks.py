"""System checks of what we sign, and of being a person server: each names the setting that is wrong."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register

from gateway import key_checks
from gateway.aauth.person_server import keys
from gateway.aauth.tokens import HOUR
from gateway.conf import NAME, conf

CREATE = "manage.py agentic_aauth_key create makes one."
LEAST_SECONDS = 60


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
    if not conf().AAUTH_KEYS and on is not True:
        return found  # nothing is signed
    return found + key_checks.of(
        keys.FILE,
        unnamed="the file with the keys that a person server signs with.",
        hint=CREATE,
        errors=("agentic.E200", "agentic.E201", "agentic.E202"),
        warning="agentic.W200",
    )

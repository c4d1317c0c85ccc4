"""A system check: whatever can be granted at the account endpoint has a name that a token can hold, and says
what it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register

from gateway.account_facts import SCOPES
from gateway.conf import NAME, conf

SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,60}")
"""As OAuth writes one (RFC 6749, 3.3)."""
LONGEST_TEXT = 200
MOST = 20


@register(Tags.compatibility)
def scopes(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Merchants' scopes are few, are none of ours, and people can read what they are."""
    given: Any = conf().AAUTH_SCOPES
    if isinstance(given, Mapping) and len(given) <= MOST and all(map(_is_sound, given.items())):
        return []
    text = (
        f"{NAME}['AAUTH_SCOPES'] must map at most {MOST} names without spaces, other than "
        f"{' and '.join(SCOPES)}, to what people read of each: a text of at most {LONGEST_TEXT} characters."
    )
    return [Error(text, id="agentic.E240")]


def _is_sound(entry: tuple[object, object]) -> bool:
    name, text = entry
    named = isinstance(name, str) and name not in SCOPES and SCOPE.fullmatch(name) is not None
    return named and isinstance(text, str) and 0 < len(text.strip()) <= LONGEST_TEXT

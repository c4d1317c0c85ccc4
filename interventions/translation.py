"""Our words for people, in their language.

Catalogs are files of the packages, `locale/<language>/LC_MESSAGES/agentic.mo`, and of the
merchant's LOCALE_PATHS, which win. They have a domain of their own, so that "Total" of another
app is not ours. Works whatever USE_I18N, LANGUAGES and the language of the thread are.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from django.utils.translation.trans_real import DjangoTranslation

DOMAIN = "agentic"

Words = Callable[[str], str]
"""An English text of ours, in another language; a text that it does not know stays as it is."""

_TAG = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,3}")

_PLACE = re.compile(r"%\((\w+)\)s")

_MOST_LANGUAGES = 50
_MOST_TEXTS = 1_000
"""Some of them come from a payment provider, so there is no telling how many there are."""


def words(language: str) -> Words:
    """The words of `language`, a BCP 47 tag such as de or pt-BR; English for any other text."""
    return _catalog(language.lower()) if is_tag(language) else str


def is_tag(text: str) -> bool:
    """It looks like a language tag, and is no path or worse."""
    return _TAG.fullmatch(text) is not None


def places(template: str) -> set[str]:
    """The names of the values that go into a template; a translation with others is not used."""
    return set(_PLACE.findall(template))


@lru_cache(maxsize=_MOST_LANGUAGES)
def _catalog(language: str) -> Words:
    known = DjangoTranslation(language, domain=DOMAIN)

    @lru_cache(maxsize=_MOST_TEXTS)
    def translated(text: str) -> str:
        found = known.gettext(text) if text else ""  # an empty one names the catalog's header
        return found if places(found) == places(text) else text

    return translated

"""System checks of what buyers are shown: languages, and links to the merchant's own pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from django.core.checks import CheckMessage, Error, Tags, register

from gateway.conf import NAME, conf
from interventions.translation import is_tag
from schemas import facade

MEMBERS = {"type", "url", "title"}
REACHED_BY = {"http": True, "https": True, "mailto": False, "tel": False}
"""The schemes of addresses people can open, and whether such an address has a host."""


@register(Tags.compatibility)
def languages(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """There is a language to speak, and each is named once, as agents will read it (ACP-014)."""
    tags: Any = conf().LANGUAGES
    wrong = not isinstance(tags, tuple) or not tags
    if wrong or not all(isinstance(tag, str) and is_tag(tag) for tag in tags):
        text = f"{NAME}['LANGUAGES'] must be a list of language tags such as en, de or pt-BR."
        return [Error(text, id="agentic.E030")]
    if len({tag.lower() for tag in tags}) < len(tags):
        return [Error(f"{NAME}['LANGUAGES'] names a language twice.", id="agentic.E031")]
    return []


@register(Tags.compatibility)
def links(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Every link is of a kind that the protocol has, and leads somewhere (ACP-067)."""
    given: Any = conf().LINKS
    if not isinstance(given, tuple):
        return [Error(f"{NAME}['LINKS'] must be a list.", id="agentic.E032")]
    return [
        Error(f"{NAME}['LINKS'][{index}] {problem}", id="agentic.E032")
        for index, link in enumerate(given)
        for problem in _problems(link)
    ]


def _problems(link: Any) -> Iterator[str]:
    if not isinstance(link, Mapping) or not MEMBERS.issuperset(link) or not {"type", "url"} <= set(link):
        yield "must be a dict with type and url, and optionally title."
        return
    kinds = facade.bundled("Link")["properties"]["type"]["enum"]
    if link["type"] not in kinds:
        yield f"has a type that is none of: {', '.join(kinds)}."
    if not _leads_somewhere(link["url"]):
        yield "needs an absolute url, such as https://shop.example/terms."
    if not _is_title(link.get("title", "")):
        yield "needs a title that is a text, or a dict with a text for each language."


def _leads_somewhere(url: Any) -> bool:
    if not isinstance(url, str) or any(character.isspace() for character in url):
        return False
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) if REACHED_BY.get(parts.scheme) else bool(parts.path)
    except ValueError:  # a broken IPv6 host
        return False
    return parts.scheme in REACHED_BY and named


def _is_title(title: Any) -> bool:
    texts = list(title.values()) if isinstance(title, Mapping) else [title]
    tags = list(title) if isinstance(title, Mapping) else []
    return all(isinstance(text, str) for text in texts) and all(
        isinstance(tag, str) and is_tag(tag) for tag in tags
    )

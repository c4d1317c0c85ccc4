"""System checks of who has people confirm: the setting `INTERVENTIONS`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured

from checkout.asked import PAGES
from gateway.conf import DEMO_SECRET, NAME, conf
from gateway.plugs import NotHere, provider_of
from interventions.negotiation import Kind
from interventions.ports import AddressCheck
from interventions.weblinks import parse

WHERE = f"{NAME}['INTERVENTIONS']"

_PAGE = (("begin", "verify"), ("name", "origins"))
NEEDED: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    **dict.fromkeys(PAGES, _PAGE),
    Kind.BIOMETRIC: (("to_make", "to_use", "challenge_in", "key_in", "made", "used"), ("name",)),
}
"""The methods, and the members with a value, without which nothing runs a type."""


@register(Tags.security)
def interventions(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Every type that is named can be run, by a part whose pages are where people can trust them."""
    named: Any = conf().INTERVENTIONS
    if not isinstance(named, Mapping):
        return [Error(f"{WHERE} must be a dict of types.", id="agentic.E040")]
    return [found for kind, member in named.items() for found in _problems(kind, member)]


def _problems(kind: Any, member: Any) -> Iterator[CheckMessage]:
    if kind == Kind.ADDRESS_VERIFICATION:
        yield from _problems_with_address_check(kind, member)
        return
    if kind not in NEEDED:
        known = ", ".join(sorted([*NEEDED, Kind.ADDRESS_VERIFICATION]))
        yield Error(f"{WHERE} names a type that no part can run. It can be: {known}.", id="agentic.E040")
        return
    try:
        part: Any = provider_of(member)
    except NotHere as problem:
        # The shop still sells everything else.
        yield Warning(f"{WHERE}['{kind}'] is not offered: {problem}.", id="agentic.W040")
        return
    except ImproperlyConfigured as problem:
        yield Error(f"{WHERE}['{kind}'] cannot be used: {problem}", id="agentic.E041")
        return
    methods, members = NEEDED[kind]
    lacking = [name for name in methods if not callable(getattr(part, name, None))]
    lacking += [name for name in members if not getattr(part, name, None)]
    if lacking:
        yield Error(f"{WHERE}['{kind}'] lacks: {', '.join(lacking)}.", id="agentic.E042")
    elif kind in PAGES and not all(_trusted(origin) for origin in part.origins):
        yield Error(f"{WHERE}['{kind}'] serves pages that are not https.", id="agentic.E043")
    elif kind == Kind.WEBVIEW and not getattr(part, "keeps_books", True):
        # Nobody comes back from a frame with anything, so nothing but the books can say yes.
        yield Error(f"{WHERE}['{kind}'] has no books to ask: name its readback_url.", id="agentic.E045")
    elif kind != Kind.WEBVIEW and getattr(part, "framed_only", False):
        yield Error(f"{WHERE}['{kind}'] names a part that is for webview alone.", id="agentic.E046")
    if not conf().DEMO and any(str(value).startswith(DEMO_SECRET) for value in member.values()):
        yield Error(f"{WHERE}['{kind}'] holds the demo's secret, which everybody knows.", id="agentic.E044")


def _problems_with_address_check(kind: str, member: Any) -> Iterator[CheckMessage]:
    """False switches the built-in check off."""
    if member is False:
        return
    try:
        part = provider_of(member)
    except ImproperlyConfigured as problem:
        yield Error(f"{WHERE}['{kind}'] cannot be used: {problem}", id="agentic.E041")
        return
    if not isinstance(part, AddressCheck):
        yield Error(f"{WHERE}['{kind}'] lacks: check.", id="agentic.E042")


def _trusted(origin: Any) -> bool:
    """An origin as browsers write it, which leads where only its owner answers (ACP-154)."""
    try:
        link = parse(origin)
    except (ValueError, TypeError):
        return False
    return link.origin == origin and (link.scheme == "https" or conf().DEMO)

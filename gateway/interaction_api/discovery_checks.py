"""System checks of what agents find, and of their sessions: agentic.E150 to E155, W150."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from django.core.checks import CheckMessage, Error, Tags, Warning, register

from gateway.conf import NAME, conf
from gateway.interaction_api import discovery, manifest, registry, sessions
from gateway.plain_text import one_line
from schemas import facade

SHORTEST_SECONDS = 60
"""What the format allows (AJ-017)."""


@register(Tags.compatibility)
def found_by_agents(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Sessions end, their caps mean something, and the documents are what their schema allows."""
    if not registry.is_on():
        return []
    wrong = [*_numbers(), *_texts(), *_flows()]
    return wrong or [*_unknown_steps(), *_document()]


def _numbers() -> Iterator[CheckMessage]:
    seconds: Any = conf().AGENT_SESSION_SECONDS
    if type(seconds) is not int or not SHORTEST_SECONDS <= seconds <= sessions.LONGEST_WAIT_SECONDS:
        text = f"must be a whole number from {SHORTEST_SECONDS} to {sessions.LONGEST_WAIT_SECONDS}."
        yield Error(f"{NAME}['AGENT_SESSION_SECONDS'] {text}", id="agentic.E150")
    for key in ("MAX_SESSIONS", "MAX_SESSIONS_TOTAL", "AGENT_SESSION_KEEP_DAYS"):
        number: Any = getattr(conf(), key)
        if type(number) is not int or number < 1:
            yield Error(f"{NAME}['{key}'] must be a whole number of at least 1.", id="agentic.E151")


def _texts() -> Iterator[CheckMessage]:
    for key in ("MERCHANT_NAME", "SITE_DESCRIPTION", "SITE_CONTACT", "DOCS_URL"):
        if not isinstance(getattr(conf(), key), str):
            yield Error(f"{NAME}['{key}'] must be a text.", id="agentic.E152")
            return
    if not one_line(conf().MERCHANT_NAME, manifest.LONGEST_VALUE):
        yield Error(f"{NAME}['MERCHANT_NAME'] must be a name that can be read.", id="agentic.E152")
    if conf().DOCS_URL and not _is_address(conf().DOCS_URL):
        yield Error(f"{NAME}['DOCS_URL'] must be a whole address: https://...", id="agentic.E153")


def _is_address(text: str) -> bool:
    try:
        parsed = urlsplit(text)
        schemes = ("https", "http") if conf().DEMO else ("https",)
        return parsed.scheme in schemes and bool(parsed.hostname) and text.isascii() and " " not in text
    except ValueError:
        return False


def _flows() -> Iterator[CheckMessage]:
    flows: Any = conf().FLOWS
    if not isinstance(flows, tuple) or not all(_is_flow(flow) for flow in flows):
        text = "is a list of dicts with `name`, `steps` (names of capabilities) and perhaps `description`."
        yield Error(f"{NAME}['FLOWS'] {text}", id="agentic.E154")


def _is_flow(flow: Any) -> bool:
    if not isinstance(flow, Mapping) or not set(flow) <= {"name", "steps", "description"}:
        return False
    steps: Any = flow.get("steps")
    named = isinstance(flow.get("name"), str) and bool(flow["name"].strip())
    told = isinstance(flow.get("description", ""), str)
    listed = isinstance(steps, list | tuple) and bool(steps)
    return named and told and listed and all(isinstance(step, str) for step in steps)


def _unknown_steps() -> Iterator[CheckMessage]:
    """Of capabilities that are there, whether enabled or not."""
    declared = {entry.name for entry in (*registry.builtin(), *registry.own())}
    for flow in conf().FLOWS:
        if unknown := [step for step in flow["steps"] if step not in declared]:
            text = f"{NAME}['FLOWS']: {flow['name']!r} is left out, nothing is called {unknown[0]!r}."
            yield Warning(text, id="agentic.W150")


def _document() -> Iterator[CheckMessage]:
    """AJ-030. Settings that are wrong in themselves have checks of their own."""
    try:
        told = manifest.document()
    except Exception as problem:  # a merchant's `enabled` may raise anything
        yield Error(f"agents.json cannot be made: {type(problem).__name__}: {problem}", id="agentic.E155")
        return
    if not told["capabilities"]:
        return
    validator = facade.validator(discovery.SCHEMA, discovery.SCHEMA_VERSION)
    for violation in validator.violations(told):
        yield Error(f"agents.json is not what its schema allows: {violation.message}", id="agentic.E155")

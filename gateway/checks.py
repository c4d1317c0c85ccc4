"""System checks: every invariant of the settings, with the key that breaks it (decision 4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from django.core.checks import CheckMessage, Error, Info, Tags, Warning, register
from django.db import DatabaseError, connections
from django.db.models import Q
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from checkout import ports as seams
from checkout.payments import declarations
from gateway import conf as settings
from gateway import throttling
from gateway.conf import DEMO_SECRET, NAME, conf

PARTS: dict[str, type] = {
    "CATALOG": seams.Catalog,
    "FULFILLMENT": seams.Fulfillment,
    "PRICING": seams.Pricing,
    "INVENTORY": seams.Inventory,
    "ORDER_SINK": seams.OrderSink,
    "PAYMENTS": seams.PaymentProvider,
}

CHOICES = {
    "PRESELECT": ("cheapest", "first", "none"),
    "CAPTURE": ("at_once", "on_shipment"),
    "ORDERS_API": (True, False),
    "CARTS_API": (True, False),
    "UNAUTHENTICATED": ("decline", "authorize"),
    "RELAY": ("thread", "celery", "off"),
    "ENDPOINT_STYLE": ("relative", "absolute"),
    "RATE_LIMIT_FIELD": ("max_requests_per_minute", "requests_per_minute"),
    "SESSION_BOUND_TO_ADDRESS": (True, False),
}

SHORTEST_KEY = 32
DEMO_MARK = "demo"
SANDBOXES = (
    *("checkout.payments.sandbox", "gateway.sandbox"),
    *("checkout.payments.acquirer", "gateway.acquirer_account"),
)
"""Payment providers that move no money."""


@register(Tags.compatibility)
def keys(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """No key is misspelt, and every key has a value that means something."""
    found: list[CheckMessage] = [
        Error(f"{NAME} has an unknown key: {key}.", id="agentic.E001") for key in settings.unknown_keys()
    ]
    for key, allowed in CHOICES.items():
        if getattr(conf(), key) not in allowed:
            names = ", ".join(map(str, allowed))
            found.append(Error(f"{NAME}['{key}'] must be one of: {names}.", id="agentic.E002"))
    return found


@register(Tags.compatibility)
def durations(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """No payment is given up while the request that makes it may still hold its key."""
    if conf().ATTEMPT_SECONDS >= conf().IDEMPOTENCY_LEASE_SECONDS:
        return []
    text = f"{NAME}['ATTEMPT_SECONDS'] must not be shorter than IDEMPOTENCY_LEASE_SECONDS."
    return [Error(text, id="agentic.E016")]


@register(Tags.security)
def armed(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Nothing fails on purpose where it matters (T97); plug-in refuses a plan that means nothing."""
    if conf().DEMO or not conf().FAILPOINTS:
        return []
    text = f"{NAME}['FAILPOINTS'] makes the machine fail on purpose; it is for the demo and for tests."
    return [Error(text, id="agentic.E090")]


@register(Tags.compatibility)
def rates(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """The rates of agents mean something, and can be counted where the settings say."""
    found: list[CheckMessage] = [
        Error(
            f"{NAME}['RATE_LIMITS'] maps {', '.join(throttling.LIMITS)} to two whole numbers of at least 1: "
            "requests a minute, and how many at once.",
            id="agentic.E033",
        )
        for kind, limit in conf().RATE_LIMITS.items()
        if kind not in throttling.LIMITS or not _is_limit(limit)
    ]
    if conf().RATE_STORE and find_spec("redis") is None:
        text = f"{NAME}['RATE_STORE'] needs the Redis client: install this package with [redis]."
        found.append(Error(text, id="agentic.E034"))
    if not conf().RATE_STORE and not conf().DEMO:
        text = f"{NAME}['RATE_STORE'] is empty: an agent may ask as fast as it can. Limit it in the proxy."
        found.append(Info(text, id="agentic.I001"))
    return found


@register(Tags.compatibility)
def parts(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Every port is served by a part that can be loaded and has every method."""
    found: list[CheckMessage] = []
    for key, seam in PARTS.items():
        path = conf().part(key)
        if not path:
            if key == "PAYMENTS" and conf().DEMO:
                continue
            hint = "Name the dotted path of your part, or install 'gateway.shop', the built-in store."
            found.append(Error(f"{NAME}['{key}'] is missing.", hint=hint, id="agentic.E003"))
            continue
        try:
            part = settings.load(path)
        except Exception as problem:
            found.append(Error(f"{NAME}['{key}'] cannot be used: {problem}", id="agentic.E004"))
            continue
        lacking = sorted(name for name in _methods(seam) if not callable(getattr(part, name, None)))
        if lacking:
            found.append(Error(f"{NAME}['{key}'] lacks: {', '.join(lacking)}.", id="agentic.E005"))
    return found


@register(Tags.security)
def public_url(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Links can be built, and outside the demo they are https."""
    parsed = urlsplit(conf().PUBLIC_URL)
    if parsed.scheme not in ("http", "https") or not parsed.hostname or parsed.path or parsed.query:
        text = f"{NAME}['PUBLIC_URL'] must be scheme://host[:port], as people and agents reach this site."
        return [Error(text, id="agentic.E006")]
    if parsed.scheme != "https" and not conf().DEMO:
        return [Error(f"{NAME}['PUBLIC_URL'] must be https outside the demo.", id="agentic.E007")]
    return []


@register(Tags.security)
def secrets(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """The keys behind every hash exist, are long, and are not the demo's."""
    if not conf().HASH_KEYS:
        return [Error(f"{NAME}['HASH_KEYS'] is missing: one or more long random texts.", id="agentic.E008")]
    if conf().DEMO:
        return []
    if any(len(key) < SHORTEST_KEY for key in conf().HASH_KEYS):
        return [
            Error(f"{NAME}['HASH_KEYS']: each needs {SHORTEST_KEY} characters or more.", id="agentic.E009")
        ]
    if any(key.startswith(DEMO_MARK) for key in conf().HASH_KEYS):
        return [Error(f"{NAME}['HASH_KEYS'] holds the demo's key, which everybody knows.", id="agentic.E010")]
    if any(str(value).startswith(DEMO_SECRET) for value in conf().SANDBOX_BANK.values()):
        text = f"{NAME}['SANDBOX_BANK'] holds the demo's secret, which everybody knows."
        return [Error(text, id="agentic.E047")]
    if conf().PAYMENTS.startswith(SANDBOXES):
        return [Warning(f"{NAME}['PAYMENTS'] is the sandbox: no money will move.", id="agentic.W001")]
    return []


@register(Tags.security)
def secret_key(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Outside the demo, nobody else knows the key that signs an operator's cookies."""
    if conf().DEMO or not settings.has_demo_secret_key():
        return []
    text = "SECRET_KEY or SECRET_KEY_FALLBACKS holds the demo's key, which everybody knows."
    return [Error(text, id="agentic.E015")]


@register(Tags.urls)
def atomic_requests(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """No transaction is opened around any of our views (decision 6)."""
    try:
        ours = [entry for entry in _views(get_resolver().url_patterns) if _is_ours(entry)]
    except Exception:  # a broken URLconf has a check of its own
        return []
    return [
        Error(f"{view} is not exempt from ATOMIC_REQUESTS.", id="agentic.E011")
        for view in ours
        if not getattr(view, "_non_atomic_requests", None)
    ]


@register(Tags.database)
def database(app_configs: Any, databases: Iterable[str] | None = None, **_: Any) -> list[CheckMessage]:
    """SQLite is set up so that writers wait, handlers are declared as agents need them, and outside
    the demo nobody has the demo's keys.

    Django runs these for `migrate` and for `check --database`; `gateway.project.serve` does too.
    """
    found: list[CheckMessage] = []
    for alias in databases or ():
        connection = connections[alias]
        options = connection.settings_dict.get("OPTIONS", {})
        if connection.vendor == "sqlite" and options.get("transaction_mode") != "IMMEDIATE":
            text = f"Database '{alias}': set OPTIONS transaction_mode IMMEDIATE, or SQLite's writers fail."
            found.append(Error(text, id="agentic.E012"))
    if databases:
        found += _handler_problems()
    if databases and not conf().DEMO:
        found += _demo_people()
    return found


def _handler_problems() -> Iterator[CheckMessage]:
    """What every session would declare of how it can be paid (ACP-174 to ACP-182).

    Looked at with the database: before the first migration there is no currency, and parts that
    cannot be asked are reported by a check of their own.
    """
    with suppress(DatabaseError, RuntimeError):
        parts = seams.ports()
        found = {
            text
            for currency in parts.catalog.currencies()
            for text in declarations.problems(parts.payments.handlers(currency=currency))
        }
        for text in sorted(found):
            yield Error(f"{NAME}['PAYMENTS']: {text}", id="agentic.E020")


def _demo_people() -> Iterator[CheckMessage]:
    """Agents, the operator and people that the demo left behind. Before the first migration there are
    none."""
    from gateway import operators, shoppers

    with suppress(DatabaseError):
        if _demo_agents():
            text = "The demo agents, whose keys everybody knows, are in this database. Revoke them."
            yield Error(text, id="agentic.E013")
    with suppress(DatabaseError):
        if operators.has_demo():
            text = "The demo's operator, whose password everybody knows, is in this database."
            hint = f"manage.py changepassword {operators.DEMO_NAME}, or remove the user."
            yield Error(text, hint=hint, id="agentic.E014")
    with suppress(DatabaseError):
        if shoppers.has_demo():
            names = ", ".join(name for name, _ in shoppers.DEMO_PERSONS)
            text = "The demo's people, whose password everybody knows, have an account in this database."
            yield Error(text, hint=f"Remove {names}, or change their passwords.", id="agentic.E076")


def _demo_agents() -> bool:
    """By name: their keys are hashed with the demo's HASH_KEYS, which production does not have."""
    from gateway.agents import DEMO_AGENTS
    from gateway.models import AgentKey

    names = [name for name, _ in DEMO_AGENTS]
    unexpired = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    return AgentKey.objects.filter(
        unexpired, agent__name__in=names, agent__active=True, revoked_at=None
    ).exists()


def _is_limit(limit: object) -> bool:
    return (
        isinstance(limit, tuple | list)
        and len(limit) == 2
        and all(type(number) is int and number >= 1 for number in limit)
    )


def _methods(seam: type) -> list[str]:
    return [name for name, value in vars(seam).items() if callable(value) and not name.startswith("_")]


def _views(patterns: Iterable[URLPattern | URLResolver]) -> Iterator[Any]:
    for entry in patterns:
        if isinstance(entry, URLResolver):
            yield from _views(entry.url_patterns)
        else:
            yield entry.callback


def _is_ours(view: Any) -> bool:
    home = getattr(getattr(view, "view_class", None) or getattr(view, "cls", None) or view, "__module__", "")
    return home.startswith("gateway.") and not home.startswith("gateway.project.")

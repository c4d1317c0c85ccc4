"""The `AGENTIC_GATEWAY` setting: defaults, reading, dotted paths. The only reader of settings.

AGENTIC_GATEWAY = {
    "PUBLIC_URL": "https://shop.example",
    "HASH_KEYS": [os.environ["AGENTIC_HASH_KEY"]],
    "CATALOG": "myshop.agentic.Catalog",
}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.encoding import force_str
from django.utils.module_loading import import_string

NAME = "AGENTIC_GATEWAY"
DEMO_SECRET = "demo-only"
"""What every secret of the demo settings starts with."""

SHOP_PARTS = {
    "CATALOG": "gateway.shop.catalog.ShopCatalog",
    "FULFILLMENT": "gateway.shop.delivery.ShopFulfillment",
    "PRICING": "gateway.shop.taxes.ShopPricing",
    "INVENTORY": "gateway.shop.stock.ShopInventory",
    "ORDER_SINK": "gateway.shop.orders.ShopOrderSink",
}
"""What serves a merchant port when `gateway.shop` is installed and nothing else is named."""


@dataclass(frozen=True, slots=True)
class Conf:
    """Every key of `AGENTIC_GATEWAY` with its default. Durations end in their unit."""

    PUBLIC_URL: str = ""
    """Scheme, host and port that people and agents use; every emitted link starts with it."""
    HASH_KEYS: tuple[str, ...] = field(default=(), repr=False)
    """Secrets behind every keyed hash; the first is used, the others are still recognised."""
    DEMO: bool = False
    """Demo data and demo secrets are allowed. Never in production."""
    STRICT_RESPONSES: bool = False
    """An answer that violates its own schema raises (tests) instead of being logged."""

    MERCHANT_NAME: str = "This merchant"
    LANGUAGES: tuple[str, ...] = ("en", "de")
    """What buyers can be spoken to in, as BCP 47 tags; the first is the default (ACP-014)."""
    LINKS: tuple[dict[str, Any], ...] = ()
    """Policies and contacts shown to buyers (ACP-067): `type`, `url` and optionally `title`, which
    is a text, or a dict with a text for each language."""

    CATALOG: str = ""
    FULFILLMENT: str = ""
    PRICING: str = ""
    INVENTORY: str = ""
    ORDER_SINK: str = ""
    PAYMENTS: str = ""
    INTERVENTIONS: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Who runs which type, beside the one-time code: `{"redirect": {"part": dotted path, ...}}`, the
    other members being what that part is made with."""

    SESSION_SECONDS: int = 6 * 3600
    HOLD_SECONDS: int = 15 * 60
    ATTEMPT_SECONDS: float = 60.0
    SWEEP_SECONDS: float = 10.0
    PRESELECT: str = "cheapest"
    """Delivery option chosen for a complete address: cheapest, first or none."""
    CAPTURE: str = "at_once"
    """When authorized money is taken: at_once, or on_shipment when the merchant says so."""

    SIGNATURE_SKEW_SECONDS: int = 300
    """How far the Timestamp of a signed request may be from our clock, either way (ACP-107)."""

    IDEMPOTENCY_LEASE_SECONDS: float = 60.0
    IDEMPOTENCY_KEEP_HOURS: int = 48
    BODY_BYTES: int = 256 * 1024

    RATE_STORE: str = field(default="", repr=False)
    """The address of a Redis that all workers share: redis://... Empty: nobody's rate is limited."""
    RATE_LIMITS: dict[str, Sequence[int]] = field(default_factory=dict)
    """`read`, `write`, `money` or `otp` to (requests a minute, how many at once), for each agent;
    what is not named has its default in `gateway.throttling`."""
    OTP_SENDS_PER_AGENT_DAY: int = 500
    """One-time codes that one agent can have sent in 24 hours, to all addresses together."""

    RELAY: str = "thread"
    """Who delivers effects: a thread of the web workers, celery, or off (a separate command)."""
    RELAY_POLL_SECONDS: float = 0.2
    RELAY_LEASE_SECONDS: float = 5.0
    MESSAGE_LEASE_SECONDS: float = 60.0

    EGRESS_LOOPBACK: tuple[str, ...] = ()
    """`host:port` of servers on this machine that we may ask, by http too. Heeded in the demo only."""

    def part(self, key: str) -> str:
        """The dotted path that serves a merchant port, or "" when none was named."""
        named: str = getattr(self, key)
        if named or "gateway.shop" not in settings.INSTALLED_APPS:
            return named
        return SHOP_PARTS.get(key, "")


KEYS = frozenset(f.name for f in fields(Conf))


@lru_cache(maxsize=1)
def conf() -> Conf:
    """The settings in force. Unknown keys are reported by the system checks, not here."""
    given: dict[str, Any] = dict(getattr(settings, NAME, {}))
    known: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in given.items() if key in KEYS
    }
    known["PUBLIC_URL"] = str(known.get("PUBLIC_URL", "")).rstrip("/")
    return Conf(**known)


def unknown_keys() -> list[str]:
    """Keys of the dict that mean nothing here."""
    return sorted(set(getattr(settings, NAME, {})) - KEYS)


def has_demo_secret_key() -> bool:
    """Django signs, or still accepts what was signed, with the key that the demo's source shows."""
    try:
        keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    except ImproperlyConfigured:  # an empty one is reported by Django itself
        return False
    return any(force_str(key, errors="replace").startswith(DEMO_SECRET) for key in keys)


def load(path: str, **options: Any) -> Any:
    """A new instance of the class at `path`. Raises ImproperlyConfigured when there is none."""
    try:
        return import_string(path)(**options)
    except (ImportError, TypeError) as problem:
        raise ImproperlyConfigured(f"{NAME}: {path!r} cannot be used: {problem}") from problem

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
DEMO_EMBEDDERS = ("http://localhost:8200", "http://127.0.0.1:8200")
"""Where whoever tries the demo can serve a page of an agent's own, with ours in a frame."""
DEMO_ISSUER = "https://agents.demo.example"
"""Vouches for the demo's agents. Nobody serves it, and its private key is in the source."""
DEMO_ISSUER_KEY = {
    "kty": "OKP",
    "crv": "Ed25519",
    "alg": "Ed25519",
    "use": "sig",
    "kid": "demo-only-agents",
    "x": "0UqrROQq7l8TrfnASi8VB3VMJC_cOJtbRIkahEXIgrw",
}

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
    FAILPOINTS: str = ""
    """Where the machine fails on purpose, as `interventions.failpoints` reads it. For the demo and tests:
    anywhere else it is an error, and nothing fails."""
    STRICT_RESPONSES: bool = False
    """An answer that violates its own schema raises (tests) instead of being logged."""

    MERCHANT_NAME: str = "This merchant"
    LOGO: str = ""
    """Shown beside the name on pages for people: an https address, or the path of a static file."""
    ACCENT: str = ""
    """The colour of buttons and links on pages for people, such as #1a4fba: readable on white. On dark
    pages it is made lighter."""
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
    other members being what that part is made with. `address_verification` has a built-in part; False
    switches it off."""

    RISK: Mapping[str, Any] = field(default_factory=dict)
    """From when on a purchase is risky: the fields of `checkout.risk.HouseRules`. Policies with
    enforcement `conditional` ask then."""
    RISK_ASSESSOR: str = ""
    """Dotted path of a part of your own that says what is risky, instead of those rules."""

    SESSION_SECONDS: int = 6 * 3600
    HOLD_SECONDS: int = 15 * 60
    ATTEMPT_SECONDS: float = 60.0
    PAYMENT_SECONDS: float = 20.0
    """A call to the payment provider is over after so long: its own timeout times its tries."""
    PAYMENT_BREAKER_FAILURES: int = 10
    """After so many calls in a row without an answer the provider is left alone, at most 20."""
    PAYMENT_BREAKER_SECONDS: float = 10.0
    """So often it is then asked again, at most every 30 s."""
    PAYMENT_EVENTS_KEEP_DAYS: int = 90
    """What the payment provider told us by itself is forgotten after so long."""
    SWEEP_SECONDS: float = 10.0
    PRESELECT: str = "cheapest"
    """Delivery option chosen for a complete address: cheapest, first or none."""
    CAPTURE: str = "at_once"
    """When authorized money is taken: at_once, or on_shipment when the first goods leave."""
    ORDERS_API: bool = False
    """Agents can retrieve their orders at `orders/{id}` (ACP-232). The protocol has no such address yet:
    it tells of orders by webhooks."""

    CARTS_API: bool = True
    """Agents can keep carts at `carts` before they open a checkout session (ACP-211)."""
    CART_SECONDS: int = 72 * 3600
    """A cart that nobody changes is gone after so long, one of the Interaction API with its session."""
    CART_KEEP_DAYS: int = 30
    """Carts that ended are forgotten after so long."""

    RECONCILE_SECONDS: float = 86400.0
    """The payment provider's books are compared with ours so often; 0: only by `agentic_reconcile`."""
    RECONCILE_DAYS: float = 3.0
    """How many days back each comparison looks."""
    RECONCILE_GRACE_SECONDS: float = 3600.0
    """What changed since then is still on its way, and no difference yet."""
    RECONCILE_SHARED_ACCOUNT: bool = False
    """Other shops take money through the same account: entries that name no attempt are theirs."""

    HANDOFF_SECONDS: int = 1800
    """A person can finish on our page what an agent handed over for so long (docs/handoff.md)."""

    UNAUTHENTICATED: str = "decline"
    """What becomes of a payment when 3-D Secure could not be run for it and no policy asks for it:
    decline, or authorize without it where the payment provider agrees."""
    SANDBOX_BANK: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Where the sandbox payment provider has 3-D Secure run; see `gateway.sandbox`. For the demo."""

    VAULT: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Who takes cards of agents for tokens: `{"part": dotted path, ...}`, the other members being what
    that part is made with. Empty: no card is let in anywhere."""
    AUTHENTICATION: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Who runs 3-D Secure for agents that hold a card, in the same form. Empty: nobody."""
    STRIPE: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What was agreed with Stripe, for the payment provider `gateway.stripe_account.provider`; its members
    are there and in `docs/stripe.md`."""
    ACQUIRER: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The sandbox payment provider that is a process of its own; see `gateway.acquirer_account` and
    docs/sandbox.md. For trying outages."""

    SIGNATURE_SKEW_SECONDS: int = 300
    """How far the Timestamp of a signed request may be from our clock, either way (ACP-107)."""

    IDEMPOTENCY_LEASE_SECONDS: float = 60.0
    IDEMPOTENCY_KEEP_HOURS: int = 48
    BODY_BYTES: int = 256 * 1024

    RATE_STORE: str = field(default="", repr=False)
    """The address of a Redis that all workers share: redis://... Empty: nobody's rate is limited."""
    RATE_LIMITS: dict[str, Sequence[int]] = field(default_factory=dict)
    """`read`, `write`, `money`, `otp` or `cards` to (requests a minute, how many at once), for each agent;
    what is not named has its default in `gateway.throttling`."""
    PAYMENT_FORM: str = ""
    """Dotted path of the part with which a person pays on our page (`gateway.person.paying.PersonForm`), for
    a payment provider of your own. Empty: the one that goes with the provider, if there is one."""
    PROXIES: int = 0
    """How many proxies of ours a request passes that each add to X-Forwarded-For (T82). 0: nobody's
    header is believed, and an address is whoever connected."""
    OTP_CHANNELS: tuple[str, ...] = ("email",)
    """How one-time codes may go to a buyer: email, sms. The first that leads somewhere is taken, and the
    agent may ask for another."""
    SMS: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Who carries text messages: `{"part": dotted path, ...}`, the other members being what that part
    is made with."""
    OTP_SENDS_PER_AGENT_DAY: int = 500
    """One-time codes that one agent can have sent in 24 hours, to all addresses together."""

    INTERACTION_API: bool = True
    """Agents that know only the address can search, fill a cart and hand over to a person
    (docs/interaction-api.md). False: none of its addresses is there."""
    INTERACTION_BASE: str = "/.well-known/agents/api"
    """Where all of it is, below the origin."""
    INTERACTION_RATE: int = 60
    """Requests in any minute, for each network address and for each session."""
    INTERACTION_RATES: Mapping[str, int] = field(default_factory=dict)
    """Stricter limits of their own, for each address: `session` (opening one), `token` (tokens that are
    none), and any capability by its name. What is not named has its default in
    `gateway.interaction_api.rates`."""
    INTERACTION_ORIGINS: tuple[str, ...] = ("*",)
    """Whose pages may ask from a browser: `*` for all, or origins such as https://agent.example."""
    INTERACTION_SEARCH_AS_LIST: bool = False
    """`search` answers with the list of results alone, as some clients expect it."""
    SITE_CONTACT: str = ""
    """Whom the people behind an agent can write to: an e-mail address or a web address. Agents can send
    messages to an e-mail address (`contact`)."""
    CONTACT_KEEP_DAYS: int = 90
    """Messages that agents sent are forgotten after so long."""

    RELAY: str = "thread"
    """Who delivers effects: a thread of the web workers, celery, or off (a separate command)."""
    RELAY_POLL_SECONDS: float = 0.2
    RELAY_LEASE_SECONDS: float = 5.0
    MESSAGE_LEASE_SECONDS: float = 60.0

    WEBHOOK_DELAYS_SECONDS: tuple[float, ...] = (0, 5, 30, 300, 1800, 7200, 18000, 36000, 86400, 86400)
    """Before each try to tell an agent of an order (reliability-security 1.3); afterwards it is given up."""
    WEBHOOK_TIMEOUT_SECONDS: float = 10.0
    """For one try, everything together; ten at most."""
    WEBHOOK_RETRY_AFTER_SECONDS: float = 86400.0
    """A receiver that asks for more patience than this does not get it."""
    WEBHOOK_BREAKER_FAILURES: int = 5
    """After so many failures in a row an endpoint is left alone for a while."""
    WEBHOOK_BREAKER_SECONDS: float = 60.0
    WEBHOOK_AT_ONCE: int = 3
    """Tries for one endpoint at a time; one that is failing gets one. Below the relay's four lanes."""
    WEBHOOK_OVERLAP_HOURS: float = 24.0
    """An older secret still signs for so long, unless whoever rotates it says otherwise."""
    WEBHOOK_KEEP_DAYS: int = 30
    """Deliveries that were taken are forgotten after so long."""

    AUDIT: bool = False
    """What agents do in their sessions is kept as signed trails; see docs/audit.md."""
    AUDIT_KEYS: str = field(default="", repr=False)
    """The file with the keys that sign them, made by `agentic_audit_key create`; the same for all workers."""
    AUDIT_KEEP_DAYS: int = 90
    """Trails are forgotten after so long, at least 30."""

    SITE_DESCRIPTION: str = ""
    """What this site sells, in a sentence, for agents that find it (AJ-004). Its name is MERCHANT_NAME."""
    DOCS_URL: str = ""
    """Where what agents can do here is described for their authors."""
    ENDPOINT_STYLE: str = "relative"
    """How agents.json names addresses: relative, as paths on this site, or absolute, for clients that do
    not join them to the site."""
    RATE_LIMIT_FIELD: str = "max_requests_per_minute"
    """The name of the limit in agents.json; older readers know requests_per_minute."""
    FLOWS: tuple[dict[str, Any], ...] = ()
    """Further ways through the capabilities, for both documents: `name`, `steps` and optionally
    `description`. One that names a capability which is not there is left out."""
    AGENT_SESSION_SECONDS: int = 1800
    """How long an agent's session lasts. Use does not move its end."""
    AGENT_SESSION_KEEP_DAYS: int = 90
    """Agents' sessions are forgotten so long after they ended."""
    MAX_SESSIONS: int = 50
    """How many sessions may be open for whoever opens them: an IPv4 address or an IPv6 network of 64 bits."""
    MAX_SESSIONS_TOTAL: int = 10_000
    """How many sessions may be open in all."""
    SESSION_BOUND_TO_ADDRESS: bool = False
    """A session works only from the address, or IPv6 network, that opened it. Agents that call through
    several addresses lose theirs."""

    AAUTH: bool = False
    """Agents with an identity of their own sign their requests instead of bringing a key, and calls that
    wait for a person can be answered later (docs/aauth.md)."""
    AAUTH_WORDING: str = "dual"
    """What older texts of AAuth are understood besides the newest: draft-11 (none), dual, or seed, which
    also speaks them and is for conformance runs."""
    AAUTH_ISSUERS: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Issuers that are pinned, by their name: `{"metadata": {...}, "keys": [JWK, ...]}`, and nothing is
    fetched for them; or `{"base_url": "https://..."}`, where their documents are fetched instead."""
    AAUTH_UNKNOWN_AGENTS: str = "buy"
    """What an agent may do that no operator has looked at: buy, browse (nothing is written), or refuse."""
    AAUTH_SIGNATURE_SECONDS: int = 60
    """How old a signature may be (AA-403)."""
    AAUTH_PENDING_SECONDS: int = 15 * 60
    """How long a call waits for its person at most (AA-020)."""
    AAUTH_WAIT_SECONDS: float = 20.0
    """How long a poll that asks to wait is held at most (AA-023)."""
    AAUTH_WAITING: int = 8
    """How many polls one process holds at a time; the others are answered at once. Below its threads."""
    AAUTH_UNANSWERED: str = "expire"
    """What becomes of a call whose agent does not answer a question in time: expire, or continue."""
    AAUTH_BUYERS_ASK: bool = True
    """People can ask the agent something on our page before they confirm."""
    AAUTH_UPDATED_REQUESTS: bool = True
    """An agent may answer a question with another body of the call that waits (AA-107)."""

    AAUTH_KEYS: str = field(default="", repr=False)
    """The file with the keys that we sign tokens with, made by `agentic_aauth_key create`; the same for all
    workers. Needed to be a person server, and to ask agents for a token of theirs."""
    AAUTH_SCOPES: Mapping[str, str] = field(default_factory=dict)
    """What agents can be granted at our account endpoint besides `profile` and `orders`: name of the scope to
    what people read of it."""

    AAUTH_PERSON_SERVER: bool = False
    """We speak for the people who have an account here, towards their own agents (docs/aauth/person.md)."""
    PERSONS: str = ""
    """Dotted path of the part that knows who has an account (`gateway.persons.Persons`). Empty: Django's own
    users."""
    AAUTH_CONSENT_SECONDS: int = 15 * 60
    """How long a person can decide what an agent asks for."""
    AAUTH_REFUSED_SECONDS: int = 5 * 60
    """How long nobody is asked the same again who has said no to it; 0 for not at all."""
    AAUTH_TOKEN_SECONDS: int = 3600
    """How long a token that we give out lives, at most an hour (AA-217)."""
    AAUTH_RELAY_SECONDS: int = 15 * 60
    """How long we try to bring a person somewhere when the agent does not say (`max_wait`)."""
    AAUTH_RELAY_RATE: int = 6
    """How many requests to bring its person somewhere an agent has in any minute (AA-218)."""
    AAUTH_RELAY_ORIGINS: tuple[str, ...] = ()
    """Where people may be sent, as origins such as https://shop.example. Empty: to any https address
    (decision 33)."""
    REACH_CHANNELS: tuple[str, ...] = ("web_session", "web_push", "webhook", "email")
    """How people are reached, the most direct first."""
    REACH_PRESENT_SECONDS: int = 30
    """A person is at a page of ours that asked for news within so many seconds."""
    REACH_WEBHOOK: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The merchant's own server that reaches people in its app: `{"url": ..., "secret": ...}`; see
    docs/aauth/channels.md. Empty: there is none."""
    REACH_PUSH_KEY: str = field(default="", repr=False)
    """The file with the key by which push services know us (VAPID), made by `agentic_push_key create`. Empty:
    no push messages."""
    REACH_PUSH_CONTACT: str = ""
    """Whom push services can write to: mailto:... or https://... Empty: SITE_CONTACT."""

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


def sign_in_path() -> str:
    """Where people sign in, as Django's LOGIN_URL names it."""
    return str(settings.LOGIN_URL)


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

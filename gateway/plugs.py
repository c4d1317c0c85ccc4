"""Which part serves each port of the domain, and which effect each outbox kind has."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from checkout import effects, orders
from checkout.payments import allowances
from checkout.payments.issuer import IssuerPage
from checkout.ports import AuthenticatingProvider, Ports, Rules, plug
from checkout.ports import ports as checkout_ports
from checkout.reconciliation import runs, stuck
from checkout.risk import AlwaysHigh, HouseRules
from gateway import (
    agent_facts,
    app_events,
    arriving,
    authentication,
    cart_keeping,
    contact_mail,
    contacts,
    deferring,
    delivery,
    keys,
    outbox,
    parked,
    parked_grants,
    parked_purchases,
    payment_events,
    periodic,
    persons,
    policy_choices,
    reach_channels,
    relay,
    risk_rules,
    sealed,
    subjects,
    summons_keeping,
    summonses,
)
from gateway.aauth import arrivals, issuers, lot, parking, replay, resuming
from gateway.aauth.authenticating import SignedRequests
from gateway.aauth.person_server import issuing, plugging
from gateway.acp import events, held, versions
from gateway.conf import NAME, Conf, conf, load
from gateway.interaction_api import sessions
from gateway.webhooks import deliveries, endpoints, rendering
from interventions import effects as asking
from interventions import failpoints, reach_ports, reaching
from interventions import ports as seams
from interventions.channels import by_name
from interventions.negotiation import Kind
from interventions.providers import otp
from interventions.providers.address import TableCheck

log = logging.getLogger("agentic.plugs")

RECONCILE_LOOK_SECONDS = 30.0
"""So often it is asked whether a comparison is due, or has to go on."""

DEFAULT_PAYMENTS = "gateway.sandbox.provider"


class NotHere(ImproperlyConfigured):
    """The part would do, and cannot work at this site's address; everything else is sold."""


def plug_in() -> None:
    """The checkout works with the parts the settings name.

    Parts that are missing or cannot be used are reported by the system checks, which name the
    setting; until then the checkout stays unplugged and says so when it is used.
    """
    settings = conf()
    _arm(settings)
    try:
        plug(
            Ports(
                catalog=load(settings.part("CATALOG")),
                fulfillment=load(settings.part("FULFILLMENT")),
                pricing=load(settings.part("PRICING")),
                inventory=load(settings.part("INVENTORY")),
                order_sink=load(settings.part("ORDER_SINK")),
                payments=load(settings.PAYMENTS or (DEFAULT_PAYMENTS if settings.DEMO else "")),
                outbox=outbox.DatabaseOutbox(),
                vault=delegated("VAULT"),
                authenticator=delegated("AUTHENTICATION"),
                rules=Rules(
                    session_seconds=settings.SESSION_SECONDS,
                    cart_seconds=settings.CART_SECONDS,
                    hold_seconds=settings.HOLD_SECONDS,
                    handoff_seconds=settings.HANDOFF_SECONDS,
                    attempt_seconds=settings.ATTEMPT_SECONDS,
                    unauthenticated=settings.UNAUTHENTICATED,  # type: ignore[arg-type]  # judged by a check
                    preselect=settings.PRESELECT,  # type: ignore[arg-type]  # judged by a system check
                    capture=settings.CAPTURE,  # type: ignore[arg-type]
                    reconcile_seconds=settings.RECONCILE_SECONDS,
                    reconcile_days=settings.RECONCILE_DAYS,
                    reconcile_grace_seconds=settings.RECONCILE_GRACE_SECONDS,
                    reconcile_shared_account=settings.RECONCILE_SHARED_ACCOUNT,
                    payment_seconds=settings.PAYMENT_SECONDS,
                    payment_breaker_failures=settings.PAYMENT_BREAKER_FAILURES,
                    payment_breaker_seconds=settings.PAYMENT_BREAKER_SECONDS,
                ),
            )
        )
    except ImproperlyConfigured as problem:
        log.warning("The checkout has no parts yet: %s", problem)
    seams.plug(
        seams.Parts(
            providers={"otp": otp, **_address_check(), **_page_providers(), **_issuers()},
            outbox=outbox.DatabaseOutbox(),
            digest=keys.digest,
            digests=keys.digests,
            seal=sealed.seal,
            unseal=sealed.unseal,
            destination_of=contacts.of_session,
            **_channels(),
            rules=seams.OtpRules(sends_per_owner_day=settings.OTP_SENDS_PER_AGENT_DAY),
            risk=_assessor(),
            agents=policy_choices.agents,
            handlers=policy_choices.handlers,
            agent=agent_facts.of,
            unanswered=settings.AAUTH_UNANSWERED,
            **_waking(settings),
        )
    )
    persons.plug(_persons(settings))
    _reaching(settings)
    subjects.register(parked_purchases.PREFIX, parked_purchases.Purchase())
    subjects.register(parked_grants.PREFIX, parked_grants.Granting())
    for kind, effect in {**effects.EFFECTS, **asking.EFFECTS}.items():
        outbox.register(kind, effect)
    relay.periodic("checkout.sweep", settings.SWEEP_SECONDS, effects.sweep)
    relay.periodic("interventions.sweep", settings.SWEEP_SECONDS, asking.sweep)
    relay.periodic("agent_sessions.sweep", settings.SWEEP_SECONDS, sessions.end_overdue)
    relay.periodic("agent_sessions.purge", periodic.PURGE_SECONDS, sessions.purge)
    relay.periodic("carts.sweep", periodic.PURGE_SECONDS, cart_keeping.sweep)
    relay.periodic("carts.purge", periodic.PURGE_SECONDS, cart_keeping.purge)
    _webhooks(settings.SWEEP_SECONDS)
    _reconciliation(settings.MESSAGE_LEASE_SECONDS / 3)
    outbox.register(payment_events.PROCESS, payment_events.process)
    outbox.register(contact_mail.MAIL, contact_mail.send)
    relay.periodic("contact.purge", periodic.PURGE_SECONDS, contact_mail.purge)
    relay.periodic("vault.purge", periodic.PURGE_SECONDS, allowances.purge_all)
    app_events.plug(summonses.came)
    relay.periodic("app_events.purge", periodic.PURGE_SECONDS, app_events.purge)
    relay.periodic("payment_events.purge", periodic.PURGE_SECONDS, payment_events.purge)
    authentication.plug(SignedRequests())
    relay.periodic("aauth.signatures.purge", periodic.PURGE_SECONDS, replay.purge)
    relay.periodic("aauth.issuers.purge", periodic.PURGE_SECONDS, issuers.purge)
    relay.periodic("aauth.tokens.purge", periodic.PURGE_SECONDS, issuing.purge)
    plugging.plug_in()


def _persons(settings: Conf) -> persons.Persons:
    """Who knows people with an account; Django's users, unless the settings name a part that can be used."""
    try:
        known: persons.Persons = load(settings.PERSONS) if settings.PERSONS else persons.DjangoPersons()
    except ImproperlyConfigured as problem:
        log.warning("Django's users have the accounts: %s", problem)
        return persons.DjangoPersons()
    return known


def _reaching(settings: Conf) -> None:
    """People are reached where somebody speaks for them."""
    reach_ports.plug(reach_channels.ways())
    parked.plug(lot.LOT if settings.AAUTH else None)
    if settings.AAUTH and settings.AAUTH_PERSON_SERVER:
        relay.periodic("summonses.sweep", settings.SWEEP_SECONDS, summonses.sweep)
        relay.periodic("summonses.purge", periodic.PURGE_SECONDS, summons_keeping.purge)
        relay.periodic("reaching.purge", periodic.PURGE_SECONDS, reaching.purge)


def _waking(settings: Conf) -> dict[str, Any]:
    """Calls wait for a person where AAuth is on; whoever waits learns what became of them."""
    held.register()
    outbox.register(resuming.WAKE, resuming.look_again)
    deferring.plug(parking.PendingRequests() if settings.AAUTH else None)
    arriving.plug(arrivals.DESK if settings.AAUTH else None)
    if not settings.AAUTH:
        return {}
    relay.periodic("aauth.sweep", settings.SWEEP_SECONDS, resuming.sweep)
    relay.periodic("aauth.purge", periodic.PURGE_SECONDS, resuming.purge)
    return {"wake": resuming.wake, "answers": resuming.answers}


def _reconciliation(slice_seconds: float) -> None:
    """The provider's books are compared with ours, a slice at a time that ends within a job's lease."""
    stuck.connect(stuck.Queue(delivery.given_up, delivery.unfinished))
    relay.periodic("checkout.reconcile", RECONCILE_LOOK_SECONDS, partial(runs.scheduled, slice_seconds))


def _arm(settings: Conf) -> None:
    """Raises ImproperlyConfigured for a plan that means nothing: a test would pass without its fault."""
    try:
        failpoints.arm(settings.FAILPOINTS if settings.DEMO else "")
    except ValueError as problem:
        raise ImproperlyConfigured(f"{NAME}['FAILPOINTS']: {problem}") from None


def delegated(key: str) -> Any:
    """The part that `VAULT` or `AUTHENTICATION` names, None for none or one that cannot be made."""
    named = getattr(conf(), key)
    try:
        return provider_of(named) if named else None
    except ImproperlyConfigured as problem:
        log.warning("Nobody serves %s: %s", key, problem)
        return None


def _webhooks(sweep_seconds: float) -> None:
    """Agents hear of their orders, each in the words of the version it speaks."""
    rendering.register(versions.CURRENT.date, rendering.Form(events.of_order, events.sample))
    outbox.register(orders.ORDER_EVENT, deliveries.hand_out)
    outbox.register(deliveries.DELIVER, deliveries.attempt)
    relay.periodic("webhooks.sweep", sweep_seconds, deliveries.sweep)
    relay.periodic("webhooks.purge", periodic.PURGE_SECONDS, deliveries.purge)
    relay.periodic("webhooks.forget_older", periodic.PURGE_SECONDS, endpoints.forget_older)


def _assessor() -> seams.RiskAssessor:
    try:
        return assessor()
    except ImproperlyConfigured as problem:
        log.warning("Every risk is taken for high: %s", problem)
        return AlwaysHigh()


def assessor() -> seams.RiskAssessor:
    """Who says what is risky. Raises ImproperlyConfigured."""
    settings = conf()
    if settings.RISK_ASSESSOR:
        own: seams.RiskAssessor = load(settings.RISK_ASSESSOR)
        return own
    if wrong := next(risk_rules.problems(settings.RISK), None):
        # A misspelt rule would make nothing risky.
        raise ImproperlyConfigured(f"{NAME}['RISK'] {wrong}")
    return HouseRules(**settings.RISK)


def _channels() -> dict[str, Any]:
    """How codes may go, and who carries texts; without somebody who does, nobody is texted."""
    allowed: Any = conf().OTP_CHANNELS  # anything else is reported by the system checks
    named = [name for name in allowed if name in by_name.NAMES] if isinstance(allowed, tuple) else []
    texts = None
    if by_name.SMS in named:
        try:
            texts = provider_of(conf().SMS)
        except ImproperlyConfigured as problem:
            named.remove(by_name.SMS)
            log.warning("Nobody carries text messages: %s", problem)
    return {"channels": tuple(named), "texts": texts}


def _address_check() -> dict[str, object]:
    """Who looks at addresses: the built-in check, unless the settings name another or none."""
    kind = Kind.ADDRESS_VERIFICATION.value
    named = _named_by_type().get(kind)
    if named is False:
        return {}
    try:
        return {kind: TableCheck() if named is None else provider_of(named)}
    except ImproperlyConfigured as problem:
        log.warning("Nobody checks addresses: %s", problem)
        return {}


def _named_by_type() -> Mapping[str, Any]:
    named: Any = conf().INTERVENTIONS
    return named if isinstance(named, Mapping) else {}


def _page_providers() -> dict[str, object]:
    """Who runs the types that the settings name; one that cannot be made is left out."""
    made: dict[str, object] = {}
    for kind, named in _named_by_type().items():
        if kind == Kind.ADDRESS_VERIFICATION:
            continue
        try:
            made[kind] = provider_of(named)
        except ImproperlyConfigured as problem:
            log.warning("Nobody runs %s: %s", kind, problem)
    return made


def _issuers() -> dict[str, object]:
    """The issuers of cards run 3-D Secure, where the payment provider can reach them."""
    try:
        payments = checkout_ports().payments
    except RuntimeError:  # reported by the system checks
        return {}
    runs = isinstance(payments, AuthenticatingProvider) and payments.supports_3ds
    return {Kind.THREE_DS.value: IssuerPage()} if runs else {}


def provider_of(named: Any) -> object:
    """What a member of `INTERVENTIONS`, or `SMS`, names, made with its options. Raises
    ImproperlyConfigured."""
    if not isinstance(named, Mapping) or not isinstance(named.get("part"), str):
        raise ImproperlyConfigured("what runs it is a dict with the dotted path of a part")
    return load(named["part"], **{name: value for name, value in named.items() if name != "part"})

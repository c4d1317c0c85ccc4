"""Which part serves each port of the domain, and which effect each outbox kind has."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from checkout import effects
from checkout.ports import Ports, Rules, plug
from gateway import contacts, keys, outbox, relay
from gateway.conf import conf, load
from interventions import effects as asking
from interventions import ports as seams
from interventions.providers import otp

log = logging.getLogger("agentic.plugs")

DEFAULT_PAYMENTS = "checkout.payments.sandbox.SandboxProvider"


def plug_in() -> None:
    """The checkout works with the parts the settings name.

    Parts that are missing or cannot be used are reported by the system checks, which name the
    setting; until then the checkout stays unplugged and says so when it is used.
    """
    settings = conf()
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
                rules=Rules(
                    session_seconds=settings.SESSION_SECONDS,
                    hold_seconds=settings.HOLD_SECONDS,
                    attempt_seconds=settings.ATTEMPT_SECONDS,
                    preselect=settings.PRESELECT,  # type: ignore[arg-type]  # judged by a system check
                    capture=settings.CAPTURE,  # type: ignore[arg-type]
                ),
            )
        )
    except ImproperlyConfigured as problem:
        log.warning("The checkout has no parts yet: %s", problem)
    seams.plug(
        seams.Parts(
            providers={"otp": otp, **_page_providers()},
            outbox=outbox.DatabaseOutbox(),
            digest=keys.digest,
            destination_of=contacts.of_session,
            rules=seams.OtpRules(sends_per_owner_day=settings.OTP_SENDS_PER_AGENT_DAY),
        )
    )
    for kind, effect in {**effects.EFFECTS, **asking.EFFECTS}.items():
        outbox.register(kind, effect)
    relay.periodic("checkout.sweep", settings.SWEEP_SECONDS, effects.sweep)
    relay.periodic("interventions.sweep", settings.SWEEP_SECONDS, asking.sweep)


def _page_providers() -> dict[str, object]:
    """Who runs the types that the settings name; one that cannot be made is left out."""
    made: dict[str, object] = {}
    named_by_type: Any = conf().INTERVENTIONS
    for kind, named in named_by_type.items() if isinstance(named_by_type, Mapping) else ():
        try:
            made[kind] = provider_of(named)
        except ImproperlyConfigured as problem:
            log.warning("Nobody runs %s: %s", kind, problem)
    return made


def provider_of(named: Any) -> object:
    """What a member of `INTERVENTIONS` names, made with its options. Raises ImproperlyConfigured."""
    if not isinstance(named, Mapping) or not isinstance(named.get("part"), str):
        raise ImproperlyConfigured("a type is a dict with the dotted path of its part")
    return load(named["part"], **{name: value for name, value in named.items() if name != "part"})

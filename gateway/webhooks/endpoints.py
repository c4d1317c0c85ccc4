"""Where agents hear of their orders: adding, rotating the secret, switching off and on."""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from gateway import sealed
from gateway.conf import conf
from gateway.egress import egress
from gateway.models import Agent, WebhookEndpoint

PURPOSE = "webhook-secret"
MOST = 5
"""Endpoints of one agent that are told of an order."""


class EndpointNotTaken(ValueError):
    """The agent cannot be told there. The text says why, and not what is behind the address."""


def refusal(url: str) -> str:
    """Why we would not send there, or "" when we would now. Asks the resolver, and sends nothing."""
    if egress().permits(url):
        return ""
    return "This is no public https address that is known now."


@sensitive_variables("secret")
def add(agent: Agent, url: str) -> tuple[WebhookEndpoint, str]:
    """The agent is told there of every order from now on. The secret is returned here and never again.

    Raises EndpointNotTaken.
    """
    if problem := refusal(url):
        raise EndpointNotTaken(problem)
    secret = _new_secret()
    with transaction.atomic():
        Agent.objects.select_for_update().get(pk=agent.pk)
        active = agent.webhook_endpoints.filter(active=True)
        if active.filter(url=url).exists():
            raise EndpointNotTaken("This agent is told at this address already.")
        if active.count() >= MOST:
            raise EndpointNotTaken(f"An agent has at most {MOST} endpoints: disable one first.")
        endpoint = agent.webhook_endpoints.create(url=url, sealed_secret=_seal(secret))
    return endpoint, secret


@sensitive_variables("secret")
def rotate(endpoint: WebhookEndpoint, *, overlap_hours: float | None = None) -> str:
    """A new secret, returned here and never again; the older one signs where the new one is refused,
    for `overlap_hours`, by default WEBHOOK_OVERLAP_HOURS. One still older is erased."""
    hours = conf().WEBHOOK_OVERLAP_HOURS if overlap_hours is None else overlap_hours
    secret = _new_secret()
    with transaction.atomic():
        row = WebhookEndpoint.objects.select_for_update().get(pk=endpoint.pk)
        WebhookEndpoint.objects.filter(pk=row.pk).update(
            sealed_secret=_seal(secret),
            sealed_older=row.sealed_secret if hours > 0 else "",
            older_until=timezone.now() + timedelta(hours=hours) if hours > 0 else None,
        )
    return secret


def disable(endpoint: WebhookEndpoint, because: str) -> bool:
    """Nothing is sent there any more; what is open or comes is kept as dead. False when it was so."""
    return bool(
        WebhookEndpoint.objects.filter(pk=endpoint.pk, active=True).update(
            active=False, disabled_because=because[:200], disabled_at=timezone.now()
        )
    )


def enable(endpoint: WebhookEndpoint) -> bool:
    """The agent is told there again, of what comes; dead deliveries wait for a replay.

    False when it was so. Raises EndpointNotTaken.
    """
    if problem := refusal(endpoint.url):
        raise EndpointNotTaken(problem)
    return bool(
        WebhookEndpoint.objects.filter(pk=endpoint.pk, active=False).update(
            active=True, disabled_because="", disabled_at=None, failures=0, open_until=None
        )
    )


def secrets_of(endpoint: WebhookEndpoint) -> list[bytes]:
    """What signs now, the newest first. Raises sealed.Unreadable."""
    found = [endpoint.sealed_secret]
    if endpoint.sealed_older and endpoint.older_until and endpoint.older_until > timezone.now():
        found.append(endpoint.sealed_older)
    return [sealed.unseal(text, PURPOSE) for text in found]


def forget_older() -> int:
    """Older secrets are erased when their time is over; how many were. Repeatable."""
    over: QuerySet[WebhookEndpoint] = WebhookEndpoint.objects.filter(
        ~Q(sealed_older=""), older_until__lte=timezone.now()
    )
    return over.update(sealed_older="", older_until=None)


def seal_again() -> int:
    """Every secret is sealed under the first of the `HASH_KEYS`; of how many endpoints. Repeatable.

    Raises sealed.Unreadable, and changes nothing, when one cannot be opened.
    """
    count = 0
    with transaction.atomic():
        for row in WebhookEndpoint.objects.select_for_update():
            row.sealed_secret = sealed.again(row.sealed_secret, PURPOSE)
            row.sealed_older = sealed.again(row.sealed_older, PURPOSE) if row.sealed_older else ""
            row.save(update_fields=["sealed_secret", "sealed_older"])
            count += 1
    return count


def state(endpoint: WebhookEndpoint) -> str:
    """In a word, for operators."""
    if not endpoint.active:
        return "disabled"
    if endpoint.open_until is not None:
        return "left alone" if endpoint.open_until > timezone.now() else "on trial"
    return "failing" if endpoint.failures else "works"


def _new_secret() -> str:
    return f"whs_{secrets.token_urlsafe(32)}"


def _seal(secret: str) -> str:
    return sealed.seal(secret.encode(), PURPOSE)

"""An endpoint that keeps failing is left alone for a while, so that it slows nobody else (R17).

Waiting costs an event none of its tries. When the while is over one delivery goes ahead on trial.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from django.db.models import F
from django.utils import timezone

from gateway.conf import conf
from gateway.models import WebhookDelivery, WebhookEndpoint
from gateway.webhooks.sending import Outcome, Verdict


def wait(endpoint: WebhookEndpoint, now: datetime) -> datetime | None:
    """When to look again, because the endpoint is left alone or busy; None: go ahead."""
    pause = timedelta(seconds=conf().WEBHOOK_BREAKER_SECONDS)
    if endpoint.open_until is not None:
        if endpoint.open_until > now:
            return endpoint.open_until + timedelta(seconds=random.uniform(0, 5))
        trial = WebhookEndpoint.objects.filter(pk=endpoint.pk, open_until=endpoint.open_until)
        return None if trial.update(open_until=now + pause) else now + pause
    busy = WebhookDelivery.objects.filter(
        endpoint=endpoint.pk, delivered_at=None, dead_at=None, lease_until__gt=now
    ).count()
    failing = endpoint.failures > 0
    if busy < (1 if failing else conf().WEBHOOK_AT_ONCE):
        return None
    return now + timedelta(seconds=random.uniform(1, 10) if failing else random.uniform(0.2, 2))


def note(endpoint: WebhookEndpoint, verdict: Verdict, now: datetime | None = None) -> None:
    """The try counts for or against the endpoint. A refusal counts for neither: somebody is there."""
    now = now or timezone.now()
    rows = WebhookEndpoint.objects.filter(pk=endpoint.pk)
    match verdict.outcome:
        case Outcome.TAKEN:
            rows.update(failures=0, open_until=None, last_success_at=now)
        case Outcome.REFUSED:
            rows.update(failures=0, open_until=None, last_failure_at=now)
        case Outcome.GONE:
            rows.filter(active=True).update(
                active=False,
                disabled_because="The receiver says that it is gone (410).",
                disabled_at=now,
                last_failure_at=now,
            )
        case Outcome.AGAIN:
            rows.update(failures=F("failures") + 1, last_failure_at=now)
            pause = timedelta(seconds=conf().WEBHOOK_BREAKER_SECONDS)
            rows.filter(failures__gte=conf().WEBHOOK_BREAKER_FAILURES).update(open_until=now + pause)

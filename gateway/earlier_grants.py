"""What an agent has asked for before, and what came of it.

A person's no counts for a while: nobody is asked the same until they are tired enough to say yes.
"""

from __future__ import annotations

import math
from datetime import timedelta

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from gateway.conf import conf
from gateway.grants import Wanted
from gateway.person_models import Grant
from gateway.person_states import GrantState
from interventions.models import Intervention
from interventions.questions import CONSENT
from interventions.states import InterventionState

ALIKE = ("owner", "kind", "audience", "scope", "account")


def alike(wanted: Wanted) -> QuerySet[Grant]:
    """Each time that the agent asked for just as much in the same place, whoever decided and however."""
    return Grant.objects.filter(**{name: getattr(wanted, name) for name in ALIKE})


def rest_seconds(wanted: Wanted) -> int:
    """For how long the agent has to wait before somebody is asked this again: AAUTH_REFUSED_SECONDS since
    they, or an operator, said no to the same for the same resource; 0 when it may be asked now. What a rule
    of ours refused before anybody was asked does not count. Reads only."""
    now = timezone.now()
    since = now - timedelta(seconds=conf().AAUTH_REFUSED_SECONDS)
    put = Intervention.objects.filter(subject=OuterRef("pk"), kind=CONSENT, state=InterventionState.DENIED)
    refused = alike(wanted).filter(Exists(put), state=GrantState.DENIED, decided_at__gt=since)
    last = refused.order_by("-decided_at").values_list("decided_at", flat=True).first()
    return math.ceil((last - since).total_seconds()) if last else 0

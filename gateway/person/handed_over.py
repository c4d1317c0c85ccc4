"""The purchase around a question: where a person goes on who finishes it on our pages.

A code, a passkey or a bank's question may be all that a person is asked, for an agent that does the
rest. Of a purchase that was handed over it is one of several, and the last is never "go back to your
agent" before it is paid.
"""

from __future__ import annotations

from django.urls import reverse

from gateway import tickets
from interventions.models import Intervention
from interventions.negotiation import HANDOFF
from interventions.states import OPEN, InterventionState

GOING_ON = (*OPEN, InterventionState.PASSED)
"""There is something to see for who finishes the purchase: the next question, or their order."""


def onward(subject: str) -> str:
    """The page of the purchase that `subject` names, if a person finishes it here; else ""."""
    rows = Intervention.objects.filter(subject=subject, kind=HANDOFF, state__in=GOING_ON)
    found = rows.order_by("-created_at").first()
    return reverse("agentic:handoff_payment", args=(tickets.ticket(found.pk),)) if found else ""

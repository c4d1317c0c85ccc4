"""What a person is asked next for a purchase, on a page of its own."""

from __future__ import annotations

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_noop

from gateway import links, tickets
from interventions.models import Intervention
from interventions.negotiation import APPROVAL, CONSENT, HANDOFF, Kind
from interventions.states import OPEN

PAGES = {
    **{kind.value: view for kind, view in links.PERSON_PAGES.items()},
    HANDOFF: "handoff",
    CONSENT: "consent",
}

TOLD = {
    Kind.OTP.value: gettext_noop("Next you enter a one-time code that was sent to you."),
    Kind.REDIRECT.value: gettext_noop("Next you confirm the purchase with a service that this shop trusts."),
    Kind.WEBVIEW.value: gettext_noop("Next you confirm the purchase with a service that this shop trusts."),
    Kind.THREE_DS.value: gettext_noop("Next your bank asks you to confirm the payment."),
    Kind.BIOMETRIC.value: gettext_noop("Next you confirm the purchase with the passkey of your device."),
    CONSENT: gettext_noop("Next you decide whether to allow it. For that you sign in to your account here."),
    HANDOFF: gettext_noop("Next you look at what is bought, add what is missing, and pay."),
}
LATER = gettext_noop("Next you see whether anything is left for you to do.")


def row_of(subject: str) -> Intervention | None:
    """The open intervention that has a page; a whole purchase first, because it leads to the others."""
    now = timezone.now()
    rows = Intervention.objects.filter(subject=subject, kind__in=PAGES, state__in=OPEN)
    open_ones = [row for row in rows.order_by("-created_at") if not row.over(now)]
    return next((row for row in open_ones if row.kind == HANDOFF), open_ones[0] if open_ones else None)


def page_of(row: Intervention) -> str:
    """The path of its page."""
    return reverse(f"agentic:{PAGES[row.kind]}", args=(tickets.ticket(row.pk),))


def awaits_approval(subject: str) -> bool:
    """The merchant has to say yes, and nobody else can do anything."""
    return Intervention.objects.filter(subject=subject, kind=APPROVAL, state__in=OPEN).exists()

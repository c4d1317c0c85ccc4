"""The buyer's mailbox, confirmed on our own page: what makes a device theirs (`interventions.devices`).

The codes are those of any one-time code, with the same caps, and count with them. Only the page
can bring one: no answer of an agent reaches them.
"""

from __future__ import annotations

from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from checkout import obligations, reaching, responses
from checkout.errors import NotFound
from checkout.models import CheckoutSession
from checkout.services import is_open
from interventions import devices, services
from interventions.errors import Over
from interventions.models import Intervention
from interventions.moves import PERSON
from interventions.negotiation import CONTACT
from interventions.outcomes import Answer, Answered, Snapshot
from interventions.states import InterventionState


def standing(row: Intervention) -> Snapshot | None:
    """The code that the buyer was sent for the page of `row`, or None. Changes nothing."""
    bound = devices.contact_binding(row)
    found = Intervention.objects.filter(subject=row.subject, kind=CONTACT, binding=bound).first()
    return services.snapshot(found) if found else None


def send(row: Intervention, *, again: bool = False) -> Snapshot:
    """A code is on its way to the buyer of the purchase that `row` asks about, or a cap said no: the
    snapshot is then `limited`. `again`: a new one instead of the one that runs.

    Raises Over when the purchase asks for something else by now. No transaction may be open.
    """
    with transaction.atomic(durable=True):
        session = _asking(row)
        before = standing(row)
        sent = services.ensure(
            session.id,
            CONTACT,
            binding=devices.contact_binding(row),
            amount=row.amount,
            currency=row.currency,
            destination=reaching.contact(session),
            owner=session.owner,
            actor=PERSON,
        )
        if again and before is not None and before.id == sent.id:
            return services.resend(session.id, actor=PERSON, kind=CONTACT)
        return sent


@sensitive_variables("code")
def judge(row: Intervention, code: str) -> Answered:
    """The code was compared once, at most; the tenth wrong one of a session cancels it (T13).

    Raises Over as `send` does. No transaction may be open.
    """
    with transaction.atomic(durable=True):
        _asking(row)
    sent = standing(row)
    if sent is None:
        return Answered(Answer.NONE)
    verdict = services.answer(row.subject, CONTACT, code, actor=PERSON, only=sent.id)
    responses.spent(row.subject)
    return verdict


def _asking(row: Intervention) -> CheckoutSession:
    """The locked session, which still asks exactly this."""
    try:
        session = CheckoutSession.objects.locked(row.subject)
    except NotFound:
        raise Over(InterventionState.CANCELED) from None
    asked = obligations.pending(session)
    if asked is None or asked["id"] != row.pk or not is_open(session):
        raise Over(InterventionState.CANCELED)
    return session

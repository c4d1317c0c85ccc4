"""What a session can be paid with, and whether what the agent brings is that (requirement L)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.utils.translation import gettext_noop

from checkout import pricing
from checkout.models import CheckoutSession
from checkout.payments.outcomes import DELEGATED, PURCHASE_ORDER, Handler, Instrument
from checkout.ports import ports

PAYMENT = "$.payment_data"


def offered(session: CheckoutSession) -> Sequence[Handler]:
    """The ways this session can be paid as it is now; judged anew for every answer.

    One that may ask of the person what agent and merchant cannot do together is left out,
    unless none would remain: a session that can be paid says how (acp.md 0.3 step 9, ACP-185).
    """
    every = ports().payments.handlers(currency=session.currency)
    shared = frozenset((session.quote.get("agreement") or {}).get("supported", ()))
    return [handler for handler in every if handler.needs <= shared] or every


def refusal(session: CheckoutSession, instrument: Instrument, *, approval: bool) -> pricing.Problem | None:
    """Why the instrument is not taken, or None. `approval`: the agent says that somebody has to
    approve the payment first. The session stays as payable as it was."""
    if instrument.type == PURCHASE_ORDER:
        # Nobody here vouches for a business buyer's account and limit (ACP-186).
        text = gettext_noop("Purchase orders are not taken. Pay with one of the handlers of the session.")
        return _notice("approval_required", text, "purchase_order_number")
    handler = next((entry for entry in offered(session) if entry.id == instrument.handler_id), None)
    if handler is None:
        text = gettext_noop("Pay with one of the handlers offered in capabilities.payment.handlers.")
        return _notice("invalid", text, "handler_id")
    if instrument.belongs_to not in (None, handler.id):
        text = gettext_noop("The instrument names another handler than payment_data does.")
        return _notice("invalid", text, "instrument.handler_id")
    taken = (DELEGATED,) if handler.requires_delegate_payment else handler.credential_types
    if instrument.credential_type not in taken:
        text = gettext_noop("This handler takes credentials of type: %(types)s.")
        values = {"types": ", ".join(taken)}
        return _notice("unsupported", text, "instrument.credential.type", values)
    if approval:
        text = gettext_noop("Nobody can approve a payment here. Nothing was charged.")
        return _notice("approval_required", text, "approval_required")
    return None


def _notice(code: str, text: str, member: str, values: Mapping[str, object] | None = None) -> pricing.Problem:
    return pricing.problem("error", code, text, param=f"{PAYMENT}.{member}", blocking=False, values=values)

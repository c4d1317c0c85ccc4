"""What an answer of Stripe's means to the checkout. Nothing is asked here.

Stripe's own word on its charge says who was authenticated and whose loss a dispute is; what an agent
brought is in none of it (reliability-security 1.9).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from django.utils.translation import gettext_noop

from checkout.errors import ProviderUnavailable
from checkout.payments.outcomes import (
    ActionRequired,
    Attempt,
    Authorized,
    Declined,
    Dispute,
    LedgerEntry,
    Outcome,
    Refunded,
    RefundEntry,
)
from checkout.payments.stripe_terms import Terms, charged, counted
from interventions.weblinks import leads_to

log = logging.getLogger("agentic.stripe")

ATTEMPT = "attempt"
"""The member of Stripe's `metadata` that names our attempt."""
REFUSED_FOR = "refused"
"""And the one with the code for which its instrument was not taken."""
TRIED_AT = "tried_at"
"""And the one that says when somebody last set about to confirm it."""

KEY = "key"
"""And the one of a refund with the key that it was asked for under."""

NOT_ATTEMPTED = "not_attempted"
INTENT = re.compile(r"pi_[A-Za-z0-9_]{1,120}", re.ASCII)
REFUND = re.compile(r"(?:re|pyr)_[A-Za-z0-9_]{1,120}", re.ASCII)
DISPUTE = re.compile(r"(?:dp|du)_[A-Za-z0-9_]{1,120}", re.ASCII)
ENDS: Mapping[str, Literal["won", "lost"]] = {
    "lost": "lost",
    **dict.fromkeys(("won", "warning_closed", "prevented"), "won"),
}
WAITS = ("needs_response", "under_review", "warning_needs_response", "warning_under_review")
_CODE = re.compile(r"[a-z0-9_]{1,64}", re.ASCII)

PROVEN = frozenset({"authenticated", "attempt_acknowledged"})
SHIFTED = frozenset({"01", "02", "05", "06"})
"""Indicators in the network's answer with which a dispute is the issuer's loss."""
DIRECTORIES = {"visa": "visa", "mastercard": "mastercard", "amex": "american_express"}

GENERIC = gettext_noop("The card was declined. Try another way to pay.")
NOT_CARRIED_OUT = gettext_noop("The payment was not carried out. Try again.")
_TOKEN = gettext_noop("The permission to pay is not valid for this purchase. Pay anew.")
_UNSEEN = gettext_noop("The card's bank did not confirm the payment. Try another way to pay.")
_EXPIRED = gettext_noop("The card has expired. Try another card.")
_NUMBER = gettext_noop("The card's details are not right. Check them, or try another card.")
_CARD = gettext_noop("The card cannot be used for this purchase. Try another card.")

TEXTS: Mapping[str, str] = {
    "insufficient_funds": gettext_noop("The card has not enough money for this. Try another way to pay."),
    "card_velocity_exceeded": gettext_noop("The card is over its limit. Try another way to pay."),
    "expired_card": _EXPIRED,
    **dict.fromkeys(("invalid_expiry_month", "invalid_expiry_year"), _EXPIRED),
    **dict.fromkeys(
        (
            "incorrect_cvc",
            "invalid_cvc",
            "incorrect_number",
            "invalid_number",
            "incorrect_zip",
            "invalid_account",
        ),
        _NUMBER,
    ),
    **dict.fromkeys(("card_not_supported", "currency_not_supported", "not_permitted"), _CARD),
    **dict.fromkeys(
        ("authentication_required", "payment_intent_authentication_failure", "authentication_not_possible"),
        _UNSEEN,
    ),
    "processing_error": gettext_noop("The card could not be processed. Try again, or pay another way."),
    NOT_ATTEMPTED: NOT_CARRIED_OUT,
    "invalid_token": _TOKEN,
    **dict.fromkeys(
        (
            *("unknown_token", "token_used", "token_expired", "above_allowance"),
            *("another_session", "another_agent", "another_merchant", "another_currency"),
        ),
        _TOKEN,
    ),
}
"""Why, as buyers read it. Of a card that was stolen or looks like fraud nobody is told so."""


def declined(code: str, reference: str = "") -> Declined:
    """A refusal for Stripe's `code`, with what the buyer reads of it."""
    named = code if _CODE.fullmatch(code) else "declined"
    return Declined(named, TEXTS.get(named, GENERIC), reference)


def checked(intent: Mapping[str, Any], attempt: Attempt, terms: Terms) -> Mapping[str, Any]:
    """The intent, which is one and is this attempt's. Raises ProviderUnavailable for anything else (T60)."""
    name, metadata = intent.get("id"), intent.get("metadata")
    fits = (
        intent.get("object") == "payment_intent"
        and isinstance(name, str)
        and INTENT.fullmatch(name)
        and intent.get("livemode") is terms.live
        and isinstance(metadata, Mapping)
        and metadata.get(ATTEMPT) == attempt.id
        and intent.get("amount") == charged(attempt.amount, attempt.currency)
        and str(intent.get("currency")).lower() == attempt.currency.lower()
    )
    if not fits:
        log.error("Stripe answered with something else than the intent of payment %s", attempt.id)
        raise ProviderUnavailable
    return intent


def outcome(intent: Mapping[str, Any], terms: Terms) -> Outcome | None:
    """What has become of it; None while nobody has confirmed it. Raises ProviderUnavailable while Stripe
    itself does not know, and for a state that does not exist."""
    reference = str(intent["id"])
    match intent.get("status"):
        case "requires_capture" | "succeeded" as status:
            seen, shift = _authenticated(intent)
            return Authorized(
                reference, captured=status == "succeeded", authenticated=seen, liability_shift=shift
            )
        case "requires_action":
            return _action(intent, terms)
        case "requires_payment_method" | "requires_confirmation":
            code = refusal(intent)
            return declined(code, reference) if code else None
        case "canceled":
            never = intent.get("latest_charge") is None
            return declined(refusal(intent) or (NOT_ATTEMPTED if never else "canceled"), reference)
        case "processing":
            log.info("Stripe is still working on %s", reference)
        case other:
            log.error("Stripe has %s in a state that we do not know: %r", reference, str(other)[:40])
    raise ProviderUnavailable


def refusal(intent: Mapping[str, Any]) -> str:
    """Why the last try failed, in Stripe's code; "" when none did."""
    error = intent.get("last_payment_error")
    if isinstance(error, Mapping):
        return str(error.get("decline_code") or error.get("code") or "declined")
    metadata = intent.get("metadata")
    return str(metadata.get(REFUSED_FOR) or "") if isinstance(metadata, Mapping) else ""


def touched_at(intent: Mapping[str, Any]) -> float:
    """When somebody last set about to confirm it, in seconds since 1970."""
    said = str(intent["metadata"].get(TRIED_AT) or "")
    tried = int(said) if said.isdigit() and len(said) < 12 else 0
    return float(max(int(intent.get("created") or 0), tried))


def refunded(refund: Mapping[str, Any], attempt: Attempt, payment: str, amount: int) -> Refunded:
    """What became of so much of the payment. Raises ProviderUnavailable for anything else (T60)."""
    name = refund.get("id")
    fits = (
        refund.get("object") == "refund"
        and isinstance(name, str)
        and REFUND.fullmatch(name)
        and refund.get("payment_intent") == payment
        and refund.get("amount") == charged(amount, attempt.currency)
        and str(refund.get("currency")).lower() == attempt.currency.lower()
    )
    if not fits:
        log.error("Stripe answered with something else than a refund of payment %s", attempt.id)
        raise ProviderUnavailable
    return Refunded(str(name), *_refund_state(refund))


def refund_entry(refund: Mapping[str, Any], payment: str) -> RefundEntry:
    """One refund of the payment. Raises ProviderUnavailable for anything else (T60)."""
    name, metadata = refund.get("id"), refund.get("metadata")
    if not isinstance(name, str) or not REFUND.fullmatch(name) or refund.get("payment_intent") != payment:
        log.error("Stripe lists something else than refunds of %s", payment)
        raise ProviderUnavailable
    said = metadata.get(KEY) if isinstance(metadata, Mapping) else None
    state, reason = _refund_state(refund)
    return RefundEntry(said if isinstance(said, str) else "", name, state, reason)


def dispute(found: Mapping[str, Any], payment: str) -> Dispute:
    """One dispute of the payment. Raises ProviderUnavailable for anything else (T60)."""
    name, amount = found.get("id"), found.get("amount")
    currency, opened = str(found.get("currency")), found.get("created")
    fits = (
        found.get("object") == "dispute"
        and isinstance(name, str)
        and DISPUTE.fullmatch(name)
        and found.get("payment_intent") == payment
        and type(amount) is int
        and type(opened) is int
    )
    if not fits:
        log.error("Stripe lists something else than disputes of %s", payment)
        raise ProviderUnavailable
    status, reason = str(found.get("status")), str(found.get("reason") or "")
    if status not in ENDS and status not in WAITS:
        log.error("Stripe has dispute %s in a state that we do not know: %r", name, status[:40])
    return Dispute(
        key=str(name),
        amount=counted(int(str(amount)), currency),
        currency=currency,
        state=ENDS.get(status, "open"),
        reason=reason if _CODE.fullmatch(reason) else "",
        opened_at=datetime.fromtimestamp(int(str(opened)), UTC),
    )


def _refund_state(refund: Mapping[str, Any]) -> tuple[Literal["pending", "completed", "failed"], str]:
    match refund.get("status"):
        case "succeeded":
            return "completed", ""
        case "pending" | "requires_action":
            return "pending", ""
        case "failed" | "canceled" as status:
            return "failed", str(refund.get("failure_reason") or status)
        case other:
            name = refund.get("id")
            log.error("Stripe has refund %s in a state that we do not know: %r", name, str(other)[:40])
            raise ProviderUnavailable


def entry(intent: Mapping[str, Any]) -> LedgerEntry:
    """One row of the books. `latest_charge` is expanded."""
    currency = str(intent["currency"])
    charge = intent.get("latest_charge")
    back = charge.get("amount_refunded") if isinstance(charge, Mapping) else 0
    return LedgerEntry(
        reference=str(intent["id"]),
        attempt_id=str((intent.get("metadata") or {}).get(ATTEMPT) or ""),
        state=_ledger_state(intent),
        amount=counted(int(intent["amount"]), currency),
        currency=currency,
        captured=counted(int(intent.get("amount_received") or 0), currency),
        refunded=counted(int(back or 0), currency),
        created_at=datetime.fromtimestamp(int(intent["created"]), UTC),
    )


def _ledger_state(
    intent: Mapping[str, Any],
) -> Literal["waiting", "authorized", "captured", "voided", "declined"]:
    match intent.get("status"):
        case "succeeded":
            return "captured"
        case "requires_capture":
            return "authorized"
        case "canceled":
            return "declined" if refusal(intent) else "voided"
        case _:
            return "declined" if refusal(intent) else "waiting"


def _authenticated(intent: Mapping[str, Any]) -> tuple[bool, bool | None]:
    """Whether the issuer answered for its holder, and whether a dispute is its loss."""
    charge = intent.get("latest_charge")
    details = charge.get("payment_method_details") if isinstance(charge, Mapping) else None
    card = details.get("card") if isinstance(details, Mapping) else None
    seen = card.get("three_d_secure") if isinstance(card, Mapping) else None
    if not isinstance(seen, Mapping):
        return False, None
    proven = seen.get("result") in PROVEN
    indicator = seen.get("electronic_commerce_indicator")
    return proven, proven and (indicator is None or indicator in SHIFTED)


def _action(intent: Mapping[str, Any], terms: Terms) -> ActionRequired:
    action = intent.get("next_action")
    hosted = action.get("redirect_to_url") if isinstance(action, Mapping) else None
    url = hosted.get("url") if isinstance(hosted, Mapping) else None
    plain = not terms.live
    if url is not None and not leads_to(url, terms.challenge_origins, loopback_http=plain):
        log.error("Stripe leads to a page that is not where its pages are (T30)")
        url = None
    return ActionRequired(str(intent["id"]), redirect_url=url, metadata=_metadata(intent, terms))


def _metadata(intent: Mapping[str, Any], terms: Terms) -> Mapping[str, Any] | None:
    """For an agent that runs 3-D Secure itself: the merchant's bank and the card's network."""
    method = intent.get("payment_method")
    card = method.get("card") if isinstance(method, Mapping) else None
    brand = card.get("brand") if isinstance(card, Mapping) else None
    directory = DIRECTORIES.get(str(brand))
    if not terms.acquirer or directory is None:
        return None
    return {"acquirer_details": dict(terms.acquirer), "directory_server": directory}

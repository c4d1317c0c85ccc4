"""A vault whose cards are at Stripe: each is a PaymentMethod there, and a token of ours here.

The card is asked for once under a key of its own, so that whoever repeats it is answered with the same
PaymentMethod; the token is computed from our own key, so that it is the same whatever was heard. A card
that was stored and never heard of has no token, belongs to nobody and cannot be charged.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any

from checkout.errors import ProviderUnavailable
from checkout.payments import allowances
from checkout.payments.stripe import Answer, Refused, Silent, StripeApi, talks, within
from checkout.payments.stripe_intents import MOST_KEYS, numbered
from checkout.payments.stripe_terms import Terms
from checkout.payments.vault import CARD, Allowance, Card, CardRefused, Redeemed, VaultToken
from checkout.token_models import StripeToken
from interventions import transactions
from interventions.http import Http

log = logging.getLogger("agentic.stripe")

INSIDE = "A vault is not called with a transaction open."
METHOD = re.compile(r"pm_[A-Za-z0-9_]{1,200}", re.ASCII)
PLACES = {"line_one": "line1", "line_two": "line2", **{n: n for n in ("city", "state", "country")}}
MEMBERS: Mapping[str, str] = {
    **dict.fromkeys(("incorrect_number", "invalid_number"), "number"),
    "invalid_expiry_month": "exp_month",
    **dict.fromkeys(("invalid_expiry_year", "expired_card"), "exp_year"),
    **dict.fromkeys(("invalid_cvc", "incorrect_cvc"), "cvc"),
}
"""Which member of the card Stripe's refusal is about."""
NEEDED = ("exp_month", "exp_year")


class StripeTokens(allowances.Allowances):
    """Implements `vault.Redeemer`. Needs no vault: what was charged with a token is followed to its end
    by workers that take no cards any more."""

    rows = StripeToken

    def holds(self, method: str) -> bool:
        """The card has a token, which alone pays with it."""
        return StripeToken.objects.filter(method=method).exists()

    def _redeemed(self, row: StripeToken) -> Redeemed:
        return Redeemed(row.method, "")


class StripeVault(StripeTokens):
    """Implements `vault.Vault` too. `verb_seconds` is the end of everything that one card asks of Stripe,
    repeats included. `store` raises RuntimeError with a transaction open."""

    def __init__(self, terms: Terms, http: Http, *, verb_seconds: float) -> None:
        self._live, self._verb_seconds = terms.live, verb_seconds
        self._api = StripeApi(
            terms.secret_key,
            http,
            version=terms.version,
            origin=terms.api_origin,
            timeout_seconds=terms.timeout_seconds,
            retries=terms.retries,
        )

    def store(
        self,
        card: Card,
        allowance: Allowance,
        *,
        billing_address: Mapping[str, str] | None,
        risk_signals: Sequence[Mapping[str, object]],
        metadata: Mapping[str, str],
        key: str,
    ) -> VaultToken:
        transactions.refuse_inside(INSIDE)
        row = StripeToken.objects.filter(key=key).first()
        if row is None:
            _judge(card)
            # What was refused is told from here: a frame further in holds the card as it is sent.
            said = self._asked(card, billing_address, key)
            if isinstance(said, CardRefused):
                raise said
            if said is None:
                raise ProviderUnavailable
            return allowances.issued(StripeToken(method=said, **allowances.kept(key, allowance)), metadata)
        return VaultToken(allowances.token_of(row), row.created_at, dict(metadata))

    def _asked(self, card: Card, address: Mapping[str, str] | None, key: str) -> str | CardRefused | None:
        """Stripe's id of the card, why it takes none, or None: what came of it is not known. Raises
        nothing that was raised near the card."""
        if talks():  # system checks say so too, but no web server runs them
            log.error("no card is brought to Stripe while its library writes to the terminal (STRIPE_LOG)")
            return None
        params = _params(card, address)
        try:
            with within(self._verb_seconds):
                for number in range(1, MOST_KEYS + 1):
                    try:
                        under = numbered(f"vault:{key}", number)
                        return self._named(
                            self._api.ask("payment_methods", "create", params=params, key=under)
                        )
                    except Refused as refused:
                        if refused.kind != "key":
                            return _refusal(refused)
                    except Silent as silent:
                        if not silent.replayed:
                            return None
        except Exception as problem:  # whatever it is, its text or its frames may hold the card
            log.error("a card cannot be brought to Stripe: %s", type(problem).__name__)
        return None

    def _named(self, answer: Answer) -> str | None:
        said = answer.content
        name = said.get("id")
        fits = (
            said.get("object") == "payment_method"
            and said.get("type") == "card"
            and said.get("livemode") is self._live
            and isinstance(name, str)
            and METHOD.fullmatch(name)
        )
        if not fits:
            log.error("Stripe answered with something else than a card")
            return None
        return str(name)


def _judge(card: Card) -> None:
    """Raises CardRefused for what Stripe is not asked about."""
    if card.number_type != "fpan":
        text = "Network tokens are not taken. Send the number of the card."
        raise CardRefused(text, param=f"{CARD}.card_number_type")
    for member in NEEDED:
        if not getattr(card, member):
            raise CardRefused("This card needs to say when it ends.", param=f"{CARD}.{member}")


def _params(card: Card, address: Mapping[str, str] | None) -> dict[str, Any]:
    told: dict[str, Any] = {"number": card.number, "exp_month": card.exp_month, "exp_year": card.exp_year}
    if card.cvc:
        told["cvc"] = card.cvc
    params: dict[str, Any] = {"type": "card", "card": told}
    place = address or {}
    named = {PLACES.get(name, name): text for name, text in place.items() if name != "name" and text}
    holder = card.name or place.get("name")
    details = {**({"name": holder} if holder else {}), **({"address": named} if named else {})}
    return {**params, "billing_details": details} if details else params


def _refusal(refused: Refused) -> CardRefused | None:
    """None for a refusal that is not about the card: somebody has to look at the account."""
    member = MEMBERS.get(refused.code) or MEMBERS.get(refused.decline_code)
    if member is None and refused.kind != "card":
        log.error("Stripe takes no cards from us: %s", refused.code or "invalid")
        return None
    return CardRefused(param=f"{CARD}.{member}" if member else CARD)

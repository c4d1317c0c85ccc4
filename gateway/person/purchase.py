"""What a person is told about a purchase, asked for or made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from checkout.models import CheckoutSession
from gateway import contacts, keys, languages
from gateway.person.amounts import amount_text
from interventions.translation import Words, words

SEEN = "purchase as it was shown"
DIGEST_CHARACTERS = 32


@dataclass(frozen=True, slots=True)
class Line:
    title: str
    quantity: int
    amount: str


@dataclass(frozen=True, slots=True)
class Bill:
    """What is bought and what it comes to, amounts as text."""

    lines: tuple[Line, ...]
    sums: tuple[tuple[str, str], ...]
    total: str


@dataclass(frozen=True, slots=True)
class Purchase:
    """Always visible above the question (T40, T45). `requested_by` is an agent's own name."""

    bill: Bill
    requested_by: str
    language: str
    """What its buyer is spoken to in."""
    digest: str
    """Short and keyed: differs when something else is bought, or for another total."""


def of_session(session_id: str) -> Purchase | None:
    """The purchase as last priced, or None when the session is gone."""
    session = CheckoutSession.objects.filter(pk=session_id).first()
    return of(session) if session else None


def of(session: CheckoutSession) -> Purchase:
    """The purchase as this reading of the session has it."""
    language = languages.of_session(session)
    return Purchase(
        bill=bill(session.quote, session.total, session.currency, language),
        requested_by=contacts.requested_by(session.owner, language),
        language=language,
        digest=_digest(session),
    )


def _digest(session: CheckoutSession) -> str:
    quote = session.quote
    lines = [[line[name] for name in ("item_id", "title", "quantity", "base")] for line in quote["lines"]]
    shown = [session.pk, lines, quote["totals"], session.total, session.currency, session.owner]
    return keys.digest(json.dumps(shown, sort_keys=True).encode(), SEEN)[:DIGEST_CHARACTERS]


def bill(quote: Mapping[str, Any], total: int, currency: str, language: str) -> Bill:
    """A quote as people read it."""
    said: Words = words(language)
    sums = quote["totals"]
    rows = [
        (said("Items"), sums["items"]),
        (said("Delivery"), sums["fulfillment"]),
        (said("Tax"), sums["tax"]),
    ]
    if discount := sums["items_discount"] + sums["discount"]:
        rows.insert(1, (said("Discount"), -discount))
    return Bill(
        lines=tuple(
            Line(line["title"], line["quantity"], amount_text(line["base"], currency, language))
            for line in quote["lines"]
        ),
        sums=tuple((name, amount_text(amount, currency, language)) for name, amount in rows),
        total=amount_text(total, currency, language),
    )

"""An operator asks the payment provider now: the same of payments and of refunds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest

from checkout.errors import CheckoutError


def ask_each(
    screen: Any,
    request: HttpRequest,
    rows: Sequence[Any],
    verb: Callable[[str], object],
    *,
    reason: str,
    noun: str,
) -> None:
    """The provider was asked about each row by `verb`, and what came of it is noted with the row and told
    the operator; one of which nothing is known stops no other. No transaction may be open."""
    for row in rows:
        try:
            verb(row.pk)
        except CheckoutError as problem:
            outcome, level = problem.message, messages.WARNING
        else:
            row.refresh_from_db()
            outcome, level = f"The {noun} is {row.state}.", messages.SUCCESS
        screen.note(request, row, f"Asked the provider: {reason}. {outcome}")
        screen.message_user(request, f"{noun.capitalize()} {row.pk}: {outcome}", level)

"""Amounts as people write them where they live."""

from __future__ import annotations

from decimal import Decimal

from django.utils import formats, numberformat

from checkout.money import exponent


def amount_text(amount: int, currency: str, language: str) -> str:
    """`amount` with the separators of `language`: 1,299.99 USD, in German 1.299,99 USD."""
    digits = exponent(currency)

    def by(name: str) -> str:
        return str(formats.get_format(name, language.replace("-", "_"), use_l10n=True))

    number = numberformat.format(
        Decimal(amount).scaleb(-digits),
        by("DECIMAL_SEPARATOR"),
        decimal_pos=digits,
        grouping=3,
        thousand_sep=by("THOUSAND_SEPARATOR"),
        force_grouping=True,
        use_l10n=True,
    )
    return f"{number} {currency.upper()}"

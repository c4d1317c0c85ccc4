"""Amounts: integers of minor units with their currency. Never float, never `* 100`."""

from __future__ import annotations

LARGEST_AMOUNT = 10**12
"""Minor units. Anything above is a mistake or an attack (reliability-security T62)."""

# ISO 4217 exponents that differ from two.
_EXPONENTS = {
    **dict.fromkeys(
        "bif clp djf gnf isk jpy kmf krw pyg rwf ugx uyi vnd vuv xaf xof xpf".split(),
        0,
    ),
    **dict.fromkeys("bhd iqd jod kwd lyd omr tnd".split(), 3),
    **dict.fromkeys("clf uyw".split(), 4),
}


def exponent(currency: str) -> int:
    """How many decimal digits the currency's minor unit has (ISO 4217)."""
    return _EXPONENTS.get(currency.lower(), 2)


def display(amount: int, currency: str) -> str:
    """`amount` for people, such as `129.99 USD`; exact, because it never leaves integers."""
    digits = exponent(currency)
    sign = "-" if amount < 0 else ""
    whole, rest = divmod(abs(amount), 10**digits)
    number = f"{whole:,}" + (f".{rest:0{digits}d}" if digits else "")
    return f"{sign}{number} {currency.upper()}"


def share(amount: int, basis_points: int) -> int:
    """`basis_points` hundredths of a percent of `amount`, rounded half up, in integers."""
    return (amount * basis_points + 5_000) // 10_000

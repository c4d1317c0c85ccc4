"""Minor units as people read them: 12999 usd is "129.99 USD"."""

from __future__ import annotations

WITHOUT_CENTS = frozenset("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split())
IN_THOUSANDTHS = frozenset("BHD IQD JOD KWD LYD OMR TND".split())


def display(amount: int, currency: str) -> str:
    """The amount with its currency. Whole numbers all the way: never a float."""
    code = currency.upper()
    return f"{number(amount, code)} {code}"


def number(amount: int, currency: str) -> str:
    """The amount alone."""
    code = currency.upper()
    places = 0 if code in WITHOUT_CENTS else 3 if code in IN_THOUSANDTHS else 2
    sign = "-" if amount < 0 else ""
    if not places:
        return f"{sign}{abs(amount)}"
    whole, rest = divmod(abs(amount), 10**places)
    return f"{sign}{whole}.{rest:0{places}d}"

"""Telephone numbers as they are dialled from anywhere: one spelling for each, the one of E.164."""

from __future__ import annotations

import re

LONGEST_INPUT = 40
"""Room for spaces and marks; what is longer was not typed by a person."""

_TRUNK_ZERO = re.compile(r"\(0\)")
_MARKS = re.compile(r"[\s\-./()\u00a0\u2010-\u2015]+")
_PLAUSIBLE = re.compile(r"\+[1-9][0-9]{7,14}", re.ASCII)
_COUNTRY = re.compile(
    r"\+(1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|[0-9]{3})([0-9]+)", re.ASCII
)
_DIALLED_WITHIN = {"1": "01", "52": "01", "54": "09"}
"""What people put after the country code, by that code, and no number begins with; elsewhere a zero."""


def e164(written: str) -> str:
    """Plus, country code and number, in digits alone; "" for what nobody can dial from abroad.

    However it is spaced, and with 00 for the plus. A number without its country code is not
    guessed at: a code would go to a stranger. Whether anybody answers there is not known.
    """
    if len(written) > LONGEST_INPUT:
        return ""
    bare = _MARKS.sub("", _TRUNK_ZERO.sub("", written))
    if bare.startswith("00"):
        bare = f"+{bare[2:]}"
    return bare if _PLAUSIBLE.fullmatch(bare) else ""


def counted(number: str) -> str:
    """One text for all the E.164 spellings by which the phone of `number` may be reached.

    Whoever carries texts forgives the zero of a call from within the country: +49 0170 is +49 170. To
    be counted by, never to be dialled, because in some countries the zero belongs to the number.
    """
    found = _COUNTRY.fullmatch(number)
    if found is None:
        return number
    code, rest = found.groups()
    return f"+{code}{rest.lstrip(_DIALLED_WITHIN.get(code, '0'))}"

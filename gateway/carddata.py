"""Finding card data, which the gateway takes from nobody.

A body with a card number or a card verification code is refused before it is stored, logged
or fingerprinted (decision 26): with that, the database, the logs and the backups of a
merchant hold no cardholder data. Two things count as card data:

* a member named like a card field, at any depth and whatever its value;
* a card number, 13 to 19 digits with a valid check digit, in text: everywhere under
  `payment_data`, and elsewhere wherever a person writes. Identifiers, codes, addresses of
  machines, amounts, telephone numbers and `metadata` are not text: one number in ten has a
  valid check digit by chance.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from schemas import jsonpath


def find(document: dict[str, Any]) -> str | None:
    """The JSONPath of the first card datum, None when there is none. Never its value.

    `document` is what `strict_json.loads` gave, so its depth is bounded.
    """
    found = _in_object(document, _TEXT, False)
    return None if found is None else jsonpath.rendered(tuple(found))[0]


def is_number(key: str) -> bool:
    """A key that an agent chose is a card number: nothing else in it, issued digits, right length.

    Stricter than what text is held to, because keys are often made of digits (a clock, say).
    """
    digits = key.replace(" ", "").replace("-", "")
    issued = digits.isascii() and digits.isdigit() and 14 <= len(digits) <= 19 and digits[0] in "3456"
    return issued and _has_check_digit(digits)


# Names ----------------------------------------------------------------------------------
# Compared in lower case without separators, so card_number, cardNumber and card-number are one.

_CARD = frozenset(
    """
    cardnumber cardno ccnumber ccno creditcardnumber debitcardnumber paymentcardnumber
    pan cardpan fpan dpan primaryaccountnumber
    cvc cvc2 cvv cvv2 cvn cvn2 csc cav2 cid2 cvccode cvvcode cvcnumber cvvnumber
    cardcvc cardcvv cardcsc cardcode cardsecuritycode securitycode
    cardverificationcode cardverificationnumber cardverificationvalue cvccheckvalue
    expmonth expyear expirymonth expiryyear expirationmonth expirationyear
    cardexpmonth cardexpyear cardexpirymonth cardexpiryyear cardexpirationmonth cardexpirationyear
    cardexp cardexpiry cardexpirydate cardexpiration cardexpirationdate
    trackdata track1 track2 track1data track2data magstripe magneticstripe pinblock
    """.split()
)
# Harmless alone, card fields together.
_NUMBER = frozenset({"number", "accountnumber"})
_BESIDE_NUMBER = frozenset(
    """
    exp expiry expiration expdate expirydate expirationdate validthru validto goodthru
    cid cryptogram cardholder cardholdername nameoncard cardtype cardbrand cardnumbertype
    """.split()
)
# An object of this name describes a card or another means of payment: its `number` is one.
_HOLDER = frozenset(
    """
    card creditcard debitcard paymentcard bankcard credential credentials
    paymentmethod paymentmethoddata instrument paymentinstrument
    """.split()
)
_PAYMENT_DATA = frozenset({"paymentdata"})
# Never searched for digits, not even under payment_data. `metadata` takes all it holds with it.
_NEVER_TEXT = frozenset(
    """
    metadata transactionid phone phonenumber phones telephone telephonenumber tel
    mobile mobilenumber mobilephone fax faxnumber
    """.split()
)
# Not written by a person: searched only under payment_data.
_OPAQUE = frozenset(
    """
    email emailaddress sku gtin gtin8 gtin12 gtin13 gtin14 ean ean8 ean13 upc isbn mpn barcode
    code codes coupon coupons token tokens reference trackingnumber ordernumber invoicenumber
    confirmationnumber purchaseordernumber url urls uri uris href callbackdata ipaddress useragent
    devicefingerprint fingerprint signature nonce timestamp threedscryptogram
    """.split()
)
_OPAQUE_ENDINGS = tuple("id ids amount price total balance quantity url uri token sku".split())

_LONGEST_NAME = 40

(
    _IS_ORDINARY,
    _IS_CARD,
    _IS_NUMBER,
    _IS_BESIDE_NUMBER,
    _IS_HOLDER,
    _IS_PAYMENT_DATA,
    _IS_NEVER_TEXT,
    _IS_OPAQUE,
) = range(8)


@lru_cache(maxsize=1024)
def _kind(name: str) -> int:
    word = name.lower().replace("_", "").replace("-", "").replace(" ", "").replace(".", "")
    for names, kind in (
        (_CARD, _IS_CARD),
        (_NUMBER, _IS_NUMBER),
        (_BESIDE_NUMBER, _IS_BESIDE_NUMBER),
        (_HOLDER, _IS_HOLDER),
        (_PAYMENT_DATA, _IS_PAYMENT_DATA),
        (_NEVER_TEXT, _IS_NEVER_TEXT),
        (_OPAQUE, _IS_OPAQUE),
    ):
        if word in names:
            return kind
    if word.endswith(_OPAQUE_ENDINGS) or name.lower().endswith(("_at", "-at")) or name.endswith("At"):
        return _IS_OPAQUE
    return _IS_ORDINARY


# The search -----------------------------------------------------------------------------
# Each function returns the way from its value to the datum, or None.

_NO_TEXT, _TEXT, _UNDER_PAYMENT_DATA = range(3)


def _in_object(members: dict[str, Any], mode: int, is_holder: bool) -> list[str | int] | None:
    number: str | None = None
    is_card = is_holder
    for name, value in members.items():
        kind = _kind(name) if len(name) <= _LONGEST_NAME else _IS_ORDINARY
        inner = mode
        if kind:
            if kind == _IS_CARD:
                if _is_given(value):
                    return [name]
            elif kind == _IS_NUMBER:
                number = name if _is_given(value) else number
            elif kind == _IS_BESIDE_NUMBER:
                is_card = True
            elif kind == _IS_NEVER_TEXT:
                inner = _NO_TEXT
            elif kind == _IS_OPAQUE and mode == _TEXT:
                inner = _TEXT if isinstance(value, dict) else _NO_TEXT
            elif kind == _IS_PAYMENT_DATA and mode == _TEXT:
                inner = _UNDER_PAYMENT_DATA
        if mode and len(name) >= 13 and _holds_card_number(name):
            return []
        found = _in_value(value, inner, kind == _IS_HOLDER)
        if found is not None:
            return [name, *found]
    return [number] if number is not None and is_card else None


def _in_value(value: Any, mode: int, is_holder: bool) -> list[str | int] | None:
    if isinstance(value, str):
        return [] if mode and len(value) >= 13 and _holds_card_number(value) else None
    if isinstance(value, dict):
        return _in_object(value, mode, is_holder)
    if isinstance(value, list):
        for index, element in enumerate(value):
            found = _in_value(element, mode, is_holder)
            if found is not None:
                return [index, *found]
        return None
    if mode and isinstance(value, int | float) and 1e12 <= value < 1e19 and value == int(value):
        return [] if _has_check_digit(str(int(value))) else None
    return None


def _is_given(value: Any) -> bool:
    """A datum, not a switch (`"cvc": true`) and not a blank."""
    return not isinstance(value, bool) and value not in (None, "", [], {})


# Card numbers ---------------------------------------------------------------------------

_WORTH_A_LOOK = re.compile(r"[0-9](?:[ -]?[0-9]){12}")
# Possessive: every run of digit groups is read once, however long.
_RUN = re.compile(r"[0-9]++(?:[ -][0-9]++)*+")
_DOUBLED = bytes.maketrans(b"0123456789", bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))
_PLAIN = bytes.maketrans(b"0123456789", bytes(range(10)))


def _holds_card_number(text: str) -> bool:
    if not _WORTH_A_LOOK.search(text):
        return False
    if _RUN.fullmatch(text.strip()):  # nothing but digits: however they are grouped
        digits = text.replace(" ", "").replace("-", "")
        if 13 <= len(digits) <= 19 and _has_check_digit(digits):
            return True
    return any(_run_holds_card_number(text, run.start(), run.end()) for run in _RUN.finditer(text))


def _run_holds_card_number(text: str, start: int, end: int) -> bool:
    """Neighbouring groups of the run make a card number: 4242 4242 4242 4242 12 28 does.

    The first group has four digits or more, those between at least three; a card is not
    written otherwise, and dates are. A group that is part of a word (a UUID, a token) or
    follows a plus (a telephone number) is none.
    """
    groups = text[start:end].replace("-", " ").split(" ")
    if start and (_continues_word(text[start - 1]) or text[start - 1] == "+"):
        del groups[0]
    if groups and end < len(text) and _continues_word(text[end]):
        del groups[-1]
    for first, group in enumerate(groups):
        if len(group) < 4:
            continue
        digits = ""
        for following in groups[first:]:
            digits += following
            if len(digits) > 19:
                break
            if len(digits) >= 13 and _has_check_digit(digits):
                return True
            if len(following) < 3:
                break
    return False


def _continues_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _has_check_digit(digits: str) -> bool:
    """The Luhn sum is a multiple of ten."""
    backwards = digits[::-1].encode()
    return (sum(backwards[::2].translate(_PLAIN)) + sum(backwards[1::2].translate(_DOUBLED))) % 10 == 0

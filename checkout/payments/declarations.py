"""What the declaration of a payment handler must hold to (ACP-174 to ACP-182).

Looked at by the system checks and by the contract of `PaymentProvider`, never on a request.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from checkout.payments.outcomes import DELEGATED, Handler
from checkout.payments.results import INDICATORS
from interventions.negotiation import Kind

CARD = "dev.acp.tokenized.card"
LONGEST_MERCHANT_ID = 256

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NAME = re.compile(r"[a-z][a-z0-9-]*(?:\.[a-z0-9][a-z0-9_-]*)+")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)

_CARD_LISTS: Mapping[str, Collection[str]] = {
    "accepted_brands": ("visa", "mastercard", "amex", "discover", "diners", "jcb", "unionpay"),
    "accepted_funding_types": ("credit", "debit", "prepaid"),
    "3ds_versions": ("2.1", "2.2", "2.3"),
}
_ACQUIRER = {
    "acquirer_bin": (1, 11),
    "acquirer_country": (2, 2),
    "acquirer_merchant_id": (1, 35),
    "merchant_name": (1, 40),
    "requestor_id": (1, 35),
}
"""The merchant as its bank knows it, and how long each may be; the last is optional."""
_ENVIRONMENTS = ("sandbox", "production")


def problems(handlers: Sequence[Handler]) -> list[str]:
    """What is wrong with the handlers of one provider, in sentences; nothing when all is well."""
    found = [] if handlers else ["There is no handler: no session could be paid."]
    ids = [handler.id for handler in handlers]
    found += [
        f"The id {name} is not unique." for name in sorted({name for name in ids if ids.count(name) > 1})
    ]
    for handler in handlers:
        found += [f"Handler {handler.id}: {text}" for text in _problems(handler)]
    return found


def metadata_problems(metadata: Mapping[str, Any]) -> list[str]:
    """What is wrong with an `authentication_metadata`, in sentences (ACP-167); nothing when all is well."""
    acquirer = metadata.get("acquirer_details")
    if not isinstance(acquirer, Mapping):
        return ["acquirer_details are missing."]
    found = [f"acquirer_details takes no {name}." for name in sorted(set(acquirer) - set(_ACQUIRER))]
    for member, (shortest, longest) in _ACQUIRER.items():
        given = acquirer.get(member)
        optional = member == "requestor_id" and member not in acquirer
        if not optional and not (isinstance(given, str) and shortest <= len(given) <= longest):
            found.append(f"acquirer_details.{member} must be a text of {shortest} to {longest} characters.")
    if metadata.get("directory_server") not in INDICATORS:
        found.append(f"directory_server must be one of: {', '.join(sorted(INDICATORS))}.")
    return found


def _problems(handler: Handler) -> Iterator[str]:
    if not _ID.fullmatch(handler.id):
        yield "id takes 1 to 64 letters, digits, _ and -."
    if not _NAME.fullmatch(handler.name):
        yield "name must be in reverse-DNS form, such as com.example.card."
    if not _is_day(handler.version):
        yield "version must be a day, such as 2026-04-17."
    for member in ("spec", "config_schema"):
        if not _is_uri(getattr(handler, member)):
            yield f"{member} must be an absolute URI."
    if not handler.instrument_schemas or not all(map(_is_uri, handler.instrument_schemas)):
        yield "instrument_schemas needs one absolute URI or more."
    if handler.requires_delegate_payment and set(handler.credential_types) != {DELEGATED}:
        yield f"with requires_delegate_payment, credential_types must be ({DELEGATED!r},)."
    if not handler.credential_types:
        yield "credential_types is empty: nothing could be paid with."
    if not handler.needs <= {kind.value for kind in Kind}:
        yield "needs names an intervention type that does not exist."
    yield from _config_problems(handler)
    if handler.name == CARD:
        yield from _card_problems(handler.config)


def _config_problems(handler: Handler) -> Iterator[str]:
    merchant = handler.config.get("merchant_id")
    if not isinstance(merchant, str) or not 1 <= len(merchant) <= LONGEST_MERCHANT_ID:
        yield f"config needs a merchant_id of 1 to {LONGEST_MERCHANT_ID} characters."
    if not handler.psp or handler.config.get("psp") != handler.psp:
        yield "config.psp must be the handler's own psp."


def _card_problems(config: Mapping[str, Any]) -> Iterator[str]:
    """ACP-182. Only the brands are required."""
    for member, known in _CARD_LISTS.items():
        given = config.get(member)
        if given is None and member != "accepted_brands":
            continue
        if not isinstance(given, list | tuple) or not given or not set(given) <= set(known):
            yield f"config.{member} must list some of: {', '.join(known)}."
    if not isinstance(config.get("supports_3ds", False), bool):
        yield "config.supports_3ds must be true or false."
    if config.get("environment", "production") not in _ENVIRONMENTS:
        yield f"config.environment must be one of: {', '.join(_ENVIRONMENTS)}."


def _is_day(text: str) -> bool:
    try:
        return bool(_DAY.fullmatch(text)) and bool(date.fromisoformat(text))
    except ValueError:
        return False


def _is_uri(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme and parts.netloc)

"""Signed requests: `Signature` and `Timestamp` (acp.md section G; docs/signatures.md).

A header `Signature` beside `Signature-Input` is one of RFC 9421 and not ours (decision 30).
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime, timedelta

from django.http import HttpRequest
from django.utils import timezone

from gateway import intake, signing_keys, strict_json
from gateway.conf import conf
from gateway.errors import InvalidSignature
from gateway.models import Agent, SignaturePolicy, Signed

NOT_SIGNED = "This agent signs its requests: the Signature and Timestamp headers are needed."
NOT_BASE64URL = "The Signature header must be one signature in base64url."
NO_TIMESTAMP = "A signed request needs the Timestamp header."
NOT_RFC_3339 = "The Timestamp header must be one time as in RFC 3339, such as 2026-04-17T10:00:00Z."
NOT_NOW = "The Timestamp header is more than {} seconds from the time here. Sign each attempt anew."
NOT_CANONICAL = "The Signature header cannot be checked: the body is not JSON with a canonical form."


def check(request: HttpRequest, agent: Agent, *, demanded: bool = False) -> None:
    """The request is signed by the agent as its policy asks, or InvalidSignature (ACP-108).

    `demanded`: whatever its policy says (ACP-109, ACP-209). In the demo, whose agents have no signing
    keys, that is for those that have one.

    Verified over the bytes as they came, before anything else is done with them (ACP-110).
    An agent that never had a signing key may send the headers for nothing (ACP-015). Raises
    what `intake.read_body` raises. Costs one statement, and only for a signature.
    """
    given = request.META.get("HTTP_SIGNATURE")
    if given is None or "HTTP_SIGNATURE_INPUT" in request.META:
        required = agent.signature_policy == SignaturePolicy.REQUIRED
        if required or (demanded and (not conf().DEMO or signing_keys.every(agent))):
            raise InvalidSignature(NOT_SIGNED)
        return
    required = agent.signature_policy == SignaturePolicy.REQUIRED or (demanded and not conf().DEMO)
    keys = signing_keys.every(agent)
    if not keys and not required:
        return
    signature = _signature(given)
    timestamp = _timestamp(request.META.get("HTTP_TIMESTAMP"))
    body = intake.read_body(request, cap=conf().BODY_BYTES)
    live = [key for key in keys if signing_keys.is_live(key)]
    signed = _signed({key.signs for key in live}, timestamp, body)
    if any(signing_keys.fits(key, signed[key.signs], signature) for key in live if key.signs in signed):
        return
    # Codes and tokens may be in it, and what runs after us may log what it finds.
    intake.forget_body(request)
    raise InvalidSignature(NOT_CANONICAL if any(key.signs not in signed for key in live) else None)


def _signed(forms: set[str], timestamp: bytes, body: bytes) -> dict[str, bytes]:
    """What was to be signed in each of these forms; nothing for one that the body does not have."""
    found: dict[str, bytes] = {}
    if Signed.RAW in forms:
        found[Signed.RAW] = timestamp + b"." + body
    if forms - {Signed.RAW}:
        try:
            # No body has no canonical form: it is signed as nothing.
            canonical = strict_json.canonical(strict_json.loads(body)) if body else b""
        except strict_json.BadJSON:
            return found
        found[Signed.CANONICAL] = timestamp + b"." + canonical
        found[Signed.CANONICAL_BODY] = canonical
    return found


_BASE64URL = re.compile(r"[A-Za-z0-9_-]{32,128}={0,2}", re.ASCII)


def _signature(given: str) -> bytes:
    """The bytes of the header; padding may be left out, and no other spelling of them passes."""
    if not _BASE64URL.fullmatch(given):
        raise InvalidSignature(NOT_BASE64URL)
    bare = given.rstrip("=")
    if len(bare) % 4 == 1:
        raise InvalidSignature(NOT_BASE64URL)
    signature = urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
    padded = urlsafe_b64encode(signature).decode()
    if given not in (padded, padded.rstrip("=")):
        raise InvalidSignature(NOT_BASE64URL)
    return signature


_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)",
    re.ASCII,
)


def _timestamp(given: str | None) -> bytes:
    """The header as it came, which is what was signed; it is near our clock (ACP-107, T92)."""
    if given is None:
        raise InvalidSignature(NO_TIMESTAMP)
    if not _RFC_3339.fullmatch(given):
        raise InvalidSignature(NOT_RFC_3339)
    try:
        sent_at = datetime.fromisoformat(given.upper())
    except ValueError:
        raise InvalidSignature(NOT_RFC_3339) from None
    skew = conf().SIGNATURE_SKEW_SECONDS
    if abs(sent_at - timezone.now()) > timedelta(seconds=skew):
        raise InvalidSignature(NOT_NOW.format(skew))
    return given.encode()

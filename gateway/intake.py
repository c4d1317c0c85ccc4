"""What may come in: the body within its cap, the headers we keep, the target of the request.

IntakeError
├── BodyTooLarge        more bytes than the cap
├── BothLengths         Content-Length and Transfer-Encoding
├── BadLength           a length or a transfer coding that cannot be read
├── Truncated           fewer bytes than announced
├── EmptyBody           a body is needed and there is none
├── WrongContentType    not JSON in UTF-8
├── BadHeader           a header that we would store or compare holds what it must not
└── BadTarget           the path or the query string does

No message repeats what was sent.
"""

from __future__ import annotations

import re
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes

from django.http import HttpRequest

from gateway import strict_json

BODY_CAP = 262_144


class IntakeError(Exception):
    """The request is refused before anybody looked at what it asks for.

    `code` is for programs, `message` for people, `status` the HTTP status to answer with
    unless a protocol's own file says otherwise.
    """

    code = "invalid_request"
    message = "The request cannot be read."
    status = 400

    def __init__(self, message: str | None = None) -> None:
        self.message = message or self.message
        super().__init__(self.message)


class BodyTooLarge(IntakeError):
    code = "payload_too_large"
    message = "The body is too large."
    status = 413


class BothLengths(IntakeError):
    code = "conflicting_lengths"
    message = "A request has either Content-Length or Transfer-Encoding, not both."


class BadLength(IntakeError):
    code = "invalid_length"
    message = "Content-Length must be a decimal number."


class Truncated(IntakeError):
    code = "incomplete_body"
    message = "The body ended before its announced length."


class EmptyBody(IntakeError):
    code = "missing_body"
    message = "A JSON body is required."


class WrongContentType(IntakeError):
    code = "unsupported_media_type"
    message = "The Content-Type must be application/json, in UTF-8."
    status = 415


class BadHeader(IntakeError):
    """`header` is the name of the header, as we write it."""

    code = "invalid_header"

    def __init__(self, header: str, rule: str) -> None:
        self.header = header
        super().__init__(f"The {header} header {rule}.")


class BadTarget(IntakeError):
    code = "invalid_target"
    message = "The path or the query string is too long, holds a control character or is not valid UTF-8."


# The body -------------------------------------------------------------------------------


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def read_body(request: HttpRequest, *, cap: int = BODY_CAP) -> bytes:
    """The whole body, at most `cap` bytes, b"" when there is none; `request.body` is the same bytes.

    Length-delimited and chunked bodies are read here, because Django reads a chunked one as
    empty; no more than `cap` + 1 bytes are taken from the connection. May be repeated. A body
    that a middleware has read already is used. Raises BodyTooLarge, BothLengths, BadLength,
    Truncated, WrongContentType (only when there is a body; ACP-006). (T72, T78-T80)
    """
    body = read_raw(request, cap=cap)
    if body:
        _check_content_type(request)
    return body


def read_raw(request: HttpRequest, *, cap: int = BODY_CAP) -> bytes:
    """The whole body, whatever its Content-Type says: for bodies that are verified before they are read.

    Raises BodyTooLarge, BothLengths, BadLength and Truncated, otherwise as `read_body`.
    """
    length, open_ended = _announced(request, cap)
    body = getattr(request, "_body", None)
    if body is None or (open_ended and not body):  # a chunked body read by Django looks empty
        body = _read(request, length, open_ended, cap)
        request._body = body
        request._read_started = True  # type: ignore[attr-defined]
    if len(body) > cap:
        raise BodyTooLarge
    if len(body) < length:
        raise Truncated
    return body


def read_json(request: HttpRequest, *, cap: int = BODY_CAP, optional: bool = False) -> dict[str, Any]:
    """The JSON object in the body; {} for no body at all when it is `optional`.

    Raises what `read_body` raises, EmptyBody, and strict_json.BadJSON. May be repeated.
    """
    body = read_body(request, cap=cap)
    if body:
        return strict_json.loads(body)
    if optional:
        return {}
    raise EmptyBody


def forget_body(request: HttpRequest) -> None:
    """`request.body` is empty from here on: what logs bodies later finds no code and no token.

    Call it after the last reader (signature, JSON): `read_body` cannot find it again either.
    """
    request._body = b""
    request._read_started = True  # type: ignore[attr-defined]


def _announced(request: HttpRequest, cap: int) -> tuple[int, bool]:
    """The announced length, and whether the body ends where the stream ends instead."""
    length = request.META.get("CONTENT_LENGTH") or ""
    coding = request.META.get("HTTP_TRANSFER_ENCODING")
    if coding is not None:
        if length:
            raise BothLengths
        if coding.strip(" \t").lower() != "chunked":
            raise BadLength("The only accepted Transfer-Encoding is chunked.")
        return 0, True
    if not length:
        # HTTP/2 and later frame the body themselves and need neither header.
        version = request.META.get("SERVER_PROTOCOL", "")
        return 0, version.startswith(("HTTP/2", "HTTP/3")) and bool(request.META.get("wsgi.input_terminated"))
    if not (length.isascii() and length.isdecimal()):
        raise BadLength
    significant = length.lstrip("0")
    if len(significant) > len(str(cap)) or int(significant or "0") > cap:
        raise BodyTooLarge
    return int(significant or "0"), False


def _read(request: HttpRequest, length: int, open_ended: bool, cap: int) -> bytes:
    if not length and not open_ended:
        return b""
    # Under ASGI there is no WSGI stream; the request itself is one.
    stream: _Readable = request.META.get("wsgi.input", request)
    wanted = cap + 1 if open_ended else length
    pieces: list[bytes] = []
    while wanted:
        try:
            piece = stream.read(wanted)
        except OSError as error:  # the connection broke, or its chunks do not parse
            raise Truncated from error
        if not piece:
            break
        pieces.append(piece)
        wanted -= len(piece)
    if open_ended and not wanted:
        raise BodyTooLarge
    return b"".join(pieces)


_JSON_TYPE = re.compile(
    r'application/json[ \t]*(;[ \t]*charset=(utf-8|"utf-8")[ \t]*)?', re.ASCII | re.IGNORECASE
)


def _check_content_type(request: HttpRequest) -> None:
    if not _JSON_TYPE.fullmatch(request.META.get("CONTENT_TYPE", "")):
        raise WrongContentType
    if request.META.get("HTTP_CONTENT_ENCODING", "identity").lower() not in ("", "identity"):
        raise WrongContentType("The body must not be compressed.")


# Headers --------------------------------------------------------------------------------

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_KEY = re.compile(r"[!-+\--~](?:[ -+\--~]{0,253}[!-+\--~])?")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._~:/+=@-]{1,255}")


def header(request: HttpRequest, name: str) -> str | None:
    """The value of a request header as it was sent, None when it was not.

    Several lines of one header arrive joined by commas. Raises BadHeader for a control character.
    """
    value = request.META.get("HTTP_" + name.upper().replace("-", "_"))
    if value is None:
        return None
    if _CONTROL.search(value):
        raise BadHeader(name, "must not hold control characters")
    return str(value)


def idempotency_key(request: HttpRequest) -> str | None:
    """The Idempotency-Key, None when absent; safe to store and to echo. (ACP-085, T66, T85)

    1 to 255 printable ASCII characters, no space at either end, no comma: two lines of the
    header would be joined by one and pass for a third key. Raises BadHeader otherwise, for an
    empty one too.
    """
    value = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if value is None:
        return None
    if not _KEY.fullmatch(value):
        raise BadHeader(
            "Idempotency-Key",
            "must be one value of 1 to 255 printable ASCII characters, without commas or spaces around it",
        )
    return str(value)


def request_id(request: HttpRequest) -> str | None:
    """The Request-Id if it is safe to echo, None otherwise. Never raises. (ACP-013, T85)"""
    value = request.META.get("HTTP_REQUEST_ID")
    return str(value) if value is not None and _REQUEST_ID.fullmatch(value) else None


# The target -----------------------------------------------------------------------------

# Django puts bytes of a path that are not UTF-8 back into percent form (and an octet that was
# percent-encoded twice looks the same): neither is in any address that we hand out.
_BROKEN_PATH = re.compile(r"%[89A-Fa-f][0-9A-Fa-f]")
_UNSAFE = re.compile("[\x00-\x1f\x7f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


def check_target(request: HttpRequest) -> None:
    """Path and query string, decoded, are text that every database takes, or BadTarget. (T77)"""
    path = request.path_info
    if _UNSAFE.search(path) or _BROKEN_PATH.search(path):
        raise BadTarget
    query = request.META.get("QUERY_STRING", "")
    if not query:
        return
    text: str | None
    try:
        text = unquote_to_bytes(query.encode("latin-1")).decode("utf-8")
    except UnicodeError:
        text = None
    if text is None or _UNSAFE.search(text):
        raise BadTarget

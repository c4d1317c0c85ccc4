"""What a request may bring in: body, headers, target."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.wsgi import WSGIRequest
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.parsers import JSONParser
from rest_framework.request import Request

from gateway import intake
from gateway.intake import (
    BadHeader,
    BadLength,
    BadTarget,
    BodyTooLarge,
    BothLengths,
    EmptyBody,
    IntakeError,
    Truncated,
    WrongContentType,
)
from gateway.strict_json import BadJSON


class Wire:
    """A connection: gives what it has in small pieces and counts what was taken."""

    def __init__(self, content: bytes, piece: int = 7) -> None:
        self.content, self.piece, self.taken = content, piece, 0

    def read(self, size: int = -1, /) -> bytes:
        size = min(size, self.piece) if size >= 0 else len(self.content)
        given, self.content = self.content[:size], self.content[size:]
        self.taken += len(given)
        return given

    readline = read


class BrokenWire(Wire):
    """The other side is gone."""

    def read(self, size: int = -1, /) -> bytes:
        raise OSError


def request(content: Any = b"", **environ: Any) -> WSGIRequest:
    """A request as a WSGI server hands it over; a keyword None leaves the variable out."""
    wire = content if isinstance(content, Wire) else Wire(content)
    length = str(len(wire.content))
    defaults = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/agentic/acp/checkout_sessions",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": length,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.input": wire,
    }
    return WSGIRequest({name: value for name, value in (defaults | environ).items() if value is not None})


def chunked(content: Any = b"", **environ: Any) -> WSGIRequest:
    return request(content, **({"CONTENT_LENGTH": None, "HTTP_TRANSFER_ENCODING": "chunked"} | environ))


# The body


def test_a_length_delimited_and_a_chunked_body_are_the_same():
    """T72: Django alone reads a chunked body as empty."""
    body = b'{"line_items": [{"id": "item_mug"}]}'

    assert intake.read_body(request(body)) == body
    assert intake.read_body(chunked(body)) == body
    assert intake.read_body(chunked(body, HTTP_TRANSFER_ENCODING="Chunked ")) == body


def test_a_body_in_frames_needs_no_header():
    """T72: HTTP/2 has neither Content-Length nor chunks."""
    framed = {"CONTENT_LENGTH": None, "SERVER_PROTOCOL": "HTTP/2", "wsgi.input_terminated": True}

    assert intake.read_body(request(b"{}", **framed)) == b"{}"
    assert intake.read_body(request(b"{}", **(framed | {"wsgi.input_terminated": None}))) == b""
    with pytest.raises(BodyTooLarge):
        intake.read_body(request(b"x" * 11, **framed), cap=10)


@pytest.mark.requirement("ACP-006")
@pytest.mark.parametrize("length", [None, "", "0", "000"])
def test_no_length_is_no_body(length: str | None):
    """ACP-006: no body needs no Content-Type; nothing is read from a connection without an end."""
    bare = request(b"the next request", CONTENT_LENGTH=length, CONTENT_TYPE=None)

    assert intake.read_body(bare) == b""
    assert bare.environ["wsgi.input"].taken == 0


def test_the_cap_is_inclusive_and_bounds_what_is_read():
    """T72: with Content-Length nothing is read, chunked one byte more than the cap."""
    assert intake.read_body(request(b"x" * 100), cap=100) == b"x" * 100
    assert intake.read_body(chunked(b"x" * 100), cap=100) == b"x" * 100

    for oversized, taken in ((request(b"x" * 300), 0), (chunked(b"x" * 300), 101)):
        with pytest.raises(BodyTooLarge) as refused:
            intake.read_body(oversized, cap=100)
        assert oversized.environ["wsgi.input"].taken == taken
        assert (refused.value.status, refused.value.code) == (413, "payload_too_large")


@pytest.mark.parametrize("length", ["+7", "-1", "7.0", "0x7", "7,7", " 7", "1_0", "seven", "\u0667", "\xb2"])
def test_an_odd_length_is_refused(length: str):
    """T80."""
    with pytest.raises(BadLength):
        intake.read_body(request(b"1234567", CONTENT_LENGTH=length))


@pytest.mark.parametrize("length", ["262145", "9" * 30, "9" * 5000])
def test_a_huge_length_is_too_large(length: str):
    """T72: lying about it included; 5000 digits are no ValueError."""
    with pytest.raises(BodyTooLarge):
        intake.read_body(request(b"{}", CONTENT_LENGTH=length))


def test_two_ways_to_end_a_body_are_refused():
    """T80: CL + TE, and a coding that is not chunked."""
    with pytest.raises(BothLengths):
        intake.read_body(chunked(b"{}", CONTENT_LENGTH="2"))
    for coding in ("gzip, chunked", "identity", "chunked, chunked", ""):
        with pytest.raises(BadLength):
            intake.read_body(chunked(b"{}", HTTP_TRANSFER_ENCODING=coding))


def test_a_body_that_stops_early_is_refused():
    """T81: fewer bytes than announced, or a broken connection."""
    with pytest.raises(Truncated):
        intake.read_body(request(b'{"a": 1}', CONTENT_LENGTH="9"))
    for broken in (request(BrokenWire(b"{}")), chunked(BrokenWire(b"{}"))):
        with pytest.raises(Truncated):
            intake.read_body(broken)


@pytest.mark.requirement("ACP-006")
@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "application/json;charset=utf-8",
        'application/json ; charset="UTF-8" ',
    ],
)
def test_json_in_utf8_is_accepted(content_type: str):
    """ACP-006."""
    assert intake.read_body(request(b"{}", CONTENT_TYPE=content_type)) == b"{}"


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
        "application/jsonp",
        "application/merge-patch+json",
        "application/json; charset=latin-1",
        "application/json; charset=unicode_escape",
        "application/json; charset=idna",
        "application/json; charset=utf-8; charset=utf-16",
        "application/json, application/json",
        "application/json\n",
    ],
)
def test_another_type_or_charset_is_refused(content_type: str | None):
    """T78, T79: 415, chunked or not."""
    for bad in (request(b"{}", CONTENT_TYPE=content_type), chunked(b"{}", CONTENT_TYPE=content_type)):
        with pytest.raises(WrongContentType) as refused:
            intake.read_body(bad)
        assert refused.value.status == 415


def test_a_compressed_body_is_refused():
    """T78: a body that only looks small."""
    with pytest.raises(WrongContentType):
        intake.read_body(request(b"\x1f\x8b", HTTP_CONTENT_ENCODING="gzip"))


def test_a_body_that_a_middleware_read_is_used_and_judged():
    """T72: the same rules behind a merchant's logging middleware."""
    seen = request(Wire(b'{"a": 1}', piece=100))
    assert len(seen.body) == 8

    assert intake.read_body(seen) == b'{"a": 1}'
    with pytest.raises(BodyTooLarge):
        intake.read_body(seen, cap=7)

    short = request(b'{"a"', CONTENT_LENGTH="8")
    assert short.body == b'{"a"'
    with pytest.raises(Truncated):
        intake.read_body(short)


def test_a_chunked_body_that_a_middleware_found_empty_is_read():
    """T72: Django's `request.body` is b"" then, and the bytes still wait."""
    seen = chunked(b"{}")
    assert seen.body == b""

    assert intake.read_body(seen) == b"{}"


def test_reading_may_be_repeated_and_django_sees_the_same_body():
    """T72: nobody reads the connection a second time."""
    once = chunked(b"{}")
    counted = request(b'{"a": 1}')

    assert intake.read_body(once) == intake.read_body(once) == once.body == b"{}"
    assert once.POST == {}
    assert intake.read_body(counted) == b'{"a": 1}'
    assert Request(counted, parsers=[JSONParser()]).data == {"a": 1}
    assert Request(counted).stream.read() == b'{"a": 1}'


def test_a_forgotten_body_is_not_found_by_loggers():
    """4.7: a raw body holds codes and tokens."""
    secret = request(b'{"code": "123456"}')
    assert intake.read_json(secret) == {"code": "123456"}

    intake.forget_body(secret)

    assert secret.body == b""
    assert b"123456" not in secret.environ["wsgi.input"].read()


def test_under_the_test_client_and_under_asgi():
    """Django's fake stream forbids reading more than there is; ASGI has no WSGI stream."""
    factory = RequestFactory()
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json"), (b"transfer-encoding", b"chunked")],
    }

    assert intake.read_body(factory.post("/", {"a": 1}, content_type="application/json")) == b'{"a": 1}'
    assert intake.read_body(factory.post("/", "", content_type="application/json")) == b""
    assert intake.read_body(factory.get("/")) == b""
    assert intake.read_body(ASGIRequest(scope, BytesIO(b"{}"))) == b"{}"  # type: ignore[arg-type]


def test_read_json():
    """T79: no body, and what is not JSON, are different refusals; the cap is passed on."""
    assert intake.read_json(request(b'{"a": 1}')) == {"a": 1}
    assert intake.read_json(request(), optional=True) == {}
    assert intake.read_json(chunked(), optional=True) == {}

    with pytest.raises(EmptyBody):
        intake.read_json(request())
    with pytest.raises(BadJSON):
        intake.read_json(request(b" "), optional=True)
    with pytest.raises(BadJSON):
        intake.read_json(request(b"[]"))
    with pytest.raises(BodyTooLarge):
        intake.read_json(request(b"{}"), cap=1)


def test_every_refusal_says_something_of_its_own():
    """T72-T80: code and message for the flat error, no two alike."""
    kinds = IntakeError.__subclasses__()
    refusals = [kind("Idempotency-Key", "is odd") if kind is BadHeader else kind() for kind in kinds]

    assert len({refusal.code for refusal in refusals}) == len(kinds) == 8
    assert len({refusal.message for refusal in refusals}) == len(kinds)
    assert all(str(refusal) == refusal.message and 400 <= refusal.status < 500 for refusal in refusals)


@given(st.binary(max_size=40), st.text(max_size=6) | st.integers(0, 60).map(str), st.booleans())
def test_no_request_breaks_the_reader(content: bytes, length: str, is_chunked: bool):
    """T72-T80: bytes within the cap, or an IntakeError."""
    coding = "chunked" if is_chunked else None

    try:
        body = intake.read_body(
            request(content, CONTENT_LENGTH=length, HTTP_TRANSFER_ENCODING=coding), cap=30
        )
    except IntakeError:
        return
    assert content.startswith(body)
    assert len(body) <= 30


# Headers


@pytest.mark.requirement("ACP-085")
@pytest.mark.parametrize("key", ["1", "a b", "~!\"#$%&'()*+-./:;<=>?@[]^_`{|}", "x" * 255])
def test_a_printable_key_is_taken_as_it_is(key: str):
    """ACP-085: opaque, 1 to 255 characters, no UUID needed."""
    assert intake.idempotency_key(request(HTTP_IDEMPOTENCY_KEY=key)) == key


@pytest.mark.parametrize(
    "key", ["", " ", " a", "a ", "a,b", ",", "x" * 256, "a\tb", "a\nb", "a\x00", "é", "\x7f", "a\n"]
)
def test_a_key_that_cannot_be_stored_or_echoed_is_refused(key: str):
    """T66, T85: the error names the header and not the key; a comma is two headers joined."""
    with pytest.raises(BadHeader) as refused:
        intake.idempotency_key(request(HTTP_IDEMPOTENCY_KEY=key))

    assert refused.value.header == "Idempotency-Key"
    assert refused.value.message.startswith("The Idempotency-Key header must be one value of 1 to 255")


def test_no_key_is_no_key():
    """ACP-084: whether one is needed is somebody else's question."""
    assert intake.idempotency_key(request()) is None


@pytest.mark.requirement("ACP-085")
@given(st.text(st.characters(max_codepoint=255), max_size=300))
def test_a_key_is_taken_exactly_when_the_rule_says(key: str):
    """ACP-085, T66: the rule written a second time."""
    printable = all(" " <= c <= "~" and c != "," for c in key)
    allowed = 1 <= len(key) <= 255 and key == key.strip(" ") and printable

    try:
        assert intake.idempotency_key(request(HTTP_IDEMPOTENCY_KEY=key)) == key
        taken = True
    except BadHeader:
        taken = False
    assert taken is allowed


@pytest.mark.requirement("ACP-013")
def test_a_request_id_is_echoed_only_when_it_is_harmless():
    """ACP-013, T85."""
    for harmless in ("req_1", "a.b~c:d/e+f=@-", "x" * 255):
        assert intake.request_id(request(HTTP_REQUEST_ID=harmless)) == harmless
    for harmful in ("", "a b", "a,b", "a\r\nSet-Cookie: x=1", "<script>", "é", "x" * 256, "a\n"):
        assert intake.request_id(request(HTTP_REQUEST_ID=harmful)) is None
    assert intake.request_id(request()) is None


def test_a_header_without_control_characters_is_given_back():
    """T77: what is stored or looked up holds no NUL."""
    assert intake.header(request(HTTP_API_VERSION="2026-04-17"), "API-Version") == "2026-04-17"
    assert intake.header(request(HTTP_API_VERSION=""), "API-Version") == ""
    assert intake.header(request(), "API-Version") is None
    with pytest.raises(BadHeader, match="API-Version"):
        intake.header(request(HTTP_API_VERSION="2026\x00"), "API-Version")


# The target


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/agentic/acp/checkout_sessions/cs_1", ""),
        ("/agentic/orders/caf\xc3\xa9", "q=caf%C3%A9+mug&page=2"),
        ("/", "q=100%25&empty=&flag&bad=%zz"),
        ("/", "q=caf\xc3\xa9"),
    ],
)
def test_text_in_the_target_is_accepted(path: str, query: str):
    """T77: UTF-8, encoded or raw as WSGI hands it over (bytes read as Latin-1)."""
    assert intake.check_target(request(PATH_INFO=path, QUERY_STRING=query)) is None


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/a\x00", ""),
        ("/a\r\nb", ""),
        ("/a\x7f", ""),
        ("/a\xff", ""),
        ("/a\xed\xa0\x80", ""),
        ("/a\xef\xbf\xbf", ""),
        ("/", "q=%00"),
        ("/", "q=a%0d%0ab"),
        ("/", "%01=1"),
        ("/", "q=%FF"),
        ("/", "q=\xff"),
        ("/", "q=%ED%A0%80"),
        ("/", "q=%EF%BF%BE"),
        ("/", "q=\ud800"),
    ],
)
def test_what_a_database_refuses_is_refused_in_the_target(path: str, query: str):
    """T77: NUL, C0, lone surrogates, bytes that are not UTF-8."""
    with pytest.raises(BadTarget):
        intake.check_target(request(PATH_INFO=path, QUERY_STRING=query))

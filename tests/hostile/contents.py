"""Rows about what a request says: target, method, headers, body (T73 to T79, T85, T86)."""

from __future__ import annotations

from tests.hostile.cases import BODY, BY_SERVER, SESSIONS, Case, bodies, case, get, post

ONE = SESSIONS + "/cs_00000000000000000000000000000000"


def _target(name: str, path: str | bytes, *may: int, decoded: str = "") -> Case:
    return case(name, post(path=path), may=may, path=decoded or (path if isinstance(path, str) else SESSIONS))


TARGETS: list[Case] = [
    _target("absolute target", "http://evil.example" + SESSIONS, 201, decoded=SESSIONS),
    _target("double slash inside", "/agentic//acp/checkout_sessions", 404),
    _target("double slash at the end", SESSIONS + "//", 404),
    _target("double slash at the start", "/" + SESSIONS, 403, 404),
    _target("dots", "/agentic/acp/../../admin/", 404),
    _target("encoded dots", "/agentic/acp/%2e%2e/%2e%2e/admin/", 404),
    _target("encoded slash", "/agentic/acp%2fcheckout_sessions", 201, 404, decoded=SESSIONS),
    _target("backslashes", "/agentic\\acp\\..\\..\\admin", 403, 404),
    _target("path parameter", SESSIONS + ";jsessionid=1", 404),
    _target("%00", SESSIONS + "/%00", 400),
    _target("%0d%0a", SESSIONS + "/%0d%0aX-Injected:%20yes", 400),
    _target("line end in an unknown path", "/agentic/%0a/x", 404),
    _target("line end in an unknown ACP path", "/agentic/acp/%0a/x", 404),
    _target("line end after everything", "/agentic/acp/nothing%0a", 404),
    _target("%ff", SESSIONS + "/%ff%fe", 400),
    _target("overlong UTF-8", SESSIONS + "/%c0%ae%c0%ae/", 400, 404),
    _target("encoded surrogate", SESSIONS + "/%ed%a0%80", 400),
    _target("percent without digits", SESSIONS + "/%zz", 400, 404, 405),
    _target("percent twice", SESSIONS + "/%2500", 400, 404),
    _target("bytes beyond ASCII", SESSIONS.encode() + b"/\xff\xfe", BY_SERVER, 400),
    _target("NUL in the path", SESSIONS.encode() + b"/\0", BY_SERVER, 400),
    _target("space in the path", SESSIONS.encode() + b" /x", BY_SERVER, 400),
    _target("CR in the path", SESSIONS.encode() + b"/\rx", BY_SERVER, 400),
    _target("100 KB path", "/agentic/acp/" + "a" * 100_000, BY_SERVER, 404, 414),
    _target("an id of 3,000 characters", SESSIONS + "/" + "a" * 3_000, 400, 404),
    _target("NUL in the query", SESSIONS + "?a=%00", 400, decoded=SESSIONS),
    _target("%ff in the query", SESSIONS + "?%ff=%ff", 400, decoded=SESSIONS),
    _target("20 KB query", SESSIONS + "?" + "a=1&" * 5_000, 201, 400, 414, decoded=SESSIONS),
    _target("fragment", SESSIONS + "#part", BY_SERVER, 201, 400, decoded=SESSIONS),
    _target("no path", b"", BY_SERVER, 400),
    case("asterisk", get("*", method=b"OPTIONS"), may=(BY_SERVER, 400, 404), path="*"),
]

METHODS: list[Case] = [
    case("TRACE", post(method=b"TRACE"), may=(BY_SERVER, 405)),
    case("CONNECT to a path", post(method=b"CONNECT"), may=(BY_SERVER, 400, 405), ends=False),
    case(
        "CONNECT to a host",
        get("evil.example:443", method=b"CONNECT"),
        may=(BY_SERVER, 400, 403, 404, 405),
        path="*",
    ),
    case("BREW", post(method=b"BREW"), may=(BY_SERVER, 405)),
    case("a method of 5,000 letters", post(method=b"A" * 5_000), may=(BY_SERVER, 405)),
    case("a method with a NUL", post(method=b"PO\0ST"), may=(BY_SERVER,), ends=True),
    case("a method in small letters", post(method=b"post"), may=(BY_SERVER, 201, 405)),
    case("OPTIONS", get(SESSIONS, method=b"OPTIONS"), may=(200, 204, 405)),
    case("overridden method", post(BODY, b"X-HTTP-Method-Override: DELETE"), may=(201,)),
    case("GET with a body", post(BODY, path=ONE, method=b"GET"), may=(400, 404), path=ONE),
]

HEADERS: list[Case] = [
    case("no Host", post(without=("host",)), may=(BY_SERVER, 400)),
    case("two Hosts", post(BODY, b"Host: evil.example"), may=(BY_SERVER, 400)),
    case("somebody else's Host", post(BODY, b"Host: evil.example", without=("host",)), may=(400,)),
    case("Host with markup", post(BODY, b'Host: "><script>', without=("host",)), may=(BY_SERVER, 400)),
    case("Host with an account", post(BODY, b"Host: a@localhost", without=("host",)), may=(BY_SERVER, 400)),
    case("X-Forwarded-Host", post(BODY, b"X-Forwarded-Host: evil.example"), may=(201,)),
    case("NUL in a header", post(BODY, b"Request-Id: a\0b"), may=(BY_SERVER, 400), ends=True),
    case("CR in a header", post(BODY, b"Request-Id: a\rX-Injected: yes"), may=(BY_SERVER, 400), ends=True),
    case("LF in a header", post(BODY, b"Request-Id: a\nX-Injected: yes"), may=(BY_SERVER, 201, 400)),
    case("encoded line end in a header", post(BODY, b"Request-Id: a%0d%0aX-Injected: yes"), may=(201,)),
    case("folded header", post(BODY, b"Request-Id: a", b" X-Injected: yes"), may=(BY_SERVER, 400), ends=True),
    case("space before the colon", post(BODY, b"Request-Id : a"), may=(BY_SERVER, 400), ends=True),
    case("header without a colon", post(BODY, b"Request-Id"), may=(BY_SERVER, 400), ends=True),
    case("header without a name", post(BODY, b": a"), may=(BY_SERVER, 400), ends=True),
    case("8-bit Request-Id", post(BODY, b"Request-Id: \xff\xfe"), may=(201,)),
    case("8-bit key", post(BODY, b"Idempotency-Key: \xff\xfe", without=("key",)), may=(400,)),
    case("8-bit bearer", post(BODY, b"Authorization: Bearer \xff\xfe", without=("bearer",)), may=(401,)),
    case("header of 70 KB", post(BODY, b"X-A: " + b"a" * 70_000), may=(BY_SERVER, 201, 431)),
    case(
        "1,000 headers",
        post(BODY, *[b"X-%d: a" % n for n in range(1_000)]),
        may=(BY_SERVER, 201, 431),
        ends=True,
    ),
    case("Request-Id of 60 KB", post(BODY, b"Request-Id: " + b"a" * 60_000), may=(BY_SERVER, 201, 400)),
    case(
        "key of 60 KB",
        post(BODY, b"Idempotency-Key: " + b"a" * 60_000, without=("key",)),
        may=(BY_SERVER, 400),
    ),
    case("two keys", post(BODY, b"Idempotency-Key: another"), may=(400,)),
    case("empty key", post(BODY, b"Idempotency-Key:", without=("key",)), may=(400,)),
    case("key with a tab", post(BODY, b"Idempotency-Key: a\tb", without=("key",)), may=(400,)),
    case("two bearers", post(BODY, b"Authorization: Bearer other-agent-key"), may=(401,)),
    case("two versions", post(BODY, b"API-Version: 2020-01-01"), may=(400,)),
    # A WSGI server cannot tell it from the real one; it is the client's own word either way.
    case(
        "header with an underscore",
        post(BODY, b"Idempotency_Key: a", without=("key",)),
        may=(BY_SERVER, 201, 400),
    ),
    case(
        "header with an underscore beside the real one",
        post(BODY, b"Content_Length: 3"),
        may=(BY_SERVER, 201),
    ),
    case("Accept: text/html", post(b"{}", b"Accept: text/html"), may=(400,)),
    case("Accept: nonsense", post(BODY, b"Accept: ;;;q=x,/"), may=(201,)),
    case(
        "Range",
        get("/.well-known/acp.json", b"Range: bytes=0-1,2-3,-5"),
        may=(200,),
        path="/.well-known/acp.json",
    ),
    case(
        "If-None-Match: garbage",
        get("/.well-known/acp.json", b'If-None-Match: "a, W/\\" , ,\t"'),
        may=(200,),
        path="/.well-known/acp.json",
    ),
    case(
        "If-Modified-Since: garbage",
        get("/.well-known/acp.json", b"If-Modified-Since: Thu, 99 Foo 99999999999 99:99:99 GMT"),
        may=(200,),
        path="/.well-known/acp.json",
    ),
    case("Accept-Language: garbage", post(BODY, b"Accept-Language: " + b"xx-YY-zz;q=9," * 500), may=(201,)),
    case("Cookie: garbage", post(BODY, b"Cookie: sessionid=\x7f; ;;=,csrftoken"), may=(BY_SERVER, 201, 400)),
    case("Content-Encoding: gzip", post(BODY, b"Content-Encoding: gzip"), may=(415,)),
]

CONTENT_TYPES: list[Case] = [
    case(
        f"Content-Type: {kind}", post(BODY, b"Content-Type: " + kind.encode(), without=("type",)), may=(415,)
    )
    for kind in (
        "text/html",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
        "application/json; charset=utf-16",
        "application/json; charset=unicode_escape",
        "application/json; charset=idna",
        "application/json, text/html",
        "application/jsonp",
    )
] + [case("no Content-Type", post(without=("type",)), may=(415,))]


def _with(member: bytes) -> bytes:
    return BODY[:-1] + b"," + member + b"}"


def _quantity(number: bytes) -> bytes:
    return BODY.replace(b'"item_pens"', b'"item_pens","quantity":' + number)


BODIES: list[Case] = [
    *bodies(
        {
            "byte order mark": b"\xef\xbb\xbf" + BODY,
            "UTF-16": BODY.decode().encode("utf-16"),
            "UTF-32": BODY.decode().encode("utf-32-le"),
            "Latin-1": _with('"order_notes":"é"'.encode("latin-1")),
            "overlong UTF-8 in a string": _with(b'"order_notes":"\xc0\x80"'),
            "surrogate as UTF-8": _with(b'"order_notes":"\xed\xa0\x80"'),
            "lone surrogate": _with(b'"order_notes":"\\ud800"'),
            "escaped NUL": _with(b'"order_notes":"\\u0000"'),
            "raw NUL": _with(b'"order_notes":"\0"'),
            "depth bomb of arrays": b"[" * 100_000,
            "depth bomb of objects": b'{"a":' * 50_000,
            "depth bomb that closes": b'{"a":' + b"[" * 90_000 + b"]" * 90_000 + b"}",
            "100,000 members": b"{" + b",".join(b'"%x":1' % n for n in range(25_000)) + b"}",
            "duplicate key": _with(b'"currency":"eur"'),
            "duplicate key, escaped": _with(b'"curr\\u0065ncy":"eur"'),
            "NaN": _with(b'"metadata":{"a":NaN}'),
            "-Infinity": _with(b'"metadata":{"a":-Infinity}'),
            "1e400": _with(b'"metadata":{"a":1e400}'),
            "integer of 5,000 digits": _with(b'"metadata":{"a":' + b"9" * 5_000 + b"}"),
            "integer of 2^63": _with(b'"metadata":{"a":9223372036854775808}'),
            "huge quantity": _quantity(b"999999999999999"),
            "negative quantity": _quantity(b"-1"),
            "a list": b"[" + BODY + b"]",
            "a string": b'"line_items"',
            "null": b"null",
            "nothing": b"",
            "spaces": b" " * 50,
            "two documents": BODY + BODY,
            "a comment": b"/* */" + BODY,
            "a form": b"line_items=item_pens&currency=usd",
            "XML": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        },
        may=(400,),
    ),
    *bodies(
        {"JSON in other words": BODY.replace(b"usd", b"\\u0075sd").replace(b":", b" :\r\n\t")}, may=(201,)
    ),
]

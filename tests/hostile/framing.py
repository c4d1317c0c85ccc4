"""Rows about where a request begins and ends: lengths, chunks, versions, connections (T72, T80, T81)."""

from __future__ import annotations

from tests.hostile.cases import (
    BODY,
    BY_SERVER,
    HALF_CLOSE,
    HANG_UP,
    PAUSE,
    SESSIONS,
    Case,
    case,
    chunked,
    get,
    post,
    post_chunked,
)

BIG = 262_144 + 1

LENGTHS: list[Case] = [
    case("one length", post(), may=(201,)),
    # The server takes the chunked one, drops the other and closes, as RFC 9112 6.3 allows: nobody
    # behind the same connection can be served from what is left over.
    case(
        "both lengths",
        post(chunked(BODY), b"Transfer-Encoding: chunked"),
        may=(BY_SERVER, 201, 400),
        ends=True,
    ),
    case(
        "both lengths, chunked first",
        post(chunked(BODY), b"Transfer-Encoding: chunked", b"Content-Length: 5", length=None),
        may=(BY_SERVER, 201, 400),
        ends=True,
    ),
    case(
        "both lengths, a second request inside",
        post(chunked(BODY) + get("/agentic/acp/smuggled"), b"Transfer-Encoding: chunked"),
        may=(BY_SERVER, 201, 400),
        ends=True,
    ),
    case("two lengths that differ", post(BODY, b"Content-Length: 3"), may=(BY_SERVER, 400), ends=True),
    case("two lengths that agree", post(BODY, b"Content-Length: %d" % len(BODY)), may=(BY_SERVER, 201, 400)),
    case("a list of lengths", post(length=b"70, 70"), may=(BY_SERVER, 400), ends=True),
    case("length with a plus", post(b"1234567", length=b"+7"), may=(BY_SERVER, 400), ends=True),
    case("negative length", post(length=b"-1"), may=(BY_SERVER, 400), ends=True),
    case("hexadecimal length", post(length=b"0x46"), may=(BY_SERVER, 400), ends=True),
    case("length with a point", post(length=b"70.0"), may=(BY_SERVER, 400), ends=True),
    case("length of 40 digits", post(length=b"9" * 40), may=(BY_SERVER, 400, 413), ends=True),
    case("length of 2^64", post(length=b"18446744073709551616"), may=(BY_SERVER, 400, 413), ends=True),
    case("length with leading zeros", post(length=b"000%d" % len(BODY)), may=(BY_SERVER, 201, 400)),
    case("empty length", post(length=b" "), may=(BY_SERVER, 400), ends=True),
    case("no length and no coding", post(length=None), may=(400,), then=(BY_SERVER,), ends=True),
    case("length zero, with a body", post(length=b"0"), may=(400,), then=(BY_SERVER,), ends=True),
    case("length too long, half closed", post(length=b"200"), HALF_CLOSE, may=(BY_SERVER, 400), ends=True),
    case("length too short", post(length=b"10"), may=(400,), then=(BY_SERVER,), ends=True),
    case("length too long, hung up", post(length=b"200"), HANG_UP, may=(BY_SERVER,)),
    case("1 MB announced and sent", post(b'{"a":"' + b"x" * 1_000_000 + b'"}'), may=(BY_SERVER, 413)),
    case("one byte over the cap", post(b" " * BIG), may=(413,)),
    case("60 MB announced, nothing sent", post(b"", length=b"60000000"), may=(413,), ends=True),
    case("slow body", post()[:-20], PAUSE, BODY[-20:-10], PAUSE, BODY[-10:], may=(201,)),
    case("slow head", post()[:60], PAUSE, b"X-A: ", HANG_UP, may=(BY_SERVER,)),
]

CHUNKS: list[Case] = [
    case("chunked", post_chunked(chunked(BODY)), may=(201,)),
    case(
        "chunked, byte by byte",
        post_chunked(chunked(*(BODY[at : at + 1] for at in range(len(BODY))))),
        may=(201,),
    ),
    case("chunk extension", post_chunked(chunked(BODY, extension=b';name="value"')), may=(BY_SERVER, 201)),
    case(
        "chunk extension of 40 KB",
        post_chunked(chunked(BODY, extension=b";" + b"x" * 40_000)),
        may=(BY_SERVER, 400),
    ),
    case(
        "chunk trailers",
        post_chunked(chunked(BODY, end=b"0\r\nX-Injected: yes\r\n\r\n")),
        may=(BY_SERVER, 201),
    ),
    case("chunked over the cap", post_chunked(chunked(*[b" " * 32_768] * 9)), may=(413,)),
    case(
        "chunked over the cap, never ending",
        post_chunked(chunked(*[b" " * 32_768] * 9, end=b"")),
        may=(413,),
        ends=True,
    ),
    case(
        "chunk size in letters",
        post_chunked(b"zz\r\n" + BODY + b"\r\n0\r\n\r\n"),
        may=(BY_SERVER, 400),
        ends=True,
    ),
    case(
        "chunk size with a sign",
        post_chunked(b"+46\r\n" + BODY + b"\r\n0\r\n\r\n"),
        may=(BY_SERVER, 400),
        ends=True,
    ),
    case(
        "negative chunk size",
        post_chunked(b"-1\r\n" + BODY + b"\r\n0\r\n\r\n"),
        may=(BY_SERVER, 400),
        ends=True,
    ),
    case(
        "chunk size of 17 digits", post_chunked(b"f" * 17 + b"\r\n" + BODY), may=(BY_SERVER, 400), ends=True
    ),
    case(
        "chunk size with 0x",
        post_chunked(b"0x46\r\n" + BODY + b"\r\n0\r\n\r\n"),
        may=(BY_SERVER, 400),
        ends=True,
    ),
    case(
        "chunk longer than it says",
        post_chunked(b"3\r\n" + BODY + b"\r\n0\r\n\r\n"),
        may=(BY_SERVER, 400),
        ends=True,
    ),
    case(
        "chunk that is cut off",
        post_chunked(b"ff\r\n" + BODY[:-1]),
        HALF_CLOSE,
        may=(BY_SERVER, 400),
        ends=True,
    ),
    case(
        "no last chunk, in the middle",
        post_chunked(chunked(BODY[:30], end=b"")),
        HALF_CLOSE,
        may=(BY_SERVER, 400),
    ),
    # The server tells an application no difference between this end and a good one; the JSON is whole.
    case(
        "no last chunk, JSON complete",
        post_chunked(chunked(BODY, end=b"")),
        HALF_CLOSE,
        may=(BY_SERVER, 201, 400),
    ),
    case("empty chunked body", post_chunked(chunked()), may=(400,)),
    case("gzip, chunked", post_chunked(chunked(BODY), coding=b"gzip, chunked"), may=(BY_SERVER, 400)),
    case("chunked, identity", post_chunked(chunked(BODY), coding=b"chunked, identity"), may=(BY_SERVER, 400)),
    case("xchunked", post_chunked(chunked(BODY), coding=b"xchunked"), may=(BY_SERVER, 400), ends=True),
    case("a tab before chunked", post_chunked(chunked(BODY), coding=b"\tchunked"), may=(BY_SERVER, 201, 400)),
    case(
        "two codings", post_chunked(chunked(BODY), b"Transfer-Encoding: chunked"), may=(BY_SERVER, 201, 400)
    ),
    case(
        "chunked in HTTP/1.0",
        post(chunked(BODY), b"Transfer-Encoding: chunked", length=None, version=b"HTTP/1.0"),
        may=(BY_SERVER, 400),
        ends=True,
    ),
]

CONNECTIONS: list[Case] = [
    case("HTTP/0.9", b"GET " + SESSIONS.encode() + b"\r\n\r\n", may=(BY_SERVER,), ends=True),
    case("HTTP/1.0", post(version=b"HTTP/1.0"), may=(201,), ends=True),
    case("HTTP/1.0 without Host", post(version=b"HTTP/1.0", without=("host",)), may=(400,), ends=True),
    case("HTTP/2.0 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", may=(BY_SERVER,), ends=True),
    case("HTTP/9.9", post(version=b"HTTP/9.9"), may=(BY_SERVER,), ends=True),
    case("http in small letters", post(version=b"http/1.1"), may=(BY_SERVER,), ends=True),
    case(
        "TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500), may=(BY_SERVER,), ends=True
    ),
    case("empty lines first", b"\r\n\r\n" + post(), may=(BY_SERVER, 201)),
    case("lines that end in LF", post(b"").replace(b"\r\n", b"\n"), may=(BY_SERVER, 400)),
    case("pipelined", post() + post(), may=(201,), then=(201,)),
    case("kept alive after an error", post(b"{"), PAUSE, post(), may=(400,), then=(201,)),
    case(
        "kept alive after a 404",
        post(path="/agentic/acp/nothing") + post(),
        may=(404,),
        then=(BY_SERVER, 201),
    ),
    case("Expect: 100-continue", post(BODY, b"Expect: 100-continue"), may=(201,)),
    case(
        "Expect: 100-continue, body later",
        post(BODY, b"Expect: 100-continue")[: -len(BODY)],
        PAUSE,
        BODY,
        may=(201,),
    ),
    case("Expect: the unexpected", post(BODY, b"Expect: the-unexpected"), may=(BY_SERVER, 201, 417)),
    case(
        "upgrade to a web socket",
        get(
            SESSIONS + "/cs_1",
            *(b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13"),
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ),
        may=(404,),
        path=SESSIONS + "/cs_1",
    ),
    case(
        "upgrade to HTTP/2",
        get(
            SESSIONS + "/cs_1",
            b"Connection: Upgrade, HTTP2-Settings",
            b"Upgrade: h2c",
            b"HTTP2-Settings: AAMAAABk",
        ),
        may=(404,),
        path=SESSIONS + "/cs_1",
    ),
]

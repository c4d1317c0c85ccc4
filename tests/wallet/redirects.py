"""Addresses to return to that are not the registered one (reliability-security R35)."""

from __future__ import annotations

from tests.wallet.process import RETURN_TO

FORMS = [
    "",
    "/",
    "//evil.test/agentic/confirm/ticket_1/return",
    "/agentic/confirm/ticket_1/return",
    "https://evil.test/",
    "javascript:alert(1)",
    "data:text/html,x",
    "http://evil.test/agentic/confirm/ticket_1/return",
    "http://127.0.0.1.evil.test:1/agentic/confirm/ticket_1/return",
    "http://127.0.0.1:1.evil.test/agentic/confirm/ticket_1/return",
    "http://127.0.0.1:1@evil.test/agentic/confirm/ticket_1/return",
    "http://evil.test@127.0.0.1:1/agentic/confirm/ticket_1/return",
    "http://127.0.0.1:1\\@evil.test/agentic/confirm/ticket_1/return",
    "http:\\\\127.0.0.1:1\\agentic\\confirm\\ticket_1\\return",
    "http://127.0.0.1:1%2fevil.test/agentic/confirm/ticket_1/return",
    "http://127.0.0.1:1%40evil.test/agentic/confirm/ticket_1/return",
    "http://evil.test#http://127.0.0.1:1/agentic/confirm/ticket_1/return",
    "http://evil.test?http://127.0.0.1:1/agentic/confirm/ticket_1/return",
    "http://127.0.0.1/agentic/confirm/ticket_1/return",
    "http://127.0.0.1:80/agentic/confirm/ticket_1/return",
    "http://127.0.0.1:01/agentic/confirm/ticket_1/return",
    "http://127.0.0.1:1:1/agentic/confirm/ticket_1/return",
    "http://127.0.0.1.:1/agentic/confirm/ticket_1/return",
    "http://127.1:1/agentic/confirm/ticket_1/return",
    "http://2130706433:1/agentic/confirm/ticket_1/return",
    "http://0x7f.1:1/agentic/confirm/ticket_1/return",
    "http://[::1]:1/agentic/confirm/ticket_1/return",
    "http://[::ffff:127.0.0.1]:1/agentic/confirm/ticket_1/return",
    "http://localhost:1/agentic/confirm/ticket_1/return",
    "http://①27.0.0.1:1/agentic/confirm/ticket_1/return",
    "http://127。0。0。1:1/agentic/confirm/ticket_1/return",
    "https://127.0.0.1:1/agentic/confirm/ticket_1/return",
    "HTTP://127.0.0.1:1/agentic/confirm/ticket_1/return",
    "http:/127.0.0.1:1/agentic/confirm/ticket_1/return",
    "http:///127.0.0.1:1/agentic/confirm/ticket_1/return",
    " http://127.0.0.1:1/agentic/confirm/ticket_1/return",
    "\thttp://127.0.0.1:1/agentic/confirm/ticket_1/return",
    "ht\ntp://127.0.0.1:1/agentic/confirm/ticket_1/return",
    *(
        RETURN_TO + tail
        for tail in (
            *(
                "/",
                "/..",
                "//",
                "?",
                "?a=b",
                "#",
                "#a",
                "%00",
                "%0d%0aX: y",
                "\r\nX: y",
                "\n",
                " ",
                "\x00",
                ".",
            ),
            *(".", ";a", "&a", "\\", "@evil.test", "/../../evil", "%2f..", "*", "é"),
        )
    ),
    *(
        f"http://127.0.0.1:1/agentic/confirm/{ticket}/return"
        for ticket in (
            *("", ".", "..", "../..", "a/b", "a%2fb", "a?b", "a#b", "a b", "*", "a\\b", "%2e%2e", "é", "a\n"),
            "x" * 201,
        )
    ),
    "http://127.0.0.1:1/agentic/confirm/return",
    "http://127.0.0.1:1/agentic/../confirm/ticket_1/return",
    "http://127.0.0.1:1//agentic/confirm/ticket_1/return",
    "http://127.0.0.1:1/Agentic/confirm/ticket_1/return",
    "http://127.0.0.1:1/agentic/confirm/ticket_1/Return",
    "http://127.0.0.1:1/%61gentic/confirm/ticket_1/return",
]

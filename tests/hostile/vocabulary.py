"""The pieces that hostile requests are made of. Many values carry CANARY, which no refusal may repeat."""

from __future__ import annotations

from tests.agents import BASE

CANARY = "zq7canary"

STRINGS = (
    *(
        "",
        " ",
        CANARY,
        f"{CANARY}\n",
        f"<script>{CANARY}</script>",
        f"'; DROP TABLE {CANARY};--",
        f"{{{{{CANARY}}}}}",
    ),
    *(
        f"\u202e{CANARY}\u2066",
        f"e\u0301{CANARY}",
        f"{CANARY}\U0001f9ff\u200d",
        f"\ufeff{CANARY}",
        "\u0130\u0131ß",
    ),
    *(
        f"{CANARY}\x00",
        f"\x1b[31m{CANARY}",
        "\ufffe",
        "\ufdd0",
        "\U0010ffff",
        "x" * 300,
        "x" * 5_001,
        "é" * 17_000,
    ),
    *(
        "null",
        "true",
        "NaN",
        "-1",
        "1e9",
        "2026-99-99T99:99:99Z",
        "2026-02-30",
        "javascript:alert(1)",
        "usd",
        "USD",
    ),
    *(
        "http://169.254.169.254/",
        "a@b",
        "ada@example.com\r\nBcc: x@y",
        "+1",
        "US",
        "us",
        "ZZ",
        "../../etc/passwd",
    ),
    *(
        "item_mug",
        "item_none",
        "item_last",
        "item_nowhere",
        "spt_",
        "spt_sandbox_declined",
        "$.a",
        "%s%n",
        "\\",
    ),
)

NUMBERS = (0, -1, 1, 2, 100, 10_000, 2**31, 2**53, 2**63, 2**64, 10**30, 1.0, 0.5, -0.0, 1e300, 1e-300)

RAW = (
    *(
        "NaN",
        "Infinity",
        "-Infinity",
        "1e400",
        "-1e999",
        "0x10",
        "01",
        "1.",
        ".5",
        "+1",
        "9" * 400,
        "'a'",
        "undefined",
    ),
    *(
        '"\\ud800"',
        '"\\udc00\\ud800"',
        '"\\u0000"',
        '"\\uffff"',
        '"\\x41"',
        '"\t"',
        "[1,]",
        "{,}",
        '{"a":1,"a":2}',
    ),
    *(
        "[" * 40 + "]" * 40,
        '{"a":' * 33 + "1" + "}" * 33,
        "[" * 5_000,
        "[" + "0," * 1_100 + "0]",
        '{"":{"":{}}}',
    ),
)

NAMES = (
    *(
        "",
        "id",
        "__proto__",
        "constructor",
        "$ref",
        "a.b",
        "a[0]",
        f"{CANARY}!",
        "x" * 70,
        "\u202e",
        "card_number",
        "cvc",
    ),
    *(
        "items",
        "line_items",
        "quantity",
        "currency",
        "capabilities",
        "null",
        "metadata",
        "intervention_response",
    ),
)

HEADER_VALUES = (
    *(
        "",
        " ",
        ",",
        ";",
        '"',
        "\t",
        "\xff\xfe",
        "a" * 300,
        "a" * 9_000,
        "None",
        "0",
        "*",
        "a, b",
        "a;q=x",
        "%0d%0a",
    ),
    *(
        "application/json",
        "text/html",
        "application/json; charset=utf-7",
        "multipart/form-data",
        "2026-04-17",
    ),
    *(
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer demo-agent-key x",
        "bearer demo-agent-key",
        "Basic Og==",
        "1e9",
        "-1",
    ),
)

HEADER_NAMES = (
    *(
        "Authorization",
        "API-Version",
        "Idempotency-Key",
        "Content-Type",
        "Request-Id",
        "Accept",
        "Accept-Language",
    ),
    *(
        "Content-Encoding",
        "Transfer-Encoding",
        "Content-Length",
        "Host",
        "If-None-Match",
        "If-Match",
        "Range",
    ),
    *(
        "Cookie",
        "Origin",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-HTTP-Method-Override",
        "Expect",
        "Signature",
    ),
    *("Timestamp", "Prefer", "Referer", "User-Agent", "X-CSRFToken", "Upgrade", "Connection", "Forwarded"),
)

METHODS = (
    "GET",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "HEAD",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "BREW",
    "get",
    "P",
    "",
)

SEGMENTS = (
    *(
        "",
        ".",
        "..",
        "%00",
        "%ff",
        "%c0%af",
        "%ed%a0%80",
        "%0d%0a",
        "%2f",
        "%252f",
        "%25",
        "%zz",
        ";a=b",
        "a" * 65,
    ),
    *(
        "a" * 3_000,
        "%E2%80%AE",
        "%F0%9F%A7%BF",
        "complete",
        "cancel",
        "checkout_sessions",
        "nothing",
        "*",
        "-1",
        "'",
    ),
)

PLACES = (
    *(
        "/.well-known/acp.json",
        "/healthz",
        "/readyz",
        "/agentic/healthz",
        "/agentic/readyz",
        "/agentic/",
        "/agentic",
    ),
    *(BASE, BASE + "/", BASE + "/nothing", "/agentic/nothing/here", "/", "/nothing", "/.well-known/nothing"),
    *("/agentic/orders/", "/agentic/orders/ord_0", "/agentic/interaction", BASE + "/delegate_payment"),
    *("/api/schema/", "/api/docs/", "/api/", "/admin/", "/admin/nothing/"),
    *("/sandbox-wallet/.well-known/openid-configuration", "/sandbox-wallet/jwks", "/sandbox-wallet/nothing"),
    *("/sandbox-wallet/confirmations/int_1", "/sandbox-wallet/authorize", "/sandbox-wallet/embed"),
    *("/sandbox-bank/challenges", "/sandbox-bank/challenges/nothing", "/sandbox-bank/nothing"),
    *("/sandbox-bank/challenges/nothing/page", "/sandbox-bank/challenges/nothing/run"),
)

FORMS = {
    "/admin/login/": ("username", "password", "next", "this_is_the_login_form"),
    "/agentic/confirm/{ticket}": ("answer",),
    "/agentic/confirm/{ticket}/return": ("code", "state", "error", "iss", "answer"),
    "/agentic/confirm/{ticket}/embed": ("visit", "answer"),
    "/sandbox-wallet/authorize": (
        *("client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "code_challenge"),
        *("code_challenge_method", "id", "amount", "currency", "decision", "behaviour", "slow_seconds"),
    ),
    "/sandbox-wallet/embed": ("client_id", "id", "amount", "currency", "decision", "behaviour"),
    "/sandbox-wallet/token": ("grant_type", "code", "redirect_uri", "code_verifier"),
    "/sandbox-wallet/confirmations/{ticket}": ("id",),
    "/sandbox-bank/challenges/{ticket}/page": ("return_to", "state", "decision"),
}
"""Pages for people and what a stranger's machine asks, by path: the fields of their forms."""

FORM_VALUES = (
    "stop",
    "continue",
    "finished",
    "admin",
    "/admin/",
    "approve",
    "deny",
    "leave",
    "well",
    "code",
    "S256",
    "5",
)

QUERIES = (
    "",
    "",
    "",
    "?a=b",
    "?a=%00",
    "?%ff",
    "?" + "a=1&" * 1_001,
    "?format=api",
    "?format=html",
    "?_method=DELETE",
)

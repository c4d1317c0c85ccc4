"""Forms of an address that are not a plain https page of `https://wallet.example`, although somebody,
somewhere, might read them so (reliability-security R35)."""

from __future__ import annotations

HOME = "https://wallet.example"

ACCEPTED = [
    "https://wallet.example",
    "https://wallet.example/",
    "https://wallet.example/authorize?state=x&return=https%3A%2F%2Fevil.example",
    "https://wallet.example:443/authorize",
    "HTTPS://WALLET.EXAMPLE/authorize",
    "https://wallet.example?state=x",
    "https://wallet.example/a/../b//c/@evil.example",
    "https://wallet.example/;https://evil.example",
]
"""The other way round: plain pages of its own, however odd, or the test would pass for a closed door."""

SCHEMES = """
http ftp file ws wss gopher data blob about javascript vbscript view-source intent mailto tel ssh ldap jar
""".split()

AUTHORITIES = """
evil.example wallet.example.evil.example evilwallet.example wallet.example.evil wallet-example
wallet.example. .wallet.example wallet..example www.wallet.example wallet.example:444 wallet.example:80
wallet.example:0443 wallet.example:+443 wallet.example:443443 wallet.example:-1 wallet.example:
wallet.example:443:443 wallet.example@evil.example wallet.example:443@evil.example user@wallet.example
user:pass@wallet.example @wallet.example evil.example@wallet.example wallet.example%40evil.example
wallet.example%2eevil.example wallet.example%00.evil.example wallet%2eexample wallet.example\\@evil.example
evil.example\\@wallet.example wallet.example\\.evil.example evil.example\\wallet.example
wallet.example,evil.example wallet.example;evil.example [wallet.example] [::1] 127.0.0.1 2130706433 0x7f.1
localhost xn--wllet-lua.example w\u0430llet.example wallet\u3002example \uff57allet.example
wallet.example\u2024evil.example wallet.ex\u00e4mple wallet_.example -wallet.example *.wallet.example
""".split()

PATHS = [
    "\\evil.example",
    "/\\evil.example",
    "/a b",
    "/<script>",
    '/"onclick',
    "/\u202egpj",
    "/%zz",
    "/#@evil.example",
    "#/authorize",
    "/a\tb",
    "/a\nb",
    "/a\r\nLocation: https://evil.example",
    "/\x00",
    "/" + "x" * 3_000,
]

WHOLE = [
    "",
    " ",
    "/",
    "//",
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/authorize",
    "authorize",
    "../authorize",
    "?state=x",
    "#",
    "wallet.example",
    "wallet.example:443",
    "https:",
    "https:/wallet.example",
    "https:wallet.example",
    "https:///wallet.example",
    "https:\\\\wallet.example",
    "https:/\\wallet.example",
    "https//wallet.example",
    "https%3A%2F%2Fwallet.example",
    "https%253A%252F%252Fwallet.example",
    " https://wallet.example/",
    "https://wallet.example/ ",
    "\thttps://wallet.example/",
    "ht\ttps://wallet.example/",
    "java\nscript:alert(1)",
    "https://wallet.example/\n",
    "https://\twallet.example/",
    "javascript://wallet.example/%0aalert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html;base64,PHNjcmlwdD4=",
    "https://evil.example/https://wallet.example",
    "https://evil.example?https://wallet.example",
    "https://evil.example#https://wallet.example",
    "https://evil.example/@wallet.example",
    "url=https://wallet.example/",
    "<https://wallet.example/>",
    "https://wallet.example/ https://evil.example/",
]

REFUSED = list(
    dict.fromkeys(
        [
            *(f"{scheme}://wallet.example/authorize" for scheme in SCHEMES),
            *(f"https://{authority}/authorize" for authority in AUTHORITIES),
            *(f"{HOME}{path}" for path in PATHS),
            *WHOLE,
        ]
    )
)

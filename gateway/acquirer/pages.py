"""The page where the holder of a card says whether a payment is theirs (3-D Secure).

A GET shows the payment; a POST from that page decides. What the browser takes back to the merchant is
no word of it: the merchant asks for the charge.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from string import Template
from urllib.parse import urlencode

OPAQUE = re.compile(r"[!-~]{1,512}", re.ASCII)
ADDRESS = re.compile(r"(https?://[a-z0-9.-]{1,253}(?::\d{1,5})?)/[A-Za-z0-9._~/-]{0,512}", re.ASCII)
LOOPBACK = re.compile(r"http://(?:localhost|127\.0\.0\.1)(?::\d{1,5})?", re.ASCII)
WITHOUT_CENTS = frozenset("bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf".split())
WITH_MILS = frozenset("bhd iqd jod kwd lyd omr tnd".split())

LAYOUT = Template("""<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>$title &ndash; Sandbox</title>
  <style nonce="$nonce">
    :root { color-scheme: light dark; }
    body { margin: 0 auto; max-width: 30rem; padding: 1rem; font: 1rem/1.5 system-ui, sans-serif; }
    h1 { font-size: 1.375rem; line-height: 1.25; }
    dd { margin: 0 0 .75rem; overflow-wrap: anywhere; }
    button { font: inherit; width: 100%; min-height: 2.75rem; margin: .25rem 0 .75rem; }
  </style>
</head>
<body>
  <p>Sandbox acquirer &ndash; for trying out, no money moves</p>
  <main><h1>$title</h1>$main</main>
</body>
</html>
""")

QUESTION = Template("""
  <dl><dt>Amount</dt><dd>$amount</dd><dt>Reference</dt><dd>$reference</dd></dl>
  <form method="post" autocomplete="off">
    <input type="hidden" name="return_to" value="$return_to">
    <input type="hidden" name="state" value="$state">
    <button name="decision" value="approve">Yes, pay $amount</button>
    <button name="decision" value="deny">No, this is not mine</button>
  </form>""")


@dataclass(frozen=True, slots=True)
class WayBack:
    """Where the browser goes after the decision. Empty: nowhere."""

    return_to: str = ""
    state: str = ""

    @property
    def url(self) -> str:
        return f"{self.return_to}?{urlencode({'state': self.state})}" if self.return_to else ""

    @property
    def origin(self) -> str:
        found = ADDRESS.fullmatch(self.return_to)
        return found[1] if found else ""


def way_back(given: Mapping[str, str], origins: frozenset[str]) -> WayBack | None:
    """None when it leads to nobody that is registered: servers of this machine are, and `origins`."""
    back = WayBack(given.get("return_to", ""), given.get("state", ""))
    if not back.return_to:
        return WayBack()
    known = back.origin in origins or LOOPBACK.fullmatch(back.origin)
    return back if known and OPAQUE.fullmatch(back.state) else None


def question(amount: int, currency: str, reference: str, back: WayBack) -> tuple[str, str]:
    """The page, and its Content-Security-Policy."""
    main = QUESTION.substitute(
        amount=escape(amount_text(amount, currency)),
        reference=escape(reference),
        return_to=escape(back.return_to),
        state=escape(back.state),
    )
    return _page("Is this your payment?", main, back.origin)


def told(title: str, text: str) -> tuple[str, str]:
    """A page that asks nothing."""
    return _page(title, f"<p>{escape(text)}</p>", "")


def amount_text(amount: int, currency: str) -> str:
    """For people: `1,299.99 USD`."""
    digits = 0 if currency in WITHOUT_CENTS else 3 if currency in WITH_MILS else 2
    whole, rest = divmod(amount, 10**digits)
    return f"{whole:,}" + (f".{rest:0{digits}d}" if digits else "") + f" {currency.upper()}"


def _page(title: str, main: str, returns: str) -> tuple[str, str]:
    nonce = secrets.token_urlsafe(16)
    # Browsers hold a form's redirect to this list too.
    target = f" {returns}" if returns else ""
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; base-uri 'none'; form-action 'self'{target}; "
        "frame-ancestors 'none'"
    )
    return LAYOUT.substitute(title=escape(title), main=main, nonce=nonce), policy

"""How a scenario looks on the screen: numbered steps, arrows, short rows, no secrets."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from gateway.aauth.agent import Way, default_way, qr_code

WIDTH = 96
LABEL = 11
INDENT = "   "

# Ids and links stay whole, so that they can be copied.
FLOW = textwrap.TextWrapper(WIDTH - LABEL - 2 * len(INDENT), break_long_words=False, break_on_hyphens=False)

BOLD, DIM, GREEN, YELLOW, RED, CYAN = "1", "2", "32", "33", "31", "36"

SECRET_MEMBERS = frozenset(
    {
        *("token", "session_token", "authorization", "password", "secret", "number"),
        *("person_token", "auth_token", "resource_token", "presented_token"),
    }
)


@dataclass(frozen=True, slots=True)
class Row:
    """One fact of a request or an answer. A `lasting` one is shown again only when it changed,
    a `header` also beside whole bodies."""

    label: str
    lines: Sequence[str]
    lasting: bool = False
    header: bool = False


def masked(secret: str) -> str:
    """Enough of a secret to know which one it is, and no more."""
    return f"{secret[:4]}..." if len(secret) >= 8 else "..."


def masked_code(code: str) -> str:
    """A one-time code is too short to show any of it."""
    return "*" * len(code)


def wants_colour(out: TextIO) -> bool:
    """Only a terminal gets colours, and only when nobody asked for none (no-color.org)."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and out.isatty()


class Printer:
    """Writes to `out`, one line at a time. A secret it was told about never appears in full."""

    def __init__(self, out: TextIO, *, verbose: bool = False) -> None:
        self.verbose = verbose
        self._out = out
        self._colour = wants_colour(out)
        self._secrets: set[str] = set()
        self._codes: set[str] = set()
        self._shown: dict[str, tuple[str, ...]] = {}
        self._steps = 0

    def hide(self, secret: str) -> None:
        """From here on `secret` is masked, wherever it turns up."""
        if secret:
            self._secrets.add(secret)

    def hide_code(self, code: str) -> None:
        """`code` is masked wherever it turns up, until codes are forgotten."""
        if code:
            self._codes.add(code)

    def forget_codes(self) -> None:
        """No one-time code is remembered here any more."""
        self._codes.clear()

    def begin(self, name: str, summary: str) -> None:
        """The heading of a scenario; its steps count from one."""
        self._steps = 0
        self._shown.clear()
        self.forget_codes()
        self._line(f"{name}: {summary}", BOLD)

    def step(self, sentence: str) -> None:
        """A numbered step: what the agent does now, and why."""
        self._steps += 1
        self._line("")
        number = f"{self._steps}. "
        for line in textwrap.wrap(sentence, WIDTH, initial_indent=number, subsequent_indent=INDENT):
            self._line(line, BOLD)

    def request(self, line: str, rows: Sequence[Row], body: Any = None) -> None:
        """What is sent. Its secrets are masked from here on, also when an answer repeats them."""
        for secret in secrets_in(body):
            self.hide(secret)
        self.hide_code(code_in(body))
        self._line(f"{INDENT}-> {line}", CYAN)
        self._rows(rows, body)

    def answer(self, status: int, reason: str, rows: Sequence[Row], body: Any = None) -> None:
        """What came back."""
        colour = GREEN if status < 400 else YELLOW
        self._line(f"{INDENT}<- {status} {reason}".rstrip(), colour)
        self._rows(rows, body)

    def happens(self, sentence: str) -> None:
        """Something that no request shows."""
        self._line(f"{INDENT}.. {sentence}")

    def kept(self, promise: str) -> None:
        self._line(f"{INDENT}ok {promise}", GREEN)

    def end(self, text: str, *, good: bool) -> None:
        """The last line of a scenario."""
        self._line("")
        self._line(text, GREEN if good else RED)

    def plain(self, text: str) -> None:
        self._line(text)

    def draw(self, link: str) -> None:
        """The link as a square for a telephone's camera; nothing where no terminal is, or none that can."""
        if default_way(self._out) is Way.QR:
            self._line(qr_code(link, self._out.encoding or "utf-8"))

    def _rows(self, rows: Sequence[Row], body: Any) -> None:
        for row in rows:
            if self.verbose and not row.header:
                continue
            lines = tuple(row.lines)
            if not lines or (row.lasting and self._shown.get(row.label) == lines):
                continue
            if row.lasting:
                self._shown[row.label] = lines
            label = row.label
            for piece in (piece for line in lines for piece in FLOW.wrap(line)):
                self._line(f"{INDENT * 2}{label:<{LABEL}} {piece}")
                label = ""
        if self.verbose and body is not None:
            whole = json.dumps(concealed(body), indent=2, ensure_ascii=False)
            self._line(textwrap.indent(whole, INDENT * 2), DIM)

    def _line(self, text: str, colour: str = "") -> None:
        for secret in self._secrets:
            text = text.replace(secret, masked(secret))
        for code in self._codes:
            text = text.replace(code, masked_code(code))
        # What a server says must not steer the terminal, nor fail on a plain one.
        text = "".join(sign if sign.isprintable() or sign == "\n" else "?" for sign in text)
        encoding = self._out.encoding or "utf-8"
        text = text.encode(encoding, "replace").decode(encoding)
        if self._colour and colour and text:
            text = f"\x1b[{colour}m{text}\x1b[0m"
        print(text, file=self._out, flush=True)


def secrets_in(body: Any) -> Iterator[str]:
    """The texts of secret members, at any depth."""
    if isinstance(body, dict):
        for name, value in body.items():
            if name.lower() in SECRET_MEMBERS and isinstance(value, str):
                yield value
            else:
                yield from secrets_in(value)
    elif isinstance(body, list):
        for entry in body:
            yield from secrets_in(entry)


def code_in(body: Any) -> str:
    """The one-time code that a request brings, "" when it brings none."""
    response = body.get("intervention_response") if isinstance(body, dict) else None
    code = response.get("code") if isinstance(response, dict) else None
    return code if isinstance(code, str) else ""


def concealed(body: Any) -> Any:
    """The same document with the secrets in it masked."""
    if isinstance(body, dict):
        return {
            name: masked(value)
            if name.lower() in SECRET_MEMBERS and isinstance(value, str)
            else concealed(value)
            for name, value in body.items()
        }
    if isinstance(body, list):
        return [concealed(entry) for entry in body]
    return body

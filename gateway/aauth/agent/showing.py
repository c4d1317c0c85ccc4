"""Showing a person where they have to go: in a browser here, as text, or as a square for their telephone."""

from __future__ import annotations

import io
import webbrowser
from enum import StrEnum
from typing import Protocol

import segno


class Way(StrEnum):
    """How it is shown. The page and the code are written in any case, because people compare them."""

    BROWSER = "browser"
    QR = "qr"
    TEXT = "text"


class Screen(Protocol):
    """Where it is written, such as `sys.stdout`."""

    def write(self, text: str, /) -> object: ...

    def isatty(self) -> bool: ...


def default_way(screen: Screen) -> Way:
    """A square where somebody looks at a terminal; text where a program reads it, or a file keeps it."""
    return Way.QR if screen.isatty() else Way.TEXT


def show(url: str, code: str, link: str, *, way: Way, screen: Screen, encoding: str = "utf-8") -> None:
    """The person can see where to go, and which code they will read there. `link` is `url` with the code.

    None of the three is opened or written before it was judged (`gateway.aauth.agent.link` does). A square
    that this terminal cannot write is left out; whether a browser opens is the machine's affair.
    """
    screen.write(f"  page  {url}\n  code  {code}\n  link  {link}\n")
    if way is Way.QR and (square := qr_code(link, encoding)):
        screen.write(square)
    if way is Way.BROWSER:
        webbrowser.open(link)


def qr_code(text: str, encoding: str) -> str:
    """The text as a square for a telephone's camera, "" where the terminal cannot show it."""
    out = io.StringIO()
    segno.make(text, error="l", micro=False).terminal(out, border=2, compact=True)
    square = out.getvalue()
    try:
        square.encode(encoding)
    except (UnicodeError, LookupError):
        return ""
    return square

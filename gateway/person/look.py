"""The merchant's look on pages for people: name, logo and accent colour, readable whatever is set."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.templatetags.static import static

from gateway.conf import conf

READABLE = 4.5
"""The contrast that text needs (WCAG 2.2, 1.4.3); buttons and links are written in the accent."""
LIGHT_PAGE, DARK_PAGE = "#ffffff", "#17171b"
"""What `person.css` paints pages with."""

COLOUR = re.compile(r"#[0-9a-fA-F]{6}", re.ASCII)
_STEPS = 20
_PATH = re.compile(r"[A-Za-z0-9_\-][A-Za-z0-9_\-.]*(/[A-Za-z0-9_\-][A-Za-z0-9_\-.]*)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Look:
    """As pages show it; empty where the merchant set nothing, or nothing that can be used."""

    name: str
    logo: str
    """An address."""
    accent: str
    accent_on_dark: str

    @property
    def origins(self) -> tuple[str, ...]:
        """Origins beside our own that pages load logo and stylesheet from."""
        addresses = (self.logo, static("agentic/person.css"))
        return tuple(sorted({origin for address in addresses if (origin := _origin(address))}))


def look() -> Look:
    """How pages look by the settings in force."""
    accent = conf().ACCENT if is_colour(conf().ACCENT) else ""
    return Look(
        name=conf().MERCHANT_NAME,
        logo=_logo(conf().LOGO),
        accent=accent,
        accent_on_dark=on_dark(accent) if accent else "",
    )


def is_colour(value: object) -> bool:
    """Six hexadecimal digits after #: nothing else is written into a stylesheet."""
    return isinstance(value, str) and COLOUR.fullmatch(value) is not None


def is_logo(value: object) -> bool:
    """An https address, or the path of a static file."""
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        return False
    if _PATH.fullmatch(value):
        return True
    try:
        parts = urlsplit(value)
        return parts.scheme == "https" and bool(parts.hostname) and not set(" '\"<>;,\\@").intersection(value)
    except ValueError:
        return False


def contrast(one: str, other: str) -> float:
    """How far apart two colours are for who reads one on the other: 1 to 21 (WCAG 2.2)."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def on_dark(accent: str) -> str:
    """The accent, as much lighter as text on a dark page needs. No colour is readable on both."""
    for step in range(_STEPS + 1):
        mixed = _mixed(accent, step / _STEPS)
        if contrast(mixed, DARK_PAGE) >= READABLE:
            return mixed
    return LIGHT_PAGE


def _logo(value: str) -> str:
    if not is_logo(value):
        return ""
    try:
        return value if value.startswith("https:") else static(value)
    except ValueError:  # it was never collected
        return ""


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc and parts.scheme else parts.netloc


def _channels(colour: str) -> list[int]:
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]


def _mixed(colour: str, white: float) -> str:
    return "#" + "".join(f"{round(part + (255 - part) * white):02x}" for part in _channels(colour))


def _luminance(colour: str) -> float:
    parts = [channel / 255 for channel in _channels(colour)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

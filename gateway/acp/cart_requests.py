"""Bodies of ACP carts, already judged by their schema, as inputs of the domain."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from checkout.carts import Content
from gateway import languages
from gateway.acp import requests

CART_ID = re.compile(r"cart_[0-9a-z]{1,59}", re.ASCII)
"""No other id of a cart was ever given out."""

NEEDED = frozenset({"line_items"})


def content(body: Mapping[str, Any]) -> Content:
    """A replacement: what it does not name is cleared, but the language stays."""
    return Content(requests.lines(body["line_items"]), buyer=requests.filled(body.get("buyer")))


def new_content(body: Mapping[str, Any], *, accepted_language: str = "") -> Content:
    """A create request; `accepted_language` is the header."""
    given = content(body)
    locale = languages.best(body.get("locale"), accepted_language)
    return Content(given.lines, buyer=given.buyer, extras={"locale": locale})

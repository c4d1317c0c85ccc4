"""What keeps a session from being paid, or what the buyer should know: rows of its quote."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Problem = dict[str, Any]


def problem(
    level: str,
    code: str,
    content: str,
    *,
    param: str = "",
    resolution: str = "recoverable",
    blocking: bool = True,
    values: Mapping[str, object] | None = None,
) -> Problem:
    """Something the agent or buyer should know, in the words of ACP's messages.

    `content` is English, and with `values` a template that names them: "%(title)s is out of
    stock.". It is stored as it is, so that every reader can have it in another language; `wording`
    fills it in. What an agent, buyer or merchant wrote belongs into `values`, never into a
    template. A blocking error keeps the session from being paid; a declined payment, say, does not.
    """
    found: Problem = {
        "level": level,
        "code": code,
        "content": content,
        "param": param,
        "resolution": resolution,
        "blocking": blocking and level == "error",
    }
    return found | {"values": dict(values)} if values else found


def wording(entry: Mapping[str, Any], translated: Callable[[str], str] = str) -> str:
    """The text of a problem for people: its template translated, its values put in as they are."""
    template: str = entry["content"]
    values = entry.get("values")
    return translated(template) % values if values else translated(template)

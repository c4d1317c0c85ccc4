"""The exchanges in the guides: what matters of a recorded step, between two marks in the page.

<!-- example: redirect 1 -->
...
<!-- end -->
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.examples.recording import FOLDER

GUIDES = FOLDER.parent / "interventions"

MARK = re.compile(
    r"(?P<mark><!-- example: (?P<name>[a-z0-9-]+) (?P<number>\d+) -->\n).*?(?P<end><!-- end -->)", re.S
)

MATTERS = (
    *("type", "code", "message", "param"),
    *("status", "intervention_context", "authentication_metadata", "continue_url", "messages", "order"),
)
"""What a guide shows of an answer; the rest of the session is in the whole example."""


def pages() -> list[Path]:
    return [*sorted(GUIDES.glob("*.md")), FOLDER.parent / "delegated-payment.md"]


def filled(page: str) -> str:
    """The page with every exchange as it was recorded."""
    return MARK.sub(
        lambda found: found["mark"] + _exchange(found["name"], int(found["number"])) + found["end"], page
    )


def _exchange(name: str, number: int) -> str:
    recording = json.loads((FOLDER / f"{name}.json").read_text())
    step = [entry for entry in recording["steps"] if "request" in entry][number - 1]
    return "\n".join(
        ("```http", *_sent(step["request"]), "```", "", "```json", *_answered(step["response"]), "```", "")
    )


def _sent(request: dict[str, Any]) -> Iterator[str]:
    yield f"{request['method']} {request['path']}"
    if "body" in request:
        yield ""
        yield json.dumps(request["body"], indent=2, ensure_ascii=False)


def _answered(response: dict[str, Any]) -> Iterator[str]:
    body = response["body"]
    if "line_items" not in body:  # no session: short, and all of it matters
        yield f"// {response['status']}"
        yield json.dumps(body, indent=2, ensure_ascii=False)
        return
    shown = {member: body[member] for member in MATTERS if member in body}
    if order := shown.get("order"):
        shown["order"] = {member: order[member] for member in ("id", "permalink_url")}
    agreed = body.get("capabilities", {}).get("interventions")
    if agreed is not None:
        shown = {"capabilities": {"interventions": agreed}} | shown
    yield f"// {response['status']}, the members that matter"
    yield json.dumps(shown, indent=2, ensure_ascii=False)

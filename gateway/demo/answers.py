"""What a server answered, and reading it without trusting it.

An answer that lacks what the protocol promises ends a scenario as a broken promise, not as a
traceback.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class BrokenPromise(Exception):
    """The server did not do what a scenario says it does. The text names the promise."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `body` is its JSON object, empty when it was none."""

    status: int
    reason: str
    headers: Mapping[str, str]
    raw: bytes
    body: Mapping[str, Any]

    def text(self, *path: str) -> str:
        """The text at that path in the body. Raises BrokenPromise when there is none."""
        found: Any = self.body
        for name in path:
            found = found.get(name) if isinstance(found, Mapping) else None
        if not isinstance(found, str) or not found:
            raise BrokenPromise(f"The answer has a text at {'.'.join(path)}.")
        return found

    @property
    def session_status(self) -> str:
        """`status` of the checkout session, "" when the answer is none."""
        found = self.body.get("status")
        return found if isinstance(found, str) else ""

    @property
    def order_id(self) -> str:
        """The id of the order, "" while there is none."""
        order = self.body.get("order")
        found = order.get("id") if isinstance(order, Mapping) else None
        return found if isinstance(found, str) else ""

    @property
    def codes(self) -> list[str]:
        """The codes of the session's messages, in their order."""
        return [str(message["code"]) for message in self.objects("messages") if "code" in message]

    def objects(self, name: str) -> list[Mapping[str, Any]]:
        """The objects in the array `name` of the body; empty when it is absent or something else."""
        return objects_in(self.body, name)

    def total(self, kind: str = "total") -> int | None:
        """The amount of that kind in the session's totals, or None."""
        return amount_of(self.body, kind)

    def message(self, code: str) -> Mapping[str, Any] | None:
        """The first message with this code, or None."""
        return next((entry for entry in self.objects("messages") if entry.get("code") == code), None)


def objects_in(body: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The objects in the array `name`; empty when it is absent or something else."""
    found = body.get(name)
    return [entry for entry in found if isinstance(entry, Mapping)] if isinstance(found, list) else []


def amount_of(body: Mapping[str, Any], kind: str) -> int | None:
    """The amount of that kind in the object's totals, or None."""
    for entry in objects_in(body, "totals"):
        if entry.get("type") == kind and isinstance(entry.get("amount"), int):
            return int(entry["amount"])
    return None

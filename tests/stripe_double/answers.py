"""What is answered instead of an object, and forms as Stripe reads them."""

from __future__ import annotations

import re
from typing import Any

Form = list[tuple[str, str]]


class Answer(Exception):
    """What is answered instead of an object. `kept`: the same again to the same idempotency key."""

    def __init__(self, status: int, kept: bool = False, **error: Any) -> None:
        self.status, self.kept, self.error = status, kept, error


def only(form: Form, *known: str) -> dict[str, str]:
    """The fields, of which every one is known. Raises Answer for the first that is not."""
    rule = re.compile("|".join(known) or r"(?!)")
    for name, _ in form:
        if not rule.fullmatch(name):
            raise Answer(
                400,
                type="invalid_request_error",
                code="parameter_unknown",
                param=name,
                message=f"Received unknown parameter: {name}",
            )
    return dict(form)


def member(fields: dict[str, str], around: str) -> dict[str, str]:
    """`{"a": ..}` of `around[a]`."""
    inside = re.compile(re.escape(around) + r"\[([^\]]+)\]")
    return {found[1]: value for name, value in fields.items() if (found := inside.fullmatch(name))}


def listed(form: Form, name: str) -> list[str]:
    """Every value of `name[0]`, `name[1]` or `name[]`."""
    return [value for key, value in form if re.fullmatch(re.escape(name) + r"\[\d*\]", key)]


def wrong(message: str, code: str = "", **more: Any) -> Answer:
    coded = {"code": code} if code else {}
    return Answer(400, type="invalid_request_error", message=message, **coded, **more)


def missing(what: str) -> Answer:
    return Answer(404, type="invalid_request_error", code="resource_missing", message=f"No such {what}")

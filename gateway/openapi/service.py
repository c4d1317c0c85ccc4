"""The health checks as the document describes them. They belong to no protocol."""

from __future__ import annotations

from typing import Any

from gateway.openapi.operations import answer, described, received

TAG = "Service"

_STATUS = {"type": "string", "description": "`ok`, or what is wrong in a word or two."}
_PROCESS = {"type": "integer", "description": "Number of the process that answered."}

LIVENESS: dict[str, Any] = {
    "type": "object",
    "properties": {"status": _STATUS, "process": _PROCESS},
    "required": ["status", "process"],
    "additionalProperties": False,
}
READINESS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "status": _STATUS,
        "process": _PROCESS,
        "parts": {"type": "object", "description": "Each part by name.", "additionalProperties": _STATUS},
        "given_up": {
            "type": "integer",
            "minimum": 0,
            "description": "Effects that failed on every try and wait for an operator; they do not make "
            "the service unready. Absent when the database does not answer.",
        },
        "degraded": {
            "type": "object",
            "description": "Failures within the last hour of those who have people confirm, by intervention "
            "type; they do not make the service unready. Absent when the database does not answer.",
            "additionalProperties": {"type": "integer", "minimum": 1},
        },
    },
    "required": ["status", "process", "parts"],
    "additionalProperties": False,
}

WELL = {"database": "ok", "migrations": "ok", "relay": "ok", "schemas": "ok"}

_FAULTS = {
    400: answer("Error", "The query string is not text."),
    500: answer("Error", "A fault on our side."),
}

healthz = described(
    summary="Is the process alive",
    description="Answers as long as the process can. Asks nobody else.",
    tag=TAG,
    responses={200: answer(LIVENESS, "It is.", {"alive": {"status": "ok", "process": 4711}}), **_FAULTS},
)

readyz = described(
    summary="Can it serve",
    description="Asks every part that is needed: the database, its migrations, the relay that delivers "
    "effects, the schemas. Anything but 200 means: send the traffic elsewhere.",
    tag=TAG,
    headers=[
        received("Retry-After", "Seconds to wait before repeating.", [503], {"type": "integer", "minimum": 0})
    ],
    responses={
        200: answer(
            READINESS,
            "It can.",
            {
                "ready": {
                    "status": "ok",
                    "process": 4711,
                    "parts": WELL,
                    "given_up": 0,
                    "degraded": {"redirect": 12},
                }
            },
        ),
        503: answer(
            READINESS,
            "It cannot, or not yet.",
            {
                "relay is down": {
                    "status": "not_ready",
                    "process": 4711,
                    "parts": {**WELL, "relay": "no heartbeat"},
                    "given_up": 0,
                    "degraded": {},
                }
            },
        ),
        **_FAULTS,
    },
)

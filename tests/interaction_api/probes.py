"""Capabilities that tests offer, to see what the base does with a call."""

from __future__ import annotations

from typing import Any

from checkout import errors as domain
from gateway.errors import KeyInFlight, Unavailable
from gateway.interaction_api.capabilities import Call, Capability, Param, Seal
from gateway.interaction_api.refusals import Refused

PARAMS = {
    "item_id": Param("string", required=True, least=1, most=256),
    "quantity": Param("integer", default=1, least=1, most=10_000),
}

FAULTS: dict[str, Exception] = {
    "refused": Refused("The cart is empty."),
    "gone": domain.NotFound("There is no such line."),
    "unknown_item": domain.UnknownItem(param="item_id"),
    "closed": domain.SessionClosed(),
    "moved": domain.StateConflict(),
    "provider": domain.ProviderUnavailable(),
    "down": Unavailable(),
    "in_flight": KeyInFlight(),
    "bug": ValueError("secret of the house: tok_1"),
}


def echo(call: Call, seal: Seal) -> None:
    """What the base understood."""
    owner = call.session.owner if call.session else None
    seal({"params": dict(call.params), "others": dict(call.others), "owner": owner, "by": call.address})


def fail(call: Call, seal: Seal) -> None:
    raise FAULTS[call.params["with"]]


def probe(method: str = "POST", path: str = "/probe", **columns: Any) -> Capability:
    """One that says what it was asked."""
    settled = {"name": f"probe.{method.lower()}", "handler": echo, "params": PARAMS, **columns}
    return Capability(method=method, path=path, **settled)


FAILING = Capability(
    "probe.fail", "GET", "/probe/fail", fail, params={"with": Param("string", required=True)}
)
EVERY = [probe(method) for method in ("GET", "POST", "PUT", "PATCH", "DELETE")]
GATED = probe("POST", "/gated", name="probe.gated", requires_session=True, status=201)

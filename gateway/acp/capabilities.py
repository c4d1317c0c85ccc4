"""What holds for agent and merchant together in one session (requirements I and L)."""

from __future__ import annotations

from typing import Any

from checkout.models import CheckoutSession
from checkout.payments import tenders
from checkout.ports import Handler
from gateway.acp.standing import EXTENSION, Standing


def capabilities(session: CheckoutSession, stands: Standing) -> dict[str, Any]:
    """What this session accepts; nothing the agent declared is echoed (ACP-124 to ACP-127)."""
    body: dict[str, Any] = {"payment": {"handlers": [handler(entry) for entry in tenders.offered(session)]}}
    agreed = session.quote.get("agreement") or {"supported": [], "required": [], "enforcement": ""}
    if session.capabilities.get("interventions") is not None or agreed["required"]:
        # While a person finishes it, `supported` is what they can do; the agent is told of its own.
        shared = agreed.get("of_agent", agreed["supported"])
        body["interventions"] = {"supported": [kind for kind in shared if kind in stands.kinds]}
    if agreed["required"]:
        body["interventions"] |= {
            "required": [kind for kind in agreed["required"] if kind in stands.kinds],
            "enforcement": agreed["enforcement"],
        }
    if stands.extended:
        body["extensions"] = [{"name": EXTENSION}]
    return body


def handler(entry: Handler) -> dict[str, Any]:
    """One way to pay, with the members of ACP-174; which interventions it needs is not among them."""
    body: dict[str, Any] = {
        "id": entry.id,
        "name": entry.name,
        "version": entry.version,
        "spec": entry.spec,
        "requires_delegate_payment": entry.requires_delegate_payment,
        "requires_pci_compliance": entry.requires_pci_compliance,
        "psp": entry.psp,
        "config_schema": entry.config_schema,
        "instrument_schemas": list(entry.instrument_schemas),
        "config": dict(entry.config),
    }
    if entry.display_name:
        body["display_name"] = entry.display_name
    if entry.display_order is not None:
        body["display_order"] = entry.display_order
    return body

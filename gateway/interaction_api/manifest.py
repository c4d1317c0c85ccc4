"""agents.json and agents.txt: one generator, from what is really there (AJ-001 to AJ-030).

The text is made of the document, so that they cannot disagree. Nothing comes from a request.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gateway.conf import conf
from gateway.interaction_api import audit, registry
from gateway.interaction_api.capabilities import Capability, Param
from gateway.plain_text import one_line

SCHEMA_VERSION = "0.1.0"
JSON_PATH = "/.well-known/agents.json"
TEXT_PATH = "/.well-known/agents.txt"
FALLBACK_PATH = "/agents.json"
"""Where the reference client looks next; the same document (AJ-023)."""

SESSION, AUDIT = "/session", "/audit"
"""Below the base, and no capabilities."""

LONGEST_VALUE = 500
ARROW = "→"
"""Between the name of a flow and its steps, in agents.txt."""
PURCHASE: Mapping[str, Any] = {
    "name": "purchase",
    "description": "Find something, put it into a cart and hand over to a person who pays.",
    "steps": ["search", "detail", "cart.add", "checkout"],
}


def document() -> dict[str, Any]:
    """agents.json, from the capabilities and the settings in force. Without any capability there is
    nothing to tell, and the result does not fit its schema."""
    capabilities = registry.all()
    return {
        "schema_version": SCHEMA_VERSION,
        "site": _site(),
        "capabilities": [_capability(entry) for entry in capabilities],
        "session": {
            "create": _address(SESSION),
            "delete": _address(SESSION),
            "ttl_seconds": conf().AGENT_SESSION_SECONDS,
        },
        "rate_limit": {
            conf().RATE_LIMIT_FIELD: conf().INTERACTION_RATE,
            "max_sessions": conf().MAX_SESSIONS,
        },
        "audit": _audit(),
        "flows": list(_flows({entry.name for entry in capabilities})),
        **({"docs_url": one_line(conf().DOCS_URL, LONGEST_VALUE)} if conf().DOCS_URL else {}),
    }


def text(told: Mapping[str, Any]) -> str:
    """agents.txt, which says what the document `told` says."""
    site, trail = told["site"], told["audit"]
    json_address = _at(JSON_PATH)
    return "\n".join(
        [
            "# What agents can do on this site; the same for programs is in agents.json",
            "",
            *_lines({"Name": site.get("name"), "URL": site.get("url")}),
            *_lines({"Description": site.get("description"), "Contact": site.get("contact")}),
            *_lines({"Docs": told.get("docs_url")}),
            "",
            "# What agents can do here",
            f"Capabilities: {', '.join(entry['name'] for entry in told['capabilities'])}",
            *_flow_lines(told["flows"]),
            "",
            "# Where",
            *_lines({"Capabilities-URL": json_address, "Agents-JSON": json_address}),
            *_lines({"Agent-API": _address(""), "Session-Endpoint": told["session"]["create"]}),
            "",
            "# Limits",
            f"Rate-Limit: {told['rate_limit'][conf().RATE_LIMIT_FIELD]}",
            f"Session-TTL: {told['session']['ttl_seconds']}",
            "",
            "# Signed audit trail",
            f"Audit: {'true' if trail['enabled'] else 'false'}",
            *_lines({"Audit-Endpoint": _address(AUDIT) if trail["enabled"] else None}),
            "",
        ]
    )


def gated() -> list[str]:
    """The capabilities that need a session, in the order of the documents (Q20)."""
    return [entry.name for entry in registry.all() if entry.requires_session]


def artifact_address(token: str) -> str:
    """Where the trail of the session with that token is, once it has ended."""
    return _address(f"{AUDIT}/{token}")


def _site() -> dict[str, str]:
    told = {
        "name": conf().MERCHANT_NAME,
        "url": conf().PUBLIC_URL,
        "description": conf().SITE_DESCRIPTION,
        "contact": conf().SITE_CONTACT,
    }
    return {name: plain for name, value in told.items() if (plain := one_line(value, LONGEST_VALUE))}


def _capability(entry: Capability) -> dict[str, Any]:
    told: dict[str, Any] = {"name": entry.name}
    if entry.description:
        told["description"] = entry.description
    told |= {"endpoint": _address(entry.advertised or entry.path), "method": entry.method}
    if entry.params:
        told["params"] = {name: _param(param) for name, param in entry.params.items()}
    return told | {"requires_session": entry.requires_session, "human_handoff": entry.human_handoff}


def _param(param: Param) -> dict[str, Any]:
    told: dict[str, Any] = {"type": param.type}
    if param.description:
        told["description"] = param.description
    told["required"] = param.required
    if param.default is not None:
        told["default"] = param.default
    if param.enum:
        told["enum"] = list(param.enum)
    if param.items is not None:
        told["items"] = dict(param.items)
    return told


def _audit() -> dict[str, Any]:
    if not audit.enabled():
        return {"enabled": False}
    return {
        "enabled": True,
        "endpoint": _address(f"{AUDIT}/:session_id"),
        **({"public_key": key} if (key := audit.public_key()) else {}),
    }


def _flows(declared: set[str]) -> Iterator[dict[str, Any]]:
    """Those whose every step is there; a merchant's own replaces the built-in one of its name."""
    for flow in {entry["name"]: entry for entry in (PURCHASE, *conf().FLOWS)}.values():
        if declared.issuperset(flow["steps"]):
            description = one_line(flow.get("description", ""), LONGEST_VALUE)
            yield {
                "name": one_line(flow["name"].replace(ARROW, "-"), LONGEST_VALUE),
                **({"description": description} if description else {}),
                "steps": list(flow["steps"]),
            }


def _address(path: str) -> str:
    return _at(registry.base() + path)


def _at(path: str) -> str:
    return conf().PUBLIC_URL + path if conf().ENDPOINT_STYLE == "absolute" else path


def _lines(values: Mapping[str, str | None]) -> Iterator[str]:
    return (f"{key}: {value}" for key, value in values.items() if value)


def _flow_lines(flows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for flow in flows:
        yield f"Flow: {flow['name']} {ARROW} {', '.join(flow['steps'])}"
        yield from _lines({"Flow-Description": flow.get("description")})

"""The form of an audit trail: events, the chain, and the artifact that anybody can verify (AJ-094 to AJ-097).

Every hash is SHA-256 in lower-case hexadecimal digits, over JSON in the canonical form of RFC 8785.
docs/audit.md says the same to whoever verifies one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import rfc8785

from gateway.audit_models import AuditSeal
from gateway.session_models import AgentSession

UNSIGNED = "artifact_signature"
"""The member that is over all others."""


def canonical(document: Mapping[str, Any]) -> str:
    return rfc8785.dumps(dict(document)).decode()


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def event(
    event_id: str,
    at: datetime,
    *,
    capability: str,
    method: str,
    params: Mapping[str, Any],
    allowed: bool,
    rule: str,
    status: int,
    prev_hash: str,
) -> str:
    """One call as its canonical text, from which nothing leads back to the objects it was made of."""
    return canonical(
        {
            "event_id": event_id,
            "timestamp": moment(at),
            "capability": capability,
            "method": method,
            "params": params,
            "policy_result": "allow" if allowed else "deny",
            "matched_rule": rule,
            "response_status": status,
            "prev_hash": prev_hash,
        }
    )


def root(hashes: Iterable[str]) -> str:
    """SHA-256 over the hashes of all events, one after the other, as text."""
    return digest("".join(hashes))


def whose(session: AgentSession, *, site: str, ended_at: datetime, because: str) -> dict[str, Any]:
    """What the artifact says beside its events. The token is there as the keyed hash that we keep (Q17)."""
    return {
        "session_id": session.digest,
        "site": site,
        "created_at": moment(session.created_at),
        "ended_at": moment(ended_at),
        "sealed_because": because,
        "agent": {
            "name": _whole(session.agent_name),
            "version": _whole(session.agent_version),
            "purpose": _whole(session.purpose),
        },
    }


def assembled(head: str, events: Sequence[str], seal: AuditSeal) -> dict[str, Any]:
    """The artifact, but for the signature over it where that is not made yet."""
    artifact = {
        **json.loads(head),
        "events": [json.loads(text) for text in events],
        "root_hash": seal.root_hash,
        "signature": seal.signature,
        "key_id": seal.key_id,
        "public_key": seal.public_key,
    }
    return artifact | ({UNSIGNED: seal.artifact_signature} if seal.artifact_signature else {})


def signed_bytes(artifact: Mapping[str, Any]) -> bytes:
    """What the signature over the whole artifact is over: all of it, without that signature."""
    return canonical({name: value for name, value in artifact.items() if name != UNSIGNED}).encode()


def _whole(text: str) -> str:
    """Halves of a character have no canonical form."""
    return text.encode(errors="replace").decode()

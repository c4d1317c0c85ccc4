"""Tokens and authentications as ACP writes them (acp.md 3.13 and 3.14)."""

from __future__ import annotations

from typing import Any

from checkout.payments.authenticator import Authentication, ChallengePage, Fingerprint, Result
from checkout.payments.vault import VaultToken
from gateway.acp.members import instant


def token(found: VaultToken) -> dict[str, Any]:
    return {
        "id": found.id,
        "created": instant(found.created_at),
        "metadata": dict(found.metadata),
    }


def authentication(found: Authentication) -> dict[str, Any]:
    """Without the result: only who retrieves it gets that."""
    body: dict[str, Any] = {"authentication_session_id": found.id, "status": found.status}
    match found.action:
        case Fingerprint(url, server_id):
            page = {"three_ds_method_url": url, "three_ds_server_trans_id": server_id}
            body["action"] = {"type": "fingerprint", "fingerprint": page}
        case ChallengePage(url, acs_id, server_id, version):
            asked = {"acs_url": url, "acs_trans_id": acs_id, "three_ds_server_trans_id": server_id}
            body["action"] = {"type": "challenge", "challenge": {**asked, "message_version": version}}
    return body


def with_result(found: Authentication) -> dict[str, Any]:
    told = authentication(found)
    return told | ({"authentication_result": _result(found.result)} if found.result else {})


def _result(found: Result) -> dict[str, str]:
    given = {
        "trans_status": found.trans_status,
        "electronic_commerce_indicator": found.eci,
        "three_ds_cryptogram": found.cryptogram,
        "transaction_id": found.transaction_id,
        "three_ds_server_trans_id": found.server_id,
        "version": found.version,
        "trans_status_reason": found.reason,
    }
    return {name: value for name, value in given.items() if value}

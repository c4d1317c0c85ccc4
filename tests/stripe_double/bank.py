"""The bank behind the cards: its page, and the proofs that it gave to agents who asked it themselves."""

from __future__ import annotations

import base64
import secrets
import uuid
from html import escape
from typing import Any


class Bank:
    origin = ""
    """Where this server answers; known once it listens."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        self.proofs: dict[str, tuple[str, str]] = {}

    def page_of(self, intent: str) -> str:
        """A new page for the intent's holder."""
        ticket = secrets.token_urlsafe(24)
        self.pages[ticket] = intent
        return f"{self.origin}/3d_secure_2/hosted/{ticket}"

    def shown(self, ticket: str) -> str:
        buttons = "".join(
            f'<button name="decision" value="{escape(name)}">{escape(name)}</button>'
            for name in ("approve", "deny")
        )
        return f'<!doctype html><title>Bank</title><form method="post">{buttons}</form>'

    def authenticate(self, intent: str) -> dict[str, Any]:
        """An agent had its user asked elsewhere; the `authentication_result` for exactly this payment."""
        cryptogram = base64.b64encode(secrets.token_bytes(20)).decode()
        proof = str(uuid.uuid4())
        self.proofs[proof] = (intent, cryptogram)
        details = {
            "three_ds_cryptogram": cryptogram,
            "electronic_commerce_indicator": "05",
            "transaction_id": proof,
            "version": "2.2.0",
        }
        return {"outcome": "authenticated", "outcome_details": details}

    def made(self, intent: str, proof: dict[str, str]) -> bool:
        return self.proofs.get(proof["transaction_id"]) == (intent, proof["cryptogram"])

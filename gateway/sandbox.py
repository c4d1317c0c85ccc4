"""The sandbox payment provider with its vault, and the bank behind its cards when the settings name one.

"SANDBOX_BANK": {
    "url": "http://localhost:8000/sandbox-bank",
    "client_id": "...",
    "client_secret": "...",
}
"VAULT": {"part": "gateway.sandbox.vault"}
"AUTHENTICATION": {"part": "gateway.sandbox.authenticator"}
"""

from __future__ import annotations

from checkout.payments.sandbox import SandboxProvider
from checkout.payments.sandbox_authenticator import SandboxAuthenticator
from checkout.payments.sandbox_bank import SandboxBank
from checkout.payments.sandbox_vault import SandboxVault
from gateway.conf import conf
from gateway.egress import egress


def provider() -> SandboxProvider:
    """Asks its bank through the guarded client; without a bank nobody is ever asked."""
    return SandboxProvider(_bank(), vault())


def vault() -> SandboxVault:
    """Takes published test cards, and no others."""
    return SandboxVault()


def authenticator() -> SandboxAuthenticator:
    """Runs 3-D Secure with the bank; without one no card supports it."""
    return SandboxAuthenticator(_bank())


def _bank() -> SandboxBank | None:
    agreed = conf().SANDBOX_BANK
    return SandboxBank(**agreed, http=egress()) if agreed else None

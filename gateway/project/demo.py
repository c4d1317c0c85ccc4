"""The demo shop: the project's settings with fixed, public secrets, and mail and texts in files.

Everybody who reads this file knows these secrets. Never serve anything real with them.
"""

from __future__ import annotations

import os

DEMO_SECRET_KEY = "demo-only-secret-key-published-in-the-source-code-and-never-for-production"
DEMO_HASH_KEY = "demo-only-hash-key-published-in-the-source-code-and-never-for-production"

# The production settings refuse to load without these two.
os.environ.setdefault("SECRET_KEY", DEMO_SECRET_KEY)
os.environ.setdefault("AGENTIC_HASH_KEYS", DEMO_HASH_KEY)

from gateway.project import beside  # noqa: E402
from gateway.project.settings import *  # noqa: E402, F403
from gateway.project.settings import AGENTIC_GATEWAY, PUBLIC_URL, STORAGES, VAR_DIR  # noqa: E402

AGENTIC_GATEWAY = {
    "MERCHANT_NAME": "Demo Shop",
    **AGENTIC_GATEWAY,
    "DEMO": True,
    # Everybody who tries it comes from one address.
    "INTERACTION_RATE": 600,
    "INTERACTION_RATES": {"session": 200},
    "AAUTH_RELAY_RATE": 60,
    "FAILPOINTS": os.environ.get("AGENTIC_FAILPOINTS", ""),
    "RISK": {"first_purchase_amounts": {"usd": 200_000}},
    "OTP_CHANNELS": ["email", "sms"],
    "AUDIT": True,
    "AUDIT_KEYS": str(VAR_DIR / "audit-keys.json"),
    "REACH_PUSH_KEY": str(VAR_DIR / "push-key.pem"),
    "REACH_PUSH_CONTACT": "mailto:shop@demo.example",
    "AAUTH": True,
    "AAUTH_KEYS": str(VAR_DIR / "aauth-keys.json"),
    "AAUTH_PERSON_SERVER": True,
    "AAUTH_ISSUERS": {**beside.PINNED, **AGENTIC_GATEWAY.get("AAUTH_ISSUERS", {})},
    "VAULT": {"part": "gateway.sandbox.vault"},
    "AUTHENTICATION": {"part": "gateway.sandbox.authenticator"},
    "SMS": {"part": "gateway.project.texts.FolderMessages", "folder": str(VAR_DIR / "sms")},
    **beside.told_the_shop(
        PUBLIC_URL,
        AGENTIC_GATEWAY.get("INTERVENTIONS", {}),
        receiver_port=int(os.environ.get("DEMO_RECEIVER_PORT") or beside.RECEIVER_PORT),
    ),
}

# Only a server of this machine is asked by http; see docs/sandbox.md.
if _acquirer := AGENTIC_GATEWAY.get("ACQUIRER"):
    AGENTIC_GATEWAY["EGRESS_LOOPBACK"] += beside.loopback(_acquirer["url"])

# Hashing and compressing every file takes seconds that a first look should not cost.
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}

EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = VAR_DIR / "mail"

# Strangers' servers that happen to be here; see gateway.wallet. Only these URLs lead to them.
ROOT_URLCONF = "gateway.project.demo_urls"
AGENTIC_WALLET = beside.told_the_wallet(PUBLIC_URL, VAR_DIR / "wallet.sqlite3")
AGENTIC_BANK = beside.told_the_bank(PUBLIC_URL, VAR_DIR / "bank.sqlite3")

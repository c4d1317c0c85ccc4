"""Settings of the tests: the demo project on databases and folders of their own.

DATABASE_URL and REDIS_URL are respected, so that the same suite runs on PostgreSQL and Redis.
Nothing else of the environment changes what a test sees.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

for name in (
    *("STRIPE_PUBLISHABLE_KEY", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_MERCHANT_ID"),
    *("STRIPE_LOG", "AGENTIC_FAILPOINTS", "AGENTIC_PAYMENTS"),
    *("AGENTIC_AUDIT_KEYS", "AGENTIC_AAUTH", "AAUTH_ISSUERS_FILE"),
    *("AGENTIC_AAUTH_KEYS", "AGENTIC_PERSON_SERVER"),
    *("AGENTIC_PUSH_KEY", "AGENTIC_APP_WEBHOOK_URL"),
    *("ACQUIRER_URL", "ACQUIRER_KEY", "ACQUIRER_WEBHOOK_SECRET"),
):
    os.environ.pop(name, None)

from gateway.project.demo import *  # noqa: E402, F403
from gateway.project.demo import (  # noqa: E402
    AGENTIC_BANK,
    AGENTIC_GATEWAY,
    AGENTIC_WALLET,
    CACHES,
    DATABASES,
    DEMO_HASH_KEY,
    DEMO_SECRET_KEY,
    REDIS_URL,
)

# One folder for each process: pytest-xdist's workers and parallel runs do not meet.
# `tests/conftest.py` removes it at the end.
VAR_DIR = Path(tempfile.mkdtemp(prefix="agentic-tests-"))
STATIC_ROOT = VAR_DIR / "static"
STATIC_ROOT.mkdir()
MEDIA_ROOT = VAR_DIR / "media"
EMAIL_FILE_PATH = VAR_DIR / "mail"
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

SECRET_KEY = DEMO_SECRET_KEY
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

AGENTIC_GATEWAY = {
    **AGENTIC_GATEWAY,
    "PUBLIC_URL": "http://localhost:8000",
    "HASH_KEYS": [DEMO_HASH_KEY],
    "RELAY": "off",
    "STRICT_RESPONSES": True,
    "RATE_STORE": "",
    # The demo's is for whoever plays every scenario at once.
    "AAUTH_RELAY_RATE": 6,
    # Tests of audit trails keep some.
    "AUDIT": False,
    # `tests/conftest.py` makes them, once for each process.
    "AAUTH_KEYS": str(VAR_DIR / "aauth-keys.json"),
    "REACH_PUSH_KEY": str(VAR_DIR / "push-key.pem"),
    "SMS": {**AGENTIC_GATEWAY["SMS"], "folder": str(VAR_DIR / "sms")},
}

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, not memory: threads that share a memory database fail with "table is locked".
    DATABASES["default"]["NAME"] = str(VAR_DIR / "unused.sqlite3")
    DATABASES["default"]["TEST"] = {"NAME": str(VAR_DIR / "test.sqlite3")}

# No test survives a power cut, so none waits for the disk. That the project does wait is shown where its own
# settings are in force (`tests/project/test_settings.py`), and `tests.faults` does as well.
_options = DATABASES["default"]["OPTIONS"]
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    _options["init_command"] += ";PRAGMA synchronous=OFF"
else:
    _options["options"] += " -c synchronous_commit=off"

if REDIS_URL:
    CACHES["default"]["KEY_PREFIX"] = f"agentic-test-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"

AGENTIC_WALLET = {**AGENTIC_WALLET, "BOOKS": str(VAR_DIR / "wallet.sqlite3")}
AGENTIC_BANK = {**AGENTIC_BANK, "BOOKS": str(VAR_DIR / "bank.sqlite3")}

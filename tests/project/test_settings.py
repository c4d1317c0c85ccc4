"""What the environment makes of the settings (reliability-security 4.2, 4.3; recipes.md 4)."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.utils import ConnectionHandler

from gateway.conf import KEYS
from gateway.project.databases import tuned
from tests.project.server import ROOT, environment

SECRETS = {"SECRET_KEY": "k" * 60, "AGENTIC_HASH_KEYS": "first, second"}


def load(module: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The settings module, loaded by a fresh interpreter; its names as JSON."""
    code = (
        "import importlib, json, sys\n"
        f"module = importlib.import_module({module!r})\n"
        "json.dump({n: getattr(module, n) for n in dir(module) if n.isupper()}, sys.stdout, default=str)\n"
    )
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def settings(tmp_path: Path, **variables: str) -> dict[str, Any]:
    loaded = load("gateway.project.settings", VAR_DIR=str(tmp_path / "var"), **{**SECRETS, **variables})
    assert loaded.returncode == 0, loaded.stderr
    found: dict[str, Any] = json.loads(loaded.stdout)
    return found


@pytest.mark.parametrize("missing", ["SECRET_KEY", "AGENTIC_HASH_KEYS"])
def test_production_starts_with_no_secret_of_its_own(tmp_path: Path, missing: str) -> None:
    """Decision 4: demo secrets exist only in the demo settings."""
    given = {name: value for name, value in SECRETS.items() if name != missing}

    loaded = load("gateway.project.settings", VAR_DIR=str(tmp_path), **given)

    assert loaded.returncode != 0
    assert f"Set the {missing} environment variable" in loaded.stderr


def test_the_defaults_are_one_small_host(tmp_path: Path) -> None:
    """Issue "Foundation": settings by environment."""
    found = settings(tmp_path)

    assert found["DEBUG"] is False
    assert found["AGENTIC_GATEWAY"]["PUBLIC_URL"] == "http://localhost:8000"
    assert found["AGENTIC_GATEWAY"]["HASH_KEYS"] == ["first", "second"]
    assert found["AGENTIC_GATEWAY"]["DEMO"] is False
    assert found["AGENTIC_GATEWAY"]["RELAY"] == "thread"
    assert found["ALLOWED_HOSTS"] == ["127.0.0.1", "[::1]", "localhost"]
    assert found["DATABASES"]["default"]["NAME"] == str(tmp_path / "var" / "gateway.sqlite3")
    assert found["CACHES"]["default"]["BACKEND"].endswith("LocMemCache")


def test_every_emitted_link_follows_the_port_or_the_public_url(tmp_path: Path) -> None:
    """Issue "Foundation": PUBLIC_URL, default http://localhost:PORT."""
    moved = settings(tmp_path, PORT="9123")
    public = settings(tmp_path, PUBLIC_URL="https://shop.example/")

    assert moved["AGENTIC_GATEWAY"]["PUBLIC_URL"] == "http://localhost:9123"
    assert public["AGENTIC_GATEWAY"]["PUBLIC_URL"] == "https://shop.example"
    assert "shop.example" in public["ALLOWED_HOSTS"]
    assert public["CSRF_TRUSTED_ORIGINS"] == ["https://shop.example"]
    assert public["SESSION_COOKIE_SECURE"] is True
    assert moved["SESSION_COOKIE_SECURE"] is False


def test_every_key_given_to_the_gateway_means_something(tmp_path: Path) -> None:
    """An unknown key is agentic.E001, and the server would not start."""
    found = settings(tmp_path, AGENTIC_MERCHANT_ID="m_1", AGENTIC_MERCHANT_NAME="Mill Lane")

    assert set(found["AGENTIC_GATEWAY"]) <= KEYS
    assert found["AGENTIC_GATEWAY"]["MERCHANT_NAME"] == "Mill Lane"


KEYS_OF_STRIPE = {"STRIPE_PUBLISHABLE_KEY": "pk_test_00000000", "STRIPE_SECRET_KEY": "sk_test_00000000"}


@pytest.mark.parametrize(
    "given", [("STRIPE_PUBLISHABLE_KEY",), ("STRIPE_SECRET_KEY",), tuple(KEYS_OF_STRIPE)]
)
def test_stripes_keys_name_who_runs_embedded_pages(tmp_path: Path, given: tuple[str, ...]) -> None:
    """One alone too: it is for the system checks to say so, and nothing is left out in silence."""
    found = settings(tmp_path, **{name: KEYS_OF_STRIPE[name] for name in given})

    assert "INTERVENTIONS" not in settings(tmp_path)["AGENTIC_GATEWAY"]
    assert found["AGENTIC_GATEWAY"]["INTERVENTIONS"] == {
        "webview": {
            "part": "gateway.payment_element.provider",
            "publishable_key": "pk_test_00000000" if "STRIPE_PUBLISHABLE_KEY" in given else "",
            "secret_key": "sk_test_00000000" if "STRIPE_SECRET_KEY" in given else "",
        }
    }


PAID_THROUGH_STRIPE = {
    "AGENTIC_PAYMENTS": "gateway.stripe_account.provider",
    "STRIPE_SECRET_KEY": "sk_test_00000000",
    "STRIPE_WEBHOOK_SECRET": "whsec_00000000,whsec_11111111",
    "STRIPE_MERCHANT_ID": "profile_1",
}


def test_stripes_key_says_who_is_paid(tmp_path: Path) -> None:
    """The secret key alone is then no half of the other pair."""
    found = settings(tmp_path, **PAID_THROUGH_STRIPE)["AGENTIC_GATEWAY"]

    assert found["PAYMENTS"] == "gateway.stripe_account.provider"
    assert found["STRIPE"] == {
        "secret_key": "sk_test_00000000",
        "webhook_secrets": ["whsec_00000000", "whsec_11111111"],
        "merchant_id": "profile_1",
    }
    assert "INTERVENTIONS" not in found
    both = settings(tmp_path, **PAID_THROUGH_STRIPE, STRIPE_PUBLISHABLE_KEY="pk_test_00000000")
    assert both["AGENTIC_GATEWAY"]["STRIPE"]["publishable_key"] == "pk_test_00000000"
    assert both["AGENTIC_GATEWAY"]["INTERVENTIONS"]["webview"]["publishable_key"] == "pk_test_00000000"
    assert "STRIPE" not in settings(tmp_path, **KEYS_OF_STRIPE)["AGENTIC_GATEWAY"]


def test_in_the_demo_the_wallet_stays_for_redirects(tmp_path: Path) -> None:
    loaded = load("gateway.project.demo", VAR_DIR=str(tmp_path / "var"), **KEYS_OF_STRIPE)

    named = json.loads(loaded.stdout)["AGENTIC_GATEWAY"]["INTERVENTIONS"]
    assert named["webview"]["part"] == "gateway.payment_element.provider"
    assert named["redirect"]["part"] == "gateway.openid.provider"


def test_a_wildcard_address_is_no_allowed_host(tmp_path: Path) -> None:
    """Listening everywhere does not mean answering to every name."""
    found = settings(tmp_path, HOST="0.0.0.0")

    assert found["ALLOWED_HOSTS"] == ["127.0.0.1", "[::1]", "localhost"]


def test_redis_is_cache_and_never_waits_long(tmp_path: Path) -> None:
    """Reliability-security 4.2: a silent Redis must not hold a request."""
    found = settings(tmp_path, REDIS_URL="redis://127.0.0.1:6399/0")

    cache = found["CACHES"]["default"]
    assert cache["BACKEND"].endswith("RedisCache")
    assert cache["KEY_PREFIX"] == "agentic"
    assert cache["OPTIONS"] == {"socket_timeout": 1, "socket_connect_timeout": 1}


def test_the_demo_needs_nothing_and_mails_into_files(tmp_path: Path) -> None:
    """Issue "Foundation": mail goes through Django's file backend to var/mail."""
    loaded = load("gateway.project.demo", VAR_DIR=str(tmp_path / "var"))

    assert loaded.returncode == 0, loaded.stderr
    found = json.loads(loaded.stdout)
    assert found["AGENTIC_GATEWAY"]["DEMO"] is True
    assert found["EMAIL_BACKEND"].endswith("filebased.EmailBackend")
    assert found["EMAIL_FILE_PATH"] == str(tmp_path / "var" / "mail")
    assert "demo-only" in found["SECRET_KEY"]
    assert "demo-only" in found["AGENTIC_GATEWAY"]["HASH_KEYS"][0]


def test_postgresql_waits_for_nothing_for_ever() -> None:
    """Reliability-security 4.3."""
    given = {"ENGINE": "django.db.backends.postgresql", "NAME": "shop", "OPTIONS": {"sslmode": "require"}}

    config = tuned(given, statement_timeout_ms=5000)

    assert config["CONN_MAX_AGE"] == 60
    assert config["CONN_HEALTH_CHECKS"] is True
    options = config["OPTIONS"]
    assert options["sslmode"] == "require"
    assert options["connect_timeout"] == 3
    assert options["options"] == (
        "-c statement_timeout=5000 -c lock_timeout=3000 -c idle_in_transaction_session_timeout=10000"
    )


@pytest.mark.django_db
def test_sqlite_is_durable_and_its_writers_queue(tmp_path: Path) -> None:
    """Decision 2; recipes.md 4: WAL, IMMEDIATE, synchronous=FULL."""
    given = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "var" / "shop.sqlite3")}
    sqlite = ConnectionHandler({"default": tuned(given, statement_timeout_ms=5000)})["default"]

    found = {}
    with closing(sqlite), sqlite.cursor() as cursor:
        for pragma in ("journal_mode", "synchronous", "busy_timeout"):
            cursor.execute(f"PRAGMA {pragma}")
            found[pragma] = cursor.fetchone()[0]

    assert found == {"journal_mode": "wal", "synchronous": 2, "busy_timeout": 20000}
    assert sqlite.transaction_mode == "IMMEDIATE"  # type: ignore[attr-defined]
    assert sqlite.settings_dict["CONN_MAX_AGE"] == 600


@pytest.mark.services
@pytest.mark.django_db
def test_postgresql_enforces_the_limits() -> None:
    """Reliability-security 4.3, as the server sees it."""
    own = connection.copy()  # that of the tests is more patient
    own.settings_dict = tuned({**connection.settings_dict, "OPTIONS": {}}, statement_timeout_ms=5000)
    found = {}
    try:
        with own.cursor() as cursor:
            for limit in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
                cursor.execute(f"SHOW {limit}")
                found[limit] = cursor.fetchone()[0]
    finally:
        own.close()

    assert found == {
        "statement_timeout": "5s",
        "lock_timeout": "3s",
        "idle_in_transaction_session_timeout": "10s",
    }


def test_a_person_server_is_switched_on_with_its_keys(tmp_path: Path) -> None:
    named = {"AGENTIC_AAUTH": "true", "AGENTIC_AAUTH_KEYS": "/etc/shop/aauth.json"}

    ours = settings(tmp_path, **named, AGENTIC_PERSON_SERVER="true")["AGENTIC_GATEWAY"]
    assert (ours["AAUTH"], ours["AAUTH_PERSON_SERVER"]) == (True, True)
    assert ours["AAUTH_KEYS"] == "/etc/shop/aauth.json"

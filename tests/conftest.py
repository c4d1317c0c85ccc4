from __future__ import annotations

import gc
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import pytest
from django.conf import settings
from django.db import connections

from gateway import key_rings
from tests import emptying

pytest_plugins = ["tests.requirements.plugin", "tests.answers"]

emptying.install()

# The same examples in every run, however busy the machine is: what is red is red again.
# `--hypothesis-profile=default` looks for new ones.
hypothesis.settings.register_profile(
    "agentic",
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("agentic")


def pytest_sessionstart() -> None:
    """Django is set up by now."""
    from tests import stocking

    stocking.install()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test that needs services fails without them; a skipped one would look like a green one."""
    if item.get_closest_marker("services") is None:
        return
    engine = settings.DATABASES["default"]["ENGINE"]
    if not engine.endswith("postgresql") or not settings.REDIS_URL:
        pytest.fail("needs PostgreSQL in DATABASE_URL and Redis in REDIS_URL: use `make test-services`")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--with-database",
        action="store_true",
        help="leave out what touches no database: another database would not change it",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Nobody asks Stripe itself without saying so; the report counts what is left out. What waits for
    servers and browsers is tried a second time, and said to be: they may once be late."""
    left_out = [item for item in items if _left_out(config, item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        gone = frozenset(left_out)
        items[:] = [item for item in items if item not in gone]
    for item in items:
        waits = item.get_closest_marker("server") or item.get_closest_marker("browser")
        if waits or "live_server" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_collection_finish() -> None:
    """Ten thousand tests stay to the end: who looks for garbage need not look there each time."""
    gc.collect()
    gc.freeze()


def _left_out(config: pytest.Config, item: pytest.Item) -> bool:
    if item.get_closest_marker("stripe_live") and "stripe_live" not in str(config.option.markexpr):
        return True
    if not config.getoption("--with-database"):
        return False
    if item.get_closest_marker("one_database"):
        return True
    server = item.get_closest_marker("server")
    # A server of its own runs on SQLite, whatever this run is on, unless its test says otherwise.
    marked = any(item.get_closest_marker(mark) for mark in ("django_db", "services")) or (
        server is not None and server.kwargs.get("database", False)
    )
    fixtures = getattr(item, "fixturenames", ())
    return not marked and not {"db", "transactional_db"}.intersection(fixtures)


@pytest.fixture(scope="session", autouse=True)
def _signing_keys() -> None:
    """As when the demo starts: there is a key that tokens are signed with."""
    key_rings.KeyFile("AAUTH_KEYS").create(Path(settings.AGENTIC_GATEWAY["AAUTH_KEYS"]))


def pytest_unconfigure() -> None:
    if settings.configured:
        shutil.rmtree(settings.VAR_DIR, ignore_errors=True)


LIMITS: dict[str, str] = {}

PATIENCE_SECONDS = 60.0
"""How long a test waits for a server of its own, unless it says otherwise: httpx would give up after five,
and a busy machine is slower than that."""
for step in ("connect", "read", "write", "pool"):
    setattr(httpx._config.DEFAULT_TIMEOUT_CONFIG, step, PATIENCE_SECONDS)


def _patient(patient: bool) -> None:
    """Whole databases may take as long as they need, and what tests send six times as long as production's
    limits allow: a crowd on a busy machine waits for its locks."""
    for connection in connections.all():
        if connection.vendor == "postgresql":
            options = connection.settings_dict["OPTIONS"]
            limits = LIMITS.setdefault(connection.alias, options["options"])
            longer = re.sub(r"(_timeout=)(\d+)", lambda found: f"{found[1]}{6 * int(found[2])}", limits)
            options["options"] = "" if patient else longer
            connection.close()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    _patient(True)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        _patient(False)
    yield
    with django_db_blocker.unblock():
        _patient(True)


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    """Tables that a process keeps for seconds are read anew by each test, and links that another test
    missed count for nothing."""
    from gateway import windows
    from gateway.aauth import issuers, vouching
    from gateway.aauth import misses as unverified
    from gateway.person import misses
    from gateway.shop import tables
    from interventions import policy, question_rules

    tables.forget()
    policy.forget()
    question_rules.forget()
    misses.forget()
    windows.forget()
    unverified.forget()
    issuers.forget()
    vouching.forget()

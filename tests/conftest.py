from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
from django.conf import settings
from django.db import connections

pytest_plugins = ["tests.requirements.plugin", "tests.answers"]

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


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test that needs services fails without them; a skipped one would look like a green one."""
    if item.get_closest_marker("services") is None:
        return
    engine = settings.DATABASES["default"]["ENGINE"]
    if not engine.endswith("postgresql") or not settings.REDIS_URL:
        pytest.fail("needs PostgreSQL in DATABASE_URL and Redis in REDIS_URL: use `make test-services`")


def pytest_unconfigure() -> None:
    if settings.configured:
        shutil.rmtree(settings.VAR_DIR, ignore_errors=True)


LIMITS: dict[str, str] = {}


def _patient(patient: bool) -> None:
    """Whole databases may take as long as they need; what tests send has production's limits."""
    for connection in connections.all():
        if connection.vendor == "postgresql":
            options = connection.settings_dict["OPTIONS"]
            limits = LIMITS.setdefault(connection.alias, options["options"])
            options["options"] = "" if patient else limits
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
    """Tables that a process keeps for seconds are read anew by each test."""
    from gateway.shop import tables
    from interventions import policy

    tables.forget()
    policy.forget()

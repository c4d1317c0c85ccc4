from __future__ import annotations

import shutil

import hypothesis
import pytest
from django.conf import settings

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


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    """Tables that a process keeps for seconds are read anew by each test."""
    from gateway.shop import tables
    from interventions import policy

    tables.forget()
    policy.forget()

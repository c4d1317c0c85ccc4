"""The same project without its middleware, so that the baselines carry no policy at all."""

from __future__ import annotations

from tests.benchmarks.settings import *  # noqa: F403

MIDDLEWARE = ["tests.benchmarks.baselines.with_length"]
# The admin asks for middleware; nobody opens it here.
SILENCED_SYSTEM_CHECKS = ["security.W008", "admin.E408", "admin.E409", "admin.E410"]

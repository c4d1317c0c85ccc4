"""As `settings`, with AAuth, and agents that are believed: what signing costs is measured elsewhere."""

from __future__ import annotations

from tests.benchmarks.settings import *  # noqa: F403
from tests.benchmarks.settings import AGENTIC_GATEWAY

ROOT_URLCONF = "tests.benchmarks.waiting_urls"
AGENTIC_GATEWAY = {**AGENTIC_GATEWAY, "AAUTH": True, "PUBLIC_URL": "http://localhost:8000"}

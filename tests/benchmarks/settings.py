"""The project as it runs in production, with the demo shop's goods and keys, and no relay."""

from __future__ import annotations

from gateway.project.demo import *  # noqa: F403
from gateway.project.demo import AGENTIC_GATEWAY, ALLOWED_HOSTS

ROOT_URLCONF = "tests.benchmarks.urls"
# The tapes are recorded through Django's test client, which calls itself so.
ALLOWED_HOSTS = [*ALLOWED_HOSTS, "testserver"]
# A relay would work off the effects of the completions while something else is measured.
AGENTIC_GATEWAY = {**AGENTIC_GATEWAY, "RELAY": "off", "STRICT_RESPONSES": False, "RATE_STORE": ""}

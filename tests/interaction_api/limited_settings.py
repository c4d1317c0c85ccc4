"""Settings of a worker that serves the Interaction API with a limit that a test can reach."""

from __future__ import annotations

from tests.settings import *  # noqa: F403
from tests.settings import AGENTIC_GATEWAY

AGENTIC_GATEWAY = {**AGENTIC_GATEWAY, "INTERACTION_RATE": 100}

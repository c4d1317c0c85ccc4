"""The demo project as a person server."""

from __future__ import annotations

from gateway.project.demo import *  # noqa: F403
from gateway.project.demo import AGENTIC_GATEWAY

AGENTIC_GATEWAY = {**AGENTIC_GATEWAY, "AAUTH": True, "AAUTH_PERSON_SERVER": True}

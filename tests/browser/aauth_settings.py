"""The demo project with AAuth, and with the issuers that a test plays (`AAUTH_PLAYED`, as JSON)."""

from __future__ import annotations

import json
import os

from gateway.project.demo import *  # noqa: F403
from gateway.project.demo import AGENTIC_GATEWAY

AGENTIC_GATEWAY = {
    **AGENTIC_GATEWAY,
    "AAUTH": True,
    "AAUTH_ISSUERS": {
        **AGENTIC_GATEWAY.get("AAUTH_ISSUERS", {}),
        **json.loads(os.environ.get("AAUTH_PLAYED", "{}")),
    },
}

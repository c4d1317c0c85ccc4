"""Settings of every process of the fault suite: the demo project, with what a bar changes.

FAULTS_SETTINGS   members of AGENTIC_GATEWAY as JSON
FAULTS_UNSAFE     guards to take away, for negative controls (`tests.faults.unsafe`)
"""

from __future__ import annotations

import json
import os

from gateway.project.demo import *  # noqa: F403
from gateway.project.demo import AGENTIC_GATEWAY, INSTALLED_APPS

AGENTIC_GATEWAY = {
    **AGENTIC_GATEWAY,
    "STRICT_RESPONSES": True,
    # One agent sends what a thousand would; its rate is no bar of this suite.
    "RATE_STORE": "",
    **json.loads(os.environ.get("FAULTS_SETTINGS", "{}")),
}

if os.environ.get("FAULTS_UNSAFE"):
    INSTALLED_APPS = [*INSTALLED_APPS, "tests.faults.unsafe"]

# The log of a server says which failpoints were reached, and every error.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(process)d %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    # An agent's mistakes are answered, not logged one by one.
    "loggers": {"django.request": {"level": "ERROR"}},
}

"""The demo project as a person server, and a push service on this machine (`PUSH_SERVICE`)."""

from __future__ import annotations

import os
from pathlib import Path

from gateway.project.demo import *  # noqa: F403
from gateway.project.demo import AGENTIC_GATEWAY, TEMPLATES

AGENTIC_GATEWAY = {
    **AGENTIC_GATEWAY,
    "AAUTH": True,
    "AAUTH_PERSON_SERVER": True,
    "EGRESS_LOOPBACK": [*AGENTIC_GATEWAY["EGRESS_LOOPBACK"], os.environ["PUSH_SERVICE"]],
}
ROOT_URLCONF = "tests.browser.push_urls"
TEMPLATES = [{**TEMPLATES[0], "DIRS": [Path(__file__).parent / "templates"]}]

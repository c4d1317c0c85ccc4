"""The root page of the stand-alone project."""

from __future__ import annotations

import re
from typing import Any

from django.test import Client


def test_the_root_page_leads_everywhere(settings: Any) -> None:
    """Issue "Foundation": somebody who opens the printed address finds the rest from there."""
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "AAUTH": True, "AAUTH_PERSON_SERVER": True}

    answered = Client().get("/")

    assert answered.status_code == 200
    links = re.findall(r'href="([^"]+)"', answered.content.decode())
    assert set(links) == {
        "/.well-known/acp.json",
        "/api/docs/",
        "/api/schema/",
        "/admin/",
        "/agentic/account/",
        "/healthz",
        "/readyz",
    }


def test_the_root_page_allows_no_script_and_no_frame() -> None:
    """Reliability-security 4.6."""
    answered = Client().get("/")

    assert answered.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert answered.headers["X-Frame-Options"] == "DENY"

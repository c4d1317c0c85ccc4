from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway import push_key
from tests.reaching.browsers import PushService, serving

SECRET = "what only the merchant's server and we know"


@pytest.fixture(scope="package")
def push_service() -> Iterator[PushService]:
    with serving() as playing:
        yield playing


@pytest.fixture(scope="package")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("push") / "key.pem"
    push_key.create(path)
    return path


@pytest.fixture
def service(push_service: PushService, key_file: Path, settings: Any) -> PushService:
    """We are a person server, and may send to this push service, which has heard nothing yet."""
    push_service.pushed.clear()
    push_service.status = 201
    settings.AGENTIC_GATEWAY = {
        **settings.AGENTIC_GATEWAY,
        "AAUTH": True,
        "AAUTH_PERSON_SERVER": True,
        "REACH_PUSH_KEY": str(key_file),
        "EGRESS_LOOPBACK": [push_service.authority],
    }
    return push_service


@pytest.fixture
def app_server(settings: Any) -> str:
    """We are a person server, and the merchant has an app; the secret that both know."""
    settings.AGENTIC_GATEWAY = {
        **settings.AGENTIC_GATEWAY,
        "AAUTH": True,
        "AAUTH_PERSON_SERVER": True,
        "REACH_WEBHOOK": {"url": "https://app.shop.example/notices", "secret": SECRET},
    }
    return SECRET

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.db import connection

from gateway import agents, delivery, operators, shoppers
from gateway.demo import chromium
from gateway.project import beside
from gateway.shop import demo
from tests.tcp_ports import free_port

if TYPE_CHECKING:
    from pytest_django import Settings
    from pytest_django.live_server_helper import LiveServer


@pytest.fixture
def merchant(
    transactional_db: None,
    live_server: LiveServer,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """The address of a real server with the demo shop, which advertises that address, and with the
    sandbox wallet and the sandbox bank beside it. Whether this machine has a Chromium makes no difference:
    tests/browser has one."""
    monkeypatch.setenv(chromium.SWITCH, "off")
    receiver_port = free_port()
    monkeypatch.setenv("DEMO_RECEIVER_PORT", str(receiver_port))
    settings.AGENTIC_WALLET = beside.told_the_wallet(live_server.url, tmp_path / "wallet.sqlite3")
    settings.AGENTIC_BANK = beside.told_the_bank(live_server.url, tmp_path / "bank.sqlite3")
    settings.AGENTIC_GATEWAY = {
        **settings.AGENTIC_GATEWAY,
        **beside.told_the_shop(live_server.url, receiver_port=receiver_port),
        "PUBLIC_URL": live_server.url,
        "SMS": {**settings.AGENTIC_GATEWAY["SMS"], "folder": str(tmp_path / "sms")},
    }
    demo.load()
    agents.load_demo()
    operators.load_demo()
    shoppers.load_demo()
    return live_server.url


@pytest.fixture
def mailbox(merchant: str, settings: Settings, tmp_path: Path) -> Iterator[Path]:
    """The folder to which the merchant's mail goes, as the relay would bring it: soon, from elsewhere.

    It is not there before the first mail.
    """
    folder = tmp_path / "mail"
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = str(folder)
    stop = threading.Event()
    problems: list[Exception] = []

    def relay() -> None:
        try:
            while not stop.wait(0.05):
                delivery.deliver_due()
        except Exception as problem:
            problems.append(problem)
        finally:
            connection.close()

    thread = threading.Thread(target=relay)
    thread.start()
    yield folder
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
    assert problems == []

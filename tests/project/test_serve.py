"""The server as `make run` starts it: starting, staying up, stopping (recipes.md 1)."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from tests.project.server import ROOT, Server, alive, environment, eventually
from tests.tcp_ports import free_port

pytestmark = pytest.mark.server

SLOW = "tests.project.slow_settings"

START_SECONDS = 120.0
"""A process of ours has started and said what it has to say; generous, for a busy machine."""


class Request(threading.Thread):
    """A request on its way; `status` is None while it is open, 0 when the connection ended."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.status: int | None = None
        self.start()
        time.sleep(0.3)

    def run(self) -> None:
        try:
            self.status = httpx.get(self.url, timeout=60, trust_env=False).status_code
        except httpx.HTTPError:
            self.status = 0


def get(url: str) -> httpx.Response:
    return httpx.get(url, timeout=10, trust_env=False)


def answering(server: Server) -> set[int]:
    """The workers that answer, as they say themselves in several answers."""
    return {get(f"{server.url}/healthz").json()["process"] for _ in range(20)}


PROMISED = (
    *("/", "/healthz", "/readyz", "/api/docs/", "/api/schema/", "/admin/login/", "/.well-known/acp.json"),
    # No web server beside it is needed for static files.
    "/static/admin/css/base.css",
)


def test_a_running_server_keeps_what_its_banner_promises(tmp_path: Path) -> None:
    """Issue "Foundation": it prints the URLs and the demo credentials, and they work."""
    with Server(tmp_path).start() as server:
        answered = {path: get(server.url + path).status_code for path in PROMISED}
        printed = server.log

    assert answered == dict.fromkeys(PROMISED, 200)
    public = f"http://localhost:{server.port}"
    for text in (
        *(server.url, f"{public}/api/docs/", f"{public}/admin/", f"{public}/.well-known/acp.json"),
        *(f"{public}/agentic/acp", "demo-agent-key", "other-agent-key", "admin / admin"),
    ):
        assert text in printed


def test_a_port_that_somebody_else_holds_is_reported(tmp_path: Path) -> None:
    """Issue "Foundation": a busy port is reported before anything starts."""
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        Server(tmp_path, PORT=str(other.getsockname()[1])) as server,
    ):
        server.launch()

        assert server.ended(within=START_SECONDS)
        assert "is in use" in server.log
        assert not (tmp_path / "var").exists()


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"PORT": "eighty"}, "PORT=eighty is not a port number"),
        ({"PORT": "70000"}, "PORT=70000 is not a port number"),
        ({"HOST": "no.such.host.invalid"}, "HOST=no.such.host.invalid is no address"),
        ({"WORKERS": "0"}, "WORKERS=0 is not a number"),
        ({"DJANGO_SETTINGS_MODULE": "gateway.project.settings"}, "SECRET_KEY"),
    ],
)
def test_a_wrong_setting_is_one_clear_line(tmp_path: Path, variables: dict[str, str], said: str) -> None:
    """Somebody who mistypes a variable reads which one, not a traceback."""
    given = {"PORT": str(free_port()), "VAR_DIR": str(tmp_path / "var"), **variables}

    ended = subprocess.run(
        [sys.executable, "-m", "gateway.project.serve"],
        cwd=ROOT,
        env=environment(**given),
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )

    assert ended.returncode == 1
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_production_refuses_the_demos_database(tmp_path: Path) -> None:
    """Decision 4: the demo's operator and agents must not survive into production."""
    given = {"VAR_DIR": str(tmp_path / "var"), "PORT": str(free_port())}
    loading = "import django; django.setup(); from gateway.project.serve import prepare; prepare()"
    subprocess.run(
        [sys.executable, "-c", loading],
        cwd=ROOT,
        env=environment(**given, DJANGO_SETTINGS_MODULE="gateway.project.demo"),
        check=True,
        timeout=START_SECONDS,
    )
    production = {
        "DJANGO_SETTINGS_MODULE": "gateway.project.settings",
        "PUBLIC_URL": "https://shop.example",
        "SECRET_KEY": "Qm7vR2xT9wLp4sZk" * 4,
        "AGENTIC_HASH_KEYS": "h" * 40,
        "AGENTIC_PAYMENTS": "checkout.payments.sandbox.SandboxProvider",
    }

    ended = subprocess.run(
        [sys.executable, "-m", "gateway.project.serve"],
        cwd=ROOT,
        env=environment(**given, **production),
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )

    assert ended.returncode == 1
    assert "agentic.E013" in ended.stderr
    assert "agentic.E014" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_second_start_needs_the_port_and_keeps_the_data(tmp_path: Path) -> None:
    """Issue "Foundation": a second `make run` starts in seconds and keeps its data. Beside the
    first it is refused; the server itself would start and get half of the requests (recipes.md 1)."""
    second_folder = tmp_path / "second"
    second_folder.mkdir()
    with Server(tmp_path) as server, Server(second_folder, PORT=str(server.port)) as second:
        server.start()

        second.launch()

        assert second.ended(within=START_SECONDS)
        assert second.process is not None
        assert second.process.returncode == 1
        assert f"Port {server.port} is in use" in second.log
        assert not (second_folder / "var").exists()
        server.send(signal.SIGTERM)
        assert server.ended(within=45)
        with sqlite3.connect(tmp_path / "var" / "gateway.sqlite3") as database:
            database.execute(
                "UPDATE agentic_agent SET active = 0 WHERE name = (SELECT min(name) FROM agentic_agent)"
            )
            before = database.execute("SELECT id, name, active FROM agentic_agent ORDER BY id").fetchall()
        began = time.monotonic()

        server.start()

        assert time.monotonic() - began < START_SECONDS
        with sqlite3.connect(tmp_path / "var" / "gateway.sqlite3") as database:
            after = database.execute("SELECT id, name, active FROM agentic_agent ORDER BY id").fetchall()
        assert after == before
        assert [row for row in after if not row[2]]


@pytest.mark.parametrize("whole_group", [False, True], ids=["SIGTERM", "SIGINT to the group"])
def test_stopping_ends_everything(tmp_path: Path, whole_group: bool) -> None:
    """Issue "Foundation": open requests finished or ended, everything stops. Ten seconds on an
    idle machine; what is judged is that nothing goes on."""
    with Server(tmp_path, SLOW).start() as server:
        workers = server.workers()
        short = Request(f"{server.url}/slow/2")
        endless = Request(f"{server.url}/slow/50")
        assert (short.status, endless.status) == (None, None)

        if whole_group:
            server.send_to_group(signal.SIGINT)
        else:
            server.send(signal.SIGTERM)

        assert server.ended(within=45)
        assert eventually(lambda: not any(alive(worker) for worker in workers), within=20)
        endless.join(20)
        short.join(20)
        assert short.status == 200
        assert endless.status == 0


def test_a_killed_worker_is_replaced_and_none_outlives_the_server(tmp_path: Path) -> None:
    """Recipes.md 1: by default the first kill would end the server, and the second would leave
    orphans that go on serving beside the next one."""
    with Server(tmp_path).start() as server:
        before = server.workers()
        victim = min(before)

        os.kill(victim, signal.SIGKILL)

        assert eventually(lambda: len(server.workers() - {victim}) == len(before), within=45)
        assert server.process is not None
        assert server.process.poll() is None
        workers = server.workers()
        assert eventually(lambda: answering(server) >= workers, within=30)

        server.send(signal.SIGKILL)

        assert server.ended(within=45)
        assert eventually(lambda: not any(alive(worker) for worker in workers), within=45)
        assert not server.answers()

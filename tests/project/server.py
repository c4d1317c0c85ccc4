"""The real server as a process of its own, to be asked, killed and started again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx

from tests.tcp_ports import free_port

ROOT = Path(__file__).resolve().parents[2]

OURS = (
    *("HOST", "PORT", "PUBLIC_URL", "VAR_DIR", "ALLOWED_HOSTS", "SECRET_KEY", "AGENTIC_HASH_KEYS"),
    *("AGENTIC_RELAY", "DATABASE_URL", "REDIS_URL", "WORKERS", "THREADS", "DJANGO_SETTINGS_MODULE"),
    *("STRIPE_PUBLISHABLE_KEY", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_MERCHANT_ID"),
    *("STRIPE_LOG", "AGENTIC_PAYMENTS", "AGENTIC_AUDIT_KEYS", "AGENTIC_AAUTH", "AAUTH_ISSUERS_FILE"),
    *("AGENTIC_AAUTH_KEYS", "AGENTIC_PERSON_SERVER"),
    *("AGENTIC_PUSH_KEY", "AGENTIC_APP_WEBHOOK_URL"),
    *("ACQUIRER_URL", "ACQUIRER_KEY", "ACQUIRER_WEBHOOK_SECRET"),
)
"""Variables that change what the server does; a test sets the ones it means."""


def environment(**variables: str) -> dict[str, str]:
    """The environment of a fresh shell with `variables` set."""
    return {name: value for name, value in os.environ.items() if name not in OURS} | variables


def eventually(true: Callable[[], bool], *, within: float) -> bool:
    """Whether `true` became true in time."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        if true():
            return True
        time.sleep(0.05)
    return true()


def alive(pid: int) -> bool:
    """The process runs; one that only waits to be collected by its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Server:
    """`python -m gateway.project.serve` with its own folder, port and process group.

    with Server(tmp_path).start() as server: ...    # no process of it is left afterwards
    """

    def __init__(self, folder: Path, settings: str = "", **variables: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.variables = {"VAR_DIR": str(folder / "var"), "PORT": str(self.port), **variables}
        if settings:
            self.variables["DJANGO_SETTINGS_MODULE"] = settings
        self.process: subprocess.Popen[bytes] | None = None
        self._log = folder / "server.log"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def log(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def launch(self) -> None:
        """The command runs; whether it serves is another question."""
        with self._log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gateway.project.serve"],
                cwd=ROOT,
                env=environment(**self.variables),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def start(self, *, within: float = 180) -> Server:
        """Requests are answered. Raises AssertionError with the log when they are not in time."""
        self.launch()
        process = self.process
        assert process is not None
        answered = eventually(lambda: process.poll() is not None or self.answers(), within=within)
        if (
            not answered
            or process.poll() is not None
            or not eventually(lambda: len(self.workers()) > 1, within=60)
        ):
            self.kill()
            raise AssertionError(f"the server does not serve:\n{self.log}")
        return self

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=10, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def workers(self) -> set[int]:
        """The process ids of the workers."""
        found = set()
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                command = (entry / "cmdline").read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if parent == self.pid and b"granian" in command:
                found.add(int(entry.name))
        return found

    def send(self, number: signal.Signals) -> None:
        """The signal goes to the server's main process."""
        os.kill(self.pid, number)

    def send_to_group(self, number: signal.Signals) -> None:
        """The signal goes to all its processes, as a terminal sends it."""
        os.killpg(self.pid, number)

    def ended(self, *, within: float) -> bool:
        """Whether the main process ended in time."""
        assert self.process is not None
        try:
            self.process.wait(within)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """No process of the server is left, whatever state it was in."""
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait(10)
        # Its workers end a moment after it, and hold the port until then.
        eventually(self._port_is_free, within=20)

    def _port_is_free(self) -> bool:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self.port))
                probe.listen(1)
            except OSError:
                return False
        return True

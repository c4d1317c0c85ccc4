"""Processes of the suite, each with its children in a group of its own, so that a kill leaves nothing."""

from __future__ import annotations

import ctypes
import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from gateway.project import serve
from tests.project.server import ROOT, environment, eventually
from tests.tcp_ports import free_port

START_SECONDS = 120.0
"""A process of ours has started; generous, for a busy machine."""

REACHED = re.compile(r"failpoint (\S+) is reached")


PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _end_with_runner() -> None:
    """Whoever kills the run hard is left with none of its servers."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class Process:
    """One command with its log. `kill` and `start` as often as wanted."""

    def __init__(self, name: str, command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> None:
        self.name = name
        self._command = list(command)
        self._variables = dict(variables)
        self._log = folder / f"{name}.log"
        self._running: subprocess.Popen[bytes] | None = None

    def launch(self) -> None:
        with self._log.open("ab") as output:
            self._running = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=environment(**self._variables),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_runner,
            )

    @property
    def pid(self) -> int:
        assert self._running is not None
        return self._running.pid

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def ended(self) -> bool:
        return self._running is None or self._running.poll() is not None

    def send(self, number: signal.Signals) -> None:
        """The signal goes to every process of the group."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def kill(self) -> None:
        """SIGKILL; nothing of it is left, also when it was stopped."""
        if self._running is None:
            return
        self.send(signal.SIGKILL)
        self._running.wait(20)
        self._running = None

    def reached(self) -> dict[str, int]:
        """How often each failpoint did what it was armed with."""
        found: dict[str, int] = {}
        for name in REACHED.findall(self.log):
            found[name] = found.get(name, 0) + 1
        return found


class Server(Process):
    """The project behind granian, with `workers` processes that are replaced when they die.

    The database is prepared already: a server that is killed a hundred times need not look again.
    """

    def __init__(
        self, name: str, folder: Path, variables: Mapping[str, str], *, workers: int = 2, threads: int = 12
    ) -> None:
        self.origin = ("127.0.0.1", free_port())
        command = serve.command(self.origin, workers=workers, threads=threads)
        # Workers end with the process that keeps this id, however it ends.
        shell = ["sh", "-c", 'AGENTIC_SERVER_PID=$$ exec "$@"', "sh", *command]
        own = {"PORT": str(self.origin[1]), "PUBLIC_URL": f"http://127.0.0.1:{self.origin[1]}"}
        super().__init__(name, shell, folder, {**own, **variables})
        self._wanted = workers

    def await_up(self) -> None:
        """Every worker answers. Raises AssertionError with the end of the log."""
        up = eventually(lambda: self.ended or len(self.workers()) >= self._wanted, within=START_SECONDS)
        assert up, f"{self.name} does not serve:\n{self.log[-4000:]}"
        assert not self.ended, f"{self.name} does not serve:\n{self.log[-4000:]}"

    def workers(self) -> set[int]:
        """The ids of the worker processes that answer; asked often enough to meet all of them."""
        found: set[int] = set()
        for _ in range(8 * self._wanted):
            pid = self.worker()
            if pid is None:
                return found
            found.add(pid)
            if len(found) == self._wanted:
                break
        return found

    def worker(self) -> int | None:
        """The id of a worker that answers now, or None."""
        connection = http.client.HTTPConnection(*self.origin, timeout=5)
        try:
            return asked(connection)
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            connection.close()

    def connected(self) -> dict[int, http.client.HTTPConnection]:
        """One kept connection to each worker. Raises AssertionError when one cannot be met."""
        kept: dict[int, http.client.HTTPConnection] = {}
        for _ in range(400):
            connection = http.client.HTTPConnection(*self.origin, timeout=60)
            pid = asked(connection)
            if pid in kept:
                connection.close()
                continue
            kept[pid] = connection
            if len(kept) == self._wanted:
                return kept
        raise AssertionError(f"{self.name}: met {len(kept)} of {self._wanted} workers")


def asked(connection: http.client.HTTPConnection) -> int:
    """The worker behind the connection. Raises OSError, HTTPException or ValueError."""
    connection.request("GET", "/healthz")
    found: int = json.loads(connection.getresponse().read())["process"]
    return found


def stopped(pid: int) -> bool:
    """The process stands still after SIGSTOP."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "Tt"
    except (FileNotFoundError, ProcessLookupError):
        return False


def manage(*arguments: str) -> list[str]:
    return [sys.executable, "manage.py", *arguments]

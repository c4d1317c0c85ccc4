"""The acquirer as a process of its own: started, told to fail, killed, and started on the same books."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from tests.project.server import ROOT, environment
from tests.tcp_ports import free_port
from tests.wallet.process import Form, http

KEY = "key-of-the-tests-acquirer"
WEBHOOK_SECRET = "webhook-secret-of-the-tests-acquirer"


class Acquirer:
    """`with Acquirer(folder) as acquirer:` it answers at `acquirer.origin`, and has ended afterwards.

    Its port is known before it starts, and stays when it is started again.
    """

    def __init__(self, folder: Path, *more: str, webhook: str = "", programmable: bool = True) -> None:
        self.books = folder / "acquirer.sqlite3"
        self.port = free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        self.settings: dict[str, Any] = {
            "url": self.origin,
            "key": KEY,
            "webhook_secret": WEBHOOK_SECRET,
        }
        """The setting ACQUIRER of who asks it."""
        self._log = folder / "acquirer.log"
        self.webhook = webhook
        """Who is told of charges, from the next start on."""
        self._more = (*more, *(("--programmable",) if programmable else ()))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Acquirer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> Acquirer:
        """It listens, on the books that are there."""
        command = [
            *(sys.executable, "-m", "gateway.acquirer", "--port", str(self.port)),
            *("--books", str(self.books), "--key", KEY, "--webhook-secret", WEBHOOK_SECRET, *self._more),
            *(("--webhook", self.webhook) if self.webhook else ()),
        ]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=log
            )
        assert self._process.stdout is not None
        # Ends with the process, should it never listen.
        if self._process.stdout.readline().decode().strip() != self.origin:
            self.kill()
            raise AssertionError(self._log.read_text())
        return self

    def kill(self) -> None:
        """It is gone at once, whatever it was doing. Repeatable."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None

    def restart(self) -> None:
        """Killed, and started again on the same books. What it was told by `control` is forgotten."""
        self.kill()
        self.start()

    def ask(self, method: str, path: str, *, key: str | None = None, **more: Any) -> httpx.Response:
        """What it answers its merchant."""
        headers = {"Authorization": f"Bearer {KEY}", **({"Idempotency-Key": key} if key else {})}
        return http.request(method, self.origin + path, headers=headers, **more)

    def control(self, **told: Any) -> None:
        """From now on it behaves like this; nothing: it is well. See `gateway.acquirer.faults`."""
        answered = self.ask("POST", "/control", json=told)
        assert answered.status_code == 200, answered.text

    def faults(self, *faults: dict[str, Any], seed: int = 1) -> None:
        """It fails like this, and is well otherwise."""
        self.control(seed=seed, faults=list(faults))

    @property
    def drawn(self) -> dict[str, int]:
        """How many requests met which fault since it was told."""
        return dict(self.ask("GET", "/control").json()["drawn"])

    @property
    def ledger(self) -> dict[str, list[dict[str, Any]]]:
        """Its charges, refunds, events and deliveries, oldest first."""
        answered = self.ask("GET", "/control/ledger")
        assert answered.status_code == 200, answered.text
        return dict(answered.json())

    @property
    def charges(self) -> list[dict[str, Any]]:
        return self.ledger["charges"]


def decide(page: str, decision: str) -> httpx.Response:
    """The holder of the card decides at the acquirer's page; what it answers their browser."""
    shown = http.get(page)
    assert shown.status_code == 200, shown.text
    target = page.partition("?")[0]
    origin = "/".join(page.split("/")[:3])
    form = {**Form(shown.text).fields, "decision": decision}
    return http.post(target, data=form, headers={"Origin": origin})

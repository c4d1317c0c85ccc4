"""A Redis of one's own, to be killed and stopped. It keeps nothing: what it had is lost with it."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

from tests.faults.processes import Process
from tests.project.server import eventually
from tests.tcp_ports import free_port


class Broker(Process):
    """Down after `kill`, silent after SIGSTOP; `start` brings an empty one back on the same port."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        command = ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--save", ""]
        super().__init__("redis", [*command, "--dir", str(folder)], folder, {})

    def start(self) -> None:
        """It answers. Raises AssertionError."""
        self.launch()
        assert eventually(self._answers, within=30), self.log

    def silence(self) -> None:
        """Connections are accepted and nothing is said."""
        self.send(signal.SIGSTOP)

    def speak(self) -> None:
        self.send(signal.SIGCONT)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False

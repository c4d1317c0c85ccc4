"""A TCP proxy before the broker that can be down (refuses) or silent (accepts, answers nothing)."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from types import TracebackType
from typing import Self

from tests.tcp_ports import free_port


class BrokerProxy:
    """Forwards to `target` while it is up. `port` stays the same all the time."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._silent = False
        self._listener: socket.socket | None = None
        self.port = free_port()

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.down()

    def up(self) -> None:
        """Connections are forwarded."""
        self.down()
        self._listen(silent=False)

    def silent(self) -> None:
        """Connections are accepted and nothing is ever answered."""
        self.down()
        self._listen(silent=True)

    def down(self) -> None:
        """Connections are refused, and open ones have ended."""
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for pair in self._pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
        self._pairs = []

    def _listen(self, *, silent: bool) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._listener, silent), daemon=True).start()

    def _accept(self, listener: socket.socket, silent: bool) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            if silent:
                self._pairs.append((client, client))
                continue
            server = socket.create_connection(self._target)
            self._pairs.append((client, server))
            threading.Thread(target=self._pump, args=(client, server), daemon=True).start()

    @staticmethod
    def _pump(client: socket.socket, server: socket.socket) -> None:
        """Bytes go both ways until one side ends."""
        with selectors.DefaultSelector() as ready, contextlib.suppress(OSError, ValueError):
            ready.register(client, selectors.EVENT_READ, server)
            ready.register(server, selectors.EVENT_READ, client)
            while True:
                for key, _ in ready.select():
                    data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                    if not data:
                        client.close()
                        server.close()
                        return
                    key.data.sendall(data)

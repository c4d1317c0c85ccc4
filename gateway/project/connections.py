"""A thread that ends takes its database connections with it.

The server lets idle threads go and starts others when it is busy again. Django keeps one connection for
each thread, in objects that refer to each other: without help they stay open until the garbage collector
happens to come by, and every burst of requests would take more of the database's connections.

The thread itself must not close them. SQLite's connections come back for Python's lock while they are
closed, and in a thread that is being taken apart that ends the whole process (CPython gh-119585, mended in
3.12.4). So it leaves them to a thread of ours.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

from django.db.backends.signals import connection_created

_of_thread = threading.local()
_left: SimpleQueue[Any] = SimpleQueue()
_closer: threading.Thread | None = None


class _Kept:
    """Leaves the connection to be closed when the thread that keeps this has ended."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __del__(self, leave: Any = _left.put) -> None:
        # Nobody else can be using it: it belonged to that thread.
        leave(self._connection)


def close_with_threads() -> None:
    """From now on no connection outlives its thread in this process. Repeatable."""
    connection_created.connect(_keep, dispatch_uid="agentic_connections")


def _keep(sender: object, connection: Any, **_: object) -> None:
    kept: dict[str, _Kept] = _of_thread.__dict__.setdefault("kept", {})
    kept[connection.alias] = _Kept(connection.connection)
    _have_closer()


def _have_closer() -> None:
    """Somebody closes what is left, in this process. Two of them do no harm."""
    global _closer
    if _closer is None or not _closer.is_alive():  # a fork takes no threads along
        _closer = threading.Thread(target=_close_what_is_left, name="agentic-closer", daemon=True)
        _closer.start()


def _close_what_is_left() -> None:
    while True:
        connection = _left.get()
        with suppress(Exception):
            connection.close()
        del connection

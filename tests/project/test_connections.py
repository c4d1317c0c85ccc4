"""Threads of the server come and go; what they had open goes with them."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.backends.signals import connection_created

from gateway.project import connections


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Nothing is freed by luck."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def opened_in_a_thread_that_ended() -> Any:
    """The driver's own connection, as the thread left it."""
    opened = []

    def work() -> None:
        connection.ensure_connection()
        opened.append(connection.connection)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return opened[0]


def everything_left_is_closed() -> None:
    """One at a time, in their order: what comes last says that the others are."""
    last = threading.Event()

    class Last:
        close = last.set

    connections._left.put(Last)
    assert last.wait(60)


def is_open(opened: Any) -> bool:
    try:
        opened.execute("SELECT 1")
    except Exception:
        return False
    return True


@pytest.fixture
def closing() -> Iterator[None]:
    connections.close_with_threads()
    yield
    connection_created.disconnect(dispatch_uid="agentic_connections")


def test_a_thread_that_ends_leaves_no_connection(
    transactional_db: None, no_collector: None, closing: None
) -> None:
    opened = opened_in_a_thread_that_ended()

    everything_left_is_closed()
    assert not is_open(opened)


def test_left_alone_it_stays_open(transactional_db: None, no_collector: None) -> None:
    """The negative control: Django's wrapper is a cycle that only the collector takes away."""
    opened = opened_in_a_thread_that_ended()

    assert is_open(opened)
    opened.close()


def test_a_connection_in_use_is_left_alone(transactional_db: None, closing: None) -> None:
    connection.close()
    connection.ensure_connection()
    before = connection.connection
    connection.close()
    connection.ensure_connection()

    assert connection.connection is not before
    assert is_open(connection.connection)


STRANGERS = """
import ctypes, sqlite3
from gateway.project import connections

class Opened:
    alias = "default"

    def __init__(self):
        self.connection = sqlite3.connect(":memory:", check_same_thread=False)
        for number in range(30):
            self.connection.create_function(f"f{number}", 1, lambda given: given)

@ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
def work(_):
    connections._keep(None, Opened())

system = ctypes.CDLL(None)
for _ in range(100):
    thread = ctypes.c_ulong()
    system.pthread_create(ctypes.byref(thread), None, work, None)
    system.pthread_join(thread, None)
print("alive")
"""


def test_a_thread_that_python_did_not_start_ends_alone() -> None:
    """The server's own threads are such; one that closed its SQLite connection took the process with it."""
    ended = subprocess.run(
        [sys.executable, "-c", STRANGERS], capture_output=True, text=True, timeout=120, check=False
    )

    assert (ended.returncode, ended.stdout.strip()) == (0, "alive"), ended.stderr

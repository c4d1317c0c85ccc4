"""Ports for servers that a test starts, taken by nobody else on this machine.

A port that the system hands out is free only until somebody's outgoing connection gets it. These
lie below the range it hands out, and belong to this process until it ends.
"""

from __future__ import annotations

import fcntl
import random
import socket
import tempfile
from io import TextIOWrapper
from pathlib import Path

LOWEST = 15_000
EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")

_reserved: list[TextIOWrapper] = []


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, and that no other test is given."""
    highest = int(EPHEMERAL.read_text().split()[0]) if EPHEMERAL.exists() else 32_768
    candidates = list(range(min(LOWEST, highest - 2_000), highest))
    random.SystemRandom().shuffle(candidates)
    for port in candidates:
        if _reserve(port) and _listenable(port):
            return port
    raise AssertionError("no port is free")


def _reserve(port: int) -> bool:
    """The lock ends with this process, however it ends."""
    handle = (Path(tempfile.gettempdir()) / f"agentic-port-{port}.lock").open("w")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        return False
    _reserved.append(handle)
    return True


def _listenable(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True

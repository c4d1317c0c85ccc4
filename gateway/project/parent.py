"""A worker process does not outlive the server that started it."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

VARIABLE = "AGENTIC_SERVER_PID"
"""Set by `gateway.project.serve` to its own process id, which the server keeps."""

_PR_SET_PDEATHSIG = 1


def end_with_server() -> bool:
    """This process gets SIGTERM when the server that started it dies, however it dies.

    True when that is arranged. Nothing happens (False) where the kernel offers no such thing,
    or when the parent is not the server: a master process that loads the application itself
    must not end with the terminal it was started from.
    """
    server = os.environ.get(VARIABLE, "")
    if not sys.platform.startswith("linux") or server != str(os.getppid()):
        return False
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) != 0:
        return False
    if server != str(os.getppid()):
        # It died in between, too early for the signal.
        os.kill(os.getpid(), signal.SIGTERM)
    return True

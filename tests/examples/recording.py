"""docs/examples: every story as it was played against a running server.

`python -m tests.examples` (or `make examples`) writes the files again; a test plays the stories anew
and compares.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.examples.stories import Story
from tests.examples.tape import Tape
from tests.project.server import ROOT, Server
from tests.tcp_ports import free_port

FOLDER = ROOT / "docs" / "examples"


@contextmanager
def running() -> Iterator[Server]:
    """A demo shop of its own, on a host name."""
    with tempfile.TemporaryDirectory() as folder:
        port = str(free_port())
        with Server(Path(folder), PORT=port, PUBLIC_URL=f"http://localhost:{port}") as server:
            server.port, server.url = int(port), f"http://localhost:{port}"
            yield server.start()


def recorded(story: Story, server: Server) -> dict[str, Any]:
    """The story as it is played now."""
    tape = Tape(server.url, server.folder / "var" / "mail")
    try:
        story.play(tape)
        return {"title": story.title, "about": story.about, "steps": tape.written()}
    finally:
        tape.close()


def file_of(story: Story) -> Path:
    return FOLDER / f"{story.name}.json"


def text(recording: dict[str, Any]) -> str:
    """What stands in the file."""
    return json.dumps(recording, indent=2, ensure_ascii=False) + "\n"

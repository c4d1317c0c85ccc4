"""Writes docs/examples again."""

from __future__ import annotations

import sys

from tests.examples import guides
from tests.examples.recording import FOLDER, file_of, recorded, running, text
from tests.examples.stories import STORIES

with running() as server:
    FOLDER.mkdir(exist_ok=True)
    for story in STORIES:
        file_of(story).write_text(text(recorded(story, server)))
        sys.stdout.write(f"{file_of(story).name}\n")
for page in guides.pages():
    page.write_text(guides.filled(page.read_text()))

"""The Chromium of this machine: `python -m tests.browser.chromium` prints where it is.

Ends with status 2 and one line when there is none, or when CHROMIUM names something else.
"""

from __future__ import annotations

import os
import shutil
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome")

QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
"""It asks nobody on the network by itself. Root, as in a container, gets no sandbox."""


class NoChromium(Exception):
    """The text says what was looked for, and what to install."""


def find() -> str:
    """Its path: what CHROMIUM names, or the first known name in PATH. Raises NoChromium."""
    named = os.environ.get("CHROMIUM", "")
    found = next(filter(None, map(shutil.which, [named] if named else NAMES)), None)
    if found is None:
        raise NoChromium(
            f"No Chromium found ({named or ', '.join(NAMES)}). On Debian: apt install chromium; "
            "elsewhere name yours: CHROMIUM=/path/to/chromium"
        )
    return found


if __name__ == "__main__":
    try:
        print(find())
    except NoChromium as reason:
        print(reason, file=sys.stderr)
        sys.exit(2)

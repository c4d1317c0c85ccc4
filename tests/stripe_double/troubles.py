"""How the server fails, as the tests say.

answer        answers `status` and `error` without doing anything: 401, 409, 429
error_before  fails inside before it has done anything; the failure is kept under the key
error_after   fails inside after it has done it; kept too
lost_before   does nothing, and says nothing for `seconds`
lost_after    does it, and the answer is on its way for `seconds`
slow          works on it for `seconds`, while its key is in use
"""

from __future__ import annotations

import re
import threading
from typing import Any


class Troubles:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.planned: list[dict[str, Any]] = []

    def plan(self, planned: list[dict[str, Any]]) -> None:
        """Each `what` meets the next `times` requests (1) of `method` (POST) whose path `path` matches."""
        with self._lock:
            self.planned = [{"times": 1, "method": "POST", "path": ".*", **one} for one in planned]

    def of(self, method: str, path: str) -> dict[str, Any]:
        """What becomes of this request: the first trouble that is left for it, or none."""
        with self._lock:
            for trouble in self.planned:
                mine = trouble["method"] == method and re.fullmatch(trouble["path"], path)
                if mine and trouble["times"]:
                    trouble["times"] -= 1
                    return trouble
        return {}

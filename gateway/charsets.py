"""A charset that is none for text, before Django reads the request with it.

`Content-Type: application/json; charset=hex` and a query string break Django while it makes its request
object, so that nothing of ours or of Django's could answer. Such a charset is passed on under a name that
nobody knows, which is refused where a body is wanted and ignored elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]

UNKNOWN = "charset=unknown"
_OTHER_THAN_UTF8 = re.compile(r"charset\*?\s*=\s*(?!(?:utf-8|\"utf-8\")\s*(?:;|$))[^;]*", re.IGNORECASE)


def readable(application: Application) -> Application:
    """The application, which is never told to read a request in anything but UTF-8."""

    def answered(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        said = environ.get("CONTENT_TYPE", "")
        if "charset" in said.lower():
            environ["CONTENT_TYPE"] = _OTHER_THAN_UTF8.sub(UNKNOWN, said)
        return application(environ, start_response)

    return answered

"""HTTP as the demo agent speaks it: one client, no redirects, and a clear word when nobody answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx

from gateway.demo.answers import Answer

SECONDS = 30.0
MOST_AT_ONCE = 50
OWN_MACHINE = ("all://127.0.0.1", "all://localhost", "all://[::1]")


class NoServer(Exception):
    """No answer came from `origin`. The text says so, and what to do when nobody listens there."""

    def __init__(self, origin: str, advice: str) -> None:
        super().__init__(f"No server answers at {origin}. {advice}")
        self.origin = origin


class Client:
    """Sends requests and gives back answers. May be used by several threads."""

    def __init__(self, transport: httpx.BaseTransport | None = None) -> None:
        # A proxy named in the environment has no business between us and our own machine.
        direct = {} if transport else dict.fromkeys(OWN_MACHINE)
        self._http = httpx.Client(
            transport=transport,
            mounts=direct,
            timeout=SECONDS,
            follow_redirects=False,
            limits=httpx.Limits(max_connections=MOST_AT_ONCE),
            headers={"User-Agent": "agentic-demo-agent", "Accept": "application/json"},
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def send(self, method: str, url: str, headers: Mapping[str, str], body: object | None = None) -> Answer:
        """The answer to this request, whatever its status. Raises NoServer when none came."""
        content = None if body is None else json.dumps(body).encode()
        typed = {} if content is None else {"Content-Type": "application/json"}
        try:
            got = self._http.request(method, url, headers={**headers, **typed}, content=content)
        except httpx.ConnectError:
            raise NoServer(origin(url), "Start it with: make run") from None
        except (httpx.HTTPError, httpx.InvalidURL) as problem:
            raise NoServer(origin(url), f"The connection ended with {type(problem).__name__}.") from None
        return Answer(got.status_code, got.reason_phrase, got.headers, got.content, _object(got.content))


def _object(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def origin(url: str) -> str:
    """Scheme, host and port of the address."""
    return "/".join(url.split("/", 3)[:3])

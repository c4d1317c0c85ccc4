"""What an OpenID Connect provider publishes about itself, kept for a while (T26).

Kept at least as long as the floor, so that tokens with invented key ids cause no flood of requests;
at most as long as the cap, so that a key that was withdrawn ends.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from interventions.errors import ProviderSilent
from interventions.http import Http, NoReply, Reply
from interventions.weblinks import leads_to

FLOOR_SECONDS = 60.0
CAP_SECONDS = 24 * 3600.0
RETRY_SECONDS = 5.0
"""After a failure with nothing kept, nobody is asked for so long."""
MOST_BYTES = 64 * 1024
SIGNING_KEYS = frozenset({"RSA", "EC"})
_MAX_AGE = re.compile(r"(?:^|,)\s*max-age=([0-9]{1,9})\s*(?:,|$)", re.IGNORECASE | re.ASCII)

Kept = TypeVar("Kept")
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where people and servers go. Each has been judged."""

    authorization: str
    token: str
    keys: str


def trusted(url: object, origins: frozenset[str], *, loopback_http: bool) -> str:
    """The address, when it is https, plain and of one of these origins (ACP-154, T30).

    Raises ProviderSilent for every other: a provider that names foreign addresses is not used.
    """
    if not leads_to(url, origins, loopback_http=loopback_http):
        raise ProviderSilent
    return str(url)


def content_of(reply: Reply) -> dict[str, Any]:
    """The answer's JSON object. Raises ProviderSilent for anything else (T60)."""
    try:
        content = json.loads(reply.body)
    except (ValueError, RecursionError):
        raise ProviderSilent from None
    if not isinstance(content, dict):
        raise ProviderSilent
    return content


class Published:
    """The description and the keys of one issuer. May be used by several threads."""

    def __init__(
        self,
        issuer: str,
        http: Http,
        *,
        pages: frozenset[str],
        servers: frozenset[str],
        loopback_http: bool,
        timeout_seconds: float,
        clock: Clock = time.monotonic,
    ) -> None:
        self._issuer, self._http, self._timeout_seconds = issuer, http, timeout_seconds
        self._pages, self._servers, self._loopback_http = pages, servers, loopback_http
        self._endpoints = _Memory(self._fetch_endpoints, clock)
        self._keys = _Memory(self._fetch_keys, clock)

    def endpoints(self) -> Endpoints:
        """Where to go. Raises ProviderSilent."""
        return self._endpoints.get()

    def keys(self, *, newer: bool = False) -> KeySet:
        """What tokens are signed with; with `newer`, asked again unless that was just done.
        Raises ProviderSilent."""
        return self._keys.get(newer=newer)

    def _fetch_endpoints(self) -> tuple[Endpoints, float]:
        content, seconds = self._fetch(
            self._trusted(f"{self._issuer}/.well-known/openid-configuration", self._servers)
        )
        # OpenID Connect Discovery 4.3: a description of somebody else is none.
        if content.get("issuer") != self._issuer:
            raise ProviderSilent
        found = Endpoints(
            authorization=self._trusted(content.get("authorization_endpoint"), self._pages),
            token=self._trusted(content.get("token_endpoint"), self._servers),
            keys=self._trusted(content.get("jwks_uri"), self._servers),
        )
        return found, seconds

    def _fetch_keys(self) -> tuple[KeySet, float]:
        content, seconds = self._fetch(self.endpoints().keys)
        try:
            usable = [
                key for key in content["keys"] if key["kty"] in SIGNING_KEYS and key.get("use") != "enc"
            ]
            return KeySet.import_key_set({"keys": usable}), seconds
        except (JoseError, KeyError, TypeError, ValueError, AttributeError):
            raise ProviderSilent from None

    def _fetch(self, url: str) -> tuple[dict[str, Any], float]:
        try:
            reply = self._http.request(
                "GET", url, timeout_seconds=self._timeout_seconds, most_bytes=MOST_BYTES
            )
        except NoReply:
            raise ProviderSilent from None
        if reply.status != 200:
            raise ProviderSilent
        said = _MAX_AGE.search(reply.headers.get("cache-control", ""))
        return content_of(reply), min(max(float(said[1]) if said else 0.0, FLOOR_SECONDS), CAP_SECONDS)

    def _trusted(self, url: object, origins: frozenset[str]) -> str:
        return trusted(url, origins, loopback_http=self._loopback_http)


class _Memory(Generic[Kept]):
    """The last good answer. No lock is held while somebody is asked."""

    def __init__(self, fetch: Callable[[], tuple[Kept, float]], clock: Clock) -> None:
        self._fetch, self._clock = fetch, clock
        self._lock = threading.Lock()
        self._kept: tuple[Kept, float, float] | None = None
        """The answer, when it is asked for again, when it is not used any more."""
        self._tried_at: float | None = None
        self._failed_at: float | None = None

    def get(self, *, newer: bool = False) -> Kept:
        now = self._clock()
        with self._lock:
            kept, usable = self._kept, self._kept is not None and now < self._kept[2]
            if kept is not None and usable:
                too_soon = self._tried_at is not None and now < self._tried_at + FLOOR_SECONDS
                if too_soon or (now < kept[1] and not newer):
                    return kept[0]
            elif self._failed_at is not None and now < self._failed_at + RETRY_SECONDS:
                raise ProviderSilent
            self._tried_at = now
        try:
            value, seconds = self._fetch()
        except ProviderSilent:
            with self._lock:
                self._failed_at = self._clock()
            if kept is not None and usable:
                return kept[0]
            raise
        with self._lock:
            self._kept, self._failed_at = (value, now + seconds, now + CAP_SECONDS), None
        return value

"""Stripe's API as `stripe_payments` asks it: the official library, over our own guarded client.

The one module that knows the library. Each call has a key, a deadline and one repeat, and its answer
is a plain dict. What the library would write down of it stays unwritten: bodies hold tokens.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Literal

import stripe

from checkout.errors import ProviderUnavailable
from interventions.http import Http, NoReply

log = logging.getLogger("agentic.stripe")

WINDOW_SECONDS = 300
"""How far the time of a message may be from ours, either way."""
PAGE = 20
"""Rows of a list at a time; more would not fit into what we read of one answer."""
SENT = frozenset({"authorization", "stripe-version", "idempotency-key", "content-type"})
"""Headers of the library that leave the house; the others tell of this machine."""
TALKATIVE = ("debug", "info")
"""Levels at which the library writes to the terminal, whatever is set up for logging."""

_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)

_ends_at: ContextVar[float] = ContextVar("agentic_stripe_ends_at")


@dataclass(frozen=True, slots=True)
class Answer:
    """What Stripe said, and whether it had said so before, to the same key."""

    content: Mapping[str, Any]
    replayed: bool
    at: float
    """What time it was there, in seconds since 1970; ours where Stripe did not say."""


class Refused(Exception):
    """Stripe understood, and will not. `kind`: the card was refused, the request was, or its key was
    used for another one. Holds no text of Stripe's, which may repeat a token."""

    def __init__(self, kind: Literal["card", "request", "key"], code: str, decline_code: str = "") -> None:
        super().__init__(f"{kind}: {code}")
        self.kind, self.code, self.decline_code = kind, code, decline_code


class Silent(ProviderUnavailable):
    """What came of the call is not known. `replayed`: nor will it ever be by this key, under which
    Stripe keeps an error of its own."""

    def __init__(self, *, replayed: bool = False) -> None:
        super().__init__()
        self.replayed = replayed


class StripeApi:
    """One client, for one account. May be used by several threads. No transaction may be open:
    `http` raises RuntimeError."""

    def __init__(
        self,
        key: str,
        http: Http,
        *,
        version: str,
        origin: str,
        timeout_seconds: float,
        retries: int,
    ) -> None:
        stripe.enable_telemetry = False  # it also writes a file into the home of whoever runs this
        self._client = stripe.StripeClient(
            key,
            stripe_version=version,
            base_addresses={"api": origin},
            max_network_retries=retries,
            http_client=_Guarded(http, timeout_seconds),
        )

    def ask(
        self,
        service: str,
        verb: str,
        *ids: str,
        params: Mapping[str, Any] | None = None,
        key: str = "",
        version: str = "",
    ) -> Answer:
        """The answer of `client.v1.<service>.<verb>`. Raises Refused, and Silent when it is not known
        what came of it."""
        options: dict[str, Any] = {}
        if key:
            options["idempotency_key"] = key
        if version:
            options["stripe_version"] = version
        call = getattr(getattr(self._client.v1, service), verb)
        try:
            found = call(*ids, dict(params or {}), options)
            headers = found.last_response.headers
            return Answer(found.to_dict(), _replayed(headers), _clock(headers))
        except stripe.StripeError as problem:
            raise _judged(problem, f"{service}.{verb}") from None
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as problem:
            # The library could not make sense of it.
            log.error("Stripe's answer to %s.%s is no object: %s", service, verb, type(problem).__name__)
            raise Silent from None

    def every(self, service: str, params: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """Every row of a list, newest first, however many pages it has. Raises as `ask`."""
        asked = {**params, "limit": PAGE}
        while True:
            page = self.ask(service, "list", params=asked).content
            rows = rows_of(page)
            yield from rows
            if not page.get("has_more") or not rows:
                return
            asked["starting_after"] = rows[-1]["id"]


def rows_of(page: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """What a list holds. Raises Silent for what is none."""
    rows = page.get("data")
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) and "id" in row for row in rows):
        log.error("Stripe answered with something else than a list")
        raise Silent
    return rows


def talks() -> bool:
    """The library writes what it is given to the terminal (`STRIPE_LOG`, `stripe.log`)."""
    return stripe.log in TALKATIVE or os.environ.get("STRIPE_LOG") in TALKATIVE


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Everything that is asked inside has ended after so long, repeats included."""
    token = _ends_at.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends_at.reset(token)


def genuine(body: bytes, header: str, secrets: Sequence[str]) -> bool:
    """One of the secrets signed the body, and not long ago. Nothing of the body is read."""
    return any(_signed(body, header, secret) for secret in secrets) and _is_now(header)


def _signed(body: bytes, header: str, secret: str) -> bool:
    try:
        return bool(stripe.WebhookSignature.verify_header(body, header, secret, WINDOW_SECONDS))
    except (stripe.SignatureVerificationError, TypeError, ValueError):
        return False


def _is_now(header: str) -> bool:
    """Not from the future either, which the library takes. `header` was signed."""
    said = next(item.partition("=")[2] for item in header.split(",") if item.startswith("t="))
    try:
        return abs(int(said) - time.time()) <= WINDOW_SECONDS
    except ValueError:  # the library reads past a second "="
        return False


def _judged(problem: stripe.StripeError, what: str) -> Exception:
    """What it means; the log has its kind, and nothing that Stripe wrote."""
    code = _code(problem.code)
    match problem:
        case stripe.CardError():
            return Refused("card", code, _decline_code(problem))
        case stripe.IdempotencyError():
            return Refused("key", code)
        case stripe.InvalidRequestError():
            log.info("Stripe refused %s: %s, request %s", what, code or "invalid", problem.request_id)
            return Refused("request", code)
        case stripe.APIConnectionError():
            log.warning("Stripe did not answer %s", what)
        case _:
            # Wrong keys and rights, rates, and whatever broke there.
            kind, status = type(problem).__name__, problem.http_status
            log.error(
                "Stripe failed at %s: %s, status %s, request %s", what, kind, status, problem.request_id
            )
    kept = (problem.http_status or 0) >= 500 and _replayed(problem.headers or {})
    return Silent(replayed=kept)


def _decline_code(problem: stripe.CardError) -> str:
    body = problem.json_body
    error = body.get("error") if isinstance(body, Mapping) else None
    return _code(error.get("decline_code") if isinstance(error, Mapping) else None)


def _code(said: object) -> str:
    """A code of Stripe's is a word; anything else may repeat what was sent."""
    return said if isinstance(said, str) and _CODE.fullmatch(said) else ""


def _replayed(headers: Mapping[str, str]) -> bool:
    return headers.get("idempotent-replayed") == "true"


def _clock(headers: Mapping[str, str]) -> float:
    try:
        return parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError):
        return time.time()


def _unreached(*, again: bool) -> Exception:
    make: Any = stripe.APIConnectionError
    problem: Exception = make("No usable answer.", should_retry=again)
    return problem


class _Guarded(stripe.HTTPClient):
    """The library's requests leave by our own client: judged addresses, a deadline, an end to answers."""

    name = "agentic"

    def __init__(self, http: Http, timeout_seconds: float) -> None:
        super().__init__()
        self._http, self._timeout_seconds = http, timeout_seconds

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        left = _ends_at.get(time.monotonic() + self._timeout_seconds) - time.monotonic()
        if left <= 0:
            raise _unreached(again=False)
        sent = {name: value for name, value in (headers or {}).items() if name.lower() in SENT}
        body = post_data.encode() if isinstance(post_data, str) else post_data
        try:
            reply = self._http.request(
                method.upper(),
                url,
                headers=sent,
                body=body,
                timeout_seconds=min(left, self._timeout_seconds),
            )
        except NoReply:
            raise _unreached(again=True) from None
        return reply.body.decode("utf-8", "replace"), reply.status, reply.headers

    def close(self) -> None:
        """Nothing is kept open."""


class _Unsaid(logging.Filter):
    """What the library says of bodies and errors is not written down."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.WARNING


logging.getLogger("stripe").addFilter(_Unsaid())

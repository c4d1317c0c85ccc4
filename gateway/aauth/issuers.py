"""The public keys of issuers, and what else they publish (AA-413, AA-414; reliability-security T23 to T26).

An issuer says who an agent is, and publishes what its words are verified with. What it published is kept in
a table for all workers, for a day at most, and beside it in each process for a moment. Whoever sends us
names of issuers or of keys that nobody knows makes us ask each issuer once a minute and no more.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import BoundedSemaphore, Lock
from typing import Any

from django.utils import timezone

from gateway import agents, strict_json, windows
from gateway.aauth import tokens
from gateway.aauth.signature_problem import SignatureProblem
from gateway.aauth.tokens import Token
from gateway.conf import conf
from gateway.egress import egress
from gateway.pending_models import Issuer
from interventions import weblinks
from interventions.http import NoReply
from interventions.prepared import Lookup, change, insert

log = logging.getLogger("agentic.aauth")

AGENT, PERSON, RESOURCE = "aauth-agent.json", "aauth-person.json", "aauth-resource.json"
DOCUMENTS = frozenset({AGENT, PERSON, RESOURCE})

LONGEST_NAME = 120
SECONDS = 3.0
"""For both documents together."""
MOST_BYTES = 64 * 1024
MOST_KEYS = 100
LONGEST_VALUE = 2000
PAUSE = timedelta(seconds=60)
KEPT = timedelta(hours=24)
REREAD_SECONDS = 10.0
"""So long a process does not look into the table for an issuer whose key it has."""
REMEMBERED = 1000
FETCHES_A_MINUTE = 60
"""Of all issuers together, so that made-up names do not keep us busy. Those whose agents have been here
before have as many for themselves, and those of agents that an operator knows are always asked: else made-up
names would lock them out when their keys change."""
WAITING = 4
"""Requests of one process that wait for another's fetch; the others are refused at once."""
LOOK_SECONDS = 0.05

MEMBERS = frozenset(
    {
        *("issuer", "jwks_uri", "name", "description", "logo_uri", "documentation_uri"),
        *("callback_endpoint", "localhost_callback_allowed", "interaction_endpoint"),
        *("auth_token_endpoint", "person_token_endpoint", "revocation_endpoint", "access_mode"),
        "clarification_supported",
    }
)
"""What is kept of a document; the rest is nobody's business here."""
KEY_MEMBERS = ("kid", "kty", "crv", "x", "y", "alg", "use")
KEY_TYPES = frozenset({"OKP", "EC"})


class NoKey(SignatureProblem):
    """There is nothing to verify with."""

    def __init__(self, code: str = "unknown_key") -> None:
        super().__init__(code, "The issuer's key cannot be found.")


@dataclass(frozen=True, slots=True)
class Published:
    """What an issuer told us, or the settings tell for it."""

    metadata: Mapping[str, Any]
    keys: Mapping[str, Mapping[str, Any]] = field(repr=False)
    fetched_at: datetime | None = None
    """None: pinned, and never fetched."""

    def fresh(self, now: datetime) -> bool:
        return self.fetched_at is None or self.fetched_at > now - KEPT


def is_identifier(name: object) -> bool:
    """An https name in lower case and nothing else: no port, no path, no address (AA-414)."""
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME:
        return False
    try:
        link = weblinks.parse(name)
    except ValueError:
        return False
    return name == f"https://{link.host}" and link.host[-1].isalpha()


def host_of(issuer: str) -> str:
    """The name that people are shown."""
    return issuer.removeprefix("https://")


def key(issuer: str, document: str, kid: str) -> Mapping[str, Any]:
    """The issuer's public key with that `kid`, as a JWK; fetched when it is not known.

    Raises NoKey, whatever the issuer is to blame for. No transaction may be open.
    """
    known = _known(issuer, document)
    if known is None or (kid not in known.keys and known.fetched_at is not None):
        known = _asked(issuer, document)
    if known is None or kid not in known.keys:
        raise NoKey
    return known.keys[kid]


def verify(token: Token) -> None:
    """The token's issuer signed it, with a key that it publishes now; asked once more when the one we know
    does not fit (AA-413). Raises SignatureProblem. No transaction may be open."""
    try:
        tokens.verify(token, key(token.issuer, token.document, token.kid))
    except SignatureProblem as problem:
        if problem.code != "invalid_jwt":
            raise
        changed = changed_key(token.issuer, token.document, token.kid)
        if changed is None:
            raise
        tokens.verify(token, changed)


def changed_key(issuer: str, document: str, kid: str) -> Mapping[str, Any] | None:
    """The key that the issuer publishes under `kid` by now, after the one we had verified nothing; None when
    it is the same, or cannot be asked for. No transaction may be open."""
    before = _known(issuer, document)
    if before is None or before.fetched_at is None:
        return None
    try:
        after = _asked(issuer, document)
    except NoKey:
        return None
    found = after.keys.get(kid) if after else None
    return found if found is not None and found != before.keys.get(kid) else None


def metadata(issuer: str, document: str) -> Mapping[str, Any]:
    """What the issuer says of itself, {} when it cannot be asked. No transaction may be open."""
    try:
        known = _known(issuer, document) or _asked(issuer, document)
    except NoKey:
        return {}
    return known.metadata if known else {}


def known_metadata(issuer: str, document: str) -> Mapping[str, Any]:
    """What the issuer said of itself in the last day, {} for nothing. Never asks; at most one statement."""
    known = _known(issuer, document)
    return known.metadata if known else {}


def transport(url: str) -> str:
    """Where `url` is really asked: its own server, or the one that the settings put in its place."""
    for name, given in conf().AAUTH_ISSUERS.items():
        base = _base_of(given)
        if base and (url == name or url.startswith(f"{name}/")):
            return base + url.removeprefix(name)
    return url


def ask(url: str, *, timeout_seconds: float = SECONDS) -> dict[str, Any]:
    """The JSON object at `url`, through the guard. Raises NoKey. No transaction may be open."""
    where = transport(url)
    client = egress()
    if conf().DEMO:  # names of the demo lead to servers on this machine
        client = replace(client, loopback=client.loopback | _loopback())
    try:
        reply = client.request("GET", where, timeout_seconds=timeout_seconds, most_bytes=MOST_BYTES)
    except NoReply:
        raise NoKey from None
    if reply.status != 200:
        raise NoKey
    try:
        return strict_json.loads(reply.body)
    except strict_json.BadJSON:
        raise NoKey from None


def purge() -> int:
    """What was not fetched in a day is gone; how many rows. Repeatable."""
    edge = timezone.now() - KEPT
    gone, _ = Issuer.objects.filter(tried_at__lt=edge).exclude(fetched_at__gte=edge).delete()
    return gone


def forget() -> None:
    """This process knows no issuer any more. For changed settings, and for tests."""
    with _lock:
        _remembered.clear()
        _failed.clear()


# What is known --------------------------------------------------------------------------

_lock = Lock()
_remembered: OrderedDict[tuple[str, str], tuple[float, Published]] = OrderedDict()
_failed: OrderedDict[tuple[str, str], float] = OrderedDict()
"""Whom this process asked in vain, and when: nobody waits for that answer any more."""
_waiting = BoundedSemaphore(WAITING)

_row = Lookup(
    Issuer, lambda place: Issuer.objects.filter(issuer=place("issuer"), document=place("document")).order_by()
)


def _known(issuer: str, document: str) -> Published | None:
    """What is pinned, remembered, or in the table, while it is fresh. Raises NoKey for no issuer's name."""
    if not is_identifier(issuer) or document not in DOCUMENTS:
        raise NoKey
    pinned = _pinned(issuer)
    if pinned is not None:
        return pinned
    now = timezone.now()
    with _lock:
        at, found = _remembered.get((issuer, document), (0.0, None))
    if found is not None and found.fresh(now) and time.monotonic() - at < REREAD_SECONDS:
        return found
    row = _row.one(issuer=issuer, document=document)
    found = _published(row) if row is not None else None
    return _remember(issuer, document, found) if found is not None and found.fresh(now) else None


def _published(row: Issuer) -> Published | None:
    if row.fetched_at is None:
        return None
    return Published(row.metadata, {entry["kid"]: entry for entry in row.keys}, row.fetched_at)


def _pinned(issuer: str) -> Published | None:
    """What the settings say for it, when that is all there is."""
    given = conf().AAUTH_ISSUERS.get(issuer)
    if not isinstance(given, Mapping) or _base_of(given):
        return None
    return Published({"issuer": issuer, **given.get("metadata", {})}, usable(given.get("keys")))


def _remember(issuer: str, document: str, found: Published) -> Published:
    with _lock:
        _remembered[issuer, document] = (time.monotonic(), found)
        _remembered.move_to_end((issuer, document))
        while len(_remembered) > REMEMBERED:
            _remembered.popitem(last=False)
    return found


def _failed_now(issuer: str, document: str) -> None:
    with _lock:
        _failed[issuer, document] = time.monotonic()
        while len(_failed) > REMEMBERED:
            _failed.popitem(last=False)


# Asking ---------------------------------------------------------------------------------


def _asked(issuer: str, document: str) -> Published | None:
    """What the issuer publishes now, if it is our turn to ask; else what somebody else heard just now."""
    now = timezone.now()
    if not _our_turn(issuer, document, now):
        return _heard(issuer, document)
    if not _admitted(issuer):
        log.warning("too many issuers are named at once: one is not asked")
        raise NoKey
    try:
        found = _fetched(issuer, document)
    except NoKey as problem:
        log.info("an issuer cannot be used: %s", problem.code)
        _failed_now(issuer, document)
        raise
    Issuer.objects.filter(issuer=issuer, document=document).update(
        metadata=dict(found.metadata), keys=[dict(entry) for entry in found.keys.values()], fetched_at=now
    )
    return _remember(issuer, document, replace(found, fetched_at=now))


def _admitted(issuer: str) -> bool:
    """The issuer may be asked, however many others are named at this moment."""
    if windows.take([("aauth:fetches", FETCHES_A_MINUTE)]).wait_seconds <= 0:
        return True
    known = agents.knows_from(issuer)
    if known is None:
        return False
    return known or windows.take([("aauth:fetches:again", FETCHES_A_MINUTE)]).wait_seconds <= 0


def _our_turn(issuer: str, document: str, now: datetime) -> bool:
    """Nobody asked within the last minute, and nobody else will in the next."""
    where = {"issuer": issuer, "document": document}
    if change(Issuer, {**where, "tried_at__lte": now - PAUSE}, {"tried_at": now}):
        return True
    return bool(insert([Issuer(**where, tried_at=now)], unless_there=True))


def _heard(issuer: str, document: str) -> Published | None:
    """What is in the table, once whoever asks right now has heard an answer or waited long enough."""
    with _lock:
        hopeless = time.monotonic() - _failed.get((issuer, document), -SECONDS) < SECONDS
    patient = not hopeless and _waiting.acquire(blocking=False)
    try:
        while True:
            row = _row.one(issuer=issuer, document=document)
            if row is None or row.tried_at is None:
                return None
            heard = row.fetched_at is not None and row.fetched_at >= row.tried_at
            if heard or not patient or row.tried_at < timezone.now() - timedelta(seconds=SECONDS):
                found = _published(row)
                fresh = found is not None and found.fresh(timezone.now())
                return _remember(issuer, document, found) if found is not None and fresh else None
            time.sleep(LOOK_SECONDS)
    finally:
        if patient:
            _waiting.release()


def _fetched(issuer: str, document: str) -> Published:
    ends_at = time.monotonic() + SECONDS
    told = ask(f"{issuer}/.well-known/{document}")
    named = told.get("issuer")
    if not isinstance(named, str):
        raise NoKey("issuer_missing")
    if named != issuer:
        raise NoKey("issuer_mismatch")
    where = told.get("jwks_uri")
    left = ends_at - time.monotonic()
    if not isinstance(where, str) or not where.startswith("https://") or left <= 0:
        raise NoKey
    keys = ask(where, timeout_seconds=left).get("keys")
    return Published({name: value for name, value in told.items() if _kept(name, value)}, usable(keys))


def _kept(name: str, value: object) -> bool:
    return name in MEMBERS and (
        isinstance(value, bool) or (isinstance(value, str) and len(value) <= LONGEST_VALUE)
    )


def usable(keys: object) -> dict[str, dict[str, str]]:
    """The keys that could verify something, by their `kid`; their siblings do no harm."""
    found: dict[str, dict[str, str]] = {}
    for entry in keys[:MOST_KEYS] if isinstance(keys, list | tuple) else ():
        if not isinstance(entry, Mapping):
            continue
        public = {name: entry[name] for name in KEY_MEMBERS if isinstance(entry.get(name), str)}
        if public.get("kid") and public.get("kty") in KEY_TYPES and public.get("x"):
            found.setdefault(public["kid"], public)
    return found


def _base_of(given: object) -> str:
    base = given.get("base_url") if isinstance(given, Mapping) else None
    return base.rstrip("/") if isinstance(base, str) else ""


def _loopback() -> frozenset[str]:
    """Servers on this machine that stand for issuers."""
    found = set()
    for given in conf().AAUTH_ISSUERS.values():
        try:
            link = weblinks.parse(_base_of(given))
        except ValueError:
            continue
        if link.host in weblinks.LOOPBACK:
            found.add(link.authority)
    return frozenset(found)

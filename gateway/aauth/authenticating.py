"""Verifies who signed a request, and lets them in (AA-400 to AA-410; decision 30).

Plugged into `gateway.authentication`. In this order: the signature is read, its key is found, it is
verified, used up, and its agent enrolled. What was not verified is neither believed nor stored nor logged.
"""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import unquote, urlsplit

import http_sf
from django.http import HttpRequest
from django.utils.encoding import escape_uri_path

from gateway import identities, intake
from gateway.aauth import enrolment, misses, replay, vouching
from gateway.aauth.signature_fields import UNPARSABLE
from gateway.aauth.signature_problem import TITLES, SignatureProblem
from gateway.aauth.signatures import Message, Signed, read, thumbprint, used, verify
from gateway.aauth.vouching import Vouched
from gateway.authentication import AGENT_TOKEN
from gateway.conf import conf
from gateway.errors import AgentRefused, NotVerified
from gateway.identities import Identity
from gateway.models import Agent

STRICT, SEED = "draft-11", "seed"
BUY, BROWSE, REFUSE = "buy", "browse", "refuse"
OTHER_CREDENTIALS = ("HTTP_AUTHORIZATION", "HTTP_X_AGENT_SESSION", "HTTP_X_SESSION_TOKEN")
ANOTHER_TOKEN = frozenset({"unsupported_scheme", "invalid_jwt", "expired_jwt"})
"""Whoever is refused for these needs an agent token, or a fresh one."""
LONGEST_LIST = 500

INACTIVE = "This agent was switched off here."
UNKNOWN = "This agent is not known here, and agents that are not known may not use this site."
ONLY_LOOK = "This agent is not known here, and may only look until it is."


class SignedRequests:
    """Implements `gateway.authentication.Signatures`. Without state."""

    def identify(self, request: HttpRequest, *, cap: int) -> Identity:
        """See the seam. The body is read here, as it came, before anybody parses it (AA-409)."""
        try:
            identity = _verified(request, intake.read_raw(request, cap=cap))
        except SignatureProblem as problem:
            misses.missed(request)
            raise _refused(problem) from None
        _let_in(request, identity.agent)
        enrolment.note(identity)
        identities.remember(request, identity)
        return identity


def capabilities(header: str) -> frozenset[str]:
    """What `AAuth-Capabilities` names; nothing for a list that is none (AA-011)."""
    if not 0 < len(header) <= LONGEST_LIST:
        return frozenset()
    try:
        members = cast(list[tuple[Any, Any]], http_sf.parse(header.encode("ascii"), tltype="list"))
    except UNPARSABLE:
        return frozenset()
    if not all(isinstance(value, http_sf.Token) for value, _ in members):
        return frozenset()
    return frozenset(str(value) for value, _ in members)


def _verified(request: HttpRequest, body: bytes) -> Identity:
    """Who signed; the signature is used up. Raises SignatureProblem, and RateLimited."""
    if any(request.META.get(name, "").strip() for name in OTHER_CREDENTIALS):
        raise SignatureProblem("invalid_request", "A signed request brings no other credential.")
    wording = conf().AAUTH_WORDING
    lenient = wording != STRICT
    message = message_of(request, body)
    signed = read(
        message,
        lenient=lenient,
        window=conf().AAUTH_SIGNATURE_SECONDS,
        bodies_covered=wording != SEED,
    )
    if not vouching.is_known(signed):
        misses.check(request)
    vouched = vouching.of(signed, lenient=lenient)
    verify(signed, message, vouched.key, older=vouched.older)
    _use_up(request, signed, vouched)
    return Identity(
        agent=enrolment.agent_of(vouched.issuer, vouched.subject),
        issuer=vouched.issuer,
        subject=vouched.subject,
        thumbprint=thumbprint(vouched.key),
        key=vouched.key,
        capabilities=capabilities(request.META.get("HTTP_AAUTH_CAPABILITIES", "")),
        person_server=vouched.person_server,
        parent=vouched.parent,
        token_id=vouched.token_id,
        token_expires_at=vouched.expires_at,
        assurance=vouched.assurance,
        legacy=bool(signed.legacy) or vouched.older,
    )


def message_of(request: HttpRequest, body: bytes) -> Message:
    """The request as it was signed. Its authority is the one in our settings, whatever Host says (AA-408)."""
    path, query = _target(request)
    return Message(
        method=str(request.method),
        authority=urlsplit(conf().PUBLIC_URL).netloc,
        path=path,
        query=query,
        headers={name.lower(): value for name, value in request.headers.items()},
        body=body,
    )


def _target(request: HttpRequest) -> tuple[str, str]:
    """Path and query as they were sent, as far as the server tells; else the path in its usual spelling."""
    query = request.META.get("QUERY_STRING", "")
    raw = str(request.META.get("RAW_URI") or request.META.get("REQUEST_URI") or "")
    path = raw.partition("?")[0]
    if path.startswith("/") and unquote(path) == request.path:
        return path, query
    return escape_uri_path(request.path), query


def _use_up(request: HttpRequest, signed: Signed, vouched: Vouched) -> None:
    """What changes something was signed once, or is a repeat (AA-404). Raises SignatureProblem."""
    if request.method in replay.READS:
        return
    again = str(request.META.get("HTTP_IDEMPOTENCY_KEY", ""))
    # Ahead of us and behind us: twice the window, and a little for clocks.
    seconds = 2 * conf().AAUTH_SIGNATURE_SECONDS + 60
    if not replay.first_use(used(signed, vouched.key), again, seconds=seconds):
        raise SignatureProblem("invalid_signature", "The signature was used before. Sign each request anew.")


def _let_in(request: HttpRequest, agent: Agent) -> None:
    """Raises AgentRefused for whom an operator or the settings keep out (AA-030)."""
    if not agent.active:
        raise AgentRefused(INACTIVE)
    if agent.known or conf().AAUTH_UNKNOWN_AGENTS == BUY:
        return
    if conf().AAUTH_UNKNOWN_AGENTS != BROWSE:
        raise AgentRefused(UNKNOWN)
    if request.method not in replay.READS:
        raise AgentRefused(ONLY_LOOK)


def _refused(problem: SignatureProblem) -> NotVerified:
    headers = problem.headers()
    if problem.code in ANOTHER_TOKEN:
        headers["AAuth-Requirement"] = AGENT_TOKEN
    return NotVerified(problem.code, problem.detail or TITLES[problem.code], headers)

"""Verifies who signed a request, and lets them in (AA-400 to AA-410; decision 30).

Plugged into `gateway.authentication`. In this order: the signature is read, its key is found, it is
verified, used up, and its agent enrolled. What was not verified is neither believed nor stored nor logged.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import http_sf
from django.http import HttpRequest
from django.utils.encoding import escape_uri_path

from gateway import identities, intake
from gateway.aauth import enrolment, misses, replay, tokens, vouching
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
ANOTHER_TOKEN = frozenset({"unsupported_scheme", "invalid_jwt", "expired_jwt", "revoked_jwt"})
"""Whoever is refused for these needs a token, or a fresh one."""
LONGEST_LIST = 500

INACTIVE = "This agent was switched off here."
UNKNOWN = "This agent is not known here, and agents that are not known may not use this site."
ONLY_LOOK = "This agent is not known here, and may only look until it is."


class SignedRequests:
    """Implements `gateway.authentication.Signatures`. Without state."""

    def identify(self, request: HttpRequest, *, cap: int) -> Identity:
        """See the seam."""
        return let_in(request, proven(request, cap=cap))


@dataclass(frozen=True, slots=True)
class Proof:
    """A request was signed with the key that a token, or an older wording, vouches for."""

    signed: Signed
    vouched: Vouched

    @property
    def legacy(self) -> bool:
        return bool(self.signed.legacy) or self.vouched.older


def proven(
    request: HttpRequest,
    *,
    cap: int,
    accept: Collection[str] = (tokens.AGENT,),
    audience: str = "",
    required: str = AGENT_TOKEN,
) -> Proof:
    """Whose key signed the request, by a token of an accepted type; the signature is used up.

    The body is read here, as it came, before anybody parses it (AA-409). Raises NotVerified, which names the
    token that is `required`, RateLimited, and what `intake.read_raw` raises.
    """
    try:
        return _proven(request, intake.read_raw(request, cap=cap), accept, audience)
    except SignatureProblem as problem:
        misses.missed(request)
        raise refused(problem, required) from None


def let_in(request: HttpRequest, proof: Proof, agent: Agent | None = None) -> Identity:
    """The agent behind the request, enrolled now if it is new; remembered by `identities`. `agent`: the one
    that a token was given to which names its person.

    Raises AgentRefused for one that is kept out, and RateLimited.
    """
    vouched = proof.vouched
    agent = agent or enrolment.agent_of(vouched.issuer, vouched.subject)
    identity = Identity(
        agent=agent,
        issuer=agent.issuer,
        subject=agent.identity,
        thumbprint=thumbprint(vouched.key),
        key=vouched.key,
        capabilities=capabilities(request.META.get("HTTP_AAUTH_CAPABILITIES", "")),
        person_server=vouched.person_server,
        parent=vouched.parent,
        token_id=vouched.token_id,
        token_expires_at=vouched.expires_at,
        assurance=vouched.assurance,
        legacy=proof.legacy,
    )
    check_admission(request, identity.agent)
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


def _proven(request: HttpRequest, body: bytes, accept: Collection[str], audience: str) -> Proof:
    """Raises SignatureProblem, and RateLimited."""
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
    vouched = vouching.of(signed, lenient=lenient, accept=accept, audience=audience)
    verify(signed, message, vouched.key, older=vouched.older)
    _use_up(request, signed, vouched)
    return Proof(signed, vouched)


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


def check_admission(request: HttpRequest, agent: Agent) -> None:
    """Raises AgentRefused for whom an operator or the settings keep out (AA-030)."""
    if not agent.active:
        raise AgentRefused(INACTIVE)
    if agent.known or conf().AAUTH_UNKNOWN_AGENTS == BUY:
        return
    if conf().AAUTH_UNKNOWN_AGENTS != BROWSE:
        raise AgentRefused(UNKNOWN)
    if request.method not in replay.READS:
        raise AgentRefused(ONLY_LOOK)


def refused(problem: SignatureProblem, required: str = AGENT_TOKEN) -> NotVerified:
    """The 401 for `problem`, which asks for the token that would be taken, where another one would help."""
    headers = problem.headers()
    if problem.code in ANOTHER_TOKEN:
        headers["AAuth-Requirement"] = required
    return NotVerified(problem.code, problem.detail or TITLES[problem.code], headers)

"""What an agent shows of itself and of its person at a resource of ours: its agent token, a person token, or
an auth token (AA-410, AA-412; decision 31).

The order of verification is `authenticating`'s. What is looked at here comes after it: who the person is,
and whether they still want it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from gateway import agents, authentication, bindings
from gateway.aauth import authenticating, person_servers, tokens
from gateway.aauth.authenticating import Proof
from gateway.aauth.authentication import UNSIGNED
from gateway.aauth.person_server import revoking
from gateway.aauth.problems import Problem
from gateway.aauth.signature_problem import TITLES, SignatureProblem
from gateway.aauth.tokens import Token
from gateway.conf import conf
from gateway.errors import NotVerified
from gateway.identities import Identity
from gateway.models import Agent
from gateway.person_models import DirectedSubject, IssuedToken
from gateway.person_states import GrantState
from gateway.persons import Person, persons

ACCEPTED = (tokens.AGENT, tokens.PERSON, tokens.AUTH)
PERSON_TOKEN = "requirement=person-token"
OTHER_SERVER = "Whoever has an account here is known here alone: their person server is {ours}."
NO_ACCOUNT = "This person has no account here."
TAKEN_BACK = "What this token stood for was taken back, or was never given."


@dataclass(frozen=True, slots=True)
class Presented:
    """Who asks, and what their token says for them; all of it verified."""

    proof: Proof
    identity: Identity
    person: Person | None = field(default=None, repr=False)
    """None as long as the agent has shown nothing but itself."""
    scope: frozenset[str] = frozenset()
    """What the person has granted; nothing by a person token, whatever it says (AA-412)."""

    @property
    def token(self) -> Token | None:
        return self.proof.vouched.token


class Presenting(BaseAuthentication):
    """`request.user` is the agent, `request.auth` what it presents."""

    def authenticate(self, request: Request) -> tuple[Agent, Presented]:
        if not authentication.is_signed(request._request):
            headers = {"AAuth-Requirement": PERSON_TOKEN, "Signature-Error": "error=invalid_signature"}
            raise NotVerified("invalid_signature", UNSIGNED, headers)
        proof = authenticating.proven(
            request._request,
            cap=conf().BODY_BYTES,
            accept=ACCEPTED,
            audience=conf().PUBLIC_URL,
            required=PERSON_TOKEN,
        )
        token = proof.vouched.token
        if token is None or token.typ == tokens.AGENT:
            _not_revoked(proof)
            presented = Presented(proof, authenticating.let_in(request._request, proof))
        else:
            presented = _of_person(request, proof, token)
        return presented.identity.agent, presented

    def authenticate_header(self, request: Request) -> str:
        return authentication.BEARER


def _not_revoked(proof: Proof) -> None:
    """Its provider has not taken the agent token back, as far as we know (AA-416). Raises NotVerified."""
    vouched = proof.vouched
    if vouched.token_id and revoking.is_revoked(vouched.issuer, vouched.token_id):
        raise authenticating.refused(SignatureProblem("revoked_jwt", TITLES["revoked_jwt"]), PERSON_TOKEN)


def _of_person(request: Request, proof: Proof, token: Token) -> Presented:
    """Whom the token names, and what they granted. Raises NotVerified for what does not count any more, and
    Problem for people without an account here."""
    if not person_servers.is_ours(token.issuer):
        raise Problem(403, "unknown_person", OTHER_SERVER.format(ours=conf().PUBLIC_URL))
    try:
        owner, named = _issued(token)
        agent = agents.of_owner(owner)
        if agent is None or bindings.person_of(owner) != named:
            raise SignatureProblem("revoked_jwt", TAKEN_BACK)
    except SignatureProblem as problem:
        raise authenticating.refused(problem, PERSON_TOKEN) from None
    identity = authenticating.let_in(request._request, proof, agent)
    person = persons().by_id(named)
    if person is None:
        raise Problem(403, "unknown_person", NO_ACCOUNT)
    return Presented(proof, identity, person, _scope(token))


def _issued(token: Token) -> tuple[str, str]:
    """The agent that we gave the token to, and the person it is about. Raises SignatureProblem."""
    row = (
        IssuedToken.objects.filter(
            jti=token.claims.get("jti", ""),
            typ=token.typ,
            audience=conf().PUBLIC_URL,
            revoked_at=None,
            grant__state=GrantState.GRANTED,
        )
        .values_list("owner", "person")
        .first()
    )
    subjects = DirectedSubject.objects.filter(audience=conf().PUBLIC_URL, subject=token.subject)
    if row is None or subjects.values_list("person", flat=True).first() != row[1]:
        raise SignatureProblem("revoked_jwt", TAKEN_BACK)
    return row


def _scope(token: Token) -> frozenset[str]:
    told = token.claims.get("scope") if token.typ == tokens.AUTH else None
    return frozenset(told.split()) if isinstance(told, str) else frozenset()

"""What an agent may ask its person's server for: its request, judged before anybody is bothered with it
(AA-216, AA-217).

A request names tokens of others. Each is verified with its issuer's key before a word of it counts, and
whatever is wrong with one is told in the words that the draft has for that parameter. What was judged says
nothing about whether the person agrees.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway import bindings, identities, markdown
from gateway.aauth import issuers, jwk, problems, tokens
from gateway.aauth.person_server import parameters
from gateway.aauth.person_server.parameters import invalid
from gateway.aauth.problems import Problem
from gateway.aauth.signature_problem import SignatureProblem
from gateway.aauth.tokens import Token
from gateway.conf import conf
from gateway.grants import MOST_SCOPES, Wanted
from gateway.identities import Identity
from gateway.person_models import DirectedSubject, Grant, IssuedToken

SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*")
"""As OAuth writes it (RFC 6749, 3.3)."""
LONGEST_SCOPE = 1000
LONGEST_ACCOUNT = 200
NOT_BUILT = ("mission_s256", "tenant", "interaction")
"""Claims of a resource token that stand for something which no token of ours begins."""

OTHER_SERVER = "This agent's person has another server, or none: its token has to name this one as ps."
NOBODYS = "Whoever is nothing but a key acts for nobody."
SUBAGENT = "A sub-agent asks for nothing itself: its parent does."


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose key the token will be bound to, and until when at most."""

    owner: str
    """The agent that asks, which is its parent for a sub-agent."""
    agent: str
    """What the agent is called by whoever vouches for it."""
    key: Mapping[str, Any] = field(repr=False)
    expires: float | None
    """When what vouches for the key expires."""
    token_id: str = ""
    """Of the agent token that signed."""

    @property
    def thumbprint(self) -> str:
        return jwk.thumbprint(self.key)


def person_token(identity: Identity, body: Mapping[str, Any]) -> Wanted:
    """What is asked for at the person token endpoint. Raises Problem. No transaction may be open."""
    _acts_for_ours(identity, older=False)
    resource = parameters.text(body, "resource", needed=True)
    if resource != conf().PUBLIC_URL and not issuers.is_identifier(resource):
        raise invalid("resource has to be a server's name such as https://shop.example, and nothing else.")
    parameters.refuse_unbuilt(body)
    holder = _holder(identity, body)
    return Wanted(
        owner=holder.owner,
        kind=Grant.PERSON_TOKEN,
        audience=resource,
        justification=_justification(body),
        key=dict(holder.key),
        presented=_presented(holder, holder.expires),
    )


def auth_token(identity: Identity, body: Mapping[str, Any]) -> Wanted:
    """What is asked for at the auth token endpoint. Raises Problem. No transaction may be open."""
    _acts_for_ours(identity, older=True)
    parameters.refuse_unbuilt(body)
    holder = _holder(identity, body)
    return _by_resource_token(holder, body, older=identity.legacy or not identity.person_server)


def replaced(grant: Grant, body: Mapping[str, Any]) -> Wanted:
    """What is asked for instead by an `updated_request`: by the same resource, for the same person and key
    (AA-107, T53). Raises Problem. No transaction may be open."""
    if grant.kind != Grant.AUTH_TOKEN:
        raise invalid("Only a request for an auth token can be exchanged.")
    holder = Holder(
        owner=grant.owner,
        agent=grant.owner.partition("|")[2],
        key=grant.key,
        expires=grant.presented.get("agent_exp"),
        token_id=str(grant.presented.get("agent_token", "")),
    )
    wanted = _by_resource_token(holder, {"justification": grant.justification, **body}, older=grant.older)
    same = (
        wanted.audience == grant.audience
        and wanted.older == grant.older
        and wanted.presented.get("sub") == grant.presented.get("sub")
    )
    if not same:
        raise _bad("resource", "The resource token is not by the same resource, or for another person.")
    return wanted


def _by_resource_token(holder: Holder, body: Mapping[str, Any], *, older: bool) -> Wanted:
    lenient = older and conf().AAUTH_WORDING != problems.DRAFT
    token = parameters.token(body, "resource", (tokens.RESOURCE,), lenient=lenient)
    claims = token.claims
    if claims["aud"] != conf().PUBLIC_URL:
        if tokens.is_server(claims["aud"]):
            text = "The resource leaves it to an access server, and this person server speaks to none."
            raise Problem(502, "as_unreachable", text)
        raise _bad("resource", "aud of the resource token is not this person server.")
    if claims["agent_jkt"] != holder.thumbprint:
        raise _bad("resource", "agent_jkt is not the key of the agent that asks.")
    if named := [name for name in NOT_BUILT if name in claims]:
        raise _bad("resource", f"The resource token has {named[0]}, which the presented token has not.")
    presented = _older(holder, token) if token.older else _newer(holder, token, body)
    asked_by = str(claims.get("jti", ""))
    return Wanted(
        owner=holder.owner,
        kind=Grant.AUTH_TOKEN,
        audience=token.issuer,
        scope=_scope(claims),
        account=_account(claims),
        justification=_justification(body),
        key=dict(holder.key),
        presented=presented | ({"resource_token": asked_by} if asked_by else {}),
        older=token.older,
        request_id=asked_by,
    )


def _older(holder: Holder, token: Token) -> dict[str, Any]:
    """The older wording names the agent, and nobody has presented anything before."""
    if token.claims["agent"] != holder.agent:
        raise _bad("resource", "agent of the resource token is not the agent that asks.")
    return _presented(holder, holder.expires)


def _newer(holder: Holder, token: Token, body: Mapping[str, Any]) -> dict[str, Any]:
    """The resource token fits the token that the agent presented there, which we gave to it and which names
    its person."""
    claims = token.claims
    if claims["ps"] != conf().PUBLIC_URL:
        raise _bad("resource", "ps of the resource token is not this person server.")
    if "presented_token" in body or conf().AAUTH_WORDING == problems.DRAFT:
        shown = parameters.token(body, "presented", (tokens.PERSON, tokens.AUTH))
        _check_presented(shown, holder, token)
    row = IssuedToken.objects.filter(pk=claims["presented_jti"], audience=token.issuer).first()
    if row is None or row.owner != holder.owner:
        raise _bad("presented", "The token that presented_jti names was not given to this agent.")
    if row.revoked_at is not None:
        raise Problem(400, "revoked_presented_token", "The presented token was revoked. Ask for another one.")
    if row.expires_at.timestamp() <= time.time():
        raise Problem(400, "expired_presented_token", "The presented token has expired. Ask for a fresh one.")
    named = DirectedSubject.objects.filter(audience=token.issuer, subject=token.subject)
    if named.values_list("person", flat=True).first() != row.person:
        raise _bad("resource", "sub of the resource token is not that of the presented token.")
    if bindings.person_of(holder.owner) != row.person:
        raise Problem(400, "revoked_presented_token", "The agent does not act for that person any more.")
    expires = row.expires_at.timestamp()
    capped = expires if holder.expires is None else min(expires, holder.expires)
    return _presented(holder, capped) | {"jti": row.pk, "sub": token.subject}


def _check_presented(shown: Token, holder: Holder, token: Token) -> None:
    claims = shown.claims
    if shown.issuer != conf().PUBLIC_URL or claims["aud"] != token.issuer:
        raise _bad("presented", "The presented token is not ours, or for another resource.")
    if shown.key is None or jwk.thumbprint(shown.key) != holder.thumbprint:
        raise _bad("presented", "The presented token is bound to another key.")
    if (claims["jti"], shown.subject) != (token.claims["presented_jti"], token.subject):
        raise _bad("resource", "The resource token does not fit the presented token.")


def _acts_for_ours(identity: Identity, *, older: bool) -> None:
    """We are the agent's person server; the older wording did not name any."""
    if identity.assurance == identities.PSEUDONYM:
        raise Problem(403, "agent_refused", NOBODYS)
    silent = older and identity.legacy and not identity.person_server
    if identity.person_server != conf().PUBLIC_URL and not silent:
        raise Problem(403, "agent_refused", OTHER_SERVER)
    if identity.parent:
        raise Problem(403, "agent_refused", SUBAGENT)


def _holder(identity: Identity, body: Mapping[str, Any]) -> Holder:
    """Whose key it is about: the agent's that signed, or its sub-agent's."""
    at = identity.token_expires_at
    holder = Holder(
        owner=identity.owner,
        agent=identity.subject,
        key=_bare(identity.key),
        expires=at.timestamp() if at is not None else None,
        token_id=identity.token_id,
    )
    if "subagent_token" not in body:
        return holder
    token = parameters.token(body, "subagent", (tokens.AGENT,))
    if token.claims.get("parent_agent") != identity.subject or token.issuer != identity.issuer:
        raise _bad("subagent", "The sub-agent is not one of the agent that asks.")
    if token.person_server != conf().PUBLIC_URL or token.key is None:
        raise _bad("subagent", "The sub-agent does not name this person server.")
    try:
        jwk.public_key(token.key)
    except SignatureProblem:
        raise _bad("subagent", "The sub-agent has no key that it could sign with.") from None
    expires = token.expires if holder.expires is None else min(token.expires, holder.expires)
    return Holder(holder.owner, token.subject, _bare(token.key), expires, holder.token_id)


def _presented(holder: Holder, expires: float | None) -> dict[str, Any]:
    """What a grant remembers of the tokens it was asked for with; times in seconds."""
    found: dict[str, Any] = {"agent_token": holder.token_id} if holder.token_id else {}
    if holder.expires is not None:
        found["agent_exp"] = int(holder.expires)
    if expires is not None:
        found["exp"] = int(expires)
    return found


def _bare(key: Mapping[str, Any]) -> dict[str, Any]:
    """The public key and nothing that its JWK says besides; `alg` follows from the curve."""
    bare = {name: key[name] for name in ("kty", "crv", "x", "y") if name in key}
    algs = {curve: alg for alg, curve in jwk.CURVES.items()}
    return bare | {"alg": algs[(bare["kty"], bare["crv"])]}


def _justification(body: Mapping[str, Any]) -> str:
    return parameters.text(body, "justification", longest=markdown.LONGEST)


def _scope(claims: Mapping[str, Any]) -> str:
    scope = claims.get("scope")
    if not isinstance(scope, str) or len(scope) > LONGEST_SCOPE or not SCOPE.fullmatch(scope):
        raise _bad("resource", "scope of the resource token is missing, too long, or not in its form.")
    if scope.count(" ") >= MOST_SCOPES:
        raise _bad("resource", f"scope of the resource token names more than {MOST_SCOPES} things.")
    return scope


def _account(claims: Mapping[str, Any]) -> str:
    account = claims.get("account", "")
    if not isinstance(account, str) or len(account) > LONGEST_ACCOUNT or not account.isprintable():
        raise _bad("resource", "account of the resource token is too long, or not in its form.")
    return account


def _bad(parameter: str, detail: str) -> Problem:
    return Problem(400, f"invalid_{parameter}_token", detail)

"""What a resource of ours asks an agent for before it opens: a token that names its person, or one by which
they have granted something (AA-008, AA-009, AA-410, AA-412).

The second comes with a resource token: what is needed, by whom and for whom, for their person server to ask
them about. It names no person server but ours, because none else has people with an account here.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from typing import Any

from gateway import authentication, identities
from gateway.aauth import issuers, metadata, tokens
from gateway.aauth.granted import OTHER_SERVER, PERSON_TOKEN, Presented
from gateway.aauth.person_server import keys
from gateway.aauth.problems import Problem
from gateway.aauth.tokens import Token
from gateway.conf import conf

OLDER_RESOURCE = "resource+jwt"
SECONDS = 300
"""How long a resource token is good (AA-412)."""
COPIED = ("mission_s256", "tenant")
"""What a resource token repeats of the token that was presented, unchanged."""

REQUIRED = "Authorization required"
"""The words of older texts."""


class AuthorizationRequired(Problem):
    """The person has not granted what is needed; `headers` say what to ask them for."""

    def __init__(self, headers: dict[str, str], *, plain: bool) -> None:
        super().__init__(401, "auth_token_required", REQUIRED, _with_scheme(headers))
        self.plain = plain
        """The body is the text alone, as older texts have it."""


def asked_of(presented: Presented, scope: Iterable[str]) -> Problem:
    """The 401 that says what to bring so that `scope` is granted; 403 when nothing could be brought."""
    token, identity = presented.token, presented.identity
    if presented.person is not None and token is not None:
        return AuthorizationRequired(_newer(resource_token(presented, token, scope)), plain=False)
    if identity.person_server not in ("", conf().PUBLIC_URL):
        return Problem(403, "unknown_person", OTHER_SERVER.format(ours=conf().PUBLIC_URL))
    if identity.assurance == identities.PSEUDONYM:
        text = "Whoever is nothing but a key acts for nobody. Sign with an agent token."
        headers = {"AAuth-Requirement": authentication.AGENT_TOKEN, "AAuth": "require=identity"}
        return Problem(401, "agent_token_required", text, _with_scheme(headers))
    if presented.proof.vouched.older:
        return _older(presented, scope)
    text = "This is about a person: present the token for this shop by which their person server names them."
    return Problem(401, "person_token_required", text, _with_scheme({"AAuth-Requirement": PERSON_TOKEN}))


def link() -> str:
    """Where our resource's document is, as a Link header says it (AA-415)."""
    return f'<{conf().PUBLIC_URL}/{metadata.PATH}>; rel="aauth-resource"'


def resource_token(presented: Presented, token: Token, scope: Iterable[str]) -> str:
    """What the agent takes to the person server of the token that it presented."""
    copied = {name: token.claims[name] for name in COPIED if name in token.claims}
    claims = {
        **_common(presented, scope),
        "aud": token.issuer,
        "ps": token.issuer,
        "sub": token.subject,
        "presented_jti": token.claims["jti"],
        **copied,
    }
    return keys.sign(claims, tokens.RESOURCE)


def older_resource_token(presented: Presented, scope: Iterable[str]) -> str:
    """The same in the older wording, which knew no token that names a person: it names the agent."""
    claims = {
        **_common(presented, scope),
        "aud": conf().PUBLIC_URL,
        "agent": presented.identity.subject,
    }
    return keys.sign(claims, OLDER_RESOURCE)


def _common(presented: Presented, scope: Iterable[str]) -> dict[str, Any]:
    now = int(time.time())
    return {
        "iss": conf().PUBLIC_URL,
        "dwk": issuers.RESOURCE,
        "jti": secrets.token_urlsafe(16),
        "agent_jkt": presented.identity.thumbprint,
        "scope": " ".join(scope),
        "iat": now,
        "exp": now + SECONDS,
    }


def _newer(token: str) -> dict[str, str]:
    return {"AAuth-Requirement": f'requirement=auth-token; resource-token="{token}"'}


def _older(presented: Presented, scope: Iterable[str]) -> AuthorizationRequired:
    """For agents that speak an older wording: it had no person token, and named the server to go to."""
    token = older_resource_token(presented, scope)
    named = f'require=auth-token; resource-token="{token}"; auth-server="{conf().PUBLIC_URL}"'
    return AuthorizationRequired({**_newer(token), "AAuth": named}, plain=conf().AAUTH_WORDING == "seed")


def _with_scheme(headers: dict[str, str]) -> dict[str, str]:
    """HTTP wants this one with every 401."""
    return {"WWW-Authenticate": authentication.BEARER, **headers}

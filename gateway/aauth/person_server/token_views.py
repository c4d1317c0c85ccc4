"""Where an agent asks its person's server for a token (AA-200, AA-216, AA-217; decision 31).

What was granted before is given at once; for everything else the person is asked, and the agent waits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from gateway import bindings, identities, intake, strict_json, windows
from gateway.aauth import issuers, problems
from gateway.aauth.person_server import asking, issuing, judging, metadata, parameters, revoking
from gateway.aauth.signature_problem import TITLES
from gateway.aauth.views import AAuthView
from gateway.api import json_response
from gateway.conf import conf
from gateway.errors import NotVerified, RateLimited, UnknownPath
from gateway.grants import Wanted
from gateway.identities import Identity

PER_MINUTE = 30
"""Requests of one agent for tokens."""
REVOKED = "revoked_jwt"


class PersonServerView(AAuthView):
    """What agents ask of us as their person's server: signed by a token that was not revoked."""

    http_method_names: Any = ("post",)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if not metadata.is_on():
            raise UnknownPath
        super().initial(request, *args, **kwargs)
        identity = signer(request)
        if identity.token_id and revoking.is_revoked(identity.issuer, identity.token_id):
            raise NotVerified(REVOKED, TITLES[REVOKED], {"Signature-Error": f"error={REVOKED}"})


class TokenView(PersonServerView):
    """A body in, and a token or a call that waits out."""

    def post(self, request: Request) -> HttpResponse:
        identity = signer(request)
        _not_too_often(identity)
        try:
            body = self.read(request)
        finally:
            intake.forget_body(request._request)
        able = parameters.capabilities(body)
        wanted = self.wanted(identity, body)
        if able is not None:
            bindings.declare(identity.owner, sorted(able))
        granted = issuing.granted_before(wanted)
        if granted is not None:
            return json_response(200, strict_json.dumps(issuing.again(granted, wanted)))
        if wanted.audience != conf().PUBLIC_URL:
            # So that the person can be shown what the resource says of itself.
            issuers.metadata(wanted.audience, issuers.RESOURCE)
        return asking.begin(identity, wanted, capabilities=able or parameters.published(identity))

    def wanted(self, identity: Identity, body: Mapping[str, Any]) -> Wanted:
        """What is asked for, judged. Raises Problem."""
        raise NotImplementedError


class PersonTokens(TokenView):
    """Who the agent's person is, for one resource."""

    def wanted(self, identity: Identity, body: Mapping[str, Any]) -> Wanted:
        return judging.person_token(identity, body)


class AuthTokens(TokenView):
    """What a resource asked for."""

    def wanted(self, identity: Identity, body: Mapping[str, Any]) -> Wanted:
        return judging.auth_token(identity, body)


class OlderTokens(AuthTokens):
    """The same by the name that older texts give it."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if conf().AAUTH_WORDING == problems.DRAFT:
            raise UnknownPath
        super().initial(request, *args, **kwargs)


def signer(request: Request) -> Identity:
    identity = identities.of(request._request)
    assert identity is not None  # nobody else is let in
    return identity


def _not_too_often(identity: Identity) -> None:
    standing = windows.take([(f"aauth:tokens:{identity.owner}", PER_MINUTE)])
    if standing.wait_seconds > 0:
        raise RateLimited(retry_after=math.ceil(standing.wait_seconds))

"""What merchants' servers ask the wallet: its description, its keys, tokens, and its books."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from gateway.wallet import tokens
from gateway.wallet.asking import ID
from gateway.wallet.books import Books
from gateway.wallet.registration import Client, registration

VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)


@method_decorator(csrf_exempt, name="dispatch")
class Endpoint(View):
    """JSON, and never kept by anybody."""

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponseBase]:
        view: Callable[..., HttpResponseBase] = transaction.non_atomic_requests(super().as_view(**initkwargs))
        return login_not_required(view)

    def answer(self, content: dict[str, Any], status: int = 200) -> JsonResponse:
        return JsonResponse(content, status=status, headers={"Cache-Control": "no-store"})

    def unauthorized(self) -> JsonResponse:
        response = self.answer({"error": "invalid_client"}, 401)
        response.headers["WWW-Authenticate"] = 'Basic realm="sandbox-wallet"'
        return response


class Description(Endpoint):
    """OpenID Connect Discovery 1.0."""

    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest) -> JsonResponse:
        issuer = registration().issuer
        return self.answer(
            {
                "issuer": issuer,
                "authorization_endpoint": f"{issuer}/authorize",
                "token_endpoint": f"{issuer}/token",
                "jwks_uri": f"{issuer}/jwks",
                "response_types_supported": ["code"],
                "grant_types_supported": ["authorization_code"],
                "subject_types_supported": ["public"],
                "scopes_supported": ["openid"],
                "id_token_signing_alg_values_supported": list(tokens.ALGORITHMS),
                "token_endpoint_auth_methods_supported": ["client_secret_basic"],
                "code_challenge_methods_supported": ["S256"],
                "claims_supported": ["iss", "aud", "sub", "exp", "iat", "nonce", "confirmation"],
                "authorization_response_iss_parameter_supported": True,
            }
        )


class Keys(Endpoint):
    """RFC 7517."""

    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest) -> JsonResponse:
        return self.answer(tokens.public_keys(Books(registration().books)))


class Token(Endpoint):
    """RFC 6749 4.1.3 with RFC 7636: a code, once, to whom it was issued, who can prove it."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> JsonResponse:
        registered = registration()
        client = client_of(request, registered.clients)
        if client is None:
            return self.unauthorized()
        given = request.POST
        if given.get("grant_type") != "authorization_code":
            return self.answer({"error": "unsupported_grant_type"}, 400)
        books = Books(registered.books)
        grant = books.redeem(given.get("code", ""), client.id, given.get("redirect_uri", ""))
        if grant is None or not _proves(given.get("code_verifier", ""), grant.challenge):
            return self.answer({"error": "invalid_grant"}, 400)
        decision = books.decision(client.id, grant.confirmation)
        if decision is None or decision.status != "approved":
            return self.answer({"error": "invalid_grant"}, 400)
        if grant.behaviour == "slow":
            time.sleep(grant.slow_seconds)
        return self.answer(
            {
                "access_token": secrets.token_urlsafe(32),
                "token_type": "Bearer",
                "expires_in": tokens.TOKEN_SECONDS,
                "id_token": tokens.identity(registered, books, grant, decision),
            }
        )


class Confirmation(Endpoint):
    """What the books say of one confirmation. One that nobody decided is pending, known or not."""

    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest, confirmation: str) -> JsonResponse:
        registered = registration()
        client = client_of(request, registered.clients)
        if client is None:
            return self.unauthorized()
        if not ID.fullmatch(confirmation):
            return self.answer({"error": "invalid_request"}, 400)
        decision = Books(registered.books).decision(client.id, confirmation)
        if decision is None:
            return self.answer({"id": confirmation, "status": "pending"})
        return self.answer(
            {
                "id": decision.id,
                "status": decision.status,
                "amount": decision.amount,
                "currency": decision.currency,
                "at": decision.decided_at,
            }
        )


def client_of(request: HttpRequest, clients: dict[str, Client]) -> Client | None:
    """Who asks, by HTTP Basic (RFC 6749 2.3.1: both parts are form-encoded first)."""
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(credentials, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    client = clients.get(unquote_plus(name))
    return client if client and client.has(unquote_plus(secret)) else None


def _proves(verifier: str, challenge: str) -> bool:
    digest = hashlib.sha256(verifier.encode("utf-8", "replace")).digest()
    made = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return VERIFIER.fullmatch(verifier) is not None and hmac.compare_digest(made, challenge)

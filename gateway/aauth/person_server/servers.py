"""Servers that sign for themselves: the issuer of a token, which takes it back (AA-405, AA-416)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from gateway import authentication, intake
from gateway.aauth import authenticating, issuers, misses, problems, replay
from gateway.aauth.signature_problem import TITLES, SignatureProblem
from gateway.aauth.signatures import read, used, verify
from gateway.conf import conf
from gateway.errors import NotVerified

SCHEME = "jwks_uri"


class SignedByServer(BaseAuthentication):
    """`request.user` is the server's name. An agent's token opens nothing here, nor does a key of ACP."""

    def authenticate(self, request: Request) -> tuple[Any, str]:
        django_request = request._request
        body = intake.read_raw(django_request, cap=conf().BODY_BYTES)
        try:
            issuer = _verified(django_request, body)
        except SignatureProblem as problem:
            misses.missed(django_request)
            raise NotVerified(
                problem.code, problem.detail or TITLES[problem.code], problem.headers()
            ) from None
        return issuer, issuer

    def authenticate_header(self, request: Request) -> str:
        return authentication.BEARER


def _verified(request: HttpRequest, body: bytes) -> str:
    """Which server signed; the signature is used up. Raises SignatureProblem, and RateLimited."""
    misses.check(request)
    message = authenticating.message_of(request, body)
    signed = read(
        message,
        lenient=conf().AAUTH_WORDING != problems.DRAFT,
        window=conf().AAUTH_SIGNATURE_SECONDS,
        schemes=(SCHEME,),
    )
    if signed.scheme != SCHEME:
        raise SignatureProblem("unsupported_scheme", "A server signs as itself.", schemes=(SCHEME,))
    issuer, document = signed.parameters["id"], signed.parameters.get("dwk", "")
    key = issuers.key(issuer, document, signed.parameters["kid"])
    verify(signed, message, key)
    seconds = 2 * conf().AAUTH_SIGNATURE_SECONDS + 60
    if not replay.first_use(used(signed, key), "", seconds=seconds):
        raise SignatureProblem("invalid_signature", "The signature was used before. Sign each request anew.")
    return issuer

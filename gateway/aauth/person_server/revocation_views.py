"""Where the issuer of a token tells us that it does not count any more (AA-416)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from gateway import agents, windows
from gateway.aauth.person_server import keys, parameters, revoking
from gateway.aauth.person_server.parameters import invalid
from gateway.aauth.person_server.servers import SignedByServer
from gateway.aauth.problems import Problem
from gateway.aauth.views import AAuthView
from gateway.conf import conf
from gateway.errors import UnknownPath
from gateway.person_models import Grant, RevokedToken

PER_MINUTE = 60
MOST = 10_000
"""Of one issuer that are remembered at a time."""
LONGEST_JTI = 200
LONGEST = timedelta(days=31)
"""No token that counts here lives for longer: how long an agent's does is a matter of its issuer, which is
told to keep below a day."""


class Revoke(AAuthView):
    """`{jti, exp}`, signed by the issuer as itself. 200 without a body, whether or not we know the token."""

    http_method_names: Any = ("post",)
    authentication_classes: Any = (SignedByServer,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if not keys.usable():
            raise UnknownPath  # nobody has tokens that we would take
        super().initial(request, *args, **kwargs)

    def post(self, request: Request) -> HttpResponse:
        issuer = str(request.auth)
        if not _is_known(issuer):
            raise Problem(403, "unsupported_iss", "Nothing that this issuer issues counts here.")
        jti, expires_at = _named(self.read(request))
        _room(issuer)
        revoking.record(issuer, jti, expires_at)
        response = HttpResponse(status=200)
        del response.headers["Content-Type"]
        return response


def _named(body: Mapping[str, Any]) -> tuple[str, datetime]:
    """Raises Problem."""
    jti, exp = parameters.text(body, "jti", needed=True, longest=LONGEST_JTI), body.get("exp")
    now = timezone.now()
    latest = (now + LONGEST).timestamp()
    if isinstance(exp, bool) or not isinstance(exp, int | float) or not 0 <= exp <= latest:
        raise invalid(f"exp has to be when the token expires, in seconds, within {LONGEST.days} days.")
    return jti, datetime.fromtimestamp(exp, UTC)


def _is_known(issuer: str) -> bool:
    """It is pinned, vouches for an agent that was here, or is a resource that somebody asked to be let in
    to."""
    return (
        issuer in conf().AAUTH_ISSUERS
        or agents.knows_from(issuer) is not None
        or Grant.objects.filter(audience=issuer).exists()
    )


def _room(issuer: str) -> None:
    """Raises Problem for more revocations than one issuer may have us keep, or a minute may bring."""
    seconds = windows.take([(f"aauth:revoked:{issuer}", PER_MINUTE)]).wait_seconds
    if seconds <= 0 and RevokedToken.objects.filter(issuer=issuer).count() >= MOST:
        seconds = 3600.0
    if seconds > 0:
        text = "This issuer has taken back more than is kept for one."
        raise Problem(429, "rate_limited", text, {"Retry-After": str(math.ceil(seconds))})

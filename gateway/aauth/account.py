"""`GET {mount}/aauth/account`: what a person's own agent may know of their account here (decision 31)."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from gateway import account_facts, strict_json, windows
from gateway.aauth import challenges
from gateway.aauth.authenticating import SEED
from gateway.aauth.granted import Presented, Presenting
from gateway.aauth.person_server.metadata import is_on
from gateway.aauth.problems import Problem
from gateway.aauth.views import AAuthView
from gateway.api import json_response
from gateway.conf import conf
from gateway.errors import RateLimited, UnknownPath
from gateway.persons import Person

PER_MINUTE = 60
"""Requests of one agent."""
USUAL = tuple(account_facts.SCOPES)
"""What is asked for when an agent does not say what it needs."""
OLDER_TYPE = "auth+jwt"


class Account(AAuthView):
    """For the agent that the person has granted it, and as much of it as they have."""

    http_method_names: Any = ("get",)
    authentication_classes: Any = (Presenting,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if not is_on():
            raise UnknownPath
        super().initial(request, *args, **kwargs)

    def get(self, request: Request) -> HttpResponse:
        presented = request.auth
        assert isinstance(presented, Presented)  # nobody else comes in
        _not_too_often(presented)
        named = _named(request.query_params.getlist("scope"))
        granted = [scope for scope in named or account_facts.scopes() if scope in presented.scope]
        if presented.person is None or not granted or len(granted) < len(named):
            raise challenges.asked_of(presented, named or USUAL)
        body: dict[str, Any] = {"scope": " ".join(granted), **_told(presented.person, granted)}
        if conf().AAUTH_WORDING == SEED:
            body |= _as_seeds_say(presented)
        return json_response(200, strict_json.dumps(body))

    def handle_exception(self, exc: Exception) -> Any:
        response = super().handle_exception(exc)
        if isinstance(exc, challenges.AuthorizationRequired) and exc.plain:
            response.content = exc.detail.encode()
            response.headers["Content-Type"] = "text/plain; charset=utf-8"
        return response

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        if response.status_code == 401:
            response.headers["Link"] = challenges.link()
        return response


def _not_too_often(presented: Presented) -> None:
    """Raises RateLimited."""
    standing = windows.take([(f"aauth:account:{presented.identity.owner}", PER_MINUTE)])
    if standing.wait_seconds > 0:
        raise RateLimited(retry_after=math.ceil(standing.wait_seconds))


def _named(given: list[str]) -> list[str]:
    """The scopes that the request says it needs, each once; none when it does not say. Raises Problem."""
    if not given:
        return []
    known = account_facts.scopes()
    named = list(dict.fromkeys(given[0].split(" ")))
    if len(given) > 1 or named == [""]:
        raise Problem(400, "invalid_request", "scope is given once, with values separated by spaces.")
    if any(scope not in known for scope in named):
        raise Problem(400, "invalid_scope", f"scope can name: {', '.join(known)}.")
    return named


def _told(person: Person, granted: Collection[str]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if account_facts.PROFILE in granted:
        profile = {"name": person.name, "email": person.email}
        told["profile"] = {name: value for name, value in profile.items() if value}
    if account_facts.ORDERS in granted:
        told["orders"] = [
            {
                "id": order.id,
                "status": order.status,
                "total": order.total,
                "currency": order.currency,
                "placed_at": order.placed_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "permalink": order.permalink,
            }
            for order in account_facts.orders(person.id)
        ]
    return told


def _as_seeds_say(presented: Presented) -> dict[str, Any]:
    """What the oldest text prints besides: how the agent has come in."""
    token = presented.token
    assert token is not None  # nothing else grants anything
    return {
        "message": "Access granted",
        "scheme": presented.proof.signed.scheme,
        "token_type": OLDER_TYPE if token.older else token.typ,
        "method": "GET",
        "agent": presented.identity.subject,
        "agent_delegate": None,
    }

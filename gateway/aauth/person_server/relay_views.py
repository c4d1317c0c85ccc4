"""Where an agent asks its person's server to bring them somewhere, or to ask them something.

POST   .../aauth/person/interaction      what it wants: a complete 202, or why nobody can be reached
GET    .../aauth/person/relay/<token>    how it stands, for that agent alone
DELETE .../aauth/person/relay/<token>    it is withdrawn
"""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from rest_framework.request import Request

from gateway import identities, intake, parked, summonses
from gateway.aauth import authenticating, signatures, waits
from gateway.aauth.person_server import relay_answers, relaying
from gateway.aauth.problems import SEED, Unknown
from gateway.aauth.signature_problem import TITLES, SignatureProblem
from gateway.aauth.views import AAuthView
from gateway.conf import conf
from gateway.errors import AgentRefused, NotVerified, RawCardData, UnknownPath
from gateway.identities import Identity
from gateway.person_models import Summons

ANOTHER = "This agent's token names another person server, or none."


class RelayView(AAuthView):
    """There only where we speak for people."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if not conf().AAUTH_PERSON_SERVER:
            raise UnknownPath
        super().initial(request, *args, **kwargs)


class PersonInteraction(RelayView):
    """For agents whose token says that we speak for their person (2.5)."""

    http_method_names: Any = ("post",)

    @sensitive_variables("body")
    def post(self, request: Request) -> HttpResponse:
        identity = identities.of(request._request)
        if identity is None or identity.person_server != conf().PUBLIC_URL:
            raise AgentRefused(ANOTHER)
        _covered(request)
        try:
            body = self.read(request)
        except RawCardData as problem:
            raise relaying.invalid(f"{problem.param}: card data is taken from nobody.") from None
        finally:
            intake.forget_body(request._request)
        row = relaying.begin(identity, body)
        return relay_answers.waits(row) if row.state in Summons.OPEN else _last_word(row)


class PersonRelay(RelayView):
    """One summons, for the agent that asked and nobody else (AA-021, AA-206)."""

    http_method_names: Any = ("get", "delete")

    def get(self, request: Request, token: str) -> HttpResponse:
        row = self.found(request, token)
        changed_at = row.updated_at
        summonses.look(row)
        if row.state in Summons.OPEN:
            waits.not_too_fast(row, changed_at, relay_answers.RETRY_SECONDS)
        # Before what may take seconds, in which another poll would try every way as well.
        summonses.polled(row, timezone.now())
        if row.state in Summons.OPEN:
            summonses.standing(row)
        seconds, waited = waits.asked_for(request._request), False
        if row.state in Summons.OPEN and seconds:
            left = (row.expires_at - timezone.now()).total_seconds()
            waited = waits.until_changed(row, min(seconds, max(1, round(left))), lambda: _of_call(row))
            if waited:
                row.refresh_from_db()
                summonses.standing(row)
        response = relay_answers.waits(row) if row.state in Summons.OPEN else _last_word(row)
        if waited:
            response.headers["Preference-Applied"] = f"wait={seconds}"
        return response

    def delete(self, request: Request, token: str) -> HttpResponse:
        row = self.found(request, token)
        summonses.look(row)
        if not summonses.cancel(row):
            return _last_word(row)
        summonses.told(row)
        return HttpResponse(status=204)

    def found(self, request: Request, token: str) -> Summons:
        """Raises Unknown: the same for what never was, and for what is another agent's (T03)."""
        identity: Identity | None = identities.of(request._request)
        summons_id = relay_answers.read_token(token)
        if identity is None or summons_id is None:
            raise Unknown
        row = Summons.objects.filter(pk=summons_id, owner=identity.owner).first()
        if row is None:
            raise Unknown
        return row


def _last_word(row: Summons) -> HttpResponse:
    """How it ended, told once; afterwards it is gone."""
    if not summonses.told(row):
        raise relay_answers.gone()
    return relay_answers.over(row)


def _of_call(row: Summons) -> object:
    """How the call of ours stands that it is for."""
    return parked.lot().of(row.pending) if row.pending else None


def _covered(request: Request) -> None:
    """The signature covers the body, also in the wording in which others need not (AA-201). It was verified
    before. Raises NotVerified."""
    if conf().AAUTH_WORDING != SEED:
        return
    raw = intake.read_raw(request._request, cap=conf().BODY_BYTES)
    window = conf().AAUTH_SIGNATURE_SECONDS
    try:
        signatures.read(authenticating.message_of(request._request, raw), lenient=True, window=window)
    except SignatureProblem as problem:
        raise NotVerified(problem.code, problem.detail or TITLES[problem.code], problem.headers()) from None

"""Delegated payment and delegated authentication over REST (requirements N and O).

The only addresses where a card is let in, and only where the settings name somebody who takes it. Its
number leaves the request with the body, goes to that part, and is kept by nobody here: what is kept
of the request is a keyed hash, and the answer sealed.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_variables
from rest_framework.request import Request

from checkout import delegation
from checkout.errors import CheckoutError, NotFound
from checkout.payments.authenticator import Authentication
from checkout.payments.vault import VaultToken
from checkout.ports import ports
from gateway import idempotency, intake, once, strict_json, throttling
from gateway.acp import delegated_documentation as documentation
from gateway.acp import delegated_refusals, delegated_requests, delegated_wire
from gateway.acp.views import ACPView, dressed, key_of
from gateway.api import json_response
from gateway.conf import conf
from gateway.errors import KeyRequired, RawCardData, UnknownPath
from gateway.idempotency import Claim, Slot
from gateway.once import Answer

AUTHENTICATION_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}", re.ASCII)
"""Whoever runs 3-D Secure gives them out; a card number is none."""

_hidden = method_decorator(sensitive_variables())


class DelegatedView(ACPView):
    """What takes a card. `part` names who it is for, in `checkout.ports`."""

    dialect: Any = delegated_refusals.PAYMENT
    post_rate = throttling.CARDS
    part: ClassVar[str] = ""
    key_needed: ClassVar[bool] = True

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if getattr(ports(), self.part) is None:
            raise UnknownPath  # as any address where nothing is
        super().initial(request, *args, **kwargs)

    @_hidden
    def read(self, request: Request) -> dict[str, Any]:
        """The body, with card data in its own place at most. Raises as `ProtocolView.read`."""
        body: dict[str, Any] = intake.read_json(request._request, cap=conf().BODY_BYTES)
        if where := delegated_requests.misplaced(body):
            raise RawCardData("Card data has its own members in payment_method, and no others.", param=where)
        return body

    @_hidden
    def slot(self, request: Request) -> tuple[Slot, dict[str, Any]]:
        key = key_of(request)
        if key is None:
            if self.key_needed:
                raise KeyRequired
            key = f"none-{uuid.uuid4()}"
        try:
            body = self.read(request)
        finally:
            intake.forget_body(request._request)
        if delegated_requests.repeats_number(body, key):
            # It would be stored as it is, and is not even sent back.
            request._request.META.pop("HTTP_IDEMPOTENCY_KEY", None)
            raise RawCardData("The Idempotency-Key holds the number of the card.")
        canonical = strict_json.canonical(body)
        return (
            idempotency.slot(self.owner, request.method or "", request.path, key, canonical, secret=True),
            body,
        )

    def done(
        self,
        where: Slot,
        work: Callable[[Claim, Callable[[Any], None]], object],
        render: Callable[[Any], Answer],
    ) -> HttpResponse:
        return dressed(once.claimed(where, work, render=render, refuse=self.refuse))

    def refuse(self, problem: CheckoutError) -> Answer:
        status, body, _ = self.dialect.refusal(problem)
        return Answer(status, self.answer("DelegationError", body))


class DelegatePayment(DelegatedView):
    """A card for a token."""

    part = "vault"
    request_schema = "DelegatePaymentRequest"

    @documentation.delegate_payment
    @_hidden
    def post(self, request: Request) -> HttpResponse:
        where, body = self.slot(request)
        self.judge(body)
        metadata = delegated_requests.metadata(body)
        card, allowance = delegated_requests.card(body), delegated_requests.allowance(body, self.owner)
        return self.done(
            where,
            lambda held, seal: delegation.delegate(
                card,
                allowance,
                billing_address=body.get("billing_address"),
                risk_signals=body["risk_signals"],
                metadata=metadata,
                key=held.name_elsewhere,
                seal=seal,
            ),
            self._rendered,
        )

    def _rendered(self, token: VaultToken) -> Answer:
        return Answer(201, self.answer("DelegatePaymentResponse", delegated_wire.token(token)))


class AuthenticationView(DelegatedView):
    """Only an agent's own infrastructure may ask, which its signature shows (ACP-109, ACP-209)."""

    dialect = delegated_refusals.AUTHENTICATION
    part = "authenticator"
    key_needed = False
    signature_demanded = True

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if "authentication_id" in kwargs and not AUTHENTICATION_ID.fullmatch(kwargs["authentication_id"]):
            raise NotFound("There is no such authentication session.")

    def rendered(self, status: int) -> Callable[[Authentication], Answer]:
        return lambda found: Answer(
            status, self.answer("DelegateAuthenticationSession", delegated_wire.authentication(found))
        )


class DelegateAuthentication(AuthenticationView):
    """Begin 3-D Secure for a card."""

    request_schema = "DelegateAuthenticationCreateRequest"

    @documentation.delegate_authentication
    @_hidden
    def post(self, request: Request) -> HttpResponse:
        where, body = self.slot(request)
        self.judge(body)
        wanted = delegated_requests.wanted(body)
        return self.done(
            where,
            lambda held, seal: delegation.authenticate(
                wanted, owner=self.owner, key=held.name_elsewhere, seal=seal
            ),
            self.rendered(201),
        )


class DelegateAuthenticationAuthenticate(AuthenticationView):
    """The browser was looked at; the issuer decides, or asks."""

    request_schema = "DelegateAuthenticationAuthenticateRequest"

    @documentation.authenticate
    def post(self, request: Request, authentication_id: str) -> HttpResponse:
        where, body = self.slot(request)
        self.judge(body)
        place = delegated_requests.place(body)
        return self.done(
            where,
            lambda held, seal: delegation.go_on(
                authentication_id,
                owner=self.owner,
                fingerprint=body["fingerprint_completion"],
                place=place,
                seal=seal,
            ),
            self.rendered(200),
        )


class DelegatedAuthentication(AuthenticationView):
    """How an authentication stands."""

    @documentation.retrieve
    def get(self, request: Request, authentication_id: str) -> HttpResponse:
        found = delegation.retrieve(authentication_id, owner=self.owner)
        told = delegated_wire.with_result(found)
        return json_response(200, self.answer("DelegateAuthenticationSessionWithResult", told))

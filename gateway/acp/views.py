"""ACP checkout sessions over REST, version 2026-04-17 (requirements A, B, F)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, cast

from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from checkout import completion, models, progress, responses, services
from checkout.errors import CheckoutError, InterventionRequired, NotFound, OrderNotFound
from checkout.opening import Tender
from checkout.services import Seal
from checkout.states import SessionState
from gateway import carddata, deferring, idempotency, identities, intake, keys, once, strict_json, throttling
from gateway.acp import (
    deferral,
    documentation,
    events,
    refusals,
    requests,
    signatures,
    standing,
    versions,
    wire,
)
from gateway.api import NothingHere, ProtocolView, json_response
from gateway.authentication import AgentCredentials
from gateway.conf import conf
from gateway.errors import KeyRequired, RawCardData, UnknownPath
from gateway.idempotency import Claim, Slot
from gateway.models import Agent
from gateway.once import Answer

SESSION = "CheckoutSession"
WRITES = ("POST", "PUT")
WAITS = 202
LOOKS = 3
"""So often a complete is tried when a person was asked and had answered by the time we looked again."""
ORDER_ID = re.compile(r"ord_[0-9a-z]{1,60}", re.ASCII)


class ACPView(ProtocolView):
    """Checks every ACP request in the order of ACP-101: key, signature, version, idempotency key, body."""

    dialect = refusals
    authentication_classes = (AgentCredentials,)
    post_rate: ClassVar[str] = throttling.WRITE
    signature_demanded: ClassVar[bool] = False

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        # By the agent alone, and before the body is read: what is refused here costs next to nothing.
        throttling.check(
            cast(Agent, request.user).owner, self.post_rate if request.method in WRITES else throttling.READ
        )
        if identities.of(request._request) is None:  # else it is signed already, and by no key of ours
            signatures.check(request._request, cast(Agent, request.user), demanded=self.signature_demanded)
        self.version = versions.asked_for(request.META.get("HTTP_API_VERSION"))
        self.owner = cast(Agent, request.user).owner
        if "session_id" in kwargs and not requests.SESSION_ID.fullmatch(kwargs["session_id"]):
            # No such id was ever given out; it may be a card number, and goes into no statement.
            raise NotFound

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        if self.request.method in WRITES and (key := _echo(self.request)):
            response.headers["Idempotency-Key"] = key
        return response

    def slot(self, request: Request) -> tuple[Slot, dict[str, Any]]:
        """Where the answer of this write belongs, and its body. Raises KeyRequired and what `key_of` does."""
        key = key_of(request)
        if key is None:
            raise KeyRequired
        body = self.body(request)
        return self.slot_of(request, key, body), body

    def body(self, request: Request) -> dict[str, Any]:
        """The body as `read` gives it; nobody else finds it in the request."""
        try:
            return self.read(request)
        finally:
            # Codes and tokens are in it, and what runs after us may log what it finds.
            intake.forget_body(request._request)

    def slot_of(self, request: Request, key: str, body: dict[str, Any]) -> Slot:
        canonical = strict_json.canonical(body)
        return idempotency.slot(self.owner, request.method or "", request.path, key, canonical)

    def locally(
        self, where: Slot, work: Callable[[Seal], object], *, status: int = 200, operation: str = ""
    ) -> HttpResponse:
        render = self.renderer(status, operation)
        return self.sent(once.locally(where, work, render=render, refuse=self.refuse))

    def claimed(
        self,
        where: Slot,
        work: Callable[[Claim, Seal], object],
        *,
        operation: str = "",
        body: Mapping[str, Any] | None = None,
    ) -> HttpResponse:
        render = self.renderer(200, operation, where.name if operation else "", body)
        return self.sent(once.claimed(where, work, render=render, refuse=self.refuse))

    def renderer(
        self, status: int, operation: str = "", claim: str = "", body: Mapping[str, Any] | None = None
    ) -> Callable[[models.CheckoutSession], Answer]:
        """How a session is answered; or not yet, when the call of that `operation` waits for a person. The
        `body` is what it needs to be carried out then, under the `claim` of its payment attempt."""

        def render(session: models.CheckoutSession) -> Answer:
            if operation:
                asked, version = self.request._request, self.version.date
                waits = deferral.parked(asked, operation, session, version=version, claim=claim, body=body)
                if waits is not None:
                    return waits
            return Answer(status, self.dress(session))

        return render

    def sent(self, answer: Answer) -> HttpResponse:
        """The answer, or that the call waits, or what a call that waited came to."""
        if answer.status != WAITS:
            return dressed(answer)
        response = deferring.answer(self.request._request, answer.body)
        if answer.replayed:
            response.headers["Idempotent-Replayed"] = "true"
        return response

    def dress(self, session: models.CheckoutSession) -> bytes:
        """The session as this agent may see it, held against the schema of that form."""
        stands = standing.of(session, timezone.now())
        placed = session.state == SessionState.COMPLETED
        came = progress.of(session.order) if placed else progress.NOTHING
        return self.answer(SESSION, wire.checkout_session(session, stands, came), extended=stands.extended)

    def refuse(self, problem: CheckoutError) -> Answer:
        status, body, _ = refusals.refusal(problem)
        return Answer(status, self.answer("Error", body))


class CheckoutSessions(ACPView):
    """Open a checkout session."""

    request_schema = "CheckoutSessionCreateRequest"

    @documentation.create
    def post(self, request: Request) -> HttpResponse:
        where, body = self.slot(request)
        self.judge(requests.without_nulls(body, keep=requests.NEEDED_ON_CREATE))
        accepted = request.META.get("HTTP_ACCEPT_LANGUAGE", "")
        draft = requests.draft(body, version=self.version.date, accepted_language=accepted)
        draft = replace(draft, extras=deferral.bringing(request._request, draft.extras))
        return self.locally(
            where,
            lambda seal: services.create(draft, owner=self.owner, seal=seal),
            status=201,
            operation=deferral.CREATE,
        )


class CheckoutSession(ACPView):
    """Retrieve or change a checkout session."""

    request_schema = "CheckoutSessionUpdateRequest"

    @documentation.retrieve
    def get(self, request: Request, session_id: str) -> HttpResponse:
        session = services.retrieve(session_id, owner=self.owner)
        return json_response(200, self.dress(session))

    @documentation.update
    def post(self, request: Request, session_id: str) -> HttpResponse:
        where, body = self.slot(request)
        self.judge(requests.without_nulls(body, keep=requests.NEEDED_ON_UPDATE), extended=True)
        changes = requests.changes(body)
        if (response := requests.response(body)) is not None:
            throttling.check(self.owner, throttling.OTP)
            return self.claimed(
                where,
                lambda held, seal: responses.respond(
                    session_id,
                    changes,
                    response,
                    owner=self.owner,
                    seal=seal,
                    claim=held.name,
                    resumed=held.resumed,
                    still=partial(idempotency.renew, held),
                ),
            )
        if extras := deferral.bringing(request._request, changes.get("extras", {})):
            changes["extras"] = extras
        return self.locally(
            where,
            lambda seal: services.update(session_id, changes, owner=self.owner, seal=seal),
            operation=deferral.UPDATE,
        )


class CheckoutSessionComplete(ACPView):
    """Pay for a checkout session and place its order."""

    request_schema = "CheckoutSessionCompleteRequest"
    post_rate = throttling.MONEY

    @documentation.complete
    def post(self, request: Request, session_id: str) -> HttpResponse:
        where, body = self.slot(request)
        self.judge(requests.without_nulls(body, keep=requests.NEEDED_ON_COMPLETE))

        def work(held: Claim, seal: Seal) -> object:
            tender = requests.tender(
                body, claim=held.name, resumed=held.resumed, still=partial(idempotency.renew, held)
            )
            if extras := deferral.bringing(request._request, tender.changes.get("extras", {})):
                tender = replace(tender, changes={**tender.changes, "extras": extras})
            return self.completed(session_id, tender, seal)

        return self.claimed(where, work, operation=deferral.COMPLETE, body=body)

    def completed(self, session_id: str, tender: Tender, seal: Seal) -> object:
        """As `completion.complete`; for an agent that may be answered later, a session that waits for a
        person is no refusal."""
        for again in range(LOOKS):
            try:
                return completion.complete(session_id, tender, owner=self.owner, seal=seal)
            except InterventionRequired:
                if not deferring.defers(self.request._request) or again == LOOKS - 1:
                    raise
                with transaction.atomic(durable=True):
                    session = models.CheckoutSession.objects.of(self.owner).locked(session_id)
                    if deferral.waits(self.request._request, deferral.COMPLETE, session):
                        seal(session)
                        return session
        raise AssertionError  # pragma: no cover - the last look returns or raises


class CheckoutSessionCancel(ACPView):
    """Cancel a checkout session."""

    request_schema = "CancelSessionRequest"
    body_optional = True

    @documentation.cancel
    def post(self, request: Request, session_id: str) -> HttpResponse:
        where, body = self.slot(request)
        self.judge(body)
        reason = requests.cancel_reason(body)
        return self.locally(
            where, lambda seal: services.cancel(session_id, owner=self.owner, seal=seal, reason=reason)
        )


class Order(ACPView):
    """Retrieve an order, where the merchant lets agents do that (ACP-232)."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if not conf().ORDERS_API:
            raise UnknownPath
        super().initial(request, *args, **kwargs)
        if not ORDER_ID.fullmatch(kwargs["order_id"]):
            raise OrderNotFound

    @documentation.retrieve_order
    def get(self, request: Request, order_id: str) -> HttpResponse:
        order = progress.retrieve(order_id, owner=self.owner)
        return json_response(200, self.answer("Order", events.data(order)))


class Nothing(NothingHere):
    dialect = refusals


def dressed(answer: Answer) -> HttpResponse:
    headers = refusals.headers_of(answer.status)
    if answer.replayed:
        headers["Idempotent-Replayed"] = "true"
    return json_response(answer.status, answer.body, headers)


def key_of(request: Any) -> str | None:
    """The Idempotency-Key, which will be stored and echoed, None when absent (ACP-085).

    Raises BadHeader, also for a bearer key, the request's own or any that looks like one, and
    RawCardData for a card number (T94).
    """
    plain = getattr(request, "_request", request)
    key = intake.idempotency_key(plain)
    if key is None:
        return None
    if carddata.is_number(key):
        raise RawCardData
    if keys.BEARER_PREFIX in key or plain.META.get("HTTP_AUTHORIZATION", "").endswith(f" {key}"):
        raise intake.BadHeader("Idempotency-Key", "must not be a secret")
    return key


def _echo(request: Any) -> str | None:
    """The key as it came, on every POST answer (ACP-012), unless it is unfit for a header."""
    try:
        return key_of(request)
    except (intake.IntakeError, RawCardData):
        return None

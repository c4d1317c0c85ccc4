"""Everything below the base of the Interaction API answers in its envelope (AJ-041, decision 28)."""

from __future__ import annotations

import logging
from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework.request import Request

from gateway import addresses, authentication, carddata, idempotency, intake, keys, strict_json
from gateway.api import ProtocolView
from gateway.errors import MethodRefused, RawCardData, UnknownPath
from gateway.idempotency import Slot
from gateway.interaction_api import (
    audit_denials,
    carrying_out,
    cors,
    params,
    rates,
    refusals,
    registry,
    routes,
    sessions,
)
from gateway.interaction_api.capabilities import Call, Capability
from gateway.interaction_api.refusals import NoSession
from gateway.once import Answer
from gateway.session_models import AgentSession
from gateway.windows import Standing
from interventions import identifiers

log = logging.getLogger("agentic.interaction")

JSON = "application/json; charset=utf-8"
BODY_CAP = 1_048_576
VISITOR = "visitor:"
VISITOR_PURPOSE = "interaction-visitor"


class InteractionView(ProtocolView):
    """What every view below the base shares. `counted` names further limits of its requests."""

    dialect = refusals
    for_agents = False  # described by agents.json, which every one of these agents has read
    schema = None  # nor are they in a document of the merchant's own
    http_method_names = ("get", "head", "post", "put", "patch", "delete", "options")
    body_optional = True
    counted: ClassVar[tuple[str, ...]] = ()
    standing: Standing | None = None
    correlation: str = ""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if request.method == "OPTIONS":
            return
        self.standing = rates.take(request._request, self.names())
        super().initial(request, *args, **kwargs)

    def names(self) -> tuple[str, ...]:
        """The limits besides the general one that this request counts for."""
        return self.counted

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """A browser asks before it sends; not counted, and no session is needed (AJ-054)."""
        return HttpResponse(status=204)

    def session(self, request: Request, *, required: bool) -> AgentSession | None:
        """The visit that the request belongs to. Raises NoSession, the same for every reason, where one
        is required, and TooFast after too many tokens that were none; a stale one does no harm where
        none is required (AJ-082)."""
        plain = request._request
        session = sessions.of_request(plain)
        if session is None and required:
            if sessions.token_of(plain):
                rates.missed(plain)
            raise NoSession
        return session

    def read(self, request: Request) -> dict[str, Any]:
        """The body as strict JSON; {} for none, whatever its Content-Type says (AJ-034). Forgotten
        afterwards: what logs bodies later finds nothing."""
        plain = request._request
        try:
            return intake.read_json(plain, cap=BODY_CAP, optional=True)
        finally:
            intake.forget_body(plain)

    def handle_exception(self, exc: Exception) -> Any:
        if isinstance(exc, rates.TooFast):
            self.standing = exc.standing
        try:
            response = super().handle_exception(exc)
        except Exception as worse:  # what a merchant's part raised is made of what JSON does not know
            response = super().handle_exception(worse)
        if response.status_code >= 500:
            log.error("answered %s to %s", response.status_code, self._request_id())
        return response

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        plain = getattr(request, "_request", request)
        if response.status_code == 204:
            del response.headers["Content-Type"]
        else:
            response.headers["Content-Type"] = JSON
            response.headers["Content-Length"] = str(len(response.content))
        if plain.method == "HEAD":
            response.content = b""
        # Django would log what is refused with its path, and an audit trail's is a token.
        response._has_been_logged = True  # the mark of its log_response
        told = {**cors.headers(plain), "Request-Id": self._request_id()}
        if self.standing is not None:
            told |= rates.headers(self.standing)
        for name, value in told.items():
            response.headers[name] = value
        return response

    def _request_id(self) -> str:
        """What a log line and an answer have in common (AJ-049)."""
        if not self.correlation:
            plain = getattr(self.request, "_request", self.request)
            self.correlation = intake.request_id(plain) or identifiers.new("req")
        return self.correlation


class Capabilities(InteractionView):
    """Every capability at each of its addresses; anything else is not there."""

    capability: Capability | None = None
    place: routes.Place | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        method = "GET" if request.method == "HEAD" else str(request.method)
        self.place = routes.find("/" + kwargs["place"])
        self.capability = self.place.by_method.get(method) if self.place else None
        try:
            super().initial(request, *args, **kwargs)
        except rates.TooFast:
            if self.capability is not None:
                audit_denials.limited(request._request, self.capability)
            raise
        if request.method == "OPTIONS":
            return
        if self.place is None:
            raise UnknownPath
        if self.capability is None:
            raise MethodRefused(self.place.methods)

    def names(self) -> tuple[str, ...]:
        return (self.capability.name,) if self.capability else ()

    def agent(self, request: Request) -> str:
        """The owner of the agent that signed the request, "" for a request that is not signed. Counted for
        the agent too. Raises as `authentication.identify`, and TooFast."""
        identity = authentication.identify(request._request, cap=BODY_CAP)
        if identity is None:
            return ""
        self.standing = rates.signed(identity.owner)
        return identity.owner

    def answer_call(self, request: Request, **kwargs: Any) -> HttpResponse:
        """The capability was carried out: authenticated, then checked (AJ-051), then once."""
        assert self.capability is not None
        capability, noted = self.capability, {}
        agent = self.agent(request)
        try:
            session = None if agent else self.session(request, required=capability.requires_session)
        except NoSession:
            audit_denials.without_session(request._request, capability)
            raise
        try:
            textual, typed = self._given(request, capability)
            if where := carddata.find({**textual, **typed}):
                raise RawCardData(param=where)
            noted = {**textual, **typed}
            values, others = params.read(capability.params, textual, typed)
            call = Call(capability, values, session, others, addresses.of(request._request), agent)
            return dressed(
                carrying_out.carry_out(call, str(request.method), self._slot(request, call, noted))
            )
        except Exception as problem:
            status = refusals.refusal(problem)[0]
            carrying_out.refused(session, capability, str(request.method), noted, status)
            raise

    get = post = put = patch = delete = answer_call

    def _given(self, request: Request, capability: Capability) -> tuple[dict[str, Any], dict[str, Any]]:
        """What came as text, and what came as JSON. DELETE takes both (AJ-036)."""
        assert self.place is not None
        textual: dict[str, Any] = {}
        if request.method in ("GET", "HEAD", "DELETE"):
            textual = params.from_query(request._request.META.get("QUERY_STRING", ""))
        textual |= self.place.slot
        typed = {} if request.method in ("GET", "HEAD") else self.read(request)
        return textual, typed

    def _slot(self, request: Request, call: Call, given: dict[str, Any]) -> Slot | None:
        """Where the answer is kept for a repeat; None without a key, or where nothing is written."""
        if request.method in ("GET", "HEAD"):
            return None
        plain = request._request
        key = intake.idempotency_key(plain)
        if key is None:
            return None
        if carddata.is_number(key):
            raise RawCardData
        if key == sessions.token_of(plain):
            raise intake.BadHeader("Idempotency-Key", "must not be a secret")
        owner = call.owner or VISITOR + _visitor(call.address)
        path = registry.base() + call.capability.path
        return idempotency.slot(owner, call.capability.method, path, key, strict_json.canonical(given))


def dressed(answer: Answer) -> HttpResponse:
    headers = {"Idempotent-Replayed": "true"} if answer.replayed else {}
    return HttpResponse(answer.body, status=answer.status, content_type=JSON, headers=headers)


def answered(data: Any, status: int = 200) -> HttpResponse:
    """`data` in the envelope, for what is no capability."""
    return dressed(Answer(status, strict_json.dumps({"ok": True, "data": data})))


def _visitor(address: str) -> str:
    return keys.digest(address.encode(), VISITOR_PURPOSE)

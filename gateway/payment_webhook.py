"""Where the payment provider speaks to us: POST `payments/webhook`.

The part verifies the bytes before anybody reads them. What is genuine is stored and answered at once;
it is processed by an effect, so that no provider waits for us, and none is believed.
"""

from __future__ import annotations

import logging

from django.http import HttpResponse
from rest_framework.request import Request

from checkout.ports import ports
from gateway import intake, payment_events, strict_json
from gateway.acp import refusals
from gateway.api import ProtocolView, json_response
from gateway.conf import conf
from gateway.delivery import origin
from gateway.errors import GatewayError, Unavailable

log = logging.getLogger("agentic.payment_events")


class NotGenuine(GatewayError):
    code = "invalid_signature"
    message = "This is no message of the payment provider's, or it was signed too long ago."


class PaymentWebhook(ProtocolView):
    """Not for agents: the payment provider signs what it sends, in its own form."""

    dialect = refusals
    for_agents = False
    schema = None  # nor is it in a document of the merchant's own

    def post(self, request: Request) -> HttpResponse:
        """200 for what is genuine, also when it came before; 400 for anything else, and nothing is stored.
        503 when it could not be judged or stored: the provider sends it again."""
        plain = request._request
        try:
            body = intake.read_raw(plain, cap=conf().BODY_BYTES)
        finally:
            # An error reporter would send it along.
            intake.forget_body(plain)
        try:
            event = ports().payments.parse_webhook(body, plain.headers)
        except Exception as problem:
            # The part's own bug, or no part: the message may be genuine.
            log.error("a message of the payment provider could not be judged: %s", origin(problem))
            raise Unavailable from None
        if event is None:
            log.warning("a message that is not the payment provider's was refused")
            raise NotGenuine
        try:
            fresh = payment_events.receive(event)
        except ValueError as problem:
            log.error("a message of the payment provider cannot be kept: %s", problem)
            raise NotGenuine from None
        return json_response(200, strict_json.dumps({"received": True, "repeated": not fresh}))

"""Where the merchant's own server speaks to us of its app: POST `account/app`.

The bytes are verified before anybody reads them. See docs/aauth/channels.md.
"""

from __future__ import annotations

import logging
import re
import time

from django.http import HttpResponse
from rest_framework.request import Request

from gateway import app_events, intake, merchant_signature, reach_parts, strict_json
from gateway.acp import refusals
from gateway.api import ProtocolView, json_response
from gateway.app_events import ENGAGED, GONE, INSTALLED, Said, Unknown
from gateway.conf import conf
from gateway.errors import GatewayError, SchemaViolation, UnknownPath

log = logging.getLogger("agentic.app")

LONGEST_BODY = 8 * 1024
IDENTIFIER = re.compile(r"[\x21-\x7e]{1,255}")
PERSON = re.compile(r"[\x21-\x7e]{1,64}")


class NotGenuine(GatewayError):
    code = "invalid_signature"
    message = "This is no message of the merchant's server, or it was signed too long ago."


class NobodyThere(GatewayError):
    status = 404
    code = "not_found"
    message = "There is no such person, or nothing of that name waits for them."


class AppMessages(ProtocolView):
    """Not for agents: the merchant's server signs what it sends, with the secret of REACH_WEBHOOK."""

    dialect = refusals
    for_agents = False
    schema = None

    def post(self, request: Request) -> HttpResponse:
        """200 for what is genuine, also when it came before; 400 or 404 for anything else, and nothing is
        changed."""
        if not conf().REACH_WEBHOOK or reach_parts.app_problem():
            raise UnknownPath
        plain = request._request
        try:
            body = intake.read_raw(plain, cap=LONGEST_BODY)
        finally:
            # An error reporter would send it along.
            intake.forget_body(plain)
        given = plain.headers.get(merchant_signature.HEADER, "")
        at = merchant_signature.signed_at(reach_parts.app_secret(), body, given, time.time())
        if at is None:
            log.warning("a message that is not the merchant's server's was refused")
            raise NotGenuine
        try:
            fresh = app_events.hear(_said(body, at))
        except Unknown:
            raise NobodyThere from None
        return json_response(200, strict_json.dumps({"received": True, "repeated": not fresh}))


def _said(body: bytes, at: int) -> Said:
    """What the bytes say. Raises BadJSON, SchemaViolation."""
    told = strict_json.loads(body)
    if told.get("type") not in (INSTALLED, GONE, ENGAGED):
        raise SchemaViolation(f"type is {INSTALLED}, {GONE} or {ENGAGED}.", param="$.type")
    needed = {"id": IDENTIFIER, "person": PERSON}
    if told["type"] == ENGAGED:
        needed["request"] = IDENTIFIER
    for member, form in needed.items():
        if not isinstance(told.get(member), str) or not form.fullmatch(told[member]):
            raise SchemaViolation(f"{member} is visible ASCII characters, and not many.", param=f"$.{member}")
    return Said(told["id"], told["type"], told["person"], at, told.get("request", ""))

"""The ACP operations as the OpenAPI document describes them (acp.md 0.2 and 3.1).

Every refusal is one that the code raises, worded by `refusals`: status, body and example cannot
say anything else than the answer does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from checkout import errors as domain
from gateway import errors as door
from gateway import intake, strict_json
from gateway.acp import examples, examples_3ds, examples_orders, refusals, versions
from gateway.api import Dialect
from gateway.openapi.operations import answer, described, received, sent

CHECKOUT = "Checkout"
DISCOVERY = "Discovery"
ORDERS = "Orders"

ANSWER_AT = "$.intervention_response"
RESULT_AT = "$.authentication_result"

MEANING = {
    400: "The request is not one that can be processed: `code` says why, `param` where.",
    401: "No key, or none that is known here; or a signature that does not hold, or none where one is due.",
    403: "This agent signs its requests, was verified, and may not do that here.",
    404: "No such session, or it is another agent's.",
    405: "The session is finished and cannot be changed. `Allow` names what is left.",
    409: "Not now: another request is at work, or was first. Repeat after `Retry-After` seconds.",
    413: "The body is too large.",
    415: "The body is not `application/json` in UTF-8, or is compressed.",
    422: "The `Idempotency-Key` was used before with another body.",
    429: "Too many requests of this agent. Repeat after `Retry-After` seconds.",
    500: "A fault on our side. Nothing is lost: repeat with the same key.",
    503: "A part is down, or a payment provider gave no answer. Repeat after `Retry-After` seconds.",
}


def _version_problem(asked: str | None) -> Exception:
    try:
        versions.asked_for(asked)
    except door.VersionProblem as problem:
        return problem
    raise AssertionError(f"{asked} is served")


ANYWHERE: tuple[Exception, ...] = (intake.BadTarget(), Exception(), door.Unavailable())

ANY_SESSION_CALL = (
    *ANYWHERE,
    door.Unauthorized(),
    door.InvalidSignature(),
    door.AgentRefused(),
    door.RateLimited(),
    _version_problem(None),
    _version_problem("2025-01-01"),
)

ANY_POST = (
    *ANY_SESSION_CALL,
    door.KeyRequired(),
    intake.BadHeader("Idempotency-Key", "must be one value of 1 to 255 printable ASCII characters"),
    strict_json.BadJSON("The body is not valid JSON."),
    door.SchemaViolation("This member is required.", param="$.line_items"),
    door.RawCardData(param="$.payment_data.instrument.number"),
    door.KeyInFlight(),
    door.KeyConflict(),
    intake.BodyTooLarge(),
    intake.WrongContentType(),
)

NEW_LINES = (
    domain.UnknownItem(param="$.line_items[0].id"),
    domain.UnsupportedCurrency(param="$.currency"),
)

CHANGED = (domain.NotFound(), domain.StateConflict(), domain.SessionClosed())


def refused(
    *problems: Exception,
    dialect: Dialect = refusals,
    schema: str = "Error",
    meaning: Mapping[int, str] = MEANING,
) -> dict[int, OpenApiResponse]:
    """One answer for each status, with one example for each code."""
    worded: dict[int, dict[str, Any]] = {}
    for problem in problems:
        status, body, _ = dialect.refusal(problem)
        worded.setdefault(status, {}).setdefault(body["code"], body)
    return {status: answer(schema, meaning[status], worded[status]) for status in sorted(worded)}


# Headers (acp.md 3.1) ---------------------------------------------------------------------

KEY_PATTERN = r"^[!-+\--~](?:[ -+\--~]{0,253}[!-+\--~])?$"
"""What `intake.idempotency_key` lets through."""

API_VERSION = sent(
    "API-Version",
    "The version of the protocol that is spoken.",
    {"type": "string", "enum": list(versions.DATES)},
    required=True,
)
IDEMPOTENCY_KEY = sent(
    "Idempotency-Key",
    "New for every new request, the same for its repeats. Printable ASCII without commas; at least 48 hours "
    "are remembered unless the shop says otherwise.",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": KEY_PATTERN},
    required=True,
)
OPTIONAL = (
    sent("Request-Id", "A name for this request, returned with the answer."),
    sent("Accept-Language", "Languages wished for. None is ever refused."),
    sent(
        "Signature",
        "One signature in base64url over `Timestamp` and the body (Ed25519, ES256 or HMAC-SHA256). It is "
        "verified once the shop has a key of this agent on record, and the shop may require it.",
    ),
    sent("Timestamp", "When the request was signed, as in RFC 3339. Needed with `Signature`."),
)
SESSION_ID = sent(
    "session_id",
    "Id of the session, as it was answered on create.",
    {"type": "string", "maxLength": 64},
    required=True,
    location=OpenApiParameter.PATH,
)


def answered(responses: Mapping[int, Any], *, write: bool) -> list[OpenApiParameter]:
    """The headers of these answers."""
    statuses = sorted(responses)
    found = [received("Request-Id", "The request's own, as it came.", statuses)]
    if write:
        found.append(received("Idempotency-Key", "The request's own, as it came.", statuses))
        kept = [status for status in statuses if status < 300 or status in (400, 405)]
        text = "Present when this is the answer given before to the same key and body."
        found.append(received("Idempotent-Replayed", text, kept, {"type": "string", "enum": ["true"]}))
    for name, text, schema, wanted in (
        (
            "Retry-After",
            "Seconds to wait before repeating.",
            {"type": "integer", "minimum": 0},
            (202, 409, 429, 503),
        ),
        ("Allow", "Methods that are left.", {"type": "string"}, (405,)),
        ("WWW-Authenticate", "How to authenticate.", {"type": "string"}, (401,)),
        ("Location", "Where to ask what became of the call.", {"type": "string", "format": "uri"}, (202,)),
        (
            "AAuth-Requirement",
            "What is asked now: `requirement=interaction; url=...; code=...`, `requirement=approval` or "
            "`requirement=clarification`. Without it the call only goes on.",
            {"type": "string"},
            (202,),
        ),
    ):
        if present := [status for status in statuses if status in wanted]:
            found.append(received(name, text, present, schema))
    return found


def _write(
    operation_id: str,
    summary: str,
    description: str,
    success: Mapping[int, OpenApiResponse],
    problems: Sequence[Exception],
    requests: Mapping[str, Any],
    *,
    new: bool = False,
) -> Any:
    responses = {**success, **refused(*ANY_POST, *problems)}
    place = () if new else (SESSION_ID,)
    return described(
        operation_id=operation_id,
        summary=summary,
        description=description,
        tag=CHECKOUT,
        headers=[*place, API_VERSION, IDEMPOTENCY_KEY, *OPTIONAL, *answered(responses, write=True)],
        requests=requests,
        responses=responses,
    )


_INSTANT = {"type": "string", "format": "date-time"}

WAITING = {
    202: answer(
        {
            "type": "object",
            "properties": {
                "status": {"type": "string", "enum": ["pending", "interacting"]},
                "expires_at": _INSTANT,
                "checkout_session_id": {"type": "string"},
                "intervention_type": {"type": "string", "description": "What the person is asked."},
                "clarification": {"type": "string", "description": "A question to the agent."},
                "timeout": {"type": "integer", "description": "Seconds that are left to answer it."},
                "options": {"type": "array", "description": "Answers to choose from."},
            },
            "required": ["status", "expires_at", "checkout_session_id"],
        },
        "The call waits for a person (AAuth): only for an agent that signs its requests and says so in "
        "`AAuth-Capabilities`. Ask at `Location` what became of it; a repeat names the same.",
        {
            "a person has to come": {
                "status": "pending",
                "expires_at": "2026-11-20T14:22:18Z",
                "checkout_session_id": examples.READY["id"],
                "intervention_type": "otp",
            }
        },
    )
}

# The five operations ----------------------------------------------------------------------

create = _write(
    "createCheckoutSession",
    "Open a checkout session",
    "Takes what is to be bought and answers with the whole session: priced, with delivery options once the "
    "address is complete, and with `messages` for what is still missing. An item without stock is a message, "
    "an unknown one is an error. Prices in the request are hints and decide nothing. "
    "An agent that declares `otp` in `capabilities.interventions.supported`, or names the extension "
    "`intervention_types`, gets the session in the extended form that is described here, "
    "`intervention_context` included; every other agent gets it without the members of the extension.",
    {
        201: answer(
            "CheckoutSession",
            "The new session.",
            {
                "address missing": examples.NOT_READY,
                "ready for payment": examples.READY,
                "a one-time code is asked for": examples.AUTHENTICATION_REQUIRED,
            },
        ),
        **WAITING,
    },
    NEW_LINES,
    {
        "items only": examples.CREATE,
        "with an address": examples.CREATE_WITH_ADDRESS,
        "by an agent that can ask for a code": examples.CREATE_CONFIRMED,
        "by an agent that runs 3-D Secure": examples_3ds.CREATE_AUTHENTICATING,
    },
    new=True,
)

update = _write(
    "updateCheckoutSession",
    "Change a checkout session",
    "Only what is named changes: lists replace the stored list, `null` clears a member, `{}` prices the "
    "session again. The answer is the whole session.\n\n"
    "`intervention_response` brings what the buyer said while the session is `authentication_required`; "
    "the other members are applied first. The right code makes the session payable. A wrong one is no "
    "`Error`: it is a message, and so many attempts are left as it says. Every attempt needs an "
    "`Idempotency-Key` of its own. With `resend` a new code is sent, and `channel` says how: `email` or "
    "`sms`, as far as the shop allows it and the session has a destination for it.",
    {
        200: answer(
            "CheckoutSession",
            "The session after the change.",
            {
                "ready for payment": examples.READY,
                "a one-time code is asked for": examples.AUTHENTICATION_REQUIRED,
                "the code was wrong": examples.WRONG_CODE,
            },
        ),
        **WAITING,
    },
    (*CHANGED, *NEW_LINES, domain.CompletionRunning(), domain.NoPendingIntervention(param=ANSWER_AT)),
    {
        "buyer and address": examples.UPDATE,
        "another way of delivery": examples.SELECT,
        "the code that the buyer read": examples.ANSWER_CODE,
        "another code, please": examples.RESEND_CODE,
    },
)

complete = _write(
    "completeCheckoutSession",
    "Pay for a checkout session",
    "Charges the token and places the order, once, however often it is repeated with the same key. Price and "
    "stock are looked at again first: when they changed, or something is missing, or the payment is "
    "declined, nothing is charged and the session says why in `messages`. While the buyer still has to "
    "confirm the purchase it is refused (`intervention_required`). Without an answer from the payment "
    "provider the outcome is unknown (503): repeat with the same key, or retrieve the session.\n\n"
    "When the card's issuer wants to see its holder, the session is `authentication_required` and has no "
    "order yet. An agent that declared `3ds` runs 3-D Secure with `authentication_metadata` and completes "
    "again, under a new key, with the `authentication_result`, whatever it is; the payment goes on with the "
    "instrument it began with, and the payment provider's verdict decides. Any other agent sends the buyer "
    "to a page, and finds the order there afterwards. Without the result it is refused (`requires_3ds`).",
    {
        200: answer(
            "CheckoutSession",
            "The session: `completed` with its `order`, or what stands in the way.",
            {
                "paid": examples.COMPLETED,
                "declined": examples.DECLINED,
                "3-D Secure is asked for": examples_3ds.AUTHENTICATING,
            },
        ),
        **WAITING,
    },
    (
        *CHANGED,
        domain.CompletionRunning(),
        domain.InterventionRequired(param=ANSWER_AT),
        domain.AuthenticationMissing(param=RESULT_AT),
        domain.ProviderUnavailable(),
    ),
    {
        "a sandbox token": examples.COMPLETE,
        "a card whose bank asks": examples_3ds.COMPLETE_ASKED,
        "with the result of 3-D Secure": examples_3ds.COMPLETE_AUTHENTICATED,
    },
)

cancel = _write(
    "cancelCheckoutSession",
    "Cancel a checkout session",
    "Gives the session up and frees what was held for it. The body may be left out. A session that is "
    "completed or canceled already answers 405; while a payment is running, 409.",
    {200: answer("CheckoutSession", "The canceled session.", {"canceled": examples.CANCELED})},
    (*CHANGED, domain.CompletionRunning()),
    {"with a reason": examples.CANCEL},
)

_found = {
    200: answer(
        "CheckoutSession",
        "The session.",
        {
            "ready for payment": examples.READY,
            "a one-time code is asked for": examples.AUTHENTICATION_REQUIRED,
            "completed": examples.COMPLETED,
        },
    ),
    **refused(*ANY_SESSION_CALL, domain.NotFound()),
}

retrieve = described(
    operation_id="getCheckoutSession",
    summary="Retrieve a checkout session",
    description="The whole session as it stands. Needs no `Idempotency-Key` and changes nothing.",
    tag=CHECKOUT,
    headers=[SESSION_ID, API_VERSION, *OPTIONAL, *answered(_found, write=False)],
    responses=_found,
)

ORDER_ID = sent(
    "order_id",
    "Id of the order, as it was answered on complete.",
    {"type": "string", "maxLength": 64},
    required=True,
    location=OpenApiParameter.PATH,
)

_refused_order = refused(*ANY_SESSION_CALL, domain.OrderNotFound())
_refused_order[404].description = "No such order, or it is another agent's; or the shop lets nobody ask."

_placed = {
    200: answer(
        "Order",
        "The order as it stands.",
        {"just placed": examples.ORDER, "sent, and partly refunded": examples_orders.SHIPPED},
    ),
    **_refused_order,
}

retrieve_order = described(
    operation_id="getOrder",
    summary="Retrieve an order",
    description="The whole order, as order events tell it: lines with what still counts and what has left, "
    "fulfillments with their events, adjustments such as refunds, totals. The total stays what was charged. "
    "Statuses and types are open: accept those you do not know. Not part of the released protocol: there "
    "only where the shop lets agents ask (`orders` among the services of the discovery document).",
    tag=ORDERS,
    headers=[ORDER_ID, API_VERSION, *OPTIONAL, *answered(_placed, write=False)],
    responses=_placed,
)

_document = {
    200: answer("DiscoveryResponse", "The discovery document.", {"the demo shop": examples.DISCOVERY}),
    304: answer(None, "Unchanged since the `ETag` in `If-None-Match`."),
    **refused(*ANYWHERE),
}

discovery = described(
    operation_id="discover",
    summary="What this shop speaks",
    description="Public, the same for everybody, and cacheable for an hour. It tells the versions of the "
    "protocol, the services, the extensions, and the `api_base_url` that the paths of the checkout are "
    "appended to.",
    tag=DISCOVERY,
    headers=[
        sent("Request-Id", "A name for this request, returned with the answer."),
        received("ETag", "Changes when the document does.", [200, 304]),
        received("Cache-Control", "How long it may be kept.", [200, 304]),
        *answered(_document, write=False),
    ],
    responses=_document,
)

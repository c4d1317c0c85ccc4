"""The operations that take a card, as the OpenAPI document describes them (acp.md N and O).

Worded from what the code raises, as in `documentation`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from checkout import errors as domain
from checkout.payments.vault import CARD, CardRefused
from gateway import errors as door
from gateway.acp import delegated_refusals, documentation, examples_delegated
from gateway.acp.documentation import ANY_SESSION_CALL, API_VERSION, IDEMPOTENCY_KEY, MEANING, OPTIONAL
from gateway.openapi.operations import answer, described, sent

DELEGATION = "Delegation"
ERROR = "DelegationError"

ABOUT_CARDS: Mapping[int, str] = {
    **MEANING,
    404: "Nobody takes cards here; or there is no such authentication, or it is another agent's.",
    409: "Another request is at work with this key: repeat after `Retry-After` seconds.",
    422: "No card that can be paid with; or the `Idempotency-Key` was used before with another body.",
}
ABOUT_RUNS: Mapping[int, str] = {
    **ABOUT_CARDS,
    409: "Another request is at work with this key: repeat after `Retry-After` seconds. Or the key was "
    "used before with another body.",
    422: "No card that can be paid with.",
}

WITH_A_CARD = (
    *documentation.ANY_POST,
    door.UnknownPath(),
    domain.ProviderUnavailable(),
    door.SchemaViolation("This member is required.", param=f"{CARD}.number"),
    CardRefused("This card has expired.", param=f"{CARD}.exp_year"),
)
WITHOUT_A_KEY = tuple(problem for problem in WITH_A_CARD if not isinstance(problem, door.KeyRequired))

AUTHENTICATION_ID = sent(
    "authentication_id",
    "Id of the authentication, as it was answered on create.",
    {"type": "string", "maxLength": 64},
    required=True,
    location=OpenApiParameter.PATH,
)
OPTIONAL_KEY = sent(
    "Idempotency-Key",
    "New for every new request, the same for its repeats. Recommended.",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": documentation.KEY_PATTERN},
)

SIGNED = (
    " Such a request is signed: `Signature` and `Timestamp` are verified and needed, whatever the agent's "
    "policy is."
)


def _runs(*problems: Exception) -> dict[int, OpenApiResponse]:
    return documentation.refused(
        *problems, dialect=delegated_refusals.AUTHENTICATION, schema=ERROR, meaning=ABOUT_RUNS
    )


_stored: dict[int, OpenApiResponse] = {
    201: answer(
        "DelegatePaymentResponse",
        "The token, to be sent as a credential of type `spt`.",
        {"a token": examples_delegated.DELEGATED},
    ),
    **documentation.refused(
        *WITH_A_CARD, dialect=delegated_refusals.PAYMENT, schema=ERROR, meaning=ABOUT_CARDS
    ),
}

delegate_payment = described(
    operation_id="delegatePayment",
    summary="Exchange a card for a token",
    description="Takes a card and an allowance, and answers with a token that pays once, for one session, "
    "up to `max_amount`, until `expires_at`. Complete with it as `payment_data.instrument.credential` of "
    "type `spt`; outside of its allowance it is declined (`payment_declined`). The number is handed to the "
    "shop's vault and kept nowhere else. Served where the shop has a vault: discovery then lists the "
    "service `delegate_payment`. The sandbox takes published test cards only.",
    tag=DELEGATION,
    headers=[
        API_VERSION,
        IDEMPOTENCY_KEY,
        *OPTIONAL,
        *documentation.answered(_stored, write=True),
    ],
    requests={"a test card": examples_delegated.DELEGATE},
    responses=_stored,
)

_begun: dict[int, OpenApiResponse] = {
    201: answer(
        "DelegateAuthenticationSession",
        "The authentication.",
        {
            "the browser is looked at first": examples_delegated.LOOKED_AT,
            "nothing to do before authenticate": examples_delegated.PENDING,
            "not a card for 3-D Secure": examples_delegated.NOT_SUPPORTED,
        },
    ),
    **_runs(*WITHOUT_A_KEY, domain.Invalid(param="$.checkout_session_id")),
}

delegate_authentication = described(
    operation_id="createAuthenticationSession",
    summary="Begin 3-D Secure for a card",
    description="For an agent that holds the card and has the shop's 3-D Secure run. With "
    "`checkout_session_id` it is for the payment that waits in that session, and must be of its amount, "
    "currency and card; the result then completes that session and no other. Channel and "
    "`challenge_notification_url` may come later, with authenticate. Served where the shop has somebody "
    "who runs it." + SIGNED,
    tag=DELEGATION,
    headers=[API_VERSION, OPTIONAL_KEY, *OPTIONAL, *documentation.answered(_begun, write=True)],
    requests={
        "a card": examples_delegated.BEGIN,
        "for a session that waits": examples_delegated.BEGIN_FOR_SESSION,
    },
    responses=_begun,
)

_decided: dict[int, OpenApiResponse] = {
    200: answer(
        "DelegateAuthenticationSession",
        "How it stands now.",
        {"the issuer asks": examples_delegated.ASKING, "the issuer knows": examples_delegated.KNOWN},
    ),
    **_runs(*WITHOUT_A_KEY, domain.NotFound(), domain.Missing(param="$.channel")),
}

authenticate = described(
    operation_id="authenticateSession",
    summary="Have the issuer decide",
    description="Says whether the issuer had its look at the browser. The issuer knows the holder, or wants "
    "to ask: then the browser goes to `acs_url`, and comes back to `challenge_notification_url`." + SIGNED,
    tag=DELEGATION,
    headers=[
        AUTHENTICATION_ID,
        API_VERSION,
        OPTIONAL_KEY,
        *OPTIONAL,
        *documentation.answered(_decided, write=True),
    ],
    requests={
        "the browser was looked at": examples_delegated.GO_ON,
        "and is here": examples_delegated.GO_ON_THERE,
    },
    responses=_decided,
)

_found: dict[int, Any] = {
    200: answer(
        "DelegateAuthenticationSessionWithResult",
        "How it stands, with the result once there is one.",
        {"the holder was seen": examples_delegated.PROVEN, "the issuer asks": examples_delegated.ASKING},
    ),
    **_runs(*ANY_SESSION_CALL, door.UnknownPath(), domain.NotFound(), domain.ProviderUnavailable()),
}

retrieve = described(
    operation_id="getAuthenticationSession",
    summary="Retrieve an authentication",
    description="How it stands. The result of a holder who was seen completes the session it is for, as "
    "`authentication_result` with the outcome `authenticated`." + SIGNED,
    tag=DELEGATION,
    headers=[
        AUTHENTICATION_ID,
        API_VERSION,
        *OPTIONAL,
        *documentation.answered(_found, write=False),
    ],
    responses=_found,
)

"""Every member that a request schema allows is accepted, and stored, shown or ignored as its
section says (decision 14; acp.md 3.2 to 3.6; requirements B, E, U, V, W, Y)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from checkout.models import CheckoutSession, Order, Payment, StateMove
from gateway.models import IdempotentRequest, OutboxMessage
from schemas import facade
from tests.agents import PlayedAgent, paying

ADDRESS = {
    "name": "Ada Lovelace",
    "line_one": "1 Market Street",
    "line_two": "Floor 2",
    "city": "San Francisco",
    "state": "CA",
    "country": "US",
    "postal_code": "94105",
    "company": "Engines Ltd",
}
BUYER = {
    "first_name": "Ada",
    "last_name": "Lovelace",
    "full_name": "Ada Lovelace",
    "email": "ada@example.com",
    "phone_number": "+14155550101",
    "customer_id": "c-17",
    "account_type": "business",
    "authentication_status": "authenticated",
    "company": {"name": "Engines Ltd", "tax_id": "T-1", "department": "Works", "cost_center": "cc-4"},
    "loyalty": {"tier": "gold", "points_balance": 120, "member_since": "2020-01-31T09:00:00Z"},
    "tax_exemption": {
        "certificate_id": "ex-1",
        "certificate_type": "resale",
        "exempt_regions": ["CA", "NV"],
        "expires_at": "2030-01-01T00:00:00Z",
    },
}
DETAILS = {
    "name": "Front desk",
    "phone_number": "14155550102",
    "email": "desk@example.com",
    "address": ADDRESS,
}
# `location_id` belongs to pickup and local delivery: test_fulfillment.py.
GROUP = {
    "id": "g1",
    "item_ids": ["li_1"],
    "destination_type": "shipping",
    "fulfillment_details": DETAILS,
    "instructions": "Ring twice",
}
HANDLER = {
    "id": "agents_own",
    "name": "com.example.wallet",
    "display_name": "Wallet",
    "version": "2026-01-01",
    "spec": "https://agent.example/spec",
    "requires_delegate_payment": True,
    "requires_pci_compliance": False,
    "psp": "canary-psp",
    "config_schema": "https://agent.example/config.json",
    "instrument_schemas": ["https://agent.example/instrument.json"],
    "config": {"merchant_id": "m"},
    "display_order": 3,
}
CAPABILITIES = {
    "payment": {"handlers": [HANDLER]},
    "interventions": {
        "supported": ["3ds", "biometric", "address_verification"],
        "required": ["3ds"],
        "enforcement": "always",
        "display_context": "native",
        "redirect_context": "in_app",
        "max_redirects": 1,
        "max_interaction_depth": 2,
    },
    "extensions": ["com.example.canary@2026-01-01"],
}
ATTRIBUTION = {
    "provider": "canary-network",
    "token": "canary-token",
    "publisher_id": "canary-publisher",
    "campaign_id": "canary-campaign",
    "creative_id": "canary-creative",
    "sub_id": "canary-sub",
    "source": {"type": "url", "url": "https://canary.example/page"},
    "issued_at": "2026-04-17T12:00:00Z",
    "expires_at": "2026-05-17T12:00:00Z",
    "metadata": {"placement": "canary-top", "rank": 1, "paid": True},
    "touchpoint": "first",
    "something_new": ["canary-new"],
}
CREATE: dict[str, Any] = {
    "buyer": BUYER,
    "line_items": [{"id": "item_mug", "name": "A mug", "unit_amount": 1, "quantity": 2}],
    "currency": "USD",
    "fulfillment_details": DETAILS,
    "capabilities": CAPABILITIES,
    "fulfillment_groups": [GROUP],
    "affiliate_attribution": ATTRIBUTION,
    "coupons": ["CANARY10"],
    "discounts": {"codes": ["CANARY20"]},
    "locale": "de",
    "timezone": "America/Los_Angeles",
    "quote_id": "q-1",
    "metadata": {"trip": {"legs": [1, 2]}, "client_reference_id": "ref-1", "nothing": None},
    "order_notes": "Ring twice",
}
UPDATE: dict[str, Any] = {
    "buyer": {**BUYER, "first_name": "Augusta"},
    "line_items": [{"id": "item_mug", "name": "A mug", "unit_amount": 1, "quantity": 3}],
    "fulfillment_details": {**DETAILS, "name": "Back door"},
    "fulfillment_groups": [{**GROUP, "instructions": "Knock"}],
    "selected_fulfillment_options": [{"type": "shipping", "option_id": "ship_express", "item_ids": ["li_1"]}],
    "coupons": [],
    "discounts": {"codes": []},
    "order_notes": "Knock",
}
COMPLETE: dict[str, Any] = {
    "buyer": {**BUYER, "first_name": "Countess"},
    "payment_data": {
        **paying("spt_canary_token")["payment_data"],
        "billing_address": {**ADDRESS, "name": "canary-bill"},
        "purchase_order_number": "canary-po",
        "payment_terms": "immediate",
        "due_date": "2026-05-01T00:00:00Z",
        "approval_required": False,
    },
    "authentication_result": {
        "outcome": "authenticated",
        "outcome_details": {
            "three_ds_cryptogram": "canary-cryptogram",
            "electronic_commerce_indicator": "05",
            "transaction_id": "canary-transaction",
            "version": "2.2.0",
        },
    },
    "affiliate_attribution": {**ATTRIBUTION, "touchpoint": "last"},
    "risk_signals": {
        "ip_address": "192.0.2.99",
        "user_agent": "canary-agent",
        "accept_language": "canary-language",
        "session_id": "canary-session",
        "device_fingerprint": "canary-print",
    },
    "marketing_consents": [{"channel": "canary-email", "opted_in": True}],
    "fulfillment_details": {**DETAILS, "phone_number": "14155550103"},
    "order_notes": "Leave it at the door",
}
CANCEL: dict[str, Any] = {
    "intent_trace": {
        "reason_code": "shipping_cost",
        "trace_summary": "canary-summary",
        "metadata": {"rival": "canary-rival", "cents": 5, "told": True},
    },
    "something_new": {"canary": 1},
}
SECRET = ("canary", "CANARY", "192.0.2.99")
"""What stands in every member that nobody may ever see again."""


def members(schema: str, version: str = facade.CURRENT) -> set[str]:
    return set(facade.bundled(schema, version)["properties"])


def words_in_the_database() -> str:
    """Everything that is stored, but the declared capabilities, which operators may look at."""
    rows: list[Any] = []
    for model in (CheckoutSession, Order, Payment, StateMove, IdempotentRequest, OutboxMessage):
        rows += [{**row, "capabilities": None} for row in model.objects.values()]
    return str(rows)


@pytest.mark.parametrize(
    ("schema", "body"),
    [
        ("CheckoutSessionCreateRequest", CREATE),
        ("CheckoutSessionUpdateRequest", UPDATE),
        ("CheckoutSessionCompleteRequest", COMPLETE),
    ],
)
def test_no_member_is_forgotten_here(schema: str, body: dict[str, Any]) -> None:
    """A member that is added to a schema has to be sent by the tests below."""
    assert set(body) == members(schema)


@pytest.mark.requirement("ACP-027", "ACP-045", "ACP-047", "ACP-061", "ACP-127")
def test_create_takes_every_member(agent: PlayedAgent) -> None:
    response = agent.post("/checkout_sessions", CREATE)

    session = response.json()
    assert response.status_code == 201, session
    assert session["status"] == "ready_for_payment", session["messages"]
    for name in ("buyer", "fulfillment_details", "fulfillment_groups", "locale", "timezone", "quote_id"):
        assert session[name] == CREATE[name], name
    assert session["metadata"] == CREATE["metadata"]
    assert session["currency"] == "usd"
    assert session["line_items"][0]["quantity"] == 2
    assert session["line_items"][0]["unit_amount"] == 2800
    assert [entry["id"] for entry in session["capabilities"]["payment"]["handlers"]] == ["sandbox_card"]
    assert set(session["capabilities"]) == {"payment", "interventions"}
    assert set(session["capabilities"]["interventions"]) <= {"supported", "required", "enforcement"}
    assert "affiliate_attribution" not in session
    assert agent.retrieve(session) == session


@pytest.mark.requirement("ACP-032", "ACP-045", "ACP-076", "ACP-081")
def test_update_takes_every_member(agent: PlayedAgent) -> None:
    created = agent.post("/checkout_sessions", CREATE).json()

    session = agent.update(created, UPDATE)

    for name in ("buyer", "fulfillment_details", "fulfillment_groups", "selected_fulfillment_options"):
        assert session[name] == UPDATE[name], name
    assert session["line_items"][0]["quantity"] == 3
    assert session["line_items"][0]["id"] == created["line_items"][0]["id"]
    assert CheckoutSession.objects.get().extras["order_notes"] == "Knock"


@pytest.mark.requirement("ACP-033", "ACP-045", "ACP-046", "ACP-285")
def test_complete_takes_every_member(agent: PlayedAgent) -> None:
    """A 3-D Secure result that nobody asked for, consents to channels that were not offered, and
    signals of risk are accepted, and decide nothing."""
    session = agent.post("/checkout_sessions", CREATE).json()

    response = agent.complete(session, COMPLETE)

    paid = response.json()
    assert response.status_code == 200, paid
    assert paid["status"] == "completed", paid["messages"]
    assert paid["buyer"] == COMPLETE["buyer"]
    assert paid["fulfillment_details"] == COMPLETE["fulfillment_details"]
    assert paid["order"]["confirmation"]["order_notes"] == "Leave it at the door"
    assert paid["order"]["client_reference_id"] == "ref-1"


@pytest.mark.requirement("ACP-041")
def test_cancel_takes_every_member(agent: PlayedAgent) -> None:
    session = agent.ready()

    response = agent.cancel(session, CANCEL)

    assert response.status_code == 200, response.content
    assert response.json()["status"] == "canceled"
    assert StateMove.objects.get(to_state="canceled").note == "shipping_cost"


@pytest.mark.requirement("ACP-127")
def test_what_is_write_only_is_seen_nowhere(agent: PlayedAgent) -> None:
    """Attribution, intent, risk signals, consents, tokens and codes: in no answer, no replay, no row
    and no queue."""
    answers = [agent.post("/checkout_sessions", CREATE, key="k1")]
    session = answers[0].json()
    answers.append(agent.post("/checkout_sessions", CREATE, key="k1"))
    answers.append(agent.post(f"/checkout_sessions/{session['id']}", UPDATE))
    answers.append(agent.complete(session, COMPLETE))
    answers.append(agent.get(f"/checkout_sessions/{session['id']}"))
    answers.append(agent.cancel(agent.ready(), CANCEL))

    for answer in answers:
        assert answer.status_code in (200, 201)
        assert not [word for word in SECRET if word in answer.content.decode()]
    stored = words_in_the_database()
    assert "Engines Ltd" in stored
    assert not [word for word in SECRET if word in stored]


def cleared(session: dict[str, Any], name: str) -> Any:
    found: Any = session
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


@pytest.mark.requirement("ACP-076", "ACP-077", "ACP-079")
@pytest.mark.parametrize(
    "name",
    [
        "buyer",
        "fulfillment_details",
        "fulfillment_groups",
        *(f"buyer.{member}" for member in BUYER if member != "email"),
        *(f"fulfillment_details.{member}" for member in DETAILS),
    ],
)
def test_null_clears_one_member_and_leaves_the_others(agent: PlayedAgent, name: str) -> None:
    session = agent.post("/checkout_sessions", CREATE).json()
    outer, _, inner = name.partition(".")
    change: dict[str, Any] = {outer: None}
    if inner:
        change = {outer: {inner: None} | ({"email": BUYER["email"]} if outer == "buyer" else {})}

    updated = agent.update(session, change)

    assert cleared(updated, name) is None
    expected = {**session}
    if inner:
        expected[outer] = {key: value for key, value in session[outer].items() if key != inner}
    else:
        expected.pop(outer)
    for member in ("buyer", "fulfillment_details", "fulfillment_groups", "metadata", "locale"):
        assert updated.get(member) == expected.get(member), member
    assert b"null" not in agent.get(f"/checkout_sessions/{session['id']}").content.replace(
        b'"nothing":null', b""
    )


@pytest.mark.requirement("ACP-076", "ACP-077")
@pytest.mark.parametrize("name", ["selected_fulfillment_options", "coupons", "discounts", "order_notes"])
def test_null_clears_what_is_not_shown_as_it_was_sent(agent: PlayedAgent, name: str) -> None:
    """A cleared choice is the merchant's own again; a note is gone from the order."""
    session = agent.post("/checkout_sessions", CREATE).json()
    agent.update(session, UPDATE)

    updated = agent.update(session, {name: None})

    stored = CheckoutSession.objects.get()
    if name == "selected_fulfillment_options":
        assert stored.selected_options is None
        assert updated[name] == session[name]
    if name == "order_notes":
        assert "order_notes" not in stored.extras
    assert updated["status"] == "ready_for_payment"


@pytest.mark.requirement("ACP-076", "ACP-079")
def test_a_null_inside_an_address_is_a_member_that_is_not_there(agent: PlayedAgent) -> None:
    """An address is replaced as a whole; a required part of it stays required."""
    session = agent.post("/checkout_sessions", CREATE).json()
    path = f"/checkout_sessions/{session['id']}"

    updated = agent.update(session, {"fulfillment_details": {"address": {**ADDRESS, "line_two": None}}})
    refused = agent.post(path, {"fulfillment_details": {"address": {**ADDRESS, "city": None}}})
    opened = agent.create(buyer={**BUYER, "loyalty": {"tier": None, "points_balance": 5}})

    assert "line_two" not in updated["fulfillment_details"]["address"]
    assert updated["fulfillment_details"]["email"] == DETAILS["email"]
    assert refused.status_code == 400
    assert refused.json()["param"] == "$.fulfillment_details.address.city"
    assert opened["buyer"]["loyalty"] == {"points_balance": 5}


@pytest.mark.requirement("ACP-061", "ACP-078")
def test_a_buyer_without_an_address_for_mail_is_no_buyer(agent: PlayedAgent) -> None:
    session = agent.post("/checkout_sessions", CREATE).json()

    refused = agent.post(f"/checkout_sessions/{session['id']}", {"buyer": {"email": None}})

    assert refused.status_code == 400
    assert refused.json()["param"] == "$.buyer.email"
    assert agent.retrieve(session)["buyer"] == BUYER


@pytest.mark.requirement("ACP-078")
@pytest.mark.parametrize("name", ["line_items", "currency", "capabilities"])
def test_null_for_what_a_session_cannot_be_without(agent: PlayedAgent, name: str) -> None:
    refused = agent.post("/checkout_sessions", {**CREATE, name: None})

    assert refused.status_code == 400
    assert refused.json()["param"] == f"$.{name}"


@pytest.mark.requirement("ACP-077")
def test_a_create_full_of_nulls_is_a_small_create(agent: PlayedAgent) -> None:
    needed = ("line_items", "currency", "capabilities")
    body = {name: CREATE[name] if name in needed else None for name in CREATE}

    response = agent.post("/checkout_sessions", body)

    assert response.status_code == 201, response.content
    assert b"null" not in response.content


@pytest.mark.requirement("ACP-285")
def test_a_contact_given_with_complete_is_applied_before_the_payment(agent: PlayedAgent) -> None:
    """Name, e-mail and telephone; what is absent stays, and the order has the result."""
    session = agent.post("/checkout_sessions", CREATE).json()

    contact = {"name": "Night porter", "email": "night@example.com", "phone_number": None}
    paid = agent.complete(session, {**paying(), "fulfillment_details": contact}).json()

    wanted = {"name": "Night porter", "email": "night@example.com", "address": ADDRESS}
    assert paid["status"] == "completed"
    assert paid["fulfillment_details"] == wanted
    assert Order.objects.get().fulfillment_details == wanted


@pytest.mark.requirement("ACP-286", "ACP-287")
@pytest.mark.parametrize("address", [{**ADDRESS, "line_one": "2 Other Street"}, None])
def test_another_address_with_complete_is_a_conflict(
    agent: PlayedAgent, address: dict[str, Any] | None
) -> None:
    """Also one that is taken away; the same one again is no change, a null in it included."""
    session = agent.post("/checkout_sessions", CREATE).json()

    refused = agent.complete(session, {**paying(), "fulfillment_details": {"address": address}})
    with_null = {**ADDRESS, "company": None}
    shorter = agent.complete(session, {**paying(), "fulfillment_details": {"address": with_null}})
    same = agent.complete(session, {**paying(), "fulfillment_details": {"address": ADDRESS}})

    assert refused.status_code == shorter.status_code == 409
    assert refused.json()["code"] == "conflict"
    assert refused.json()["param"] == "$.fulfillment_details.address"
    assert "Retry-After" not in refused.headers
    assert same.json()["status"] == "completed"


@pytest.mark.requirement("ACP-285")
def test_a_contact_given_with_complete_can_void_what_was_confirmed(agent: PlayedAgent) -> None:
    """Decision 21: the code went to another mailbox, so it confirms nothing for this one."""
    from tests.acp.test_one_time_code import answered, code_in_mail

    session = agent.create(
        "item_sneakers",
        capabilities={"interventions": {"supported": ["otp"]}},
        fulfillment_details={"address": ADDRESS, "email": "ada@example.com"},
    )
    ready = answered(agent, session, code_in_mail())

    refused = agent.complete(ready, {**paying(), "fulfillment_details": {"email": "eve@example.com"}})

    assert ready["status"] == "ready_for_payment"
    assert refused.status_code == 200
    assert refused.json()["status"] == "authentication_required"
    assert not Order.objects.exists()
    assert json.dumps(refused.json()["intervention_context"]).count("eve@") == 0

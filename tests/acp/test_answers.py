"""What every answer with a session holds, read without our schemas: requirement section C."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.shop import tables
from gateway.shop.models import DeliveryOption, Product
from interventions.models import Policy
from tests.agents import ADDRESS, BUYER, MINIMAL, PlayedAgent, codes, total

REQUIRED = set("id status currency line_items totals fulfillment_options messages links capabilities".split())
DECLARED = REQUIRED | set(
    "protocol created_at updated_at expires_at buyer fulfillment_details fulfillment_groups order locale "
    "timezone quote_id metadata selected_fulfillment_options continue_url authentication_metadata "
    "discounts intervention_context".split()
)
ARRAYS = ("line_items", "totals", "fulfillment_options", "messages", "links")
STATUSES = set(
    "incomplete not_ready_for_payment in_progress ready_for_payment authentication_required "
    "requires_escalation pending_approval complete_in_progress completed canceled expired".split()
)
TOTALS = set(
    "items_base_amount items_discount subtotal discount fulfillment tax fee gift_wrap tip store_credit "
    "total amount_refunded".split()
)
VERBS = ("create", "update", "retrieve", "complete", "cancel")


@pytest.fixture
def answers(agent: PlayedAgent) -> dict[str, dict[str, Any]]:
    """One session from each verb; that of `create` lacks an address, so it holds a message."""
    created = agent.create(
        "item_mug", {"id": "item_pens", "quantity": 2}, buyer=BUYER, metadata={"trip": "1"}
    )
    updated = agent.update(created, {"fulfillment_details": {"address": ADDRESS}})
    return {
        "create": created,
        "update": updated,
        "retrieve": agent.retrieve(created),
        "complete": agent.complete(created).json(),
        "cancel": agent.cancel(agent.ready("item_mug")).json(),
    }


def everything_in(value: Any) -> Iterator[Any]:
    yield value
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for child in children:
        yield from everything_in(child)


def all_totals(session: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """Of the session, of its lines and of its delivery options."""
    yield session["totals"]
    for part in (*session["line_items"], *session["fulfillment_options"]):
        yield part["totals"]


@pytest.mark.requirement("ACP-026", "ACP-049", "ACP-124")
@pytest.mark.parametrize("verb", VERBS)
def test_every_answer_is_the_whole_session(answers: dict[str, dict[str, Any]], verb: str) -> None:
    """ACP-026, ACP-049, ACP-124: after each verb, also when it is over."""
    session = answers[verb]

    assert set(session) >= REQUIRED
    assert all(isinstance(session[name], list) for name in ARRAYS)
    assert session["line_items"]
    assert session["totals"]
    assert session["capabilities"]["payment"]["handlers"]


@pytest.mark.requirement("ACP-026")
def test_what_was_answered_is_what_is_retrieved(agent: PlayedAgent) -> None:
    """ACP-026: no answer is a difference to another one."""
    session = agent.create("item_mug", "item_pens", buyer=BUYER)
    assert agent.retrieve(session) == session

    updated = agent.update(session, {"fulfillment_details": {"address": ADDRESS}})

    assert agent.retrieve(session) == updated
    assert updated["buyer"] == BUYER
    assert len(updated["line_items"]) == 2


@pytest.mark.requirement("ACP-050", "ACP-051")
@pytest.mark.parametrize("verb", VERBS)
def test_nothing_undeclared_and_nothing_null(answers: dict[str, dict[str, Any]], verb: str) -> None:
    """ACP-050, ACP-051: the session is closed, and what has no value is left out, at any depth."""
    session = answers[verb]

    assert set(session) <= DECLARED
    assert None not in list(everything_in(session))


@pytest.mark.requirement("ACP-016", "ACP-053", "ACP-054")
@pytest.mark.parametrize("verb", VERBS)
def test_every_total_is_named_explained_and_whole(answers: dict[str, dict[str, Any]], verb: str) -> None:
    """ACP-016, ACP-053, ACP-054: on all three levels, in minor units."""
    for entries in all_totals(answers[verb]):
        for entry in entries:
            assert entry["type"] in TOTALS
            assert entry["display_text"].strip()
            assert type(entry["amount"]) is int
            assert entry["amount"] >= 0
            for part in entry.get("breakdown", ()):
                assert type(part["amount"]) is int
                assert part["jurisdiction"]
                assert 0 <= part["rate"] < 1


@pytest.mark.requirement("ACP-055", "ACP-056")
@pytest.mark.parametrize("verb", VERBS)
def test_there_is_a_total_and_the_others_add_up_to_it(answers: dict[str, dict[str, Any]], verb: str) -> None:
    """ACP-055, ACP-056: also before there is an address, and the taxes are the sum of their parts."""
    session = answers[verb]
    amounts = {entry["type"]: entry["amount"] for entry in session["totals"]}
    lines = [{entry["type"]: entry["amount"] for entry in line["totals"]} for line in session["line_items"]]

    assert len(amounts) == len(session["totals"])
    added = sum(amounts.get(name, 0) for name in ("items_base_amount", "fulfillment", "tax", "fee"))
    assert amounts["total"] == added - amounts.get("items_discount", 0) - amounts.get("discount", 0)
    assert amounts["subtotal"] == amounts["items_base_amount"] - amounts.get("items_discount", 0)
    assert amounts["items_base_amount"] == sum(line["items_base_amount"] for line in lines)
    for entry in session["totals"]:
        parts = entry.get("breakdown")
        assert parts is None or sum(part["amount"] for part in parts) == entry["amount"]


@pytest.mark.requirement("ACP-052")
@pytest.mark.parametrize("verb", VERBS)
def test_a_line_has_an_item_a_quantity_and_totals(answers: dict[str, dict[str, Any]], verb: str) -> None:
    """ACP-052: and none of the flat amounts of older texts."""
    lines = answers[verb]["line_items"]

    assert len({line["id"] for line in lines}) == len(lines)
    for line in lines:
        assert line["item"]["id"].startswith("item_")
        assert type(line["quantity"]) is int
        assert line["quantity"] >= 1
        assert line["totals"]
        assert not set(line) & {"base_amount", "discount", "subtotal", "tax", "total"}


@pytest.mark.requirement("ACP-057", "ACP-058")
def test_options_are_tagged_and_a_selection_is_flat(
    agent: PlayedAgent, answers: dict[str, dict[str, Any]]
) -> None:
    """ACP-057, ACP-058: what travels, and what comes over the network."""
    gift = Product.objects.filter(physical=False, active=True).first()
    assert gift is not None

    physical = {"shipping", "local_delivery", "pickup"}
    for session, kinds in ((answers["update"], physical), (agent.create(gift.pk), {"digital"})):
        options = session["fulfillment_options"]
        assert {option["type"] for option in options} == kinds
        for option in options:
            assert option["id"]
            assert option["title"]
            assert total(option) is not None
            assert not set(option) & {"subtotal", "tax", "total"}
        for selected in session["selected_fulfillment_options"]:
            assert set(selected) == {"type", "option_id", "item_ids"}
            assert (selected["type"], selected["option_id"]) in {(o["type"], o["id"]) for o in options}
            assert set(selected["item_ids"]) <= {line["id"] for line in session["line_items"]}


@pytest.mark.requirement("ACP-060")
@pytest.mark.parametrize("phone", ["+15551234567", "15551234567", "(555) 123-4567"])
def test_details_are_nested_and_a_phone_number_is_kept_as_it_is(agent: PlayedAgent, phone: str) -> None:
    """ACP-060."""
    details = {"name": "Ada", "phone_number": phone, "email": "ada@example.com", "address": ADDRESS}

    session = agent.create(fulfillment_details=details)

    assert session["fulfillment_details"] == details


@pytest.mark.requirement("ACP-061")
def test_a_buyer_has_an_address_for_mail_and_nothing_else_is_needed(agent: PlayedAgent) -> None:
    """ACP-061."""
    without = agent.post("/checkout_sessions", {**MINIMAL, "buyer": {"full_name": "Ada Lovelace"}})

    session = agent.create(buyer={"email": "ada@example.com"})

    assert without.status_code == 400
    assert without.json()["param"] == "$.buyer.email"
    assert session["buyer"] == {"email": "ada@example.com"}


@pytest.mark.requirement("ACP-059")
@pytest.mark.parametrize("member", ["name", "line_one", "city", "state", "country", "postal_code"])
def test_an_address_without_one_of_its_members_is_refused(agent: PlayedAgent, member: str) -> None:
    """ACP-059: which one is said."""
    partial = {name: value for name, value in ADDRESS.items() if name != member}

    response = agent.post("/checkout_sessions", {**MINIMAL, "fulfillment_details": {"address": partial}})

    assert response.status_code == 400
    assert response.json()["param"] == f"$.fulfillment_details.address.{member}"


@pytest.mark.requirement("ACP-059")
def test_an_address_may_name_a_company(agent: PlayedAgent) -> None:
    """ACP-059."""
    address = {**ADDRESS, "company": "Analytical Engines", "line_two": "Upper floor"}

    session = agent.create(fulfillment_details={"address": address})

    assert session["fulfillment_details"]["address"] == address
    assert session["status"] == "ready_for_payment"


@pytest.mark.requirement("ACP-063", "ACP-064", "ACP-065", "ACP-066")
@pytest.mark.parametrize(
    ("item", "members"),
    [
        ("item_mug", {}),
        ("item_none", {"fulfillment_details": {"address": ADDRESS}}),
        ({"id": "item_last", "quantity": 2}, {"fulfillment_details": {"address": ADDRESS}}),
        ("item_sneakers", {"fulfillment_details": {"address": ADDRESS}}),
        ("item_mug", {"fulfillment_details": {"address": {**ADDRESS, "country": "Neverland"}}}),
    ],
)
def test_a_message_says_what_it_is_where_and_who_can_mend_it(
    agent: PlayedAgent, item: Any, members: dict[str, Any]
) -> None:
    """ACP-063 to ACP-066."""
    messages = agent.create(item, **members)["messages"]

    assert messages
    for message in messages:
        assert message["type"] in ("info", "warning", "error")
        assert message["content_type"] in ("plain", "markdown")
        assert message["content"].strip()
        assert message["type"] == "info" or message["code"]
        assert message["param"].startswith("$.")
        assert message["resolution"] in ("recoverable", "requires_buyer_input", "requires_buyer_review")
        assert message["severity"] in ("info", "low", "medium", "high", "critical")


@pytest.mark.requirement("ACP-070")
@pytest.mark.parametrize("verb", VERBS)
def test_a_status_is_one_of_the_eleven(answers: dict[str, dict[str, Any]], verb: str) -> None:
    """ACP-070."""
    assert answers[verb]["status"] in STATUSES


@pytest.mark.requirement("ACP-048")
@pytest.mark.parametrize("verb", VERBS)
def test_a_session_tells_its_times(answers: dict[str, dict[str, Any]], verb: str) -> None:
    """ACP-048: RFC 3339 in UTC, in their order."""
    session = answers[verb]
    created, updated, expires = (session[f"{name}_at"] for name in ("created", "updated", "expires"))

    assert created <= updated < expires
    assert all(moment.endswith("Z") and len(moment) == 20 for moment in (created, updated, expires))


@pytest.mark.requirement("ACP-082")
def test_another_address_brings_other_options_and_taxes(agent: PlayedAgent) -> None:
    """ACP-082: what was chosen and is not offered there is dropped, told, and not charged."""
    DeliveryOption.objects.filter(pk="ship_express").update(countries=["US"])
    tables.forget()
    session = agent.ready()
    (line,) = session["line_items"]
    express = {"type": "shipping", "option_id": "ship_express", "item_ids": [line["id"]]}
    chosen = agent.update(session, {"selected_fulfillment_options": [express]})
    assert total(chosen, "fulfillment") == 1500
    assert total(chosen, "tax") == 203

    abroad = {**ADDRESS, "country": "DE", "state": "BE"}
    moved = agent.update(session, {"fulfillment_details": {"address": abroad}})

    assert [option["id"] for option in moved["fulfillment_options"]] == ["ship_standard"]
    assert moved["status"] == "not_ready_for_payment"
    assert codes(moved) == ["invalid"]
    assert moved["messages"][0]["param"].startswith("$.selected_fulfillment_options")
    assert "ship_express" not in str(moved.get("selected_fulfillment_options"))
    assert total(moved, "tax") == 0
    assert agent.complete(session).json()["status"] == "not_ready_for_payment"


@pytest.mark.requirement("ACP-082")
def test_other_items_are_priced_with_everything_that_depends_on_them(agent: PlayedAgent) -> None:
    """ACP-082: totals and taxes follow the lines."""
    session = agent.ready()
    (line,) = session["line_items"]

    doubled = agent.update(session, {"line_items": [{"id": "item_mug", "quantity": 2}]})

    assert total(doubled, "items_base_amount") == 2 * total(session, "items_base_amount")
    assert total(doubled, "tax") == 2 * total(session, "tax")
    assert total(doubled) == 2 * (2800 + 203) + 500
    assert doubled["line_items"][0]["id"] == line["id"]


@pytest.mark.requirement("ACP-138")
def test_capabilities_tell_what_concerns_the_session_and_nothing_of_ours(agent: PlayedAgent) -> None:
    """ACP-138: neither policies, nor agents, nor what this agent did not ask about."""
    declared = {"interventions": {"supported": ["otp", "telepathy"]}}

    session = agent.create("item_sneakers", capabilities=declared, buyer=BUYER)

    assert session["capabilities"]["interventions"]["supported"] == ["otp"]
    assert set(session["capabilities"]) == {"payment", "interventions", "extensions"}
    shown = str(session)
    for ours in ("limited editions", "Demo agent", "key:", "sandbox_ok", "enforcement_"):
        assert ours not in shown
    assert "interventions" not in agent.create("item_mug")["capabilities"]


@pytest.mark.requirement("ACP-137")
def test_what_is_required_follows_the_amount(agent: PlayedAgent) -> None:
    """ACP-137: an update that makes the purchase dear asks, one that makes it cheap again does not."""
    Policy.objects.create(name="Dear", minimum_amount=50_000, kinds=["otp"], enforcement="always")
    session = agent.ready(buyer=BUYER, capabilities={"interventions": {"supported": ["otp"]}})

    dear = agent.update(session, {"line_items": [{"id": "item_mug", "quantity": 20}]})
    cheap = agent.update(session, {"line_items": [{"id": "item_mug"}]})

    assert session["capabilities"]["interventions"] == {"supported": ["otp"]}
    assert dear["capabilities"]["interventions"]["required"] == ["otp"]
    assert dear["status"] == "authentication_required"
    assert cheap["capabilities"]["interventions"] == {"supported": ["otp"]}
    assert cheap["status"] == "ready_for_payment"


@pytest.mark.requirement("ACP-028")
@pytest.mark.parametrize("capabilities", [{}, {"interventions": {}}, {"interventions": {"supported": []}}])
def test_capabilities_may_be_empty(agent: PlayedAgent, capabilities: dict[str, Any]) -> None:
    """ACP-028."""
    assert agent.create(capabilities=capabilities)["status"] == "not_ready_for_payment"

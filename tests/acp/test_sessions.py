"""Creating, retrieving, updating and canceling over ACP: requirements A to F."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from checkout.models import CheckoutSession, Order, StateMove
from gateway.shop.models import Product
from tests.agents import ADDRESS, BUYER, MINIMAL, PlayedAgent, codes, total


@pytest.mark.requirement("ACP-011", "ACP-027")
def test_create_answers_the_whole_session(agent: PlayedAgent) -> None:
    """ACP-027, ACP-049, ACP-124: every required member is there, arrays also when empty."""
    session = agent.create({"id": "item_mug", "quantity": 2})

    assert session["id"].startswith("cs_")
    assert session["protocol"] == {"version": "2026-04-17"}
    assert session["currency"] == "usd"
    assert session["line_items"][0]["quantity"] == 2
    assert session["links"] == []
    assert session["capabilities"]["payment"]["handlers"][0]["id"] == "sandbox_card"
    assert "interventions" not in session["capabilities"]


@pytest.mark.requirement("ACP-064", "ACP-065", "ACP-073")
def test_a_session_without_an_address_says_what_is_missing(agent: PlayedAgent) -> None:
    """ACP-073: not ready, with a message that names the member."""
    session = agent.create()

    assert session["status"] == "not_ready_for_payment"
    assert codes(session) == ["missing"]
    assert session["messages"][0]["param"] == "$.fulfillment_details.address"
    assert session["messages"][0]["resolution"] == "requires_buyer_input"


def test_a_complete_address_gets_a_delivery_option(agent: PlayedAgent) -> None:
    """The cheapest option is preselected, tax and delivery are in the total."""
    session = agent.update(agent.create(), {"fulfillment_details": {"address": ADDRESS}})

    assert session["status"] == "ready_for_payment"
    chosen = session["selected_fulfillment_options"][0]["option_id"]
    prices = {entry["id"]: entry["totals"][0]["amount"] for entry in session["fulfillment_options"]}
    assert prices[chosen] == min(prices.values())
    assert total(session) == 2800 + prices[chosen] + total(session, "tax")


def test_preselection_is_a_setting(agent: PlayedAgent, settings) -> None:
    """The demo store contract: cheapest, first or none."""
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "PRESELECT": "none"}

    session = agent.create(fulfillment_details={"address": ADDRESS})

    assert session["status"] == "not_ready_for_payment"
    assert session["messages"][0]["param"] == "$.selected_fulfillment_options"
    assert len(session["fulfillment_options"]) >= 2


@pytest.mark.requirement("ACP-044", "ACP-058")
def test_choosing_an_option_changes_the_total(agent: PlayedAgent) -> None:
    """ACP-044, ACP-058."""
    session = agent.ready()
    dearest = max(session["fulfillment_options"], key=lambda entry: entry["totals"][0]["amount"])

    chosen = agent.update(
        session,
        {
            "selected_fulfillment_options": [
                {"type": dearest["type"], "option_id": dearest["id"], "item_ids": ["item_mug"]}
            ]
        },
    )

    assert chosen["selected_fulfillment_options"][0]["option_id"] == dearest["id"]
    assert chosen["selected_fulfillment_options"][0]["item_ids"] == ["item_mug"]
    assert total(chosen, "fulfillment") == dearest["totals"][0]["amount"]
    assert total(chosen) > total(session)


@pytest.mark.requirement("ACP-020", "ACP-044", "ACP-064")
def test_an_option_that_is_not_offered_is_a_message(agent: PlayedAgent) -> None:
    """ACP-044: 200 and a MessageError on that index, not a 4xx."""
    session = agent.ready()

    answered = agent.update(
        session,
        {"selected_fulfillment_options": [{"type": "shipping", "option_id": "by_balloon", "item_ids": []}]},
    )

    assert answered["status"] == "not_ready_for_payment"
    assert codes(answered) == ["invalid"]
    assert answered["messages"][0]["param"] == "$.selected_fulfillment_options[0].option_id"


def test_quantity_in_either_form_and_duplicates_are_summed(agent: PlayedAgent) -> None:
    """C-01: `quantity` beside the id, LineItem-like, and one line for one item."""
    session = agent.create({"id": "item_mug"}, {"item": {"id": "item_mug"}, "quantity": 3}, "item_pens")

    assert [(line["item"]["id"], line["quantity"]) for line in session["line_items"]] == [
        ("item_mug", 4),
        ("item_pens", 1),
    ]


@pytest.mark.requirement("ACP-030")
def test_the_agent_sets_no_price(agent: PlayedAgent) -> None:
    """ACP-030, T36: name and amount in a request are hints and nothing more."""
    session = agent.create({"id": "item_mug", "name": "Gold bar", "unit_amount": 1})

    assert session["line_items"][0]["unit_amount"] == 2800
    assert "Gold" not in session["line_items"][0]["name"]


@pytest.mark.requirement("ACP-019", "ACP-020", "ACP-029")
def test_an_unknown_item_is_a_400_and_nothing_is_stored(agent: PlayedAgent) -> None:
    """ACP-029: `invalid_item_id`, param as sent."""
    response = agent.post(
        "/checkout_sessions", {**MINIMAL, "line_items": [{"id": "item_mug"}, {"id": "item_x"}]}
    )

    assert response.status_code == 400
    assert response.json()["code"] == "invalid_item_id"
    assert response.json()["param"] == "$.line_items[1].id"
    assert "item_x" not in response.content.decode()
    assert not CheckoutSession.objects.exists()


@pytest.mark.requirement("ACP-029", "ACP-069", "ACP-073")
def test_a_known_item_without_stock_is_a_message(agent: PlayedAgent) -> None:
    """ACP-029: 201 with `out_of_stock`."""
    session = agent.create("item_none", fulfillment_details={"address": ADDRESS})

    assert session["status"] == "not_ready_for_payment"
    assert codes(session) == ["out_of_stock"]
    assert session["line_items"][0]["availability_status"] == "out_of_stock"


def test_more_than_there_is_says_how_many(agent: PlayedAgent) -> None:
    session = agent.create({"id": "item_last", "quantity": 2}, fulfillment_details={"address": ADDRESS})

    assert codes(session) == ["low_stock"]
    assert session["messages"][0]["param"] == "$.line_items[0].quantity"


@pytest.mark.requirement("ACP-062")
def test_a_currency_the_merchant_does_not_take(agent: PlayedAgent) -> None:
    """A clear 400 that names what is taken; either case is understood (ACP-062)."""
    refused = agent.post("/checkout_sessions", {**MINIMAL, "currency": "eur"})
    accepted = agent.post("/checkout_sessions", {**MINIMAL, "currency": "USD"})

    assert refused.status_code == 400
    assert refused.json() == {
        "type": "invalid_request",
        "code": "unsupported_currency",
        "message": "This merchant sells in: usd.",
        "param": "$.currency",
    }
    assert accepted.json()["currency"] == "usd"


@pytest.mark.requirement("ACP-076", "ACP-079", "ACP-081")
def test_update_merges_objects_and_replaces_arrays(agent: PlayedAgent) -> None:
    """ACP-076, ACP-079, ACP-081: a contact-only change keeps the address."""
    session = agent.ready("item_mug", "item_pens")

    contact = agent.update(session, {"fulfillment_details": {"email": "ada@example.com"}})
    fewer = agent.update(session, {"line_items": [{"id": "item_pens", "quantity": 2}]})

    assert contact["fulfillment_details"] == {"address": ADDRESS, "email": "ada@example.com"}
    assert [line["item"]["id"] for line in fewer["line_items"]] == ["item_pens"]
    assert fewer["line_items"][0]["id"] == session["line_items"][1]["id"]


@pytest.mark.requirement("ACP-076", "ACP-077")
def test_null_clears_and_absent_leaves(agent: PlayedAgent) -> None:
    """ACP-076, ACP-077."""
    session = agent.ready(buyer=BUYER, order_notes="Ring twice")

    kept = agent.update(session, {})
    cleared = agent.update(session, {"fulfillment_details": {"address": None}, "buyer": None})

    assert kept["buyer"] == BUYER
    assert "buyer" not in cleared
    assert "fulfillment_details" not in cleared
    assert codes(cleared) == ["missing"]


@pytest.mark.requirement("ACP-078")
def test_null_for_what_cannot_be_empty_is_refused(agent: PlayedAgent) -> None:
    """ACP-078."""
    session = agent.create()

    response = agent.post(f"/checkout_sessions/{session['id']}", {"line_items": None})

    assert response.status_code == 400
    assert response.json()["param"] == "$.line_items"


@pytest.mark.requirement("ACP-083")
def test_capabilities_cannot_be_changed_on_update(agent: PlayedAgent) -> None:
    """ACP-083, decision 14."""
    session = agent.create()

    response = agent.post(f"/checkout_sessions/{session['id']}", {"capabilities": {}})

    assert response.status_code == 400
    assert response.json()["param"] == "$.capabilities"


@pytest.mark.requirement("ACP-127", "ACP-131")
def test_agent_context_is_never_echoed(agent: PlayedAgent) -> None:
    """ACP-127, ACP-131: nothing declared comes back, unknown values are no reason to refuse."""
    declared = {"supported": ["3ds", "telepathy"], "display_context": "native", "max_redirects": 1}

    session = agent.create(capabilities={"interventions": declared})

    assert session["capabilities"]["interventions"] == {"supported": ["3ds"]}


@pytest.mark.requirement("ACP-045")
def test_metadata_locale_and_quote_id_come_back(agent: PlayedAgent) -> None:
    """ACP-045."""
    given = {"metadata": {"trip": "42"}, "locale": "de", "timezone": "Europe/Berlin", "quote_id": "q-1"}

    session = agent.create(**given)

    assert {name: session[name] for name in given} == given


@pytest.mark.requirement("ACP-031")
def test_retrieve_needs_no_idempotency_key(agent: PlayedAgent) -> None:
    """ACP-031."""
    session = agent.create()

    assert agent.retrieve(session) == session


@pytest.mark.requirement("ACP-004", "ACP-005", "ACP-031")
def test_a_foreign_session_is_byte_equal_to_an_unknown_one(agent: PlayedAgent, other: PlayedAgent) -> None:
    """ACP-005, T01: for every verb."""
    session = agent.ready()
    for verb, body in (("", {}), ("/complete", None), ("/cancel", {})):
        body = body if body is not None else {"payment_data": {"purchase_order_number": "1"}}
        foreign = other.post(f"/checkout_sessions/{session['id']}{verb}", body, key="k")
        unknown = other.post(f"/checkout_sessions/cs_{'0' * 32}{verb}", body, key="k")

        assert foreign.status_code == unknown.status_code == 404
        assert foreign.content == unknown.content
        assert dict(foreign.headers) == dict(unknown.headers)
    foreign = other.get(f"/checkout_sessions/{session['id']}")
    unknown = other.get(f"/checkout_sessions/cs_{'0' * 32}")

    assert foreign.status_code == unknown.status_code == 404
    assert foreign.content == unknown.content


@pytest.mark.requirement("ACP-040", "ACP-041")
def test_cancel_with_and_without_a_body(agent: PlayedAgent) -> None:
    """ACP-040, ACP-041."""
    for body in (
        None,
        {},
        {"intent_trace": {"reason_code": "price_sensitivity"}},
        {"intent_trace": {"reason_code": "new"}},
    ):
        response = agent.cancel(agent.create(), body)

        assert response.status_code == 200, response.content
        assert response.json()["status"] == "canceled"
        assert response.json()["messages"] == []


@pytest.mark.requirement("ACP-0.1", "ACP-040", "ACP-042", "ACP-072")
def test_a_canceled_session_takes_nothing(agent: PlayedAgent) -> None:
    """ACP-040, ACP-042: 405 with Allow, the code says why."""
    session = agent.ready()
    agent.cancel(session)

    for response in (
        agent.cancel(session),
        agent.complete(session),
        agent.post(f"/checkout_sessions/{session['id']}", {}),
    ):
        assert response.status_code == 405
        assert response.json()["code"] == "session_not_modifiable"
        assert response.headers["Allow"] == "GET"
    assert not Order.objects.exists()


@pytest.mark.requirement("ACP-042", "ACP-075")
def test_a_session_expires_lazily(agent: PlayedAgent) -> None:
    """ACP-075: a GET after the deadline shows it, no sweep needed."""
    session = agent.ready()

    with time_machine.travel(timezone.now() + timedelta(hours=7), tick=False):
        seen = agent.retrieve(session)
        refused = agent.complete(session)

    assert seen["status"] == "expired"
    assert refused.status_code == 405
    moves = StateMove.objects.filter(subject=session["id"]).values_list("from_state", "to_state", "actor")
    assert list(moves)[1:] == [("open", "expired", "system")]


@pytest.mark.requirement("ACP-042")
def test_an_update_after_the_deadline_expires_the_session(agent: PlayedAgent) -> None:
    """ACP-042: refused, and the row says so from then on."""
    session = agent.ready()

    with time_machine.travel(timezone.now() + timedelta(hours=7), tick=False):
        refused = agent.post(f"/checkout_sessions/{session['id']}", {})

    assert refused.status_code == 405
    assert CheckoutSession.objects.get().state == "expired"


@pytest.mark.requirement("ACP-030", "ACP-032")
def test_every_update_prices_anew(agent: PlayedAgent) -> None:
    """ACP-030: an edited price shows at the next update, `{}` included (ACP-032)."""
    session = agent.ready()
    Product.objects.filter(pk="item_mug").update(unit_price=3000)

    assert total(agent.retrieve(session), "items_base_amount") == 2800
    assert total(agent.update(session, {}), "items_base_amount") == 3000


def test_digital_goods_need_no_address(agent: PlayedAgent) -> None:
    gift = Product.objects.filter(physical=False, active=True).first()
    assert gift is not None

    session = agent.create(gift.pk)

    assert session["status"] == "ready_for_payment"
    assert session["selected_fulfillment_options"][0]["type"] == "digital"

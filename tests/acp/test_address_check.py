"""The passive address check over ACP (ACP-128, ACP-141, ACP-163, decision 23)."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from checkout.models import CheckoutSession
from interventions import ports
from interventions.models import Intervention, Policy
from interventions.ports import AddressFinding, Doubt, PostalAddress
from tests.agents import ADDRESS, BUYER, PlayedAgent

CHECKING = {"interventions": {"supported": ["address_verification"]}}
WHERE = "$.fulfillment_details.address"


def going_to(**parts: str) -> dict[str, Any]:
    return {"fulfillment_details": {"address": {**ADDRESS, **parts}}, "buyer": BUYER}


def told(session: dict[str, Any]) -> list[tuple[str, str]]:
    """Where something looks wrong, and what is said of it."""
    return [(entry["param"], entry["content"]) for entry in session["messages"] if entry["type"] == "info"]


@contextmanager
def checked_by(part: object) -> Iterator[None]:
    """This part checks addresses; None: nobody does."""
    before = ports.ports()
    others = {name: made for name, made in before.providers.items() if name != "address_verification"}
    providers = others if part is None else {**others, "address_verification": part}
    ports.plug(replace(before, providers=providers))
    try:
        yield
    finally:
        ports.plug(before)


@pytest.mark.requirement("ACP-163", "ACP-128", "ACP-141", "IT-25")
def test_what_looks_wrong_is_told_and_stops_nothing(agent: PlayedAgent) -> None:
    """A correction as a message at its member; nothing changed, nobody asked, payable as it is."""
    session = agent.create(capabilities=CHECKING, **going_to(postal_code="94105 1234", state="California"))

    assert session["capabilities"]["interventions"] == {"supported": ["address_verification"]}
    assert session["status"] == "ready_for_payment"
    assert "intervention_context" not in session
    state, code = told(session)
    assert state[0] == f"{WHERE}.state"
    assert "probably CA." in state[1]
    assert code[0] == f"{WHERE}.postal_code"
    assert "probably 94105-1234." in code[1]
    assert {entry["resolution"] for entry in session["messages"]} == {"requires_buyer_review"}
    assert session["fulfillment_details"]["address"]["postal_code"] == "94105 1234"
    assert not Intervention.objects.exists()
    assert agent.complete(session).json()["status"] == "completed"


@pytest.mark.requirement("ACP-163")
def test_a_correction_that_is_taken_is_not_told_again(agent: PlayedAgent) -> None:
    session = agent.create(capabilities=CHECKING, **going_to(postal_code="10001"))
    assert told(session) == [
        (
            f"{WHERE}.postal_code",
            "The postal code does not lie in that state. Ask the buyer whether the address is right.",
        )
    ]

    assert told(agent.update(session, going_to())) == []


def test_without_a_declaration_or_a_policy_nobody_looks(agent: PlayedAgent) -> None:
    assert told(agent.create(**going_to(postal_code="1"))) == []


@pytest.mark.requirement("ACP-128")
def test_a_policy_has_the_addresses_of_its_purchases_checked(agent: PlayedAgent) -> None:
    """The demo's sofas: whatever the agent declared, and never as something required."""
    session = agent.create("item_sofa", **going_to(postal_code="10001"))

    assert [where for where, _ in told(session)] == [f"{WHERE}.postal_code"]
    assert session["status"] == "ready_for_payment"
    assert "interventions" not in session["capabilities"]
    assert told(agent.create("item_mug", **going_to(postal_code="10001"))) == []


def test_a_check_beside_a_code_makes_nothing_stricter(agent: PlayedAgent) -> None:
    Policy.objects.update(enforcement="conditional")
    Policy.objects.create(name="looked at", check_address=True, enforcement="always")

    session = agent.create("item_sneakers", **going_to(postal_code="1"))

    assert session["capabilities"]["interventions"]["enforcement"] == "conditional"
    assert session["status"] == "ready_for_payment"
    assert f"{WHERE}.postal_code" in dict(told(session))


@pytest.mark.requirement("ACP-163")
def test_a_groups_own_address_is_checked_where_it_stands(agent: PlayedAgent) -> None:
    session = agent.create("item_mug", "item_pens", capabilities=CHECKING, **going_to())
    group = {
        "id": "grp_1",
        "item_ids": ["item_pens"],
        "destination_type": "shipping",
        "fulfillment_details": {"address": {**ADDRESS, "postal_code": "941051234"}},
    }

    changed = agent.update(session, {"fulfillment_groups": [group]})

    assert [where for where, _ in told(changed)] == [
        "$.fulfillment_groups[0].fulfillment_details.address.postal_code"
    ]


def test_a_country_that_cannot_be_read_is_told_once(agent: PlayedAgent) -> None:
    """The blocking problem stands alone, unless the check knows what is meant."""
    lost = agent.create(capabilities=CHECKING, **going_to(country="Mordor"))
    meant = agent.create(capabilities=CHECKING, **going_to(country="USA"))

    assert [entry["type"] for entry in lost["messages"] if entry.get("param") == f"{WHERE}.country"] == [
        "error"
    ]
    assert "probably US." in dict(told(meant))[f"{WHERE}.country"]


def test_the_buyer_reads_it_in_their_language(agent: PlayedAgent) -> None:
    session = agent.create(capabilities=CHECKING, locale="de", **going_to(postal_code="941051234"))

    assert told(session)[0][1].startswith("Die Postleitzahl ist vermutlich 94105-1234.")


class Odd:
    """A merchant's part that says what it likes."""

    def __init__(self, *findings: Any) -> None:
        self.findings = findings
        self.seen: list[PostalAddress] = []

    def check(self, address: PostalAddress) -> Sequence[AddressFinding]:
        self.seen.append(address)
        return self.findings


def test_what_a_part_suggests_is_a_value_and_never_a_template(agent: PlayedAgent) -> None:
    hostile = AddressFinding("city", Doubt.SPELLING, "%(hint)s {0} \u202e" + "x" * 1_000)
    with checked_by(Odd(hostile, hostile, AddressFinding("total", Doubt.OTHER))):
        session = agent.create(capabilities=CHECKING, **going_to())

    ((where, text),) = told(session)
    assert where == f"{WHERE}.city"
    assert "%(hint)s {0} \\u202e" in text
    assert len(text) < 300


@pytest.mark.parametrize("broken", [None, "text", 7, [None], ["city"]], ids=repr)
def test_a_part_that_breaks_keeps_nothing_from_being_sold(
    agent: PlayedAgent, caplog: pytest.LogCaptureFixture, broken: Any
) -> None:
    part = Odd()
    part.findings = broken
    with caplog.at_level(logging.ERROR), checked_by(part):
        session = agent.create(capabilities=CHECKING, **going_to(line_one="1 Canary Street"))

    assert session["status"] == "ready_for_payment"
    assert part.seen[0].line_one == "1 Canary Street"
    assert told(session) == []
    assert "The address check failed" in caplog.text
    assert "Canary" not in caplog.text


def test_when_nobody_checks_the_type_is_not_offered(agent: PlayedAgent) -> None:
    with checked_by(None):
        session = agent.create(capabilities=CHECKING, **going_to(postal_code="1"))

    assert session["capabilities"]["interventions"] == {"supported": []}
    assert told(session) == []


def test_an_address_that_is_not_there_is_not_checked(agent: PlayedAgent) -> None:
    with checked_by(part := Odd()):
        agent.create(capabilities=CHECKING)

    assert part.seen == []
    assert CheckoutSession.objects.count() == 1

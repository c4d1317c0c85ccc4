"""The payment handlers that a session offers, on the wire: requirement section L."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.agents import PlayedAgent, paying

NEEDED = set(
    "id name version spec requires_delegate_payment requires_pci_compliance psp config_schema "
    "instrument_schemas config".split()
)
BRANDS = {"visa", "mastercard", "amex", "discover", "diners", "jcb", "unionpay"}


@pytest.fixture
def handlers(agent: PlayedAgent) -> list[dict[str, Any]]:
    return agent.ready()["capabilities"]["payment"]["handlers"]


@pytest.mark.requirement("ACP-125", "ACP-185")
@pytest.mark.parametrize("currency", ["usd", "USD"])
def test_what_can_be_paid_says_how(agent: PlayedAgent, currency: str) -> None:
    """ACP-125, ACP-185: from the first answer on, and nothing of the older `payment_methods`."""
    created = agent.create(currency=currency)

    assert created["capabilities"]["payment"]["handlers"]
    assert "payment_methods" not in created["capabilities"]
    assert agent.ready()["capabilities"]["payment"]["handlers"]


@pytest.mark.requirement("ACP-174", "ACP-175", "ACP-184")
def test_a_handler_has_all_its_members(handlers: list[dict[str, Any]]) -> None:
    """ACP-174, ACP-175, ACP-184: identity, version and addresses in their forms."""
    assert len({handler["id"] for handler in handlers}) == len(handlers)
    for handler in handlers:
        assert set(handler) - NEEDED <= {"display_name", "display_order"}
        assert set(handler) >= NEEDED
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", handler["id"])
        assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9_-]+)+", handler["name"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", handler["version"])
        assert handler["instrument_schemas"]
        for address in (handler["spec"], handler["config_schema"], *handler["instrument_schemas"]):
            assert urlsplit(address).scheme == "https"
        assert type(handler.get("display_order", 0)) is int


@pytest.mark.requirement("ACP-176", "ACP-182")
def test_tokenized_cards_are_configured(handlers: list[dict[str, Any]]) -> None:
    """ACP-176, ACP-182: whose money, through whom, with which cards."""
    (card,) = [handler for handler in handlers if handler["name"] == "dev.acp.tokenized.card"]

    assert 0 < len(card["config"]["merchant_id"]) <= 256
    assert card["config"]["psp"] == card["psp"]
    assert card["config"]["accepted_brands"]
    assert set(card["config"]["accepted_brands"]) <= BRANDS
    assert card["config"]["environment"] in ("sandbox", "production")
    assert card["config"]["supports_3ds"] in (True, False)


@pytest.mark.requirement("ACP-178")
def test_the_agent_brings_a_token_and_sees_no_card(handlers: list[dict[str, Any]]) -> None:
    """ACP-178."""
    assert all(handler["requires_delegate_payment"] is True for handler in handlers)
    assert all(handler["requires_pci_compliance"] is False for handler in handlers)


@pytest.mark.requirement("ACP-181")
def test_an_instrument_may_tell_more(agent: PlayedAgent) -> None:
    """ACP-181: an id and members of the handler's own are no reason to refuse."""
    body = paying()
    body["payment_data"]["instrument"] |= {"id": "inst_1", "handler_id": "sandbox_card", "display": {"n": 1}}
    body["payment_data"]["instrument"]["credential"]["metadata"] = {"wallet": "w"}

    paid = agent.complete(agent.ready(), body)

    assert paid.status_code == 200, paid.content
    assert paid.json()["status"] == "completed"

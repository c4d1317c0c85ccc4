"""R38: whatever an agent declares, or leaves out, nothing is sold without what the policies ask for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, combinations
from typing import Any

import pytest

from checkout.models import Order, Payment
from checkout.risk import AlwaysHigh
from interventions import policy, ports
from interventions.models import Policy
from interventions.negotiation import Kind
from tests.agents import ADDRESS, PlayedAgent
from tests.interventions.wallet import PlayedWallet

pytestmark = pytest.mark.one_database(
    "What an agent declares is weighed in Python; the rows are those of any purchase."
)

SUBSETS = [
    list(chosen)
    for chosen in chain.from_iterable(combinations([kind.value for kind in Kind], n) for n in range(7))
]

POLICIES = {
    "none": ([], "always"),
    "a code": (["otp"], "always"),
    "a page": (["redirect"], "always"),
    "both": (["otp", "redirect"], "always"),
    "by low risk": (["otp"], "conditional"),
    "by high risk": (["otp"], "conditional"),
    "by the issuer": (["redirect"], "optional"),
}


@pytest.fixture(autouse=True)
def wallet(shop: None) -> Iterator[None]:
    """Pages can be run, and no policy is there. Nobody weighs the risk: it is low."""
    before = ports.ports()
    ports.plug(replace(before, providers={**before.providers, "redirect": PlayedWallet()}, risk=None))
    Policy.objects.all().delete()
    policy.forget()
    yield
    ports.plug(before)


@pytest.mark.requirement("ACP-130", "ACP-134", "ACP-135", "R38", "T35", "IT-04", "IT-07")
@pytest.mark.parametrize("later", [False, True], ids=["at once", "after an update"])
@pytest.mark.parametrize("name", POLICIES)
def test_nothing_declared_lowers_a_requirement(agent: PlayedAgent, name: str, later: bool) -> None:
    """All 64 subsets: complete is refused if and only if something is required and not done."""
    assert len(SUBSETS) == 64
    kinds, enforcement = POLICIES[name]
    if kinds:
        Policy.objects.create(name=name, kinds=kinds, enforcement=enforcement, item_tag="desk")
    risky = name == "by high risk"
    binds = bool(kinds) and (enforcement == "always" or risky)
    if risky:
        ports.plug(replace(ports.ports(), risk=AlwaysHigh()))

    for number, subset in enumerate(SUBSETS):
        session = _opened(agent, subset, number, "item_mug" if later else "item_lamp")
        if later:
            session = agent.update(session, {"line_items": [{"id": "item_lamp"}]})
        answered = agent.complete(session)

        sold = Order.objects.filter(session=session["id"]).exists()
        assert sold is not binds, subset
        assert Payment.objects.filter(session=session["id"]).exists() is sold, subset
        possible = set(kinds) <= set(subset)
        asked = binds and possible
        assert session["status"] == (
            "authentication_required" if asked else "not_ready_for_payment" if binds else "ready_for_payment"
        ), subset
        assert answered.status_code == (400 if asked else 200), subset


def _opened(agent: PlayedAgent, subset: list[str], number: int, item: str) -> dict[str, Any]:
    """Each buyer has a mailbox of their own: how often one is written to is limited."""
    return agent.create(
        item,
        capabilities={"interventions": {"supported": subset}},
        buyer={"email": f"ada{number}@example.com"},
        fulfillment_details={"address": ADDRESS},
    )

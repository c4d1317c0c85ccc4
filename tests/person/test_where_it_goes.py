"""Whoever pays for what an agent has put together reads where all of it goes, and pays for exactly that
(T40). The agent has said it, and may not mean well."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

from checkout import handoffs
from checkout.models import CheckoutSession, Order, SandboxCharge
from gateway import tickets
from gateway.person.visiting import BROWSER
from interventions import policy
from interventions.models import Policy
from tests.agents import ADDRESS, BUYER, PlayedAgent
from tests.people import form, heading
from tests.person.handed_over import CHECK, CONFIRM, HOW, THANKS, Buyer, link

pytestmark = pytest.mark.usefixtures("shop")

NEW_YORK = {
    "name": "Eve Adversary",
    "line_one": "350 Fifth Avenue",
    "city": "New York",
    "state": "NY",
    "country": "US",
    "postal_code": "10118",
}
DETAILS = {"address": ADDRESS, "email": "ada@example.com"}


@pytest.fixture
def buyer() -> Buyer:
    return Buyer()


@pytest.fixture
def everything_is_handed_over(shop: None) -> None:
    Policy.objects.all().delete()
    Policy.objects.create(name="All", kinds=["redirect"], hand_over=True)
    policy.forget()


def escalated(agent: PlayedAgent, *items: str, **members: Any) -> dict[str, Any]:
    session = agent.create(*items, **{"buyer": BUYER, "fulfillment_details": DETAILS, **members})
    assert session["status"] == "requires_escalation", session
    return session


def last_page(buyer: Buyer, session: dict[str, Any]) -> str:
    """What stands above the button, before it is confirmed and paid."""
    page = buyer.come(urlsplit(session["continue_url"]).path)
    assert heading(page) == CONFIRM, heading(page)
    return page.content.decode()


@pytest.mark.requirement("T40")
def test_a_group_that_goes_elsewhere_is_shown_with_its_address(
    agent: PlayedAgent, buyer: Buyer, everything_is_handed_over: None
) -> None:
    gift = {
        "id": "gift",
        "item_ids": ["item_mug"],
        "destination_type": "shipping",
        "fulfillment_details": {"address": NEW_YORK, "email": "eve@example.org"},
    }
    html = last_page(buyer, escalated(agent, "item_mug", "item_tablet", fulfillment_groups=[gift]))

    for shown in ("Eve Adversary", "350 Fifth Avenue", "10118 New York", "eve@example.org"):
        assert shown in html
    assert "Stoneware Mug" in html.split("Eve Adversary")[0].rsplit("<dd>", 1)[1]
    assert "1 Market Street" in html, "and where the rest goes"


@pytest.mark.requirement("T40")
def test_what_is_fetched_hides_no_address_of_the_rest(
    agent: PlayedAgent, buyer: Buyer, everything_is_handed_over: None
) -> None:
    session = escalated(
        agent,
        "item_mug",
        "item_tablet",
        fulfillment_details={"address": NEW_YORK, "email": "ada@example.com"},
    )
    chosen = [
        {"type": "pickup", "option_id": "pickup_locker", "item_ids": ["item_mug"]},
        {"type": "shipping", "option_id": "ship_standard", "item_ids": ["item_tablet"]},
    ]
    html = last_page(buyer, agent.update(session, {"selected_fulfillment_options": chosen}))

    assert "Lockers, Mission Street" in html
    assert "350 Fifth Avenue" in html


@pytest.mark.requirement("T40")
def test_another_contact_of_the_delivery_is_shown(
    agent: PlayedAgent, buyer: Buyer, everything_is_handed_over: None
) -> None:
    """What comes over the network may go there."""
    details = {"name": "Eve", "email": "eve@example.org", "phone_number": "15550100"}
    html = last_page(buyer, escalated(agent, "item_gift_card", fulfillment_details=details))

    for shown in details.values():
        assert shown in html


@pytest.mark.requirement("T40")
def test_a_note_to_the_shop_is_shown_and_no_other_takes_its_place(
    agent: PlayedAgent, buyer: Buyer, everything_is_handed_over: None
) -> None:
    session = escalated(agent, "item_gift_card", order_notes="Wrap it\u202e")
    page = buyer.come(urlsplit(session["continue_url"]).path)
    assert "Wrap it\\u202e" in page.content.decode()

    agent.update(session, {"order_notes": "Send it to Eve instead"})
    answer = buyer.answer(page, "again")

    assert answer.status_code == 409
    assert "The purchase has changed" in answer.content.decode()


def test_the_buyers_own_contact_is_shown_once(
    agent: PlayedAgent, buyer: Buyer, everything_is_handed_over: None
) -> None:
    html = last_page(buyer, escalated(agent, "item_gift_card"))

    assert html.count(BUYER["email"]) == 1


@pytest.mark.requirement("T40", "AJ-085")
def test_another_address_for_the_same_total_is_shown_before_it_is_paid(buyer: Buyer) -> None:
    """A second tab, or the back button: the first tab shows where it does not go any more."""
    url = link(("item_mug", 1))
    old = buyer.to_the_payment(url)
    page = buyer.answer(buyer.look(f"{url}/address"), **{**ADDRESS, "line_one": "99 Other Street"})
    assert heading(buyer.answer(page, way="ship_standard") if heading(page) == HOW else page) == CHECK

    again = buyer.pay(old)

    assert (again.status_code, heading(again)) == (409, CHECK)
    assert "The purchase has changed" in again.content.decode()
    assert "99 Other Street" in again.content.decode()
    assert not SandboxCharge.objects.exists()
    assert heading(buyer.pay(again)) == THANKS
    assert Order.objects.get().fulfillment_details["address"]["line_one"] == "99 Other Street"


@pytest.mark.requirement("T40")
@pytest.mark.parametrize("agreed", ["", "0" * 32])
def test_a_form_that_does_not_say_what_it_showed_pays_nothing(buyer: Buyer, agreed: str) -> None:
    page = buyer.to_the_payment(link(("item_mug", 1)))

    refused = buyer.answer(page, "pay", card="spt_sandbox_ok", agreed=agreed)

    assert refused.status_code == 409
    assert not SandboxCharge.objects.exists()


@pytest.mark.requirement("T40")
@pytest.mark.parametrize(
    "meanwhile",
    [
        {"selected_options": [{"type": "shipping", "option_id": "ship_express"}]},
        {"fulfillment_details": {"address": {**ADDRESS, "line_one": "99 Other Street"}}},
    ],
    ids=["dearer", "elsewhere"],
)
@pytest.mark.parametrize("read", [1, 2], ids=["while it is read", "while it is paid"])
def test_what_another_tab_changes_at_the_same_moment_is_not_paid_unseen(
    buyer: Buyer, monkeypatch: pytest.MonkeyPatch, meanwhile: dict[str, Any], read: int
) -> None:
    url = link(("item_mug", 1))
    page = buyer.to_the_payment(url)
    path, fields = form(page, "pay")
    intervention_id = tickets.read(url.rsplit("/", 1)[1])
    assert intervention_id is not None
    browser = buyer._kept[BROWSER, url]
    real, reads = handoffs.session_of, []

    def session_of(known: str) -> CheckoutSession:
        reads.append(known)
        if len(reads) == read:
            handoffs.change(intervention_id, browser, meanwhile, asks=False)
        return real(known)

    monkeypatch.setattr(handoffs, "session_of", session_of)
    answer = buyer.go(buyer.send(path, {**fields, "answer": "pay", "card": "spt_sandbox_ok"}))

    assert len(reads) >= read
    assert "The purchase has changed" in answer.content.decode()
    assert not SandboxCharge.objects.exists()
    assert not Order.objects.exists()

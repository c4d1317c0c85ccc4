"""A person finishes on our pages what an agent has handed over (AJ-084 to AJ-091; pages, groups E and C)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from checkout.models import CheckoutSession, Order, SandboxCharge
from gateway.person import misses
from gateway.person.visiting import BROWSER
from gateway.shop import tables
from gateway.shop.models import DeliveryOption, Product
from interventions.models import Intervention
from tests.agents import ADDRESS
from tests.people import form, heading
from tests.person.handed_over import (
    ALREADY,
    CHECK,
    CONTACT,
    HOW,
    REACHED,
    REVIEW,
    THANKS,
    WHERE,
    Buyer,
    link,
    total,
)

pytestmark = pytest.mark.usefixtures("shop")


@pytest.fixture
def buyer() -> Buyer:
    return Buyer()


@pytest.mark.requirement("AJ-084", "AJ-091", "T40")
def test_from_the_link_to_the_order(buyer: Buyer) -> None:
    url = link(("item_mug", 2))

    first = buyer.look(url)
    assert heading(first) == REVIEW
    html = first.content.decode()
    for shown in ("Demo Shop", "Stoneware Mug", "Requested by:", "It is not Demo Shop.", "You have about"):
        assert shown in html
    page = buyer.answer(first, "continue")
    assert heading(page) == REACHED
    page = buyer.answer(page, **CONTACT)
    assert heading(page) == WHERE
    page = buyer.answer(page, **ADDRESS)
    assert heading(page) == HOW
    page = buyer.answer(page, way="ship_express")
    assert heading(page) == CHECK
    for shown in ("Ada Lovelace", "ada@example.com", "1 Market Street", "94105", "United States", "Express"):
        assert shown in page.content.decode()
    agreed = total(page)
    done = buyer.pay(page)

    order = Order.objects.get()
    assert heading(done) == THANKS
    assert f"/agentic/orders/{order.pk}" in done.content.decode()
    assert order.number in done.content.decode()
    assert order.buyer == {"full_name": "Ada Lovelace", "email": "ada@example.com"}
    assert order.fulfillment_details == {"address": ADDRESS}
    assert f"{order.amount / 100:.2f}" in agreed
    assert SandboxCharge.objects.get().amount == order.amount
    assert Intervention.objects.get().state == "passed"
    assert done.cookies[BROWSER].value == ""
    assert heading(buyer.look(url)) == ALREADY
    assert heading(Buyer().look(url)) == ALREADY


@pytest.mark.requirement("AJ-090", "T42")
def test_no_page_below_the_link_shows_anybody_else_what_was_filled_in(buyer: Buyer) -> None:
    url = link(("item_mug", 1))
    buyer.to_the_payment(url)

    for part in ("contact", "address", "delivery", "payment"):
        seen = Buyer().look(f"{url}/{part}")
        assert seen.status_code == 410
        assert "another browser" in seen.content.decode()
        assert "Ada" not in seen.content.decode()
        assert "Market Street" not in seen.content.decode()


@pytest.mark.requirement("AJ-085", "AJ-090", "T42")
def test_before_anybody_came_every_page_below_the_link_asks_to_begin(buyer: Buyer) -> None:
    url = link(("item_mug", 1))

    for part in ("contact", "address", "delivery", "payment"):
        page = buyer.look(f"{url}/{part}")
        assert (page.status_code, heading(page)) == (200, REVIEW)
        assert form(page, "continue")[0] == url
    assert Intervention.objects.get().state == "pending"


@pytest.mark.requirement("AJ-085", "T47")
def test_nothing_an_agent_sends_buys_it(buyer: Buyer) -> None:
    """By GET, by JSON, with its own credentials, with a form of its own making."""
    url = link(("item_mug", 1))
    buyer.to_the_payment(url)
    sent = {"answer": "pay", "card": "spt_sandbox_ok", "form": "x"}
    agents = {"Authorization": "Bearer demo-agent-key", "X-Agent-Session": "ags_whatever"}

    stranger = Buyer()
    for headers in ({}, agents):
        assert stranger.http.get(f"{url}/payment", sent, headers=headers).status_code == 410
        for kind in ("application/json", "application/x-www-form-urlencoded"):
            refused = stranger.http.post(f"{url}/payment", sent, content_type=kind, headers=headers)
            assert refused.status_code == 403
    page = stranger.look(url)
    taken = stranger.send(f"{url}/payment", form(page, "continue")[1] | sent)

    assert taken.status_code in (409, 410)
    assert not Order.objects.exists()
    assert not SandboxCharge.objects.exists()


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"full_name": ""}, "full_name", "Enter your name."),
        ({"email": ""}, "email", "Enter your email address."),
        ({"email": "ada"}, "email", "Enter an email address in the form name@example.com."),
        ({"phone_number": "030 123"}, "phone_number", "Enter the number with its country code"),
        ({"full_name": "4242 4242 4242 4242"}, "full_name", "This looks like the number of a card."),
        ({"full_name": "x" * 101}, "full_name", "This is too long."),
    ],
)
def test_what_is_wrong_is_said_at_the_top_and_beside_the_field_and_the_rest_is_kept(
    buyer: Buyer, typed: dict[str, str], field: str, said: str
) -> None:
    page = buyer.come(link(("item_mug", 1)))

    wrong = buyer.answer(page, **{**CONTACT, **typed})

    html = wrong.content.decode()
    assert (wrong.status_code, heading(wrong)) == (200, REACHED)
    assert "<title>Error: How are you reached?" in html
    assert f'<a href="#{field}">{said}' in html
    assert f'<p id="{field}-error" class="error">{said}' in html
    assert f'{field}-error" aria-invalid="true"' in html
    assert 'role="alert" tabindex="-1" autofocus' in html
    for name, value in {**CONTACT, **typed}.items():
        assert f'name="{name}" type=' in html
        assert f'value="{value}"' in html
    assert CheckoutSession.objects.get().buyer is None


def test_an_address_is_asked_for_whole(buyer: Buyer) -> None:
    page = buyer.answer(buyer.come(link(("item_mug", 1))), **CONTACT)

    wrong = buyer.answer(page, **{**ADDRESS, "city": "", "country": "ZZ"})

    html = wrong.content.decode()
    assert '<a href="#country">Choose a country from the list.</a>' in html
    assert '<a href="#city">Enter the town or city.</a>' in html
    assert html.index("#country") < html.index("#city")
    assert 'value="1 Market Street"' in html
    assert heading(buyer.answer(wrong, **ADDRESS)) == HOW


def test_an_address_that_nothing_goes_to_is_asked_for_again(buyer: Buyer) -> None:
    """The shop cannot tell the tax of a state that does not exist."""
    page = buyer.answer(buyer.come(link(("item_mug", 1))), **CONTACT)

    refused = buyer.answer(page, **{**ADDRESS, "state": "Calipornia"})

    assert heading(refused) == WHERE
    assert "Nothing here can be delivered to this address." in refused.content.decode()
    assert 'value="Calipornia"' in refused.content.decode()
    assert heading(buyer.answer(refused, **ADDRESS)) == HOW


def test_a_page_that_comes_too_early_leads_to_the_one_that_is_due(buyer: Buyer) -> None:
    url = link(("item_mug", 1))
    buyer.come(url)

    assert heading(buyer.look(f"{url}/payment")) == REACHED
    assert heading(buyer.look(f"{url}/delivery")) == REACHED
    assert heading(buyer.look(url)) == REVIEW


def test_what_goes_over_the_network_is_asked_no_address(buyer: Buyer) -> None:
    url = link(("item_gift_card", 1))

    page = buyer.answer(buyer.come(url), **CONTACT)

    assert heading(page) == CHECK
    assert heading(buyer.look(f"{url}/address")) == CHECK
    assert heading(buyer.pay(page)) == THANKS


def test_who_fetches_it_is_asked_no_address(buyer: Buyer) -> None:
    page = buyer.answer(buyer.come(link(("item_mug", 1))), **CONTACT)

    page = buyer.answer(page, "fetch")
    assert heading(page) == HOW
    assert "Parcel locker" in page.content.decode()
    page = buyer.answer(page, way="pickup_locker")

    assert heading(page) == CHECK
    assert "Lockers, Mission Street" in page.content.decode()
    assert heading(buyer.pay(page)) == THANKS
    assert Order.objects.get().fulfillment_details is None


def test_the_total_follows_the_delivery(buyer: Buyer) -> None:
    url = link(("item_mug", 1))
    page = buyer.to_the_payment(url, "ship_standard")
    standard = total(page)

    changed = buyer.answer(buyer.look(f"{url}/delivery"), way="ship_express")

    assert total(changed) != standard
    assert "Tomorrow or the day after." in changed.content.decode()
    nothing = buyer.answer(buyer.look(f"{url}/delivery"), way="by_rocket")
    assert "That is not offered any more. Choose another way." in nothing.content.decode()


@pytest.mark.requirement("T40")
def test_a_page_from_before_the_total_changed_decides_nothing(buyer: Buyer) -> None:
    """The back button, or a second tab."""
    url = link(("item_mug", 1))
    old = buyer.to_the_payment(url, "ship_standard")
    buyer.answer(buyer.look(f"{url}/delivery"), way="ship_express")

    again = buyer.pay(old)

    assert (again.status_code, heading(again)) == (409, CHECK)
    assert "The purchase has changed" in again.content.decode()
    assert not SandboxCharge.objects.exists()
    assert heading(buyer.pay(again)) == THANKS


def test_a_declined_card_is_said_and_another_one_pays(buyer: Buyer) -> None:
    page = buyer.to_the_payment(link(("item_mug", 1)))

    declined = buyer.pay(page, "spt_sandbox_declined")

    assert heading(declined) == CHECK
    assert "nothing was charged. Try again, or with another card." in declined.content.decode()
    assert heading(buyer.pay(declined)) == THANKS
    assert Order.objects.count() == 1


@pytest.mark.parametrize("card", ["", "spt_anything", "4242424242424242"])
def test_no_other_card_is_taken(buyer: Buyer, card: str) -> None:
    page = buyer.to_the_payment(link(("item_mug", 1)))

    refused = buyer.pay(page, card)

    assert '<a href="#spt_sandbox_ok">Choose a test card.</a>' in refused.content.decode()
    assert not SandboxCharge.objects.exists()


def test_a_page_that_is_sent_twice_pays_once(buyer: Buyer) -> None:
    page = buyer.to_the_payment(link(("item_mug", 1)))

    first = buyer.pay(page)
    second = buyer.pay(page)

    assert heading(first) == THANKS
    assert heading(second) == ALREADY
    assert (Order.objects.count(), SandboxCharge.objects.count()) == (1, 1)


def test_a_person_who_stops_pays_nothing(buyer: Buyer) -> None:
    url = link(("item_mug", 1))
    page = buyer.to_the_payment(url)

    stopped = buyer.answer(page, "stop")

    assert heading(stopped) == "You have stopped this purchase"
    assert heading(buyer.look(url)) == "You have stopped this purchase"
    assert Intervention.objects.get().state == "denied"
    assert CheckoutSession.objects.get().state == "canceled"
    assert stopped.cookies[BROWSER].value == ""


def test_goods_that_have_gone_are_said_with_the_next_step(buyer: Buyer) -> None:
    page = buyer.to_the_payment(link(("item_mug", 1)))
    Product.objects.filter(pk="item_mug").update(available=0)

    gone = buyer.pay(page)

    assert heading(gone) == "This cannot be paid as it is"
    assert "Stoneware Mug is out of stock." in gone.content.decode()
    assert "Ask your agent to change the cart" in gone.content.decode()
    assert not SandboxCharge.objects.exists()


@pytest.mark.requirement("T40")
def test_a_price_that_changed_is_shown_before_it_is_paid(buyer: Buyer) -> None:
    page = buyer.to_the_payment(link(("item_mug", 1)))
    before = total(page)
    Product.objects.filter(pk="item_mug").update(unit_price=9_900)

    asked = buyer.pay(page)

    assert heading(asked) == CHECK
    assert "The purchase has changed" in asked.content.decode()
    assert total(asked) != before
    assert not SandboxCharge.objects.exists()
    assert heading(buyer.pay(asked)) == THANKS


def test_where_nobody_can_pay_the_page_says_so(buyer: Buyer, settings: Any) -> None:
    page = buyer.to_the_payment(link(("item_mug", 1)))
    assert heading(page) == CHECK
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "PAYMENT_FORM": "tests.nowhere.Form"}

    page = buyer.look(form(page, "pay")[0])

    assert heading(page) == "This cannot be paid here"
    assert 'value="pay"' not in page.content.decode()


@pytest.mark.requirement("T41", "AJ-090")
def test_links_that_lead_nowhere_are_counted(buyer: Buyer) -> None:
    misses.forget()
    missed = [buyer.open(f"/agentic/checkout/{'0' * 96}") for _ in range(misses.PER_MINUTE + 1)]

    assert [page.status_code for page in missed] == [404] * misses.PER_MINUTE + [429]
    assert heading(buyer.look(link(("item_mug", 1)))) == REVIEW
    misses.forget()


def test_a_merchant_replaces_one_block(buyer: Buyer, settings: Any, tmp_path: Path) -> None:
    own = tmp_path / "agentic" / "handoff_contact.html"
    own.parent.mkdir()
    text = "{% extends 'agentic/handoff_contact.html' %}{% block more %}<p>Ask us: 555</p>{% endblock %}"
    own.write_text(text)
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]

    page = buyer.come(link(("item_mug", 1)))

    assert heading(page) == REACHED
    assert "<p>Ask us: 555</p>" in page.content.decode()
    assert 'autocomplete="email"' in page.content.decode()


def test_browsers_can_fill_in_the_fields(buyer: Buyer) -> None:
    page = buyer.come(link(("item_mug", 1)))
    asked = {"name", "email", "tel"}
    html = page.content.decode()
    assert all(f'autocomplete="{token}"' in html for token in asked)

    page = buyer.answer(page, **CONTACT)

    lines = ("country", "name", "address-line1", "address-line2", "postal-code", "address-level2")
    assert all(f'autocomplete="shipping {token}"' in page.content.decode() for token in lines)


def test_only_countries_that_are_delivered_to_can_be_chosen(buyer: Buyer) -> None:
    DeliveryOption.objects.filter(type__in=("shipping", "local_delivery")).update(countries=["US", "CA"])
    tables.forget()

    page = buyer.answer(buyer.come(link(("item_mug", 1))), **CONTACT)

    codes = re.findall(r'<option value="([A-Z]{2})"', page.content.decode())
    assert codes == ["CA", "US"]
    tables.forget()

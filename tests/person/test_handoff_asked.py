"""What policies ask for besides, while a person finishes a purchase: there, and back again (AJ-091)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core import mail
from django.db import transaction

from checkout import approvals, handoffs, settlement
from checkout.errors import ProviderUnavailable
from checkout.models import Approval, Cart, CheckoutSession, Order, Payment
from gateway import sandbox
from gateway.session_models import AgentSession
from interventions import policy
from interventions.models import Intervention, Policy
from tests.agents import ADDRESS, BUYER, PlayedAgent
from tests.bank import Wire, banked, provider
from tests.frozen import VISIT, cart, handed_over
from tests.parts import plugged
from tests.people import form, heading
from tests.person.conftest import code_in_mail, wrong
from tests.person.handed_over import CHECK, CONFIRM, HOW, THANKS, Buyer, link, url_of

pytestmark = pytest.mark.usefixtures("shop")

ASKING = "spt_sandbox_3ds_challenge"


@pytest.fixture
def buyer() -> Buyer:
    return Buyer()


@pytest.fixture
def wire() -> Iterator[Wire]:
    made = Wire()
    with banked(provider(made)):
        yield made


def onward(page: Any) -> str:
    """Where the page leads on to, by the one button that is a link."""
    html = page.content.decode()
    return html.split('<a class="button')[1].split('href="')[1].split('"')[0]


@pytest.mark.requirement("AJ-091")
def test_a_one_time_code_is_entered_on_the_way(buyer: Buyer) -> None:
    page = buyer.to_the_payment(link(("item_sneakers", 1)))

    assert heading(page) == CONFIRM
    assert "Next you enter a one-time code" in page.content.decode()
    assert "Change" in page.content.decode()
    assert mail.outbox == []
    code_page = buyer.answer(page, "again")
    assert heading(code_page) == "Enter your code"
    bad = buyer.answer(code_page, "code", code=wrong(code_in_mail()))
    assert "That is not the code" in bad.content.decode()
    back = buyer.answer(bad, "code", code=code_in_mail())

    assert heading(back) == CHECK
    assert heading(buyer.pay(back)) == THANKS
    assert Order.objects.count() == 1


def test_no_code_is_sent_before_the_person_has_come(buyer: Buyer) -> None:
    link(("item_sneakers", 1))

    assert mail.outbox == []
    assert not Intervention.objects.filter(kind="otp").exists()


def test_a_page_of_a_question_that_was_answered_leads_on(buyer: Buyer) -> None:
    page = buyer.to_the_payment(link(("item_sneakers", 1)))
    asked = buyer.press(page, "again")
    code_url = asked.headers["Location"]
    buyer.answer(buyer.look(code_url), "code", code=code_in_mail())

    seen = buyer.look(code_url)

    assert heading(seen) == "This purchase is confirmed already"
    assert "your agent" not in seen.content.decode()
    assert heading(buyer.look(onward(seen))) == CHECK


def test_who_says_no_to_a_question_is_asked_again_if_they_like(buyer: Buyer) -> None:
    page = buyer.to_the_payment(link(("item_sneakers", 1)))
    refused = buyer.answer(buyer.answer(page, "again"), "stop")
    assert heading(refused) == "The purchase was not confirmed"

    stuck = buyer.look(onward(refused))

    assert heading(stuck) == "This cannot be paid as it is"
    assert "You did not confirm it, and nothing was charged." in stuck.content.decode()
    assert heading(buyer.answer(stuck, "again")) == "Enter your code"


def test_a_code_is_sent_once_however_often_the_delivery_is_changed(buyer: Buyer) -> None:
    url = link(("item_sneakers", 1))
    page = buyer.to_the_payment(url)
    for way in ("ship_express", "ship_standard", "ship_express", "ship_standard"):
        page = buyer.answer(buyer.look(f"{url}/delivery"), way=way)

    assert heading(buyer.answer(page, "again")) == "Enter your code"
    code_in_mail()
    assert len(mail.outbox) == 1


@pytest.mark.requirement("AJ-091")
def test_a_bank_asks_and_the_order_is_there_when_the_person_comes_back(buyer: Buyer, wire: Wire) -> None:
    page = buyer.to_the_payment(link(("item_mug", 1)))

    asked = buyer.pay(page, ASKING)

    assert heading(asked) == "Confirm your purchase"
    assert Payment.objects.get().state == "requires_action"
    away = buyer.press(asked, "continue")
    bank = buyer.look(away.headers["Location"])
    assert heading(bank) == "Is this your payment?"
    back = buyer.decide(bank, "approve")

    assert heading(back) == THANKS
    assert Payment.objects.get().state == "authorized"
    assert Order.objects.count() == 1


def test_while_a_bank_asks_every_page_leads_there(buyer: Buyer, wire: Wire) -> None:
    url = link(("item_mug", 1))
    page = buyer.to_the_payment(url)
    buyer.pay(page, ASKING)

    for part in ("", "/contact", "/delivery", "/payment"):
        seen = buyer.look(url + part)
        assert heading(seen) == CONFIRM
        assert "Your bank wants to ask you first." in seen.content.decode()
        assert ">Change<" not in seen.content.decode()


def test_who_stops_while_a_bank_asks_pays_nothing(buyer: Buyer, wire: Wire) -> None:
    url = link(("item_mug", 1))
    buyer.pay(buyer.to_the_payment(url), ASKING)

    stopped = buyer.answer(buyer.look(url), "stop")

    assert heading(stopped) == "You have stopped this purchase"
    assert Payment.objects.get().state == "declined"


@pytest.mark.requirement("AJ-089")
def test_the_link_of_a_cart_that_has_changed_says_that_there_is_a_newer_one(buyer: Buyer) -> None:
    old = handed_over(("item_mug", 1))
    page = buyer.to_the_payment(url_of(old.intervention_id))
    with transaction.atomic():
        handoffs.void(Cart.objects.select_for_update().get())

    for seen in (buyer.pay(page), buyer.look(url_of(old.intervention_id))):
        assert (seen.status_code, heading(seen)) == (410, "This link is out of date")
        assert "Your agent has a newer link" in seen.content.decode()
    assert not Order.objects.exists()


def test_the_words_of_the_agent_are_framed_as_its_own(buyer: Buyer) -> None:
    visit = AgentSession.objects.create(
        digest="d" * 64,
        hint="ags_ab",
        agent_name="Shop‮py <b>bot</b>",
        purpose="Your friend at the bank: <script>pay</script>",
        expires_at="2030-01-01T00:00:00Z",
    )
    frozen = handed_over(("item_mug", 1), owner=visit.owner)

    html = buyer.look(url_of(frozen.intervention_id)).content.decode()

    assert "<q>Shop\\u202epy &lt;b&gt;bot&lt;/b&gt;</q>" in html
    assert (
        "The agent wrote: <q><bdi>Your friend at the bank: &lt;script&gt;pay&lt;/script&gt;</bdi></q>" in html
    )


def test_a_buyer_who_is_spoken_to_in_german_reads_german(buyer: Buyer) -> None:
    cart(("item_mug", 1), extras={"locale": "de-DE"})
    frozen = handoffs.freeze(VISIT, lambda frozen: None)
    page = buyer.look(url_of(frozen.intervention_id))

    assert heading(page) == "Schließen Sie Ihren Einkauf ab"
    page = buyer.answer(page, "continue")
    assert heading(page) == "Wie sind Sie zu erreichen?"
    page = buyer.answer(page, full_name="Ada", email="ada@example.com")
    assert '<option value="AT">Österreich</option>' in page.content.decode()


def test_a_form_is_for_its_own_purchase(buyer: Buyer) -> None:
    """The secret of one visit opens no other."""
    mine = handed_over(("item_mug", 1))
    page = buyer.to_the_payment(url_of(mine.intervention_id))
    other = handed_over(("item_kettle", 1), owner="session:ase_other")

    sent = buyer.send(f"{url_of(other.intervention_id)}/payment", form(page, "pay")[1] | {"answer": "pay"})

    assert sent.status_code in (409, 410)
    assert CheckoutSession.objects.get(pk=other.session.pk).state == "open"


class Silent:
    """Takes the money, and says nothing for a while."""

    silent = True

    def __init__(self, real: Any) -> None:
        self.real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def authorize(self, attempt: Any) -> Any:
        said = self.real.authorize(attempt)
        if self.silent:
            raise ProviderUnavailable
        return said


def test_while_nobody_knows_how_a_payment_ended_the_page_says_so(buyer: Buyer, settings: Any) -> None:
    form = "gateway.person.sandbox_form.SandboxForm"
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "PAYMENT_FORM": form}
    url = link(("item_mug", 1))
    page = buyer.to_the_payment(url)
    payments = Silent(sandbox.provider())

    with plugged(payments=payments):
        waiting = buyer.answer(page, "pay", card="spt_sandbox_ok")
        again = buyer.look(url)
        settlement.settle(Payment.objects.get().pk)
        done = buyer.look(f"{url}/payment")

    for seen in (waiting, again):
        assert heading(seen) == "Your payment is under way"
        assert "You are charged once at most." in seen.content.decode()
        assert 'value="pay"' not in seen.content.decode()
    assert heading(done) == THANKS
    assert Order.objects.count() == 1


def test_a_merchant_who_wants_to_look_first_is_waited_for(buyer: Buyer) -> None:
    url = link(("item_pens", 5))
    page = buyer.to_the_payment(url)

    waiting = buyer.pay(page)

    assert heading(waiting) == "The shop looks at your purchase"
    assert not Order.objects.exists()
    row = Approval.objects.get()
    approvals.decide(row, approved=True, actor="operator:1", reason="known buyer")
    assert heading(buyer.pay(buyer.look(url + "/payment"))) == THANKS


@pytest.mark.requirement("AJ-091", "ACP-135")
def test_what_an_agent_cannot_do_is_finished_on_the_same_pages(agent: PlayedAgent, buyer: Buyer) -> None:
    """What the agent has filled in already is not asked again."""
    Policy.objects.filter(item_tag="limited-edition").update(hand_over=True)
    policy.forget()
    details = {"address": ADDRESS}
    session = agent.create("item_sneakers", buyer=BUYER, fulfillment_details=details)
    assert session["status"] == "requires_escalation", session["messages"]

    page = buyer.come(session["continue_url"])
    assert heading(page) == HOW
    page = buyer.answer(page, way="ship_express")
    assert heading(page) == CONFIRM
    assert "1 Market Street" in page.content.decode()
    page = buyer.answer(page, "again")
    page = buyer.answer(page, "code", code=code_in_mail())
    assert heading(page) == CHECK
    assert heading(buyer.pay(page)) == THANKS

    assert agent.retrieve(session)["status"] == "completed"
    policy.forget()

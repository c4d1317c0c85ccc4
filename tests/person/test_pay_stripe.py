"""A person pays what was handed over with a card in Stripe's Payment Element: the shop over HTTP, Stripe
over the wire, and the browser's part played."""

from __future__ import annotations

import html as markup
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone

from checkout import handoffs, settlement
from checkout.models import Cart, Order, Payment
from checkout.payments import allowances
from checkout.payments.outcomes import DELEGATED, Attempt, Instrument
from checkout.payments.vault import Allowance
from checkout.token_models import StripeToken
from gateway import stripe_account
from gateway.person import paying
from gateway.person.stripe_form import StripeForm
from gateway.shop.models import Product
from gateway.stripe_account import PATH
from interventions import policy
from interventions.models import Policy
from tests.agents import PlayedAgent
from tests.agents import paying as pay
from tests.frozen import handed_over
from tests.people import heading
from tests.person.handed_over import ALREADY, CHECK, THANKS, Buyer, _form_with, link, url_of
from tests.stripe_double import provider as wired
from tests.stripe_double.account import SECRET_KEY
from tests.stripe_double.process import Stripe
from tests.stripe_double.provider import WEBHOOK_SECRET
from tests.stripe_double.setup_intents import PUBLISHABLE_KEY

DECLINED, ASKING = "4000000000009995", "4000000000003220"
ENTER, ONCE_MORE = "Enter your card.", "Enter your card once more. Nothing was charged."


@pytest.fixture(scope="module")
def running() -> Iterator[Stripe]:
    with Stripe() as stripe:
        yield stripe


@pytest.fixture
def agreed(running: Stripe) -> dict[str, Any]:
    return {
        "secret_key": SECRET_KEY,
        "publishable_key": PUBLISHABLE_KEY,
        "webhook_secrets": [WEBHOOK_SECRET],
        "merchant_id": "profile_test_1",
        "api_origin": running.origin,
        "challenge_origins": [running.origin],
        "timeout_seconds": 2,
    }


@pytest.fixture
def stripe(shop: None, settings: Any, running: Stripe, agreed: dict[str, Any]) -> Stripe:
    """Everything is paid through Stripe."""
    running.troubles()
    changed = {"PAYMENTS": PATH, "STRIPE": agreed, "EGRESS_LOOPBACK": [urlsplit(running.origin).netloc]}
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, **changed}
    Policy.objects.all().delete()
    policy.forget()
    return running


@pytest.fixture
def buyer() -> Buyer:
    return Buyer()


def told(page: HttpResponse, name: str) -> str:
    """What the page tells its script."""
    found = re.search(rf'data-{name}="([^"]*)"', page.content.decode())
    assert found is not None, page.content.decode()
    return markup.unescape(found[1])


def typed(stripe: Stripe, page: HttpResponse, number: str = "4242424242424242") -> str:
    """The id that the page's script is given for a card."""
    return stripe.typed(number, **{told(page, "mark-name"): told(page, "mark")})


def pays(buyer: Buyer, page: HttpResponse, name: str) -> HttpResponse:
    return buyer.answer(page, "pay", payment_method=name)


def text(page: HttpResponse) -> str:
    return markup.unescape(page.content.decode())


@pytest.mark.requirement("AJ-084", "ACP-187")
def test_a_card_pays_once_for_what_was_shown(stripe: Stripe, buyer: Buyer) -> None:
    page = buyer.to_the_payment(link(("item_mug", 1)))
    name = typed(stripe, page)

    done = pays(buyer, page, name)

    assert heading(done) == THANKS
    payment = Payment.objects.get()
    [charge] = stripe.charges(payment.session_id)
    assert charge["amount"] == payment.amount == int(told(page, "amount"))
    [intent] = stripe.of(payment.pk)
    assert (intent["payment_method"], intent["status"]) == (name, "requires_capture")
    assert Order.objects.count() == 1


@pytest.mark.requirement("T31")
def test_the_page_runs_stripes_script_and_no_other_page_does(stripe: Stripe, buyer: Buyer) -> None:
    url = link(("item_mug", 1))
    page = buyer.to_the_payment(url)

    said = page.headers["Content-Security-Policy"]
    assert re.search(r"script-src 'nonce-\S+' https://js.stripe.com https://\*\.js\.stripe\.com;", said)
    assert "frame-src https://js.stripe.com https://*.js.stripe.com;" in said
    assert f"connect-src {stripe.origin};" in said
    assert told(page, "key") == PUBLISHABLE_KEY
    assert SECRET_KEY not in text(page)
    for other in ("", "/contact", "/address", "/delivery"):
        assert "stripe.com" not in buyer.look(url + other).headers["Content-Security-Policy"]


def test_looking_at_the_page_asks_stripe_nothing(stripe: Stripe, buyer: Buyer) -> None:
    before = len(stripe.asked)

    buyer.to_the_payment(link(("item_mug", 1)))

    assert len(stripe.asked) == before


@pytest.mark.parametrize(
    "sent", ["", "seti_1", "pm_card_visa", "pm_nowhere", "spt_1", "pm_\0", "pm_" + "a" * 300]
)
def test_an_id_that_was_not_made_there_pays_nothing(stripe: Stripe, buyer: Buyer, sent: str) -> None:
    page = buyer.to_the_payment(link(("item_mug", 1)))

    refused = pays(buyer, page, sent)

    assert heading(refused) == CHECK
    assert (ONCE_MORE if sent else ENTER) in text(refused)
    assert not Payment.objects.exists()
    assert heading(pays(buyer, refused, typed(stripe, refused))) == THANKS


@pytest.mark.parametrize("mark", ["", "0" * 64, "é"])
def test_a_card_without_the_pages_mark_pays_nothing(stripe: Stripe, buyer: Buyer, mark: str) -> None:
    page = buyer.to_the_payment(link(("item_mug", 1)))

    refused = pays(buyer, page, stripe.typed(purchase=mark))

    assert ONCE_MORE in text(refused)
    assert not Payment.objects.exists()


def test_a_card_of_another_purchase_pays_nothing(stripe: Stripe, buyer: Buyer) -> None:
    other = Buyer()
    theirs = other.to_the_payment(
        url_of(handed_over(("item_kettle", 1), owner="session:ase_other").intervention_id)
    )
    page = buyer.to_the_payment(link(("item_mug", 1)))
    name = typed(stripe, theirs)

    assert ONCE_MORE in text(pays(buyer, page, name))
    assert not Payment.objects.exists()
    assert heading(pays(other, theirs, name)) == THANKS


def test_who_is_not_the_person_is_shown_no_mark(stripe: Stripe, buyer: Buyer) -> None:
    """Its agent knows the link, too."""
    url = link(("item_mug", 1))
    mark = told(buyer.to_the_payment(url), "mark")

    for seen in (Buyer().look(url), Buyer().look(f"{url}/payment")):
        assert mark not in text(seen)
        assert "data-mark=" not in text(seen)


@pytest.mark.parametrize("becomes", [{"customer": "cus_1"}, {"livemode": True}, {"type": "us_bank_account"}])
def test_a_card_that_is_somebodys_or_none_pays_nothing(
    stripe: Stripe, buyer: Buyer, becomes: dict[str, Any]
) -> None:
    page = buyer.to_the_payment(link(("item_mug", 1)))
    name = typed(stripe, page)
    stripe.tell("method", payment_method=name, becomes=becomes)

    assert ONCE_MORE in text(pays(buyer, page, name))
    assert not Payment.objects.exists()


@pytest.mark.requirement("T10")
def test_an_agent_cannot_pay_with_a_card_of_the_page(
    stripe: Stripe, buyer: Buyer, agent: PlayedAgent
) -> None:
    """Nor by saying that it is from there."""
    page = buyer.to_the_payment(link(("item_mug", 1)))
    name = typed(stripe, page)
    body = pay(name, "stripe_card")
    body["payment_data"]["instrument"]["from_our_page"] = True
    session = agent.ready()

    for sent in (pay(name, "stripe_card"), body):
        agent.complete(session, sent)

    assert stripe.charges(session["id"]) == []
    assert not Order.objects.exists()
    assert heading(pays(buyer, page, name)) == THANKS


def test_what_is_from_a_page_is_a_card_and_nothing_else(stripe: Stripe) -> None:
    """The mark of our pages opens no other way to pay."""
    provider = wired.provider(stripe)
    card = Instrument("stripe_card", "card", DELEGATED, stripe.grant(), from_our_page=True)

    outcome = provider.authorize(Attempt("pay_typed_1", "cs_1", 4200, "usd", card))

    assert getattr(outcome, "code", "") == "invalid_token"


def test_a_card_that_an_agent_left_in_the_vault_is_not_from_the_page(stripe: Stripe) -> None:
    name, other = stripe.typed(purchase="mark"), stripe.typed(purchase="mark")
    until = timezone.now() + timedelta(hours=1)
    allowance = Allowance(1000, "usd", "cs_1", "profile_test_1", until)
    StripeToken.objects.create(method=name, **allowances.kept("key", allowance))
    provider = wired.provider(stripe)

    assert provider.typed_in(other, mark="mark")
    assert not provider.typed_in(name, mark="mark")


@pytest.mark.requirement("T42")
def test_the_same_page_sent_twice_pays_once(stripe: Stripe, buyer: Buyer) -> None:
    page = buyer.to_the_payment(link(("item_mug", 1)))
    name = typed(stripe, page)

    first, second = pays(buyer, page, name), pays(buyer, page, name)

    assert heading(first) == THANKS
    assert heading(second) in (THANKS, ALREADY)
    assert len(stripe.charges(Payment.objects.get().session_id)) == Order.objects.count() == 1


def test_after_a_card_that_is_declined_comes_another(stripe: Stripe, buyer: Buyer) -> None:
    page = buyer.to_the_payment(link(("item_mug", 1)))

    again = pays(buyer, page, typed(stripe, page, DECLINED))

    assert heading(again) == CHECK
    assert "The payment was not made, and nothing was charged." in text(again)
    assert heading(pays(buyer, again, typed(stripe, again))) == THANKS
    assert len(stripe.charges(Order.objects.get().session_id)) == 1


@pytest.mark.requirement("AJ-091")
def test_a_bank_asks_at_its_own_page_and_leads_back(stripe: Stripe, buyer: Buyer) -> None:
    page = buyer.to_the_payment(link(("item_mug", 1)))

    last = asked_by_the_bank(stripe, buyer, page, "approve")

    assert heading(last) == THANKS
    payment = Payment.objects.get()
    assert (payment.state, payment.liability_shift) == ("authorized", "confirmed")
    assert len(stripe.charges(payment.session_id)) == Order.objects.count() == 1


def test_who_says_no_to_the_bank_pays_nothing(stripe: Stripe, buyer: Buyer) -> None:
    url = link(("item_mug", 1))

    asked_by_the_bank(stripe, buyer, buyer.to_the_payment(url), "deny")

    again = buyer.look(url + "/payment")
    assert heading(again) == CHECK
    assert stripe.charges(Payment.objects.get().session_id) == []
    assert heading(pays(buyer, again, typed(stripe, again))) == THANKS


def asked_by_the_bank(stripe: Stripe, buyer: Buyer, page: HttpResponse, decision: str) -> HttpResponse:
    """What the buyer reads in the end, back from the bank."""
    asked = pays(buyer, page, typed(stripe, page, ASKING))
    assert heading(asked) == "Confirm your purchase"
    away = buyer.press(asked, "continue")
    returned = buyer.look(stripe.decide(away.headers["Location"], decision).headers["Location"])
    return buyer.go(buyer.send(*_form_with(returned, "csrfmiddlewaretoken")))


@pytest.mark.requirement("T40")
def test_a_price_that_moved_is_shown_and_not_charged(stripe: Stripe, buyer: Buyer) -> None:
    url = link(("item_mug", 1))
    page = buyer.to_the_payment(url)
    name = typed(stripe, page)
    Product.objects.filter(pk="item_mug").update(unit_price=9_900)

    shown = pays(buyer, page, name)

    assert heading(shown) == CHECK
    assert not Payment.objects.exists()
    done = pays(buyer, shown, typed(stripe, shown))
    assert heading(done) == THANKS
    assert Payment.objects.get().amount == int(told(shown, "amount")) != int(told(page, "amount"))


@pytest.mark.requirement("AJ-089")
def test_a_handoff_that_is_void_pays_nothing(stripe: Stripe, buyer: Buyer) -> None:
    old = handed_over(("item_mug", 1))
    page = buyer.to_the_payment(url_of(old.intervention_id))
    name = typed(stripe, page)
    with transaction.atomic():
        handoffs.void(Cart.objects.select_for_update().get())
    before = len(stripe.asked)

    assert pays(buyer, page, name).status_code == 410
    assert len(stripe.asked) == before


def test_when_stripe_does_not_say_whose_card_it_is_nothing_is_begun(stripe: Stripe, buyer: Buyer) -> None:
    page = buyer.to_the_payment(link(("item_mug", 1)))
    name = typed(stripe, page)
    failed = {"what": "answer", "status": 503, "error": {"type": "api_error"}, "times": 9}
    stripe.troubles({**failed, "method": "GET", "path": r"/v1/payment_methods/.*"})

    silent = pays(buyer, page, name)
    stripe.troubles()

    assert "The payment service does not answer now. Nothing was charged." in text(silent)
    assert not Payment.objects.exists()
    assert heading(pays(buyer, silent, name)) == THANKS


@pytest.mark.requirement("T60")
def test_what_is_not_known_stays_so_and_is_settled(stripe: Stripe, buyer: Buyer) -> None:
    page = buyer.to_the_payment(link(("item_mug", 1)))
    name = typed(stripe, page)
    path = r"/v1/payment_intents/pi_\w+(/confirm)?"
    failed = {"what": "answer", "path": path, "status": 503, "error": {"type": "api_error"}, "times": 9}
    stripe.troubles({"what": "error_after", "path": path}, failed, {**failed, "method": "GET"})

    unknown = pays(buyer, page, name)
    stripe.troubles()

    assert heading(unknown) == "Your payment is under way"
    assert Payment.objects.get().state == "processing"
    settlement.settle(Payment.objects.get().pk)
    assert Order.objects.count() == len(stripe.charges(Payment.objects.get().session_id)) == 1


def test_without_the_key_nobody_can_pay_there(
    stripe: Stripe, buyer: Buyer, settings: Any, agreed: dict[str, Any]
) -> None:
    without = {name: value for name, value in agreed.items() if name != "publishable_key"}
    assert isinstance(paying.form(), StripeForm)
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "STRIPE": without}

    page = buyer.to_the_payment(link(("item_mug", 1)))

    assert paying.form() is None
    assert 'value="pay"' not in text(page)
    assert "stripe.com" not in page.headers["Content-Security-Policy"]
    assert [entry for entry in run_checks() if entry.id == "agentic.W180"]


@pytest.mark.parametrize("key", ["sk_test_00000000", "pk_live_00000000", "pk_test_1", 7])
def test_a_publishable_key_that_cannot_be_right_is_refused(
    stripe: Stripe, settings: Any, agreed: dict[str, Any], key: Any
) -> None:
    changed = {"STRIPE": {**agreed, "publishable_key": key}}
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, **changed}

    with pytest.raises(ImproperlyConfigured) as refused:
        stripe_account.provider()

    assert str(key) not in str(refused.value)

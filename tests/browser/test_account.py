"""A person's account in a real browser: the banner of an open page, and what is done about it (AA-210)."""

from __future__ import annotations

import subprocess
import sys

import pytest
from playwright.sync_api import Page, expect

from gateway.shoppers import DEMO_PASSWORD, DEMO_PERSONS
from tests.browser.phones import Phones
from tests.browser.rules import accessible
from tests.browser.shop import Shop
from tests.browser.walks import heading
from tests.project.server import ROOT, environment

pytestmark = pytest.mark.browser

ALEX = DEMO_PERSONS[0][0]
WAITING = "What your agents want from you"
SUMMON = """
import sys, django
django.setup()
from datetime import timedelta
from django.contrib.auth.models import User
from django.utils import timezone
from gateway import bindings
from gateway.models import Agent
from gateway.person_models import Grant, Summons
person = str(User.objects.get(username=sys.argv[1]).pk)
issuer, identity = "https://agents.example", "aauth:shopper@agents.example"
agent, _ = Agent.objects.get_or_create(issuer=issuer, identity=identity, defaults={"name": "Shopper"})
bindings.bind(agent.owner, person)
common = {"owner": agent.owner, "person": person, "expires_at": timezone.now() + timedelta(minutes=9)}
Grant.objects.create(kind="auth", audience="https://books.example", scope="orders", state="granted", **common)
Summons.objects.create(
    kind=sys.argv[2], url="https://pay.example/7" if sys.argv[2] == "payment" else "", wording="dual",
    description="Please **look** at `this`:\\n\\n- one\\n- two", fingerprint=sys.argv[2],
    question="Red?" if sys.argv[2] == "question" else "", **common,
)
"""
"""What the interaction endpoint does for an agent, whose signature is not what is tried here."""


def summon(shop: Shop, kind: str) -> None:
    """An agent of Alex' wants something."""
    given = environment(DJANGO_SETTINGS_MODULE="gateway.project.demo", **shop.server.variables)
    subprocess.run([sys.executable, "-c", SUMMON, ALEX, kind], cwd=ROOT, env=given, check=True)


def sign_in(page: Page, shop: Shop) -> None:
    """By keyboard alone."""
    page.goto(f"{shop.url}/agentic/account/")
    heading(page, "Sign in")
    page.get_by_label("Name or e-mail address").focus()
    page.keyboard.type(ALEX)
    page.keyboard.press("Tab")
    page.keyboard.type(DEMO_PASSWORD)
    page.keyboard.press("Enter")
    heading(page, WAITING)


@pytest.mark.requirement("AA-210", "AA-212")
def test_an_open_page_tells_its_person_and_they_act_by_keyboard(shop: Shop, phone: Page) -> None:
    phone.goto(f"{shop.url}/sign-in?next=/agentic/account/")
    accessible(phone)
    sign_in(phone, shop)
    banner = phone.get_by_role("status")
    expect(banner).to_be_empty()

    summon(shop, "payment")
    expect(banner).to_contain_text("One request of your agents waits for you.")
    expect(banner).to_contain_text("Shopper (agents.example) asks you to pay")
    accessible(phone)
    banner.get_by_role("link", name="Open it").focus()
    phone.keyboard.press("Enter")
    heading(phone, "Your agent asks you to pay on a page")
    expect(phone.locator(".host")).to_have_text("pay.example")
    expect(phone.get_by_text("It is not a page of Demo Shop.")).to_be_visible()
    accessible(phone)
    phone.get_by_role("button", name="I do not want this").focus()
    phone.keyboard.press("Enter")
    heading(phone, "You did not want this")
    expect(banner).to_be_empty()
    for name, title in (("Agents", "Agents that act for you"), ("How we reach you", "How we reach you")):
        phone.get_by_role("link", name=name, exact=True).click()
        heading(phone, title)
        accessible(phone)


def test_without_scripts_a_question_is_answered(shop: Shop, phones: Phones) -> None:
    summon(shop, "question")
    page = phones.open(java_script_enabled=False)

    sign_in(page, shop)
    page.get_by_role("link", name="asks you a question").click()
    page.get_by_role("button", name="Answer", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Write an answer first.")
    page.get_by_label("Your answer").fill("Red, please.")
    page.get_by_role("button", name="Answer", exact=True).click()
    heading(page, "Your agent has your answer")
    page.get_by_role("button", name="Sign out").click()
    heading(page, "You have signed out")
    page.go_back()

    heading(page, "Sign in")

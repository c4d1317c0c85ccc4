"""A one-time code that the buyer enters at our page, in a real browser."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.agents import ADDRESS
from tests.browser.agent import RemoteAgent
from tests.browser.conftest import Shop
from tests.browser.phones import Phones
from tests.browser.walks import CONFIRMED, DENIED, heading
from tests.person.conftest import OTP, wrong

pytestmark = pytest.mark.browser


def asked(agent: RemoteAgent, **members: Any) -> tuple[dict[str, Any], str]:
    """A session that waits for a code, and the address it was sent to."""
    address = f"ada-{uuid.uuid4().hex[:8]}@example.com"
    buyer = {"full_name": "Ada Lovelace", "email": address}
    details = {"address": ADDRESS}
    session = agent.create(
        "item_sneakers", buyer=buyer, fulfillment_details=details, capabilities=OTP, **members
    )
    return session, address


@pytest.mark.requirement("ACP-148", "ACP-156")
def test_the_buyer_pastes_the_code_and_the_agent_pays(agent: RemoteAgent, phone: Page, shop: Shop) -> None:
    session, address = asked(agent)
    code = shop.mailbox.code_for(address)

    phone.goto(session["continue_url"])
    heading(phone, "Enter your code")
    phone.get_by_label("One-time code").fill(f"{code[:3]} {code[3:]}")
    phone.get_by_role("button", name="Confirm the purchase").click()
    heading(phone, CONFIRMED)

    assert agent.complete(agent.retrieve(session)).json()["status"] == "completed"


def test_with_a_keyboard_alone_a_wrong_code_leads_back_to_the_field(
    agent: RemoteAgent, phone: Page, shop: Shop
) -> None:
    """The focus is on the summary, its link leads to the field, and the code is not in it."""
    session, address = asked(agent)
    code = shop.mailbox.code_for(address)

    phone.goto(session["continue_url"])
    phone.keyboard.press("Tab")
    field = phone.get_by_label("One-time code")
    expect(field).to_be_focused()
    phone.keyboard.type(wrong(code))
    phone.keyboard.press("Enter")
    expect(phone.get_by_role("alert")).to_be_focused()
    expect(field).to_have_value("")
    phone.keyboard.press("Tab")
    phone.keyboard.press("Enter")
    expect(field).to_be_focused()
    phone.keyboard.type(code)
    phone.keyboard.press("Enter")

    heading(phone, CONFIRMED)


def test_time_left_is_told_each_minute_and_in_the_end(agent: RemoteAgent, phone: Page) -> None:
    session, _ = asked(agent)
    phone.clock.install()

    phone.goto(session["continue_url"])
    left = phone.locator("[data-minutes]")
    expect(left).to_have_text("You have about 5 minutes.")
    phone.clock.run_for(66_000)
    expect(left).to_have_text("You have about 4 minutes.")
    expect(phone.locator("[data-seconds]")).to_have_text("A new code can be sent now.")
    phone.clock.run_for(180_000)
    expect(left).to_have_text("You have about one minute.")
    phone.clock.run_for(60_000)

    expect(left).to_have_text("The time is over. Load this page again to see what you can do.")


def test_it_works_without_scripts(agent: RemoteAgent, phones: Phones, shop: Shop) -> None:
    session, address = asked(agent)
    code = shop.mailbox.code_for(address)
    phone = phones.open(java_script_enabled=False)

    phone.goto(session["continue_url"])
    phone.get_by_label("One-time code").fill(wrong(code))
    phone.get_by_role("button", name="Confirm the purchase").click()
    phone.get_by_text("I did not get the code").click()
    phone.get_by_role("button", name="Send a new code").click()
    expect(phone.get_by_role("alert")).to_contain_text("No new code can be sent yet.")
    phone.get_by_role("button", name="Stop, do not buy this").click()

    heading(phone, DENIED)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_stands_in_anybodys_way(agent: RemoteAgent, phones: Phones, shop: Shop, scheme: str) -> None:
    """axe: contrast, names, order; with an error and with the help open. In German, on a small phone."""
    session, address = asked(agent, locale="de")
    code = shop.mailbox.code_for(address)
    phone = phones.open(color_scheme=scheme, viewport={"width": 320, "height": 640})

    phone.goto(session["continue_url"])
    for _ in range(2):
        phone.locator("summary").click()
        found = Axe().run(phone)
        assert found.violations_count == 0, found.generate_report()
        wide = phone.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        assert not wide
        phone.locator("#code").fill(wrong(code))
        phone.locator("button[value=code]").click()
    for control in phone.locator("button:visible, summary, #code").all():
        box = control.bounding_box()
        assert box is not None
        assert box["height"] >= 44

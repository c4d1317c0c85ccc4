"""A purchase that is confirmed with a passkey, walked in a real browser with a device of software."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import CDPSession, Page, expect

from tests.agents import PlayedAgent
from tests.browser.agent import RemoteAgent
from tests.browser.conftest import Shop
from tests.browser.phones import Phones
from tests.browser.walks import CONFIRMED, DENIED, heading

pytestmark = pytest.mark.browser

BIOMETRIC = {"interventions": {"supported": ["biometric", "otp"]}}
TRY_AGAIN = "You can try again."

DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


class Device:
    """An authenticator in the phone: whoever it belongs to has just unlocked it, or could not."""

    def __init__(self, phone: Page, **members: Any) -> None:
        self.cdp: CDPSession = phone.context.new_cdp_session(phone)
        self.cdp.send("WebAuthn.enable")
        added = self.cdp.send("WebAuthn.addVirtualAuthenticator", {"options": {**DEVICE, **members}})
        self.id = added["authenticatorId"]

    def unlocked(self, really: bool) -> None:
        told = {"authenticatorId": self.id, "isUserVerified": really}
        self.cdp.send("WebAuthn.setUserVerified", told)

    def keys(self) -> list[dict[str, Any]]:
        found: dict[str, Any] = self.cdp.send("WebAuthn.getCredentials", {"authenticatorId": self.id})
        keys: list[dict[str, Any]] = found["credentials"]
        return keys


def wanted(agent: RemoteAgent, **members: Any) -> dict[str, Any]:
    """A session whose buyer is asked to confirm with a passkey."""
    session = agent.create("item_ring", **{"capabilities": BIOMETRIC, **members})
    assert session["status"] == "authentication_required", session["messages"]
    assert session["intervention_context"]["intervention_type"] == "biometric"
    return session


def enter(phone: Page, session: Mapping[str, Any]) -> None:
    phone.goto(session["continue_url"])
    heading(phone, "Confirm with a passkey")
    phone.get_by_role("button", name="Continue on this device").click()


def prove_contact(phone: Page, shop: Shop, session: Mapping[str, Any]) -> None:
    phone.get_by_role("button", name="Send me a code").click()
    code = phone.get_by_label("Code from the mail")
    code.fill(shop.mailbox.code_for(session["buyer"]["email"]))
    phone.get_by_role("button", name="Continue", exact=True).click()


def make(phone: Page) -> None:
    phone.get_by_role("button", name="Make a passkey and confirm").click()


def use(phone: Page) -> None:
    phone.get_by_role("button", name="Confirm with your passkey").click()


SAY = """async ([path, body]) => {
    const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
    const headers = {"Content-Type": "application/json", "X-CSRFToken": token,
        "X-Seen": document.querySelector("[name=seen]").value};
    return (await (await fetch(path, {method: "POST", body, headers})).json()).problem;
}"""
"""What somebody says to the shop who has learnt how its page speaks."""


def paid(agent: PlayedAgent, session: dict[str, Any]) -> None:
    answered = agent.complete(agent.retrieve(session))
    assert answered.status_code == 200, answered.text
    assert answered.json()["status"] == "completed"


@pytest.mark.requirement("ACP-163")
def test_a_new_buyer_makes_a_passkey_and_confirms_the_next_purchase_with_it(
    agent: RemoteAgent, shop: Shop, phone: Page
) -> None:
    device = Device(phone)
    session = wanted(agent)

    enter(phone, session)
    expect(phone.get_by_role("region", name="Your purchase")).to_contain_text("Gold Ring")
    prove_contact(phone, shop, session)
    make(phone)
    heading(phone, CONFIRMED)
    paid(agent, session)
    assert len(device.keys()) == 1

    again = wanted(agent, buyer=session["buyer"])
    enter(phone, again)
    use(phone)
    heading(phone, CONFIRMED)
    paid(agent, again)
    assert len(device.keys()) == 1


@pytest.mark.requirement("ACP-163")
def test_a_device_that_its_owner_did_not_unlock_confirms_nothing(
    agent: RemoteAgent, shop: Shop, phone: Page
) -> None:
    """The person may try again, and it costs no attempt: nothing was sent."""
    device = Device(phone, isUserVerified=False)
    session = wanted(agent)
    enter(phone, session)
    prove_contact(phone, shop, session)

    make(phone)

    expect(phone.get_by_role("alert")).to_contain_text(TRY_AGAIN)
    assert agent.retrieve(session)["status"] == "authentication_required"
    device.unlocked(True)
    make(phone)
    heading(phone, CONFIRMED)
    paid(agent, session)


@pytest.mark.requirement("T10", "T42")
def test_the_page_that_shows_the_picture_watches_the_phone(
    agent: RemoteAgent, shop: Shop, phones: Phones
) -> None:
    desk, phone = phones.open(viewport={"width": 1280, "height": 800}), phones.open()
    Device(phone)
    session = wanted(agent)
    desk.goto(session["continue_url"])
    expect(desk.get_by_role("img", name="The link of this page")).to_be_visible()

    enter(phone, session)

    expect(desk.get_by_role("status")).to_contain_text("It was opened on another device.")
    desk.get_by_role("button", name="Continue on this device").click()
    heading(desk, "This was opened in another browser")
    desk.goto(session["continue_url"])
    heading(desk, "This was opened in another browser")
    prove_contact(phone, shop, session)
    make(phone)
    heading(phone, CONFIRMED)
    heading(desk, "This purchase is confirmed already")
    paid(agent, session)


@pytest.mark.requirement("T47")
def test_an_agent_with_a_browser_and_a_device_of_its_own_confirms_nothing(
    agent: RemoteAgent, phones: Phones
) -> None:
    """It has everything but the buyer's mail."""
    phone = phones.open()
    device, session = Device(phone), wanted(agent)

    enter(phone, session)

    expect(phone.get_by_role("heading", name="First: is it you?")).to_be_visible()
    expect(phone.get_by_role("button", name="Make a passkey")).to_have_count(0)
    with phones.expecting("409"):
        assert "an earlier try" in phone.evaluate(SAY, [session["continue_url"] + "/options", "{}"])
    told = agent.update(session, {"intervention_response": {"type": "biometric"}})
    assert told["status"] == "authentication_required"
    assert agent.complete(session).json()["code"] == "intervention_required"
    assert device.keys() == []


@pytest.mark.requirement("T31")
def test_what_a_device_answered_is_worth_nothing_a_second_time(
    agent: RemoteAgent, shop: Shop, phones: Phones
) -> None:
    """Recorded on its way to the shop, and sent again for the next purchase."""
    phone = phones.open()
    Device(phone)
    session = wanted(agent)
    enter(phone, session)
    prove_contact(phone, shop, session)
    make(phone)
    heading(phone, CONFIRMED)
    second, third = (wanted(agent, buyer=session["buyer"]) for _ in range(2))
    enter(phone, second)
    with phone.expect_request(re.compile("/proof$")) as sent:
        use(phone)
    heading(phone, CONFIRMED)

    enter(phone, third)
    with phones.expecting("409"):
        answered = phone.evaluate(SAY, [third["continue_url"] + "/proof", sent.value.post_data])

    assert "used already" in answered
    assert agent.retrieve(third)["status"] == "authentication_required"


def test_without_scripts_the_buyer_learns_why_and_can_stop(agent: RemoteAgent, phones: Phones) -> None:
    plain = phones.open(java_script_enabled=False)
    session = wanted(agent)

    plain.goto(session["continue_url"])
    expect(plain.get_by_text("A passkey needs scripts")).to_be_visible()
    plain.get_by_role("link", name="Check again").click()
    heading(plain, "Confirm with a passkey")
    plain.get_by_role("button", name="Stop, do not buy this").click()
    heading(plain, DENIED)

    assert agent.retrieve(session)["status"] == "not_ready_for_payment"


def test_a_browser_without_passkeys_says_so(agent: RemoteAgent, phones: Phones) -> None:
    old = phones.open()
    old.context.add_init_script("delete window.PublicKeyCredential")
    session = wanted(agent)

    old.goto(session["continue_url"])

    expect(old.get_by_text("This browser cannot use passkeys.")).to_be_visible()


def test_an_older_phone_is_served_as_well(agent: RemoteAgent, shop: Shop, phone: Page) -> None:
    """Its browser has passkeys, and no JSON of its own for them."""
    phone.context.add_init_script(
        """delete PublicKeyCredential.parseCreationOptionsFromJSON;
        delete PublicKeyCredential.parseRequestOptionsFromJSON;
        delete PublicKeyCredential.prototype.toJSON;"""
    )
    Device(phone)
    session = wanted(agent)
    enter(phone, session)
    prove_contact(phone, shop, session)
    make(phone)
    heading(phone, CONFIRMED)

    again = wanted(agent, buyer=session["buyer"])
    enter(phone, again)
    use(phone)
    heading(phone, CONFIRMED)


@pytest.mark.requirement("ACP-014")
def test_a_german_buyer_reads_german(agent: RemoteAgent, shop: Shop, phone: Page) -> None:
    Device(phone)
    session = wanted(agent, locale="de-DE")

    phone.goto(session["continue_url"])
    heading(phone, "Mit einem Passkey bestätigen")
    phone.get_by_role("button", name="Auf diesem Gerät weiter").click()
    phone.get_by_role("button", name="Code an mich senden").click()
    phone.get_by_label("Code aus der E-Mail").fill("123")
    phone.get_by_role("button", name="Weiter", exact=True).click()
    expect(phone.get_by_role("alert")).to_contain_text("Ein Code hat sechs bis acht Ziffern.")
    assert phone.locator("html").get_attribute("lang") == "de"


def test_the_pages_are_accessible(agent: RemoteAgent, shop: Shop, phone: Page) -> None:
    Device(phone)
    session = wanted(agent)
    phone.goto(session["continue_url"])
    seen = [Axe().run(phone)]
    enter(phone, session)
    phone.get_by_role("button", name="Send me a code").click()
    expect(phone.get_by_label("Code from the mail")).to_be_visible()
    seen.append(Axe().run(phone))
    phone.get_by_label("Code from the mail").fill("1")
    phone.get_by_role("button", name="Continue", exact=True).click()
    expect(phone.get_by_role("alert")).to_be_focused()
    seen.append(Axe().run(phone))
    phone.get_by_label("Code from the mail").fill(shop.mailbox.code_for(session["buyer"]["email"]))
    phone.get_by_role("button", name="Continue", exact=True).click()
    expect(phone.get_by_role("button", name="Make a passkey and confirm")).to_be_visible()
    seen.append(Axe().run(phone))

    assert [found.generate_report() for found in seen if found.violations_count] == []

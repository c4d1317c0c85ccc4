"""A device is set up for messages, in a real browser, with our service worker.

Without internet no browser can subscribe, so the page is given a subscription of our own making; what is
pushed to that is opened, and handed to the worker as the browser would. A real push service is not
claimed: see docs/aauth/channels.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import CDPSession, Page, expect

from tests.browser.phones import Phones
from tests.browser.shop import Shop, served
from tests.project.server import eventually
from tests.reaching.browsers import Browser, PushService, serving

pytestmark = pytest.mark.browser

SUBSCRIBE = """given => {
  const made = { endpoint: given.endpoint, toJSON: () => given };
  made.unsubscribe = async () => { made.gone = true; };
  PushManager.prototype.subscribe = async function (options) {
    made.gone = false;
    window.subscribedWith = new Uint8Array(options.applicationServerKey).length;
    sessionStorage.setItem("subscribed", "yes");
    return made;
  };
  PushManager.prototype.getSubscription = async () =>
    sessionStorage.getItem("subscribed") && !made.gone ? made : null;
}"""
"""What a push service would have answered."""

SHOWN = """async () => {
  const found = await navigator.serviceWorker.getRegistration("/agentic/account/");
  const shown = await found.getNotifications();
  return shown.map(one => [one.title, one.tag, one.data.url]);
}"""


@pytest.fixture
def service() -> Iterator[PushService]:
    with serving() as playing:
        yield playing


@pytest.fixture
def shop(tmp_path: Path, service: PushService) -> Iterator[Shop]:
    with served(
        tmp_path, "tests.browser.push_settings", PUSH_SERVICE=service.authority, PYTHONPATH=str(Path.cwd())
    ) as shop:
        yield shop


def sign_in(phone: Page, shop: Shop) -> None:
    """The demo's operator is a person with an account too."""
    where = f"{shop.url}/admin/login/"
    asked = phone.context.request.get(where)
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', asked.text())
    assert token is not None
    form = {"username": "admin", "password": "admin", "csrfmiddlewaretoken": token[1], "next": "/healthz"}
    assert phone.context.request.post(where, form=form, headers={"Referer": where}).ok


class Worker:
    """The browser's own hand on our worker: what its push service would hand to it."""

    def __init__(self, phone: Page, shop: Shop) -> None:
        self.cdp: CDPSession = phone.context.new_cdp_session(phone)
        self.origin = shop.url
        self.registration = ""
        self.cdp.on("ServiceWorker.workerRegistrationUpdated", self._seen)
        self.cdp.send("ServiceWorker.enable")

    def _seen(self, told: dict[str, Any]) -> None:
        for one in told["registrations"]:
            if one["scopeURL"] == f"{self.origin}/agentic/account/" and not one["isDeleted"]:
                self.registration = one["registrationId"]

    def push(self, message: Any) -> None:
        assert self.registration
        told = {"origin": self.origin, "registrationId": self.registration, "data": json.dumps(message)}
        self.cdp.send("ServiceWorker.deliverPushMessage", told)


@pytest.mark.requirement("AA-210")
def test_a_device_is_set_up_and_shows_what_waits(shop: Shop, service: PushService, phones: Phones) -> None:
    browser = Browser(service)
    phone = phones.open()
    phone.context.grant_permissions(["notifications"], origin=shop.url)
    phone.context.add_init_script(f"({SUBSCRIBE})({json.dumps(browser.subscription)})")
    sign_in(phone, shop)
    phone.goto(f"{shop.url}/agentic/account/this-device")
    expect(phone.get_by_text("This device gets no messages.")).to_be_visible()
    worker = Worker(phone, shop)

    phone.get_by_role("button", name="Notify me on this device").click()
    expect(phone.get_by_text("wait for it to arrive")).to_be_visible()
    assert eventually(lambda: bool(browser.shown), within=30)
    assert phone.evaluate("subscribedWith") == 65
    assert Axe().run(phone).response["violations"] == []
    worker.push(browser.shown[0])

    expect(phone.get_by_text("This device gets messages.")).to_be_visible()
    phone.reload()
    expect(phone.get_by_text("This device gets messages.")).to_be_visible()

    told = {"id": "smn_1", "title": "Shopper needs you", "url": f"{shop.url}/agentic/account/requests/smn_1"}
    worker.push(told)
    worker.push({**told, "title": "Shopper still needs you"})
    for elsewhere in ("https://evil.example/agentic/account/", f"{shop.url}/admin/", "javascript:alert(1)"):
        worker.push({"id": elsewhere, "title": "elsewhere", "url": elsewhere})
    assert eventually(lambda: len(phone.evaluate(SHOWN)) == 5, within=30), phone.evaluate(SHOWN)
    shown = {tag: (title, url) for title, tag, url in phone.evaluate(SHOWN)}
    assert shown.pop("smn_1") == ("Shopper still needs you", told["url"]), "a repeat replaces"
    assert sorted(shown.values()).count(("elsewhere", "")) == 3, "nothing but our own pages is opened"

    phone.get_by_role("button", name="Stop messages on this device").click()
    expect(phone.get_by_text("This device gets no messages.")).to_be_visible()

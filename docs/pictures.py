"""Takes the pictures of the documentation in a real browser: `make pictures`.

The shop is served for the occasion, so each picture is of a page that nobody has played with.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser import chromium, handoff, walks
from tests.browser.agent import RemoteAgent
from tests.browser.phones import Phones
from tests.browser.shop import Shop, served
from tests.browser.visitor import Visitor

IMAGES = Path(__file__).parent / "images"


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        served(Path(folder)) as shop,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=list(chromium.QUIET))
        phones, agent = Phones(browser), RemoteAgent(shop.url)
        take(partial(phones.open, color_scheme="light"), agent, shop, "")
        take(partial(phones.open, color_scheme="dark"), agent, shop, "-dark")
        handed_over(partial(phones.open, color_scheme="light"), shop, "")
        handed_over(partial(phones.open, color_scheme="dark"), shop, "-dark")
        operator(browser, agent, shop)
        phones.close()
        browser.close()


def take(opened: Callable[[], Page], agent: RemoteAgent, shop: Shop, ending: str) -> None:
    """A buyer's pages, from the question to each of its ends."""

    def keep(page: Page, name: str) -> None:
        page.screenshot(path=IMAGES / f"{name}{ending}.png")

    page, session = opened(), agent.sent_away()
    walks.arrive(page, session)
    keep(page, "confirm")
    walks.go_to_the_wallet(page)
    keep(page, "wallet")
    walks.decide(page, "Approve")
    walks.heading(page, walks.CONFIRMED)
    keep(page, "done")
    page.goto(agent.complete(agent.retrieve(session)).json()["order"]["permalink_url"])
    keep(page, "order")

    page = opened()
    walks.arrive(page, agent.sent_away())
    walks.go_to_the_wallet(page)
    walks.decide(page, "Deny")
    walks.heading(page, walks.DENIED)
    keep(page, "denied")

    page, session = opened(), agent.sent_away()
    shop.lapse(session)
    page.goto(session["intervention_context"]["redirect_url"])
    keep(page, "expired")


def handed_over(opened: Callable[[], Page], shop: Shop, ending: str) -> None:
    """What a person sees who finishes a purchase that an agent has handed over."""

    def keep(name: str) -> None:
        page.evaluate("document.activeElement.blur()")
        page.screenshot(path=IMAGES / f"handoff-{name}{ending}.png", full_page=True)

    visitor, page = Visitor(shop.url), opened()
    page.goto(visitor.handed_over("prod_9f8e7d", "item_kettle"))
    walks.heading(page, handoff.REVIEW)
    keep("review")
    handoff.go_on(page)
    handoff.tell_contact(page, "ada@example.com")
    handoff.go_on(page)
    expect(page.get_by_role("alert")).to_be_visible()
    keep("address")
    handoff.tell_address(page)
    keep("delivery")
    handoff.choose(page, "Express")
    walks.heading(page, handoff.CHECK)
    page.get_by_label("Test card that pays").check()
    keep("payment")
    handoff.pay(page)
    walks.heading(page, handoff.THANKS)
    keep("done")
    visitor.http.close()


def operator(browser: Browser, agent: RemoteAgent, shop: Shop) -> None:
    """The operator's view of a purchase."""
    session = agent.create({"id": "item_mug", "quantity": 2})
    assert agent.complete(session).status_code == 200
    desk = browser.new_page(viewport={"width": 1400, "height": 1100})
    there = session["id"].replace("_", "_5F")
    desk.goto(f"{shop.url}/admin/agentic_checkout/checkoutsession/{there}/change/")
    desk.fill("#id_username", "admin")
    desk.fill("#id_password", "admin")
    desk.click("[type=submit]")
    desk.wait_for_load_state()
    desk.screenshot(path=IMAGES / "admin.png")


if __name__ == "__main__":
    main()

"""A shop that is served, an agent that buys there, and people with phones.

    def test_something(agent: RemoteAgent, phone: Page) -> None:
        session = agent.sent_away()
        phone.goto(session["intervention_context"]["redirect_url"])

Whatever goes wrong on any page (console, exceptions, policy) fails the test in the end.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser import chromium
from tests.browser.agent import RemoteAgent
from tests.browser.phones import Phones
from tests.browser.shop import Shop, served

PHONES = pytest.StashKey[Phones]()

# Not how fast a page must be: how long a busy machine may take.
expect.set_options(timeout=60_000)


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A real server with its relay, one for all tests of a process: none may change the shop itself."""
    with served(tmp_path_factory.mktemp("shop")) as shop:
        yield shop


@pytest.fixture
def agent(shop: Shop) -> Iterator[RemoteAgent]:
    playing = RemoteAgent(shop.url)
    yield playing
    playing.http.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests of a process. Without one they fail; none is skipped."""
    try:
        path = chromium.find()
    except chromium.NoChromium as reason:
        pytest.fail(str(reason), pytrace=False)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=list(chromium.QUIET))
        yield launched
        launched.close()


@pytest.fixture
def phones(request: pytest.FixtureRequest, browser: Browser, tmp_path: Path) -> Iterator[Phones]:
    """As many people as a test needs; afterwards nothing may have gone wrong on their pages."""
    handed_out = request.node.stash[PHONES] = Phones(browser)
    yield handed_out
    handed_out.close()
    assert handed_out.problems == []


@pytest.fixture
def phone(phones: Phones) -> Page:
    """The buyer's."""
    return phones.open()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test leaves pictures and HTML of its pages, and says where."""
    report = yield
    handed_out = item.stash.get(PHONES, None)
    if report.failed and call.when == "call" and handed_out is not None:
        folder = item.funcargs["tmp_path"]  # type: ignore[attr-defined]
        try:
            saved = "\n".join(str(path) for path in handed_out.save(folder))
        except Exception as problem:
            saved = f"no pictures: {problem}"
        report.sections.append(("pages", "\n".join((saved, *handed_out.problems))))
    return report

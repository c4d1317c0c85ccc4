"""The rules for pages find what breaks them."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.phones import Phones, unprotected
from tests.browser.rules import problems

pytestmark = pytest.mark.browser

GOOD = """<!doctype html><html lang="en"><head><title>A page</title></head><body><main>
<h1>A page</h1><h2>More</h2><p>Words, and <a href="#x">a link in them</a>.</p>
<label for="f">Field</label> <input id="f" style="font: 16px sans-serif; height: 44px">
<button style="font: 16px sans-serif; height: 44px; color: #fff; background: #222">Go on</button>
</main></body></html>"""


def test_a_good_page_breaks_none(phone: Page) -> None:
    phone.set_content(GOOD)

    assert problems(phone) == []


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (' lang="en"', "", "no lang"),
        ("<title>A page</title>", "", "no title"),
        ("<main>", "<div>", "0 <main>"),
        ("<h1>A page</h1>", "<p>A page</p>", "not one h1"),
        ("<h2>More</h2>", "<h3>More</h3>", "h3 after a gap"),
        ('for="f"', "", "no label"),
        ("16px sans-serif; height: 44px; color", "15px sans-serif; height: 44px; color", "letters of 15 px"),
        ("height: 44px; color", "height: 43px; color", "x 43 px to touch"),
        ("<p>", '<p style="color: #777; background: #fff">', "text contrast 4.48"),
        (
            "color: #fff; background: #222",
            "color: #222; background: #ccc; border: 0",
            "its edge has contrast",
        ),
        ("<button ", '<button tabindex="-1" ', "of 3 things Tab reaches"),
        ("<a ", '<a style="outline: none" ', "focus on 'a link in them' cannot be seen"),
        ("<p>", '<p style="width: 321px">', "px wide on a screen of 320 px"),
        ("<p>", '<p role="wrong">', "axe aria-roles"),
        (
            "<head>",
            "<head><style>@media (prefers-color-scheme: dark) { p { color: #eee } }</style>",
            "dark: ",
        ),
    ],
)
def test_a_page_that_breaks_one_is_told_which(phone: Page, before: str, after: str, said: str) -> None:
    assert before in GOOD
    phone.set_content(GOOD.replace(before, after, 1))

    assert any(said in problem for problem in problems(phone)), problems(phone)


def test_a_page_without_headers_lacks_all_but_what_they_could_allow() -> None:
    assert len(unprotected({})) == 8


def test_what_goes_wrong_on_a_page_is_noticed(phones: Phones) -> None:
    page = phones.open()
    page.route(
        "http://page.example/",
        lambda route: route.fulfill(
            body="<script>1</script>",
            headers={"Content-Type": "text/html", "Content-Security-Policy": "script-src 'none'"},
        ),
    )

    with phones.expecting("console: bad", "exception: worse", "policy: script-src"):
        page.goto("http://page.example/")
        page.evaluate("console.error('bad'); setTimeout(() => { throw new Error('worse') })")
        page.wait_for_timeout(200)


def test_a_page_of_ours_without_its_headers_is_noticed(phones: Phones) -> None:
    page = phones.open()
    page.route("http://page.example/agentic/confirm/x", lambda route: route.fulfill(body="<h1>Hello</h1>"))

    with phones.expecting("lacks Cache-Control: no-store", "lacks X-Frame-Options"):
        page.goto("http://page.example/agentic/confirm/x")

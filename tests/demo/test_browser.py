"""What the demo's operator sees of a page, and how the admin's forms come back from there."""

from __future__ import annotations

from urllib.parse import parse_qs

import httpx
import pytest

from gateway.demo.browser import Browser
from gateway.demo.client import NoServer
from gateway.demo.operator import NoOperator, Operator, dearer, quoted

PAGE = """
<input name="outside" value="1">
<form action="/search"><input name="q"></form>
<form method="post">
  <input type="hidden" name="token" value="a&amp;b">
  <input name="amount" value="28.00"><input name="empty">
  <input type="checkbox" name="active" checked><input type="checkbox" name="sold">
  <input type="checkbox" name="kinds" value="otp" checked>
  <input type="checkbox" name="kinds" value="3ds" checked>
  <textarea name="words">
one &lt;two&gt;
three</textarea>
  <textarea name="silent"></textarea>
  <select name="currency">
    <option value="eur">Euro</option><option value="usd" selected>Dollar</option>
  </select>
  <input type="submit" name="_save" value="Save"><input type="file" name="picture">
</form>
"""


def test_a_form_comes_back_as_it_stood_on_the_page() -> None:
    """Ticked boxes, chosen options and texts; no button that was not pressed."""
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, text=PAGE, headers={"Set-Cookie": "session=s1"})

    browser = Browser(httpx.MockTransport(answer))
    page = browser.open("http://shop.example/admin/thing/")
    form = page.form("amount")
    assert form is not None
    browser.submit(page, form, amount="29.00", _save="Save")

    assert [sorted(entry.fields) for entry in page.forms if len(entry.fields) == 1] == [["q"]]
    assert page.form("amount", "1") is None
    assert sent[1].method == "POST"
    assert str(sent[1].url) == "http://shop.example/admin/thing/"
    assert sent[1].headers["Referer"] == "http://shop.example/admin/thing/"
    assert sent[1].headers["Cookie"] == "session=s1"
    assert parse_qs(sent[1].content.decode(), keep_blank_values=True) == {
        "token": ["a&b"],
        "amount": ["29.00"],
        "empty": [""],
        "active": ["on"],
        "kinds": ["otp", "3ds"],
        "words": ["one <two>\nthree"],
        "silent": [""],
        "currency": ["usd"],
        "_save": ["Save"],
    }


def test_nobody_answers() -> None:
    def silent(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("too slow")

    with pytest.raises(NoServer, match="ReadTimeout"):
        Browser(httpx.MockTransport(silent)).open("http://shop.example/admin/")


def test_a_merchant_without_this_admin() -> None:
    """A page without the form: said in a sentence, not in a traceback."""
    browser = Browser(httpx.MockTransport(lambda request: httpx.Response(404, text="<p>Nothing here</p>")))

    with pytest.raises(NoOperator, match=r"no admin to log in to at http://shop\.example/admin/"):
        Operator(browser, url="http://shop.example", name="a", password="b").price_of("item_mug")


def test_ids_and_prices_as_the_admin_writes_them() -> None:
    assert quoted("item_mug_2") == "item_5Fmug_5F2"
    assert (dearer("899.00"), dearer("100")) == ("900.00", "101")
    with pytest.raises(NoOperator):
        dearer("a lot")

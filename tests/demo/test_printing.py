"""What the reader sees: colours, masks, amounts."""

from __future__ import annotations

import io

import pytest

from gateway.demo.money import display
from gateway.demo.printing import Printer, Row, masked


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that says nothing about colours."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    return monkeypatch


def test_a_terminal_gets_colours(plain: pytest.MonkeyPatch) -> None:
    screen = Screen()

    Printer(screen).kept("it works")

    assert screen.getvalue() == "\x1b[32m   ok it works\x1b[0m\n"


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_a_terminal_that_wants_none_gets_none(plain: pytest.MonkeyPatch, name: str, value: str) -> None:
    plain.setenv(name, value)
    screen = Screen()

    Printer(screen).kept("it works")

    assert screen.getvalue() == "   ok it works\n"


def test_a_file_gets_no_colours(plain: pytest.MonkeyPatch) -> None:
    out = io.StringIO()

    Printer(out).kept("it works")

    assert out.getvalue() == "   ok it works\n"


def test_a_server_cannot_steer_the_terminal(plain: pytest.MonkeyPatch) -> None:
    out = io.StringIO()

    Printer(out).answer(200, "OK", [Row("says", ["\x1b[2Jgone\u202e\x07"])])

    assert out.getvalue() == "   <- 200 OK\n      says        ?[2Jgone??\n"


def test_a_screen_without_unicode_still_works() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")

    Printer(out).plain("Tea for Zoë")

    assert raw.getvalue() == b"Tea for Zo?\n"


def test_a_lasting_row_is_shown_when_it_changes() -> None:
    out = io.StringIO()
    printer = Printer(out)

    for total in ("5.00 USD", "5.00 USD", "6.00 USD"):
        printer.answer(200, "OK", [Row("total", [total], lasting=True), Row("status", ["open"])])

    assert out.getvalue().count("5.00 USD") == 1
    assert out.getvalue().count("6.00 USD") == 1
    assert out.getvalue().count("open") == 3


def test_a_new_scenario_shows_everything_again() -> None:
    out = io.StringIO()
    printer = Printer(out)

    for name in ("one", "two"):
        printer.begin(name, "a story")
        printer.step("Do it.")
        printer.answer(200, "OK", [Row("total", ["5.00 USD"], lasting=True)])

    assert out.getvalue().count("5.00 USD") == 2
    assert out.getvalue().count("1. Do it.") == 2


@pytest.mark.parametrize(
    ("secret", "shown"),
    [("demo-agent-key", "demo..."), ("spt_sandbox_ok", "spt_..."), ("short", "..."), ("", "...")],
)
def test_a_mask_shows_four_signs_at_most(secret: str, shown: str) -> None:
    assert masked(secret) == shown


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        (12999, "usd", "129.99 USD"),
        (5, "usd", "0.05 USD"),
        (0, "eur", "0.00 EUR"),
        (-250, "usd", "-2.50 USD"),
        (100, "jpy", "100 JPY"),
        (-7, "JPY", "-7 JPY"),
        (1234, "kwd", "1.234 KWD"),
        (2**53 - 1, "usd", "90071992547409.91 USD"),
    ],
)
def test_amounts_are_minor_units(amount: int, currency: str, shown: str) -> None:
    """ACP-016: integers of minor units, zero-decimal currencies included."""
    assert display(amount, currency) == shown


@pytest.mark.requirement("IT-31")
def test_a_code_is_masked_until_it_is_forgotten() -> None:
    """House rule: a one-time code is shown nowhere, also when it comes back in an answer."""
    out = io.StringIO()
    printer = Printer(out, verbose=True)

    printer.request("POST /", [], {"intervention_response": {"type": "otp", "code": "123456"}})
    printer.answer(200, "OK", [], {"messages": [{"code": "invalid", "content": "not 123456"}]})
    masked_text = out.getvalue()
    printer.forget_codes()
    printer.plain("123456")

    assert "123456" not in masked_text
    assert '"code": "******"' in masked_text
    assert '"code": "invalid"' in masked_text
    assert out.getvalue() == masked_text + "123456\n"

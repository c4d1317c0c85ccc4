"""What the demo agent owes its buyer: section 6 of the intervention extension, seed 001."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from gateway.demo.answers import Answer, BrokenPromise
from gateway.demo.client import Client
from gateway.demo.duties import Untrusted, lapsed, trusted
from gateway.demo.play import Play
from gateway.demo.printing import Printer

SHOP = frozenset({"https://shop.example", "https://pay.example"})
LOCAL = frozenset({"http://localhost:8000"})
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("url", "origins", "leads_to"),
    [
        ("https://shop.example/confirm/x?y=1", SHOP, "shop.example"),
        ("https://pay.example/a", SHOP, "pay.example"),
        ("http://localhost:8000/agentic/confirm/x", LOCAL, "localhost:8000"),
    ],
)
def test_an_address_of_the_merchant_or_a_known_provider_is_opened(
    url: str, origins: frozenset[str], leads_to: str
) -> None:
    assert trusted(url, origins) == leads_to


@pytest.mark.requirement("ACP-154", "IT-28", "IT-29")
@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/confirm",
        "ftp://shop.example/confirm",
        "javascript:alert(1)",
        "data:text/html,x",
        "//shop.example/confirm",
        "/confirm",
        "",
        "https://",
        "https://evil.example/confirm",
        "https://shop.example.evil.example/",
        "https://evil.example/https://shop.example/",
        "https://shop.example@evil.example/",
        "https://buyer:pass@shop.example/",
        "https://shop.example:8443/",
        "https://sub.shop.example/",
        "https://shop.example\\@evil.example/",
        "https://shop.example /",
        "https://shop.example\n.evil.example/",
        "https://sh\u043ep.example/",
        "https://[shop.example/",
        "http://localhost:8000/",
        "http://127.0.0.1/",
    ],
)
def test_no_buyer_is_sent_to_a_foreign_or_an_open_page(url: str) -> None:
    """§6.1: https, and a domain that is known."""
    with pytest.raises(Untrusted) as refused:
        trusted(url, SHOP)

    assert "evil" not in str(refused.value)


def test_http_is_for_this_machine_only() -> None:
    """The demo's own rule: a recognised origin is not enough."""
    with pytest.raises(Untrusted):
        trusted("http://shop.example/x", frozenset({"http://shop.example"}))


@pytest.mark.requirement("ACP-155", "IT-35")
@pytest.mark.parametrize(
    ("context", "over"),
    [
        ({"expires_at": (NOW + timedelta(seconds=1)).isoformat()}, False),
        ({"expires_at": NOW.isoformat()}, True),
        ({"expires_at": "2026-03-01T11:59:59Z"}, True),
        ({"expires_at": "2026-03-01T12:00:01Z"}, False),
        ({"expires_at": "2026-03-01T13:30:00+02:00"}, True),
        ({"expires_at": "soon"}, True),
        ({"expires_at": "2026-03-01T13:00:00"}, True),
        ({"expires_at": None}, True),
        ({}, False),
    ],
)
def test_a_context_whose_time_is_over_counts_as_failed(context: dict[str, Any], over: bool) -> None:
    """§6.3; an end that nobody can read is no end to rely on."""
    assert lapsed(context, NOW) is over


class Stage:
    """An agent at work, without a server, and what the reader is told."""

    def __init__(self, *, providers: frozenset[str] = frozenset()) -> None:
        self.out = io.StringIO()
        nobody: Any = SimpleNamespace()
        self.play = Play(
            Client(httpx.MockTransport(lambda _: httpx.Response(500))),
            Printer(self.out),
            url="https://shop.example",
            key="agent-key-1",
            other_key="agent-key-2",
            mailbox=nobody,
            operator=nobody,
            person=nobody,
            providers=providers,
        )


def session(url: str, *, minutes: int = 5) -> Answer:
    ends_at = (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()
    context = {"intervention_type": "redirect", "redirect_url": url, "expires_at": ends_at}
    return Answer(200, "OK", {}, b"", {"intervention_context": context})


@pytest.mark.requirement("IT-30")
def test_the_buyer_is_warned_before_a_page_is_opened() -> None:
    """§6.1."""
    stage = Stage()

    assert stage.play.link(session("https://shop.example/confirm/1")) == "https://shop.example/confirm/1"
    assert (
        "The agent warns: I will open a page outside of this chat, at shop.example." in stage.out.getvalue()
    )


@pytest.mark.requirement("ACP-154", "IT-29")
def test_the_agent_opens_no_page_of_a_stranger() -> None:
    """§6.1, unless it recognises the stranger."""
    stage = Stage()

    with pytest.raises(Untrusted):
        stage.play.link(session("https://wallet.example/authorize"))
    assert stage.out.getvalue() == ""
    recognised = Stage(providers=frozenset({"https://wallet.example"}))
    assert recognised.play.link(session("https://wallet.example/authorize"))


@pytest.mark.requirement("ACP-155", "IT-35")
def test_the_agent_sends_nobody_to_a_page_whose_time_is_over() -> None:
    """§6.3: it asks again, or cancels."""
    stage = Stage()

    with pytest.raises(BrokenPromise):
        stage.play.link(session("https://shop.example/confirm/1", minutes=-1))
    with pytest.raises(BrokenPromise):
        stage.play.link(Answer(200, "OK", {}, b"", {}))
    assert stage.out.getvalue() == ""

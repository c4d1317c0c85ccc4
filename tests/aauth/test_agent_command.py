"""`manage.py agentic_buy`: what it does, what it says, and how it ends."""

from __future__ import annotations

import io
import json
import re
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from gateway.aauth.agent import Agent, Answer, load_identity, showing
from gateway.management.commands import agentic_buy
from tests.aauth.stand_ins import Said, Server, problem, serving, waits

SESSIONS = "/acp/checkout_sessions"
PAGE = "https://shop.example/aauth/i/a1"
CODE = "K7QX-42MB"
HANDLERS = {"payment": {"handlers": [{"id": "card"}]}}
READY = {"id": "cs_1", "status": "ready_for_payment", "capabilities": HANDLERS}
DONE = {"id": "cs_1", "status": "completed", "order": {"id": "ord_1", "permalink_url": "https://shop/ord_1"}}


@pytest.fixture
def shop() -> Iterator[Server]:
    with serving() as server:
        server.on("GET", "/.well-known/acp.json", Said(200, {"api_base_url": server.origin + "/acp"}))
        server.on("POST", SESSIONS, Said(201, READY))
        server.on("POST", f"{SESSIONS}/cs_1/complete", Said(200, DONE))
        server.on("DELETE", "/pending/1", Said(204, b""))
        yield server


def buy(shop: Server, tmp_path: Path, *arguments: str) -> str:
    out = io.StringIO()
    identity = ("--identity", str(tmp_path / "agent.json"))
    try:
        call_command("agentic_buy", *arguments, "--url", shop.origin, *identity, stdout=out)
    finally:
        buy.said = out.getvalue()  # type: ignore[attr-defined]
    return out.getvalue()


def fails(shop: Server, tmp_path: Path, *arguments: str) -> CommandError:
    with pytest.raises(CommandError) as raised:
        buy(shop, tmp_path, *arguments)
    return raised.value


def test_it_buys_and_keeps_who_it_is(shop: Server, tmp_path: Path) -> None:
    said = buy(shop, tmp_path, "item_mug", "--quantity", "2")
    again = buy(shop, tmp_path, "item_mug")

    assert "A new agent: its keys are in" in said
    assert "A new agent" not in again
    assert "Bought. The order is ord_1" in said
    subject = load_identity(tmp_path / "agent.json").provider.subject
    assert f"The agent is {subject}, vouched for by https://agents.demo.example" in again
    created = next(asked for asked in shop.asked if asked.path == SESSIONS)
    assert created.json["line_items"] == [{"id": "item_mug", "quantity": 2}]
    assert all(asked.is_signed for asked in shop.asked)
    paid = next(asked for asked in shop.asked if asked.path.endswith("/complete"))
    assert paid.json["payment_data"]["handler_id"] == "card"


def test_the_page_the_code_and_a_square_are_shown(shop: Server, tmp_path: Path) -> None:
    """A browser is opened when asked for, and never else."""
    asked = f'requirement=interaction; url="{PAGE}"; code="{CODE}"'
    shop.on("POST", SESSIONS, waits(shop, requires=asked, retry_after="0"))
    shop.on("GET", "/pending/1", Said(200, READY))

    said = buy(shop, tmp_path, "--show", "qr")

    assert f"page  {PAGE}" in said
    assert f"code  {CODE}" in said
    assert f"link  {PAGE}?code={CODE}" in said
    assert "\u2588\u2588\u2588" in said
    assert "Bought." in said
    assert "\u2588" not in buy(shop, tmp_path), "where no terminal is, there is text alone"


@pytest.mark.parametrize("wanted", [True, False])
def test_a_browser_is_opened_only_when_asked_for(
    shop: Server, tmp_path: Path, wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    asked = f'requirement=interaction; url="{PAGE}"; code="{CODE}"'
    shop.on("POST", SESSIONS, waits(shop, requires=asked, retry_after="0"))
    shop.on("GET", "/pending/1", Said(200, READY))

    buy(shop, tmp_path, *(["--show", "browser"] if wanted else []))

    assert opened == ([f"{PAGE}?code={CODE}"] if wanted else [])


def question(shop: Server) -> Said:
    return waits(
        shop,
        requires="requirement=clarification",
        clarification="What for?\x1b[31m\n**Now**",
        options=["A gift", "Resale"],
        timeout=60,
    )


def test_questions_are_answered_as_told(shop: Server, tmp_path: Path) -> None:
    shop.on("POST", SESSIONS, question(shop))
    shop.on("POST", "/pending/1", question(shop), question(shop), Said(200, READY))

    said = buy(shop, tmp_path, "--answer", "first", "--answer", "then")

    answers = [asked.json["clarification_response"] for asked in shop.asked if asked.path == "/pending/1"]
    assert answers == ["first", "then", "then"]
    assert "1) A gift" in said
    assert "\x1b" not in said, "nobody else steers the terminal"


@pytest.mark.parametrize(("typed", "sent"), [("2", "Resale"), ("3", "3"), ("My own", "My own"), ("0", "0")])
def test_questions_are_asked_at_a_terminal(
    shop: Server, tmp_path: Path, typed: str, sent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: f" {typed} ")
    shop.on("POST", SESSIONS, question(shop))
    shop.on("POST", "/pending/1", Said(200, READY))

    buy(shop, tmp_path)

    (answered,) = [asked.json for asked in shop.asked if asked.path == "/pending/1"]
    assert answered["clarification_response"] == sent


def test_a_call_is_taken_back_at_a_terminal(
    shop: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: "!")
    shop.on("POST", SESSIONS, question(shop))

    problem = fails(shop, tmp_path)

    assert problem.returncode == 1
    assert shop.lines()[-1] == "DELETE /pending/1"


def test_without_a_terminal_or_answers_it_declares_no_questions(shop: Server, tmp_path: Path) -> None:
    buy(shop, tmp_path)

    assert shop.asked[1].headers["aauth-capabilities"] == "interaction"


def test_stopping_it_takes_the_call_back(
    shop: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(agentic_buy.Command, "_show", stopped)
    asked = f'requirement=interaction; url="{PAGE}"; code="{CODE}"'
    shop.on("POST", SESSIONS, waits(shop, requires=asked))

    problem = fails(shop, tmp_path)

    assert problem.returncode == 1
    assert shop.lines()[-1] == "DELETE /pending/1"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (problem(403, "denied", "The person said no."), "denied. The person said no"),
        (problem(408, "expired"), "expired"),
        (Said(400, {"code": "invalid", "message": "No such item."}), "No such item"),
        (Said(201, {"status": "not_ready_for_payment", "messages": [{"content": "Sold out."}]}), "Sold out"),
        (Said(201, {**READY, "capabilities": {}}), "no way to pay"),
    ],
)
def test_not_bought(shop: Server, tmp_path: Path, answer: Said, says: str) -> None:
    shop.on("POST", SESSIONS, answer)

    problem = fails(shop, tmp_path)

    assert problem.returncode == 1
    assert says in str(problem)


def test_a_patience_that_is_over(shop: Server, tmp_path: Path) -> None:
    shop.on("POST", SESSIONS, waits(shop, retry_after="900"))

    problem = fails(shop, tmp_path, "--patience", "1")

    assert problem.returncode == 3
    assert f"{shop.origin}/pending/1" in str(problem)


def test_nobody_there_and_no_shop(shop: Server, tmp_path: Path) -> None:
    shop.on("GET", "/.well-known/acp.json", Said(200, {}))
    assert fails(shop, tmp_path).returncode == 2
    shop.on("GET", "/.well-known/acp.json", None)
    assert fails(shop, tmp_path).returncode == 2


def test_an_identity_that_is_none(shop: Server, tmp_path: Path) -> None:
    (tmp_path / "agent.json").write_text("{}")

    assert fails(shop, tmp_path).returncode == 2
    assert shop.asked == []


def test_an_issuer_of_ones_own_is_told_to_the_shop(shop: Server, tmp_path: Path) -> None:
    """What has to be pinned is printed, and no private key with it."""
    said = buy(shop, tmp_path, "--issuer", "https://agents.mine.example")

    entry = json.loads(re.search(r"^\{.*^\}", said, re.M | re.S)[0])  # type: ignore[index]
    (key,) = entry["https://agents.mine.example"]["keys"]
    assert "d" not in key
    kept = json.loads((tmp_path / "agent.json").read_text())
    assert kept["provider_key"]["x"] == key["x"]
    assert kept["provider_key"]["d"] not in said


def test_an_issuer_is_a_name(shop: Server, tmp_path: Path) -> None:
    assert fails(shop, tmp_path, "--issuer", "https://agents.mine.example:8443").returncode == 2


def test_a_person_server_is_asked_first(shop: Server, tmp_path: Path) -> None:
    asked = f'requirement=interaction; url="{PAGE}"; code="{CODE}"'
    shop.on("POST", SESSIONS, waits(shop, requires=asked, retry_after="0"))
    shop.on("GET", "/pending/1", Said(200, READY))
    shop.on("POST", "/interaction", problem(424, "interaction_unavailable"))

    said = buy(shop, tmp_path, "--interaction-endpoint", f"{shop.origin}/interaction")

    assert "The person's server does not: the person server answered 424 interaction_unavailable" in said
    assert f"code  {CODE}" in said


@pytest.mark.requirement("AA-213")
@pytest.mark.parametrize("error", ["", "denied", "server_error"])
def test_the_person_takes_the_agent_on_before_it_buys(shop: Server, tmp_path: Path, error: str) -> None:
    document = {"issuer": shop.origin, "person_token_endpoint": shop.origin + "/person"}
    shop.on("GET", "/.well-known/aauth-person.json", Said(200, document))
    token = Said(200, {"person_token": "a.b.c", "expires_in": 60})
    shop.on("POST", "/person", problem(403, error) if error else token)

    if error == "denied":
        assert fails(shop, tmp_path, "--person-server", shop.origin).returncode == 1
        assert f"POST {SESSIONS}" not in shop.lines()
    else:
        assert "Bought." in buy(shop, tmp_path, "--person-server", shop.origin)
    assert shop.lines()[1:3] == ["GET /.well-known/aauth-person.json", "POST /person"]


def test_no_square_where_it_cannot_be_shown() -> None:
    assert showing.qr_code("https://shop.example/", "ascii") == ""
    assert showing.qr_code("https://shop.example/", "no-such-encoding") == ""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_where_somebody_looks_there_is_a_square() -> None:
    assert showing.default_way(Terminal()) is showing.Way.QR
    assert showing.default_way(io.StringIO()) is showing.Way.TEXT


def test_the_id_of_a_session_does_not_steer_the_terminal(shop: Server, tmp_path: Path) -> None:
    shop.on("POST", SESSIONS, Said(201, {**READY, "id": "cs_1\x1b[2J\x1b]0;x\x07"}))

    fails(shop, tmp_path)

    assert "\x1b" not in buy.said  # type: ignore[attr-defined]
    assert "\x07" not in buy.said  # type: ignore[attr-defined]


def test_a_shop_elsewhere_does_not_lead_to_this_machine(
    shop: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its public document may name another origin, and not a server behind the agent's own firewall."""
    told = Answer(200, {}, b"", {"api_base_url": shop.origin + "/acp"}, "https://shop.example")
    monkeypatch.setattr(Agent, "_first", lambda *_: told)
    identity = str(tmp_path / "agent.json")

    with pytest.raises(CommandError, match="not https"):
        call_command(
            "agentic_buy", "--url", "https://shop.example", "--identity", identity, stdout=io.StringIO()
        )

    assert shop.asked == []

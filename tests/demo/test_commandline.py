"""Starting the demo agent wrongly, or against servers that do not behave. No server, no database."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from gateway.demo.commandline import main
from gateway.demo.scenarios import SCENARIOS

DISCOVERY = {
    "api_base_url": "http://shop.test/acp",
    "protocol": {"name": "acp", "supported_versions": ["2026-04-17"]},
}

READY = {
    "id": "cs_1",
    "status": "ready_for_payment",
    "currency": "usd",
    "line_items": [],
    "capabilities": {"payment": {"handlers": [{"id": "card"}]}},
}
PAID = {**READY, "status": "completed", "order": {"id": "ord_1", "permalink_url": "http://shop.test/ord_1"}}


def merchant(answer: Callable[[httpx.Request], httpx.Response]) -> httpx.MockTransport:
    """A merchant that can be discovered, and answers the rest as told."""

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/.well-known/acp.json":
            return httpx.Response(200, json=DISCOVERY)
        return answer(request)

    return httpx.MockTransport(handle)


def selling(request: httpx.Request, paid: Callable[[], httpx.Response]) -> httpx.Response:
    """Opens sessions as it should; `paid` decides what a payment brings."""
    if request.url.path.endswith("/complete"):
        return paid()
    return httpx.Response(
        201 if request.method == "POST" else 200, json=READY if request.method == "POST" else PAID
    )


def test_no_server_says_how_to_start_one(capsys: pytest.CaptureFixture[str]) -> None:
    """The line a new user sees first, when the server is not up."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"

        code = main(["--url", address])

    assert code == 1
    assert capsys.readouterr().err == f"No server answers at {address}. Start it with: make run\n"


def test_an_advertised_address_that_is_silent_points_at_the_setting(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    code = main(["--url", "http://127.0.0.1:8000"], transport=merchant(refuse))

    assert code == 1
    said = capsys.readouterr().err
    assert "No server answers at http://shop.test." in said
    assert "http://127.0.0.1:8000 answered and named that address: is its PUBLIC_URL right?" in said


def test_a_server_that_breaks_off_is_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    def break_off(request: httpx.Request) -> httpx.Response:
        raise httpx.RemoteProtocolError("gone")

    code = main([], transport=merchant(break_off))

    assert code == 1
    assert "The connection ended with RemoteProtocolError." in capsys.readouterr().err


@pytest.mark.parametrize("scenario", list(SCENARIOS))
@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500, html="<h1>Server Error</h1>"),
        httpx.Response(200, content=b"[" * 100_000),
        httpx.Response(
            201, json={"status": ["ready_for_payment"], "messages": {}, "totals": [1], "order": "x"}
        ),
        httpx.Response(200, json={**READY, "id": 7, "capabilities": []}),
    ],
    ids=["html", "deep", "shapeless", "misshapen"],
)
def test_nonsense_is_a_broken_promise(
    scenario: str, answer: httpx.Response, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever a server sends, the scenario ends with status 1 and a promise, never a traceback."""
    code = main(["--scenario", scenario], transport=merchant(lambda request: answer))

    assert code == 1
    assert f"{scenario} failed. This promise was not kept: " in capsys.readouterr().out


MEMBERS = (*PAID, "messages", "totals", "fulfillment_options", "selected_fulfillment_options")
JUNK: tuple[Any, ...] = (
    None,
    7,
    "x",
    [],
    {},
    [None],
    [{}],
    [[]],
    {"handlers": 1},
    {"payment": {"handlers": [0]}},
)


# Agents that sign ask nothing of a shop whose name is not https: they would all end alike, and slowly.
@pytest.mark.parametrize("scenario", [name for name in SCENARIOS if not name.startswith(("aauth_", "ps_"))])
@pytest.mark.parametrize("status", [200, 201])
def test_no_member_is_trusted(scenario: str, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    """A session with any member of a wrong kind is read to the end or refused, never a traceback."""
    codes = set()
    for member in MEMBERS:
        for junk in JUNK:
            opened, done = {**READY, member: junk}, {**PAID, member: junk}

            def answer(
                request: httpx.Request, opened: dict[str, Any] = opened, done: dict[str, Any] = done
            ) -> httpx.Response:
                paid = request.url.path.endswith("/complete")
                return httpx.Response(200 if paid else status, json=done if paid else opened)

            codes.add(main(["--scenario", scenario], transport=merchant(answer)))

    assert codes == {1}
    assert "This promise was not kept" in capsys.readouterr().out


def test_two_orders_for_one_session_lose_the_race(capsys: pytest.CaptureFixture[str]) -> None:
    """ACP-033: a merchant that lets everybody win is found out."""
    transport = merchant(lambda request: selling(request, lambda: httpx.Response(200, json=PAID)))

    code = main(["--scenario", "race"], transport=transport)

    assert code == 1
    assert "This promise was not kept: exactly one request paid" in capsys.readouterr().out


def test_a_second_payment_instead_of_a_replay_is_found_out(capsys: pytest.CaptureFixture[str]) -> None:
    """ACP-092: the same body without the header is not a replay."""
    transport = merchant(lambda request: selling(request, lambda: httpx.Response(200, json=PAID)))

    code = main(["--scenario", "retry"], transport=transport)

    assert code == 1
    assert "This promise was not kept: the server says that it replays" in capsys.readouterr().out


def test_a_merchant_of_another_version_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """ACP-007: a version that is not announced is not used, and nothing else is asked."""
    asked: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        older = {**DISCOVERY, "protocol": {"name": "acp", "supported_versions": ["2025-09-29"]}}
        return httpx.Response(200, json=older)

    code = main([], transport=httpx.MockTransport(handle))

    assert code == 1
    assert asked == ["/.well-known/acp.json"]
    assert "the merchant speaks ACP 2026-04-17" in capsys.readouterr().out


def test_the_key_goes_to_the_api_only(capsys: pytest.CaptureFixture[str]) -> None:
    """Discovery is public; a redirect is not followed, so the key goes nowhere else."""
    seen: list[tuple[str, bool]] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append((str(request.url), "Authorization" in request.headers))
        if request.url.path == "/.well-known/acp.json":
            return httpx.Response(200, json=DISCOVERY)
        return httpx.Response(307, headers={"Location": "http://elsewhere.test/"})

    code = main(["--url", "http://shop.test/"], transport=httpx.MockTransport(handle))

    assert code == 1
    assert seen == [
        ("http://shop.test/.well-known/acp.json", False),
        ("http://shop.test/acp/checkout_sessions", True),
    ]


@pytest.mark.parametrize("arguments", [["--verbose"], []])
def test_secrets_that_a_server_repeats_are_masked(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """House rule: secrets never in what is printed."""

    def repeat(request: httpx.Request) -> httpx.Response:
        told: dict[str, Any] = {
            "code": "no",
            "message": f"{request.headers['Authorization']} {request.content!r}",
        }
        return (
            httpx.Response(400, json=told) if b"token" in request.content else httpx.Response(201, json=READY)
        )

    code = main(
        ["--scenario", "cancel", "--key", "a-very-secret-key", *arguments], transport=merchant(repeat)
    )
    code += main(
        ["--scenario", "declined", "--key", "a-very-secret-key", *arguments], transport=merchant(repeat)
    )

    assert code == 2
    said = capsys.readouterr().out
    assert "a-ve..." in said
    assert "a-very-secret-key" not in said
    assert "spt_sandbox" not in said


def test_list_names_every_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--list"])

    assert code == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        "purchase",
        "retry",
        "declined",
        "out_of_stock",
        "price_change",
        "errors",
        "cancel",
        "race",
        "one_time_code",
        "code_on_page",
        "wrong_code",
        "resend",
        "expired",
        "mismatch",
        "approval",
        "redirect",
        "denied",
        "abandoned",
        "too_late",
        "forged_completion",
        "three_ds",
        "three_ds_hosted",
        "three_ds_denied",
        "three_ds_abandoned",
        "webview",
        "webview_denied",
        "address_check",
        "sms",
        "biometric",
        "delegated",
        "webhook",
        "shipment",
        "refund",
        "handoff",
        "aauth_approve",
        "aauth_merchant",
        "aauth_deny",
        "aauth_abandon",
        "aauth_expire",
        "aauth_question_rule",
        "aauth_question_operator",
        "aauth_question_person",
        "aauth_no_questions",
        "aauth_cancel",
        "aauth_person_server",
        "aauth_person_server_unable",
        "aauth_person_server_silent",
        "aauth_person_server_down",
        "ps_live_session",
        "ps_no_channel",
        "ps_channel_dies",
        "ps_question",
        "ps_max_wait",
        "ps_unreachable",
        "ps_authorization",
        "ps_authorization_no_questions",
        "ps_revoked",
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--scenario", "nothing"],
        ["--url", "127.0.0.1:8000"],
        ["--url", "ftp://shop.test"],
        ["--url", "http://shop.test:99999"],
        ["--key", "schlüssel-mit-umlaut"],
    ],
)
def test_arguments_that_make_no_sense(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Said before anything is sent; a key is not repeated."""
    with pytest.raises(SystemExit) as ended:
        main(arguments, transport=httpx.MockTransport(lambda request: pytest.fail("sent")))

    assert ended.value.code == 2
    assert "schl" not in capsys.readouterr().err


def test_the_port_of_make_run_is_the_default(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`PORT=9000 make run` and `PORT=9000 make demo` meet."""
    asked: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(404)

    monkeypatch.setenv("PORT", "9000")
    main([], transport=httpx.MockTransport(handle))
    monkeypatch.delenv("PORT")
    main([], transport=httpx.MockTransport(handle))

    assert asked == [f"http://127.0.0.1:{port}/.well-known/acp.json" for port in (9000, 8000)]


def test_it_is_a_stranger() -> None:
    """Architecture: the running program has loaded no Django, no database, nothing of ours."""
    program = """
import json, sys
import gateway.demo.commandline
print(json.dumps(sorted(sys.modules)))
"""

    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )

    loaded = json.loads(ran.stdout)
    ours = {
        name for name in loaded if name.split(".")[0] in ("gateway", "checkout", "interventions", "schemas")
    }
    client = {
        f"gateway.aauth.{name}" for name in ("signatures", "signature_problem", "signature_fields", "jwk")
    }
    others = {name for name in ours if not name.startswith(("gateway.demo", "gateway.aauth.agent"))}
    assert others == {"gateway", "gateway.aauth", *client}
    assert not {"django", "sqlite3", "psycopg", "rest_framework"} & set(loaded)

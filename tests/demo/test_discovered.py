"""The agent that needs a domain and Python's standard library (AJ-023 to AJ-025, AJ-029, AJ-114)."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from gateway.demo import discovered
from gateway.demo.discovered import Lost, Reply, Site
from gateway.session_models import AgentSession

SCRIPT = Path(discovered.__file__)
SHOP = "https://shop.example"
DOCUMENT: dict[str, Any] = {
    "schema_version": "0.1.0",
    "site": {"name": "Shop", "url": SHOP},
    "capabilities": [
        {"name": "search", "endpoint": "/api/search", "method": "GET"},
        {"name": "detail", "endpoint": "/api/detail/:id", "method": "GET"},
        {"name": "cart.add", "endpoint": "/api/cart", "method": "POST", "requires_session": True},
        {"name": "cart.remove", "endpoint": "/api/cart", "method": "DELETE", "requires_session": True},
    ],
    "session": {"create": "/api/session"},
}


class Played:
    """A shop that answers what it was told to, and remembers what it was asked."""

    def __init__(self, document: Any = DOCUMENT, **answers: list[Reply]) -> None:
        self.document, self.answers = document, answers
        self.asked: list[tuple[str, str]] = []
        self.headers: list[Mapping[str, str]] = []
        self.bodies: list[Any] = []
        self.waited: list[float] = []

    def __call__(self, method: str, url: str, headers: Mapping[str, str], body: Any) -> Reply:
        self.asked.append((method, url))
        self.headers.append(headers)
        self.bodies.append(body)
        if url.endswith("agents.json"):
            return said(self.document)
        name = url.split("?")[0].rsplit("/", 1)[1]
        queue = self.answers.get(name)
        if queue:
            return queue.pop(0)
        if name == "session":
            return data({"session_token": "tok_1", "expires_at": "2026-03-01T12:00:00Z"}, 201)
        return data({"ok": 1})

    def site(self) -> Site:
        site = Site(SHOP, self, self.waited.append)
        site.discover()
        return site


def said(body: Any, status: int = 200, **headers: str) -> Reply:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, sent, json.dumps(body).encode())


def data(body: Any, status: int = 200) -> Reply:
    return said({"ok": True, "data": body}, status)


def error(status: int, text: str = "no", **headers: str) -> Reply:
    return said({"ok": False, "error": text}, status, **headers)


def test_it_imports_nothing_but_the_standard_library() -> None:
    tree = ast.parse(SCRIPT.read_text())
    roots = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [str(node.module)]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }

    assert len(roots) > 5
    assert roots <= sys.stdlib_module_names


@pytest.mark.requirement("AJ-023")
def test_a_copy_of_it_walks_to_the_link(merchant: str, tmp_path: Path) -> None:
    """Somewhere else, with nothing installed: no folder of ours, no packages."""
    copy = tmp_path / "agent.py"
    shutil.copy(SCRIPT, copy)

    done = subprocess.run(
        [sys.executable, "-I", "-S", str(copy), merchant, "blue", "mugs"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={"PATH": "", "no_proxy": "*"},
    )

    assert done.returncode == 0, done.stderr
    assert "Found Ocean Blue Mug at 28.0 USD" in done.stdout
    assert "The cart costs 56.0 USD" in done.stdout
    assert re.search(rf"^{merchant}/agentic/checkout/[0-9a-f]{{96}}$", done.stdout, re.MULTILINE)
    assert "tok_" not in done.stdout + done.stderr
    session = AgentSession.objects.get()
    assert (session.agent_name, session.purpose) == ("discovered", "Buy 2 of what is called blue mugs")


@pytest.mark.requirement("AJ-023", "AJ-024")
def test_either_style_of_addresses_works(merchant: str, settings: Any) -> None:
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "ENDPOINT_STYLE": "absolute"}

    assert discovered.main([merchant]) == 0


def test_it_looks_at_both_places() -> None:
    shop = Played()
    there = shop.__call__

    def only_at_the_root(method: str, url: str, headers: Mapping[str, str], body: Any) -> Reply:
        return error(404) if "well-known" in url else there(method, url, headers, body)

    site = Site(SHOP + "/", only_at_the_root)

    assert site.discover() == DOCUMENT
    assert shop.asked == [("GET", f"{SHOP}/agents.json")]


@pytest.mark.parametrize(
    "document",
    [[], "x", {}, {"schema_version": "1"}, {**DOCUMENT, "capabilities": {}}, {**DOCUMENT, "site": "x"}],
)
def test_what_is_no_document_is_none(document: Any) -> None:
    with pytest.raises(Lost, match=r"has no agents\.json"):
        Played(document).site()


@pytest.mark.requirement("AJ-025")
def test_an_id_goes_into_its_place() -> None:
    shop = Played()
    site = shop.site()

    site.call("detail", id="a/b c", q="x")
    site.call("search", q="blue mugs", limit=3)

    assert shop.asked[1:] == [
        ("GET", f"{SHOP}/api/detail/a%2Fb%20c?q=x"),
        ("GET", f"{SHOP}/api/search?q=blue+mugs&limit=3"),
    ]


def test_a_session_is_opened_when_one_is_needed() -> None:
    shop = Played()
    site = shop.site()

    site.call("search", q="a")
    site.call("cart.add", item_id="a", quantity=2)
    site.call("cart.remove", item_id="a")

    assert [method for method, _ in shop.asked] == ["GET", "GET", "POST", "POST", "DELETE"]
    assert "X-Agent-Session" not in shop.headers[1]
    assert [headers["X-Agent-Session"] for headers in shop.headers[3:]] == ["tok_1", "tok_1"]
    assert shop.bodies[3:] == [{"item_id": "a", "quantity": 2}, {"item_id": "a"}]
    keys = {headers["Idempotency-Key"] for headers in shop.headers[3:]}
    assert len(keys) == 2


@pytest.mark.requirement("AJ-029")
@pytest.mark.parametrize(
    "endpoint", ["https://evil.example/api", "//evil.example/x", "ftp://shop.example/", ""]
)
def test_nothing_is_sent_anywhere_else(endpoint: str) -> None:
    shop = Played({**DOCUMENT, "capabilities": [{**DOCUMENT["capabilities"][2], "endpoint": endpoint}]})

    with pytest.raises(Lost, match="not its own"):
        shop.site().call("cart.add", item_id="a")

    assert {url.split("/")[2] for _, url in shop.asked} == {"shop.example"}


def test_it_waits_as_long_as_it_is_told() -> None:
    shop = Played(search=[error(429, Retry_After="7"), error(429, Retry_After="999999"), data([1])])

    assert shop.site().call("search", q="a") == [1]
    assert shop.waited == [7.0, 120.0]


def test_it_tries_three_times_more_when_the_shop_stumbles() -> None:
    shop = Played(cart=[error(500), error(503), error(500), error(500, "still broken")])

    with pytest.raises(Lost, match="still broken"):
        shop.site().call("cart.add", item_id="a")

    assert shop.waited == [1.0, 2.0, 4.0]
    keys = {headers.get("Idempotency-Key") for headers in shop.headers[2:]}
    assert len(keys) == 1, "the same key, so that it is done once"


def test_a_refusal_is_told_in_the_shops_words_and_not_repeated() -> None:
    shop = Played(search=[error(400, "The parameter 'q' is required.")])

    with pytest.raises(Lost, match="GET /api/search was answered 400: The parameter 'q' is required"):
        shop.site().call("search")

    assert shop.waited == []


def test_without_a_domain_it_says_how() -> None:
    assert discovered.main([]) == 2


class Elsewhere(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(302)
        self.send_header("Location", "http://127.0.0.1:1/agents.json")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


def test_it_follows_no_redirect_and_ends_with_a_reason(capsys: pytest.CaptureFixture[str]) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        assert discovered.main([f"http://127.0.0.1:{server.server_port}"]) == 1
    finally:
        server.shutdown()
        server.server_close()

    assert "has no agents.json" in capsys.readouterr().err


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "file:///etc"])
def test_where_nobody_answers_it_ends_with_a_reason(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert discovered.main([address]) == 1
    assert capsys.readouterr().err.startswith("Stopped: ")

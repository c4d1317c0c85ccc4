"""The wallet as a process of its own, and a person with a browser that runs no scripts."""

from __future__ import annotations

import ssl
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import TracebackType
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx

from tests.project.server import ROOT, environment

SECRET = "a secret: of the tests/+%"
RETURN_TO = "http://127.0.0.1:1/agentic/confirm/ticket_1/return"
REGISTERED = "http://127.0.0.1:1/agentic/confirm/*/return"
AROUND = "http://127.0.0.1:1"


http = httpx.Client(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), trust_env=False, timeout=90)
"""One for all requests: reading the world's certificates takes longer than a test."""


class Wallet:
    """`with Wallet(folder) as wallet:` it answers at `wallet.issuer`, and has ended afterwards."""

    def __init__(self, folder: Path, *more: str) -> None:
        self.folder = folder
        self._more = more
        self.issuer = ""

    def __enter__(self) -> Wallet:
        command = [
            *(sys.executable, "-m", "gateway.wallet", "--port", "0"),
            *("--books", str(self.folder / "wallet.sqlite3"), "--redirect-uri", REGISTERED),
            *("--embed-origin", AROUND, *self._more),
        ]
        self._log = (self.folder / "wallet.log").open("ab")
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(AGENTIC_WALLET_SECRET=SECRET),
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        assert self._process.stdout is not None
        # Ends with the process, should it never listen.
        self.issuer = self._process.stdout.readline().decode().strip()
        if not self.issuer:
            self.__exit__(None, None, None)
            raise AssertionError((self.folder / "wallet.log").read_text())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._log.close()


class Form(HTMLParser):
    """The hidden fields, buttons and links of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.buttons: list[str] = []
        self.labels: set[str] = set()
        self.ids: set[str] = set()
        self.headings: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "input" and given.get("type") == "hidden":
            self.fields[given["name"]] = given["value"]
        elif tag in ("input", "select"):
            self.ids.add(given["id"])
        elif tag == "button":
            self.buttons.append(given["value"])
        elif tag == "label":
            self.labels.add(given["for"])
        elif tag in ("h1", "h2", "h3"):
            self.headings.append(tag)


def open_page(url: str) -> Form:
    shown = http.get(url)
    assert shown.status_code == 200, shown.text
    return Form(shown.text)


def decide(url: str, decision: str = "approve", behaviour: str = "well", **more: str) -> httpx.Response:
    """The person opened the address and pressed a button; the answer, not followed."""
    page = open_page(url)
    form = {**page.fields, "decision": decision, "behaviour": behaviour, **more}
    target = urljoin(url, urlsplit(url).path)
    return http.post(target, data=form, headers={"Origin": "/".join(url.split("/")[:3])})


def brought_back(answer: httpx.Response) -> dict[str, str]:
    """What the browser takes to the merchant."""
    assert answer.status_code == 303, answer.text
    address, _, query = answer.headers["Location"].partition("?")
    assert address == RETURN_TO
    return dict(parse_qsl(query))

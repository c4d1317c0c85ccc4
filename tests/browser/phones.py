"""Browsers in people's hands, and what goes wrong on their pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response

PHONE = {"width": 390, "height": 844}

REPORTS = """addEventListener("securitypolicyviolation", event =>
  window.reportViolation(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`))"""


OURS = (
    *("/agentic/confirm/", "/agentic/orders/", "/agentic/checkout/", "/agentic/aauth/i/"),
    *("/agentic/account/", "/sign-in", "/sign-out"),
)
"""Where pages for people are."""


def unprotected(headers: Mapping[str, str]) -> list[str]:
    """What a page for people lacks of R36's headers. One that may be framed names by whom."""
    policy = headers.get("content-security-policy", "")
    wanted = {
        "a policy that starts from nothing": "default-src 'none'" in policy,
        "a list of who may frame it": "frame-ancestors " in policy and "frame-ancestors *" not in policy,
        "a list of where its forms go": "form-action " in policy,
        "base-uri 'none'": "base-uri 'none'" in policy,
        "scripts by nonce": "'unsafe-inline'" not in policy and "'unsafe-eval'" not in policy,
        "Referrer-Policy": headers.get("referrer-policy") in ("no-referrer", "same-origin"),
        "Cache-Control: no-store": headers.get("cache-control") == "no-store",
        "nosniff": headers.get("x-content-type-options") == "nosniff",
        "X-Frame-Options": headers.get("x-frame-options") == "DENY"
        or ("frame-ancestors " in policy and "frame-ancestors 'none'" not in policy),
    }
    return [name for name, there in wanted.items() if not there]


class Phones:
    """`open()` is a person with a browser of their own: no cookie of anybody else, English, and a
    phone's size unless told otherwise.

    `problems` are errors on the console, uncaught exceptions, violations of a page's policy, and
    pages for people without the headers that protect them.
    """

    def __init__(self, browser: Browser) -> None:
        self.problems: list[str] = []
        self.pages = 0
        """Pages of ours that were opened, reloads counted."""
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self._refused: set[str] = set()

    def open(self, **options: Any) -> Page:
        """A page of a new browser context; `options` are Playwright's `new_context`."""
        context = self._browser.new_context(**{"viewport": PHONE, "locale": "en-US", **options})
        context.set_default_timeout(90_000)
        context.expose_function("reportViolation", lambda what: self.problems.append(f"policy: {what}"))
        context.add_init_script(REPORTS)
        context.on("console", self._said)
        context.on("weberror", lambda error: self.problems.append(f"exception: {error.error}"))
        context.on("response", self._answered)
        self._contexts.append(context)
        return context.new_page()

    def close(self) -> None:
        for context in self._contexts:
            context.close()
        self._contexts.clear()

    def save(self, folder: Path) -> list[Path]:
        """Every open page as a picture and as HTML."""
        saved = []
        for number, page in enumerate(page for context in self._contexts for page in context.pages):
            name = folder / f"page-{number}"
            page.screenshot(path=name.with_suffix(".png"), full_page=True)
            name.with_suffix(".html").write_text(f"<!-- {page.url} -->\n{page.content()}")
            saved.append(name.with_suffix(".png"))
        return saved

    @contextmanager
    def expecting(self, *words: str) -> Iterator[None]:
        """What goes wrong inside is meant to, and each of `words` is in it."""
        before = len(self.problems)
        yield
        found = self.problems[before:]
        del self.problems[before:]
        missing = [word for word in words if not any(word in problem for problem in found)]
        assert not missing, f"expected {missing} among {found}"

    def _answered(self, response: Response) -> None:
        if not response.request.is_navigation_request():
            return
        if response.status >= 400:
            # A page that says no has a status that says so too; the browser calls that an error.
            self._refused.add(response.url)
        if urlsplit(response.url).path.startswith(OURS) and not 300 <= response.status < 400:
            self.pages += 1
            missing = unprotected(response.headers)
            self.problems += [f"headers: {response.url} lacks {what}" for what in missing]

    def _said(self, message: ConsoleMessage) -> None:
        address = str(message.location.get("url", ""))
        status = message.text.startswith("Failed to load resource: the server responded with a status")
        if message.type == "error" and not (status and address in self._refused):
            self.problems.append(f"console: {message.text} ({address})")

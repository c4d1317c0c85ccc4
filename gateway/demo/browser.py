"""A browser as far as pages with forms need one: cookies, headings, and who is logged in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import httpx

from gateway.demo.client import OWN_MACHINE, SECONDS, NoServer, origin


@dataclass(slots=True)
class Form:
    """A form as it stands on its page, with what is filled in."""

    action: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    choices: dict[str, dict[str, str]] = field(default_factory=dict)
    """What can be chosen: by field, and by what a person reads."""

    def has(self, name: str, value: str | None = None) -> bool:
        """A field of that name, and with that value when one is given."""
        return name in self.fields and (value is None or value in self.fields[name])


@dataclass(frozen=True, slots=True)
class Page:
    """A page that was opened. `url` is where it was found in the end, `heading` its first one."""

    status: int
    url: str
    forms: list[Form]
    links: list[str] = field(default_factory=list)
    """Where its links lead, as they stand on it."""
    heading: str = ""
    frames: list[str] = field(default_factory=list)
    """Where its frames lead, as they stand on it; nobody has opened them."""
    codes: list[str] = field(default_factory=list)
    """What it shows to be copied, such as ids and keys."""
    news: str = ""
    """Where its script asks for news while it is open; "" for nowhere."""

    def form(self, name: str, value: str | None = None) -> Form | None:
        """The first form with that field, or None."""
        return next((form for form in self.forms if form.has(name, value)), None)


class Browser:
    """Opens pages and sends forms, one person at a time. Follows redirects."""

    def __init__(self, transport: httpx.BaseTransport | None = None) -> None:
        direct = {} if transport else dict.fromkeys(OWN_MACHINE)
        self._http = httpx.Client(transport=transport, mounts=direct, timeout=SECONDS, follow_redirects=True)

    def close(self) -> None:
        self._http.close()

    def open(self, url: str) -> Page:
        """The page at that address. Raises NoServer when none came."""
        return self._exchange("GET", url)

    def submit(self, page: Page, form: Form, **filled_in: str) -> Page:
        """The page that answers the form of `page`, with these fields filled in."""
        given = form.fields | {name: [value] for name, value in filled_in.items()}
        return self._exchange("POST", urljoin(page.url, form.action), given, {"Referer": page.url})

    def tell(
        self, page: Page, url: str, body: Mapping[str, Any], headers: Mapping[str, str]
    ) -> Mapping[str, Any]:
        """What a script of `page` is answered when it sends `body` as JSON; empty when it was no object."""
        try:
            got = self._http.post(url, json=body, headers={"Referer": page.url, **headers})
            told = got.json()
        except (httpx.HTTPError, httpx.InvalidURL) as problem:
            raise NoServer(origin(url), f"The connection ended with {type(problem).__name__}.") from None
        except ValueError:
            return {}
        return told if isinstance(told, dict) else {}

    def _exchange(
        self,
        method: str,
        url: str,
        fields: Mapping[str, list[str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Page:
        try:
            got = self._http.request(method, url, data=fields, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as problem:
            raise NoServer(origin(url), f"The connection ended with {type(problem).__name__}.") from None
        reader = _Reader()
        reader.feed(got.text)
        heading = " ".join(reader.heading.split())
        return Page(
            got.status_code,
            str(got.url),
            reader.forms,
            reader.links,
            heading,
            reader.frames,
            reader.codes,
            reader.news,
        )


class _Reader(HTMLParser):
    """Collects the forms, links and frames of a page, and its first heading."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.frames: list[str] = []
        self.codes: list[str] = []
        self.heading = ""
        self.news = ""
        self._in_heading = False
        self._form: Form | None = None
        self._text_of = ""
        self._choice_of = ""
        self._option: str | None = None
        self._in_code = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.news = given.get("data-agentic-news", self.news)
        if tag == "form":
            self._form = Form(given.get("action", ""))
            self.forms.append(self._form)
        elif tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag == "iframe" and "src" in given:
            self.frames.append(given["src"])
        elif tag == "input" and given.get("type") not in ("submit", "button", "reset", "file"):
            chosen = given.get("type") not in ("checkbox", "radio") or "checked" in given
            if chosen:
                self._fill(given.get("name", ""), given.get("value", "on" if "checked" in given else ""))
        elif tag == "textarea":
            self._text_of = given.get("name", "")
            self._fill(self._text_of, "")
        elif tag == "select":
            self._choice_of = given.get("name", "")
        elif tag == "h1" and not self.heading:
            self._in_heading = True
        elif tag == "code":
            self._in_code = True
            self.codes.append("")
        elif tag == "option":
            self._option = given.get("value", "")
            if "selected" in given:
                self._fill(self._choice_of, self._option)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "textarea":
            self._text_of = ""
        elif tag == "select":
            self._choice_of = ""
        elif tag == "option":
            self._option = None
        elif tag == "code":
            self._in_code = False
        elif tag == "h1":
            self._in_heading = False

    def handle_data(self, data: str) -> None:
        if self._in_heading:
            self.heading += data
        elif self._in_code:
            self.codes[-1] += data
        elif self._option is not None:
            if self._form is not None and self._choice_of:
                self._form.choices.setdefault(self._choice_of, {})[data.strip()] = self._option
        elif self._form is not None and self._text_of:
            # A browser leaves out the line break that HTML puts before the text.
            before = self._form.fields[self._text_of][0]
            self._form.fields[self._text_of] = [before + (data if before else data.removeprefix("\n"))]

    def _fill(self, name: str, value: Any) -> None:
        if self._form is not None and name:
            self._form.fields.setdefault(name, []).append(str(value))

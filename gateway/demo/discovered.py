"""An agent that knows a shop's domain and nothing else: `python discovered.py shop.example "blue mugs"`.

Python's standard library alone, so that it can be read and copied as it is. It finds out what the shop can
do, fills a cart, and ends with a link for a person: only a person can buy there.
"""

from __future__ import annotations

import json
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urljoin, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

PLACES = ("/.well-known/agents.json", "/agents.json")
TEXT = "/.well-known/agents.txt"
NAME, VERSION = "discovered", "1.0"
SECONDS = 30.0
MOST_BYTES = 1 << 20
MOST_TRIES = 4
LONGEST_WAIT_SECONDS = 120.0


class Lost(Exception):
    """The agent cannot go on. The text says why, and holds no token."""


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    content: bytes


Send = Callable[[str, str, Mapping[str, str], Mapping[str, Any] | None], Reply]
"""Takes method, address, headers and what goes out as JSON."""


class Site:
    """A shop as its agents.json describes it. `address` is its origin, such as https://shop.example."""

    def __init__(self, address: str, send: Send | None = None, sleep: Callable[[float], None] = time.sleep):
        self.address = address.rstrip("/")
        self._send = send or over_http
        self._sleep = sleep
        self.document: Mapping[str, Any] = {}
        self.token = ""

    def discover(self) -> Mapping[str, Any]:
        """What the shop can do. Raises Lost when it has no agents.json."""
        for place in PLACES:
            reply = self._send("GET", self.address + place, {"Accept": "application/json"}, None)
            found = _object(reply.content) if reply.status == 200 else {}
            told = found.get("schema_version") and isinstance(found.get("site"), Mapping)
            if told and isinstance(found.get("capabilities"), list):
                self.document = found
                return found
        raise Lost(f"{self.address} has no agents.json")

    def read_text(self) -> dict[str, str]:
        """agents.txt as its fields, keys in lower case; empty when there is none."""
        reply = self._send("GET", self.address + TEXT, {"Accept": "text/plain"}, None)
        lines = reply.content.decode(errors="replace").splitlines() if reply.status == 200 else []
        pairs = (line.partition(":") for line in lines if ":" in line and not line.startswith("#"))
        return {key.strip().lower(): value.strip() for key, _, value in pairs}

    def endpoint(self, name: str) -> str:
        """The whole address of a capability."""
        return self._at(str(self._entry(name)["endpoint"]))

    def open_session(self, purpose: str = "") -> Mapping[str, Any]:
        """A session, whose token goes along from now on."""
        said = {"agent_name": NAME, "agent_version": VERSION, "purpose": purpose}
        self.token = ""
        place = self._session().get("create", "")
        data: Mapping[str, Any] = self._data(*self._ask("POST", self._at(place), said))
        self.token = str(data["session_token"])
        return data

    def end_session(self) -> Mapping[str, Any]:
        """The session is over."""
        place = self._session().get("delete") or self._session().get("create", "")
        data: Mapping[str, Any] = self._data(*self._ask("DELETE", self._at(place), None))
        self.token = ""
        return data

    def call(self, name: str, **params: Any) -> Any:
        """The data that a capability answers. Raises Lost with the shop's own words when it refuses.

        A session is opened when the first capability needs one. One that is over is not replaced: its cart
        is gone with it.
        """
        entry = self._entry(name)
        if entry.get("requires_session") and not self.token:
            self.open_session()
        reply, what = self._call(entry, params)
        return self._data(reply, what)

    def _entry(self, name: str) -> Mapping[str, Any]:
        found: list[Mapping[str, Any]] = [
            entry for entry in self.document["capabilities"] if entry.get("name") == name
        ]
        if not found:
            raise Lost(f"the shop offers no {name}")
        return found[0]

    def _call(self, entry: Mapping[str, Any], params: Mapping[str, Any]) -> tuple[Reply, str]:
        """Values go into the address where it has a place for them, else into the query or the body."""
        place, left = str(entry["endpoint"]), dict(params)
        for name in params:
            slot = f"/:{name}"
            if place.endswith(slot):
                place = place.removesuffix(slot) + "/" + quote(str(left.pop(name)), safe="")
        address = self._at(place)
        if entry["method"] == "GET":
            return self._ask("GET", address + (f"?{urlencode(left)}" if left else ""), None)
        return self._ask(str(entry["method"]), address, left or None, key=uuid.uuid4().hex)

    def _ask(
        self, method: str, address: str, body: Mapping[str, Any] | None, *, key: str = ""
    ) -> tuple[Reply, str]:
        """The answer, asked for again after a wait when the shop says so or stumbles. With a key, what
        writes may be sent again as well: it is done once."""
        headers = {
            "Accept": "application/json",
            **({"X-Agent-Session": self.token} if self.token else {}),
            **({"Idempotency-Key": key} if key else {}),
        }
        what = f"{method} {urlsplit(address).path}"
        for tried in range(MOST_TRIES):
            reply = self._send(method, address, headers, body)
            again = reply.status == 429 or (reply.status >= 500 and (method == "GET" or bool(key)))
            if not again or tried == MOST_TRIES - 1:
                break
            self._sleep(_wait(reply, tried))
        return reply, what

    def _data(self, reply: Reply, what: str) -> Any:
        body = _object(reply.content)
        if body.get("ok") is True and "data" in body:
            return body["data"]
        raise Lost(f"{what} was answered {reply.status}: {body.get('error', 'nothing that can be read')}")

    def _session(self) -> Mapping[str, Any]:
        found = self.document.get("session")
        if not isinstance(found, Mapping):
            raise Lost("the shop names no address for sessions")
        return found

    def _at(self, endpoint: str) -> str:
        """The whole address: a path counts from the shop's origin. Nothing is sent anywhere else."""
        address = urljoin(self.address + "/", endpoint)
        own = {origin(self.address), origin(str(self.document["site"].get("url", "")))}
        if not endpoint or origin(address) not in own:
            raise Lost("the shop names an address that is not its own")
        return address


def origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def over_http(method: str, address: str, headers: Mapping[str, str], body: Mapping[str, Any] | None) -> Reply:
    """The answer to one request, whatever its status; no redirect is followed. Raises Lost."""
    if urlsplit(address).scheme not in ("https", "http"):
        raise Lost("only the web is asked")
    content = None if body is None else json.dumps(body).encode()
    typed = {} if content is None else {"Content-Type": "application/json"}
    sent = {"User-Agent": f"{NAME}/{VERSION}", **headers, **typed}
    request = Request(address, content, sent, method=method)  # noqa: S310  (the scheme was looked at)
    try:
        with build_opener(_NoRedirect).open(request, timeout=SECONDS) as answer:
            return Reply(answer.status, dict(answer.headers), answer.read(MOST_BYTES))
    except HTTPError as answer:
        with answer:
            return Reply(answer.code, dict(answer.headers), answer.read(MOST_BYTES))
    except (URLError, OSError) as problem:
        raise Lost(f"nobody answers at {origin(address)} ({type(problem).__name__})") from None


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _object(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _wait(reply: Reply, tried: int) -> float:
    """What the shop asks for, else longer each time."""
    asked = {name.lower(): value for name, value in reply.headers.items()}.get("retry-after", "")
    seconds = float(asked) if asked.isascii() and asked.isdigit() else 2.0**tried
    return min(seconds, LONGEST_WAIT_SECONDS)


def walk(site: Site, words: str, quantity: int, say: Callable[[str], None]) -> Mapping[str, Any]:
    """From the domain to the link for a person, which is returned as the shop told it. Raises Lost."""
    document = site.discover()
    say(f"{document['site'].get('name')} offers: {', '.join(e['name'] for e in document['capabilities'])}")
    found = site.call("search", q=words)
    results = found if isinstance(found, list) else found.get("results", [])
    if not results:
        raise Lost(f"nothing is found for {words}")
    item = site.call("detail", id=results[0]["id"])
    say(f"Found {item['name']} at {item['price']} {item.get('currency', '')}")
    session = site.open_session(purpose=f"Buy {quantity} of what is called {words}")
    say(f"A session until {session['expires_at']}")
    site.call("cart.add", item_id=item["id"], quantity=quantity)
    cart = site.call("cart.view")
    say(f"The cart costs {cart['total']} {cart.get('currency', '')}")
    link: Mapping[str, Any] = site.call("checkout")
    return link


def main(arguments: list[str]) -> int:
    if not arguments:
        print('usage: python discovered.py DOMAIN ["words to search for"]', file=sys.stderr)
        return 2
    domain, words = arguments[0], " ".join(arguments[1:]) or "blue mugs"
    address = domain if "://" in domain else f"https://{domain}"
    try:
        link = walk(Site(address), words, 2, print)
    except Lost as problem:
        print(f"Stopped: {problem}.", file=sys.stderr)
        return 1
    print(f"{link['message']}\n{link['handoff_url']}\nIt is good until {link['expires_at']}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

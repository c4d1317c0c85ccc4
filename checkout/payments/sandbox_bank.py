"""The bank that issued the sandbox's cards, as the sandbox provider knows it: a stranger, over HTTP.

It is asked to see a card's holder, and says how that went; what anybody else says of it is held
against its own word.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

from checkout.errors import ProviderUnavailable
from interventions.http import Http, NoReply
from interventions.weblinks import parse


@dataclass(frozen=True, slots=True)
class Seen:
    """How the bank says that it went. `status`: pending, issued (an agent has a proof to bring),
    authenticated, denied or unavailable; `eci` with the good ones. `left`: the holder went away."""

    status: str
    eci: str = ""
    transaction_id: str = ""
    left: bool = False


@dataclass(frozen=True, slots=True)
class SandboxBank:
    """Raises ProviderUnavailable when the bank cannot be asked. No transaction may be open."""

    url: str
    client_id: str
    client_secret: str = field(repr=False)
    http: Http = field(repr=False)
    name: str = "Sandbox bank"
    timeout_seconds: float = 5.0

    @property
    def origin(self) -> str:
        return parse(self.url).origin

    def ask(self, key: str, amount: int, currency: str, behaviour: str) -> str:
        """The bank's id of the challenge for `key`. Repeatable."""
        asked = {"key": key, "amount": amount, "currency": currency, "behaviour": behaviour}
        challenge = self._ask("POST", "/challenges", asked).get("id")
        if not isinstance(challenge, str):
            raise ProviderUnavailable
        return challenge

    def seen(self, challenge: str) -> Seen:
        """How it went, by the bank's books."""
        return _seen(self._ask("GET", f"/challenges/{quote(challenge, safe='')}"))

    def authenticate(self, challenge: str, return_to: str) -> Seen:
        """The bank has decided by what it knows of the holder, or wants to ask them; their browser then
        comes back to `return_to`, and a yes is a proof for whoever runs 3-D Secure. Repeatable."""
        path = f"/challenges/{quote(challenge, safe='')}/authentication"
        return _seen(self._ask("POST", path, {"return_to": return_to}))

    def proof(self, challenge: str) -> Mapping[str, Any]:
        """The bank's proof that it saw the holder, as `proves` takes it."""
        return self._ask("GET", f"/challenges/{quote(challenge, safe='')}/proof")

    def proves(self, challenge: str, amount: int, currency: str, details: Mapping[str, Any]) -> bool:
        """The bank itself made this proof, for exactly this."""
        asked = {"amount": amount, "currency": currency, **details}
        path = f"/challenges/{quote(challenge, safe='')}/verification"
        return self._ask("POST", path, asked).get("verified") is True

    def fingerprint(self, challenge: str) -> str:
        """Where the bank looks at the holder's browser."""
        return f"{self.url}/challenges/{challenge}/fingerprint"

    def page(self, challenge: str) -> str:
        """Where the holder is asked."""
        return f"{self.url}/challenges/{challenge}/page"

    def page_for(self, challenge: str, *, return_to: str, state: str) -> str:
        """The same, with the way back."""
        return f"{self.page(challenge)}?{urlencode({'return_to': return_to, 'state': state})}"

    def run(self, challenge: str) -> str:
        """Where an agent has the holder asked, and is given a proof."""
        return f"{self.url}/challenges/{challenge}/run"

    def _ask(self, method: str, path: str, asked: Mapping[str, Any] | None = None) -> dict[str, Any]:
        pair = f"{quote_plus(self.client_id)}:{quote_plus(self.client_secret)}"
        headers = {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
        try:
            reply = self.http.request(
                method, self.url + path, headers=headers, json=asked, timeout_seconds=self.timeout_seconds
            )
            told = json.loads(reply.body)
        except (NoReply, ValueError, RecursionError):
            raise ProviderUnavailable from None
        if reply.status not in (200, 201) or not isinstance(told, dict):
            raise ProviderUnavailable
        return told


def _seen(told: Mapping[str, Any]) -> Seen:
    return Seen(
        str(told.get("status")),
        str(told.get("eci") or ""),
        str(told.get("transaction_id") or ""),
        told.get("left") is True,
    )

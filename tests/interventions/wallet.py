"""A wallet as the tests play it: books in memory, and a person who decides when told to."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs, urlencode, urlsplit

from interventions.errors import ProviderSilent
from interventions.ports import Begun, Challenge, NotYet, Passed, Refused, Verdict


class PlayedWallet:
    """Implements `ports.PageProvider`."""

    name = "com.example.wallet"
    origins = ("https://wallet.example",)

    def __init__(self) -> None:
        self.books: dict[str, str] = {}
        self.codes: dict[str, str] = {}
        self.silent = False
        self.asked = 0

    def begin(self, challenge: Challenge, *, return_to: str, state: str) -> Begun:
        self._speak()
        query = urlencode({"id": challenge.id, "state": state, "redirect_uri": return_to})
        return Begun(f"https://wallet.example/authorize?{query}", {"nonce": f"nonce of {challenge.id}"})

    def verify(self, challenge: Challenge, evidence: Mapping[str, str]) -> Verdict:
        self._speak()
        known = self.books.get(challenge.id)
        if evidence:
            redeemed = self.codes.pop(evidence.get("code", ""), None) == challenge.id
            return Passed() if redeemed and known == "approved" else NotYet()
        if known == "approved":
            return Passed()
        return Refused("denied at the wallet") if known == "denied" else NotYet()

    def decide(self, url: str, decision: str) -> dict[str, str]:
        """The person decided at this address; what the browser brings back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        self.books[asked["id"]] = decision
        if decision != "approved":
            return {"error": "access_denied", "state": asked["state"]}
        code = f"code{len(self.codes)}of{asked['id']}"
        self.codes[code] = asked["id"]
        return {"code": code, "state": asked["state"]}

    def _speak(self) -> None:
        self.asked += 1
        if self.silent:
            raise ProviderSilent
